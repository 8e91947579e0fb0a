"""Made-up digits in MNIST's place: training is tested in seconds. Run as a program, trains one run until killed."""

import sys
import time
from pathlib import Path

import torch

from podium.lab.data import sets
from podium.lab.data.mnist import Mnist
from podium.spec import Experiment, LinesConfig, Project, Variant, VisionToSequenceConfig, ViTConfig

TINY_VIT = ViTConfig(
    dim=16,
    depth=1,
    heads=2,
    patch=14,
    epochs=3,
    train_images=96,
    validation_images=40,
    batch_size=32,
    dropout=0.1,
    seed=3,
)
TINY_READER = VisionToSequenceConfig(
    dim=16,
    depth=1,
    decoder_depth=1,
    heads=2,
    patch=28,
    digits=2,
    epochs=2,
    train_images=64,
    validation_images=40,
    batch_size=32,
    augment=0.0,
)
FAMILIES = {
    "vit": TINY_VIT,
    "reader": TINY_READER,
    "lines": LinesConfig(
        channels=4,
        dim=16,
        depth=1,
        heads=2,
        digits=3,
        encoder="cnn",
        epochs=2,
        train_images=64,
        validation_images=40,
        batch_size=32,
    ),
    "practice": TINY_VIT.but(average=0.9, patience=9, accumulate=3, checkpoint_activations=True),
}
TINY = Experiment(
    name="tiny",
    question="Does it train?",
    expectation="It does.",
    baseline=TINY_VIT,
    variants={"learned": {}, "rotary": {"position": "rotary"}},
    metric="test_accuracy",
    seeds=(0,),
    quick={"epochs": 1},
    quick_seeds=(0,),
)


def made_up_mnist() -> Mnist:
    """Return 240 pictures whose label is how bright they are."""
    rng = torch.Generator().manual_seed(0)

    def pictures(count):
        labels = torch.randint(10, (count,), generator=rng)
        noise = torch.randint(0, 20, (count, 28, 28), generator=rng)
        return (labels[:, None, None] * 23 + noise).to(torch.uint8), labels

    return Mnist(*pictures(200), *pictures(40), checksum="madeup00")


def put_in_place() -> None:
    """Let `load_sets` find the made-up digits."""
    sets.load_mnist = made_up_mnist
    sets.VALIDATION_COMPOSITES = 20
    sets.TEST_COMPOSITES = 24


if __name__ == "__main__":
    torch.set_num_threads(1)
    put_in_place()
    from podium.lab.training import train_run

    def slowly(moment: object) -> None:
        print(moment, flush=True)
        time.sleep(0.1)

    config = FAMILIES[sys.argv[2]]
    train_run(
        Project(Path(sys.argv[1])),
        TINY,
        Variant("killed", config.but(epochs=6)),
        "quick",
        tracker_mode="off",
        device="cpu",
        progress=slowly,
    )
