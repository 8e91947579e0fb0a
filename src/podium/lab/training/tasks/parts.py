"""What the tasks have in common: the stages before the model, evaluation in chunks, and samples."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from torch import Tensor, nn

from podium.lab.data.augment import augmented
from podium.lab.data.sets import Sets, Split, to_float
from podium.lab.training.pictures import as_png
from podium.lab.training.stages import Batch, Stage, take
from podium.spec import Config

EVALUATION_BATCH = 1_000  # pictures; no gradients are kept, so it may be large
SAMPLES = 8  # the first pictures of the test set
LOOKS = 4  # of them, whose attention is kept
STRENGTHS = {"augment": "affine", "elastic": "elastic", "noise": "noise", "background": "background"}


def input_stages(config: Config) -> list[Stage]:
    """Return the stages that make a batch of normalised, augmented pictures out of an epoch's bytes."""

    def augment(batch: Batch) -> Batch:
        strengths = {name: getattr(config, field) for field, name in STRENGTHS.items()}
        with batch.at():
            return batch.but(images=augmented(batch.images, **strengths))

    def normalise(batch: Batch) -> Batch:
        return batch.but(images=to_float(batch.images))

    stages = [
        Stage("code", f"Batch of {config.batch_size}", "order from (seed, epoch)", take),
        Stage("code", "Normalise", "bytes to floats, on the device", normalise, judges=True),
    ]
    strengths = [f"{name}, strength {getattr(config, field):g}" for field, name in STRENGTHS.items()]
    used = [words for words, field in zip(strengths, STRENGTHS, strict=True) if getattr(config, field)]
    if used:
        stages.append(Stage("code", "Augment", "; ".join(used), augment))
    return stages


def data_name(sets: Sets) -> str:
    """Return what a slide calls the data: its name without the checksum.

    >>> split = Split(None, None)
    >>> data_name(Sets(split, split, split, "Fashion-MNIST 0123abcd"))
    'Fashion-MNIST'
    """
    return sets.data.rpartition(" ")[0]


def size_of(split: Split) -> str:
    """Write the height and width of a split's pictures: "28 by 28"."""
    return " by ".join(map(str, split.images.shape[1:]))


def model_detail(config: Config) -> str:
    """Return what a slide says beside a model's name."""
    position = getattr(config, "position", None)
    return f"{position} positions" if position else "convolutions"


def chunks(split: Split) -> Iterator[tuple[Tensor, Tensor]]:
    """Cut a split into pictures and targets that are evaluated at once."""
    return zip(split.images.split(EVALUATION_BATCH), split.targets.split(EVALUATION_BATCH), strict=True)


def prediction_samples(images: Tensor, correct: Sequence[str], predicted: Sequence[str]) -> list[dict[str, str]]:
    """Return pictures with the correct and the predicted answer, as a record keeps them."""
    return [
        {"picture": as_png(image_HW), "correct": right, "predicted": said}
        for image_HW, right, said in zip(images, correct, predicted, strict=True)
    ]


def encoding_sample(config: Config, model: nn.Module) -> dict[str, Any] | None:
    """Return the model's first table of positions, four decimals, or None where the encoding has none."""
    for module in model.modules():
        table = getattr(module, "table", None)
        if isinstance(table, Tensor):
            rows = table.detach().float().cpu().squeeze().tolist()
            return {"name": getattr(config, "position", ""), "table": [[round(x, 4) for x in row] for row in rows]}
    return None
