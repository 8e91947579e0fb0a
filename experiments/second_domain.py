"""How well does a transformer read numbers by other writers, and how many labelled pictures does that take?

It learns to read one to five MNIST digits on an 84x84 picture, each training picture new. The second domain is numbers
of scikit-learn's digits: 8x8 pixels enlarged, other writers, and a test set of forms that nothing was learnt from.
450 labelled pictures of it are for fine-tuning.

    podium train second_domain                                   the quick profile: the same comparison, small
    podium train second_domain --profile full --set seed=0       one of each; the first takes one core an hour
    podium train second_domain --profile full                    three seeds, for a GPU

What a GPU adds is width and time: `--profile full --set dim=256 --set depth=4 --only mnist --set epochs=120`.
"""

from podium.spec import Experiment, Value, VisionToSequenceConfig

OTHER: dict[str, Value] = {
    "dataset": "digits",
    "fresh": False,
    "train_images": 450,
    "validation_images": 200,
    "batch_size": 25,
}
TUNED: dict[str, Value] = {**OTHER, "start_from": "second_domain/mnist", "learning_rate": 5e-4, "epochs": 60}

EXPERIMENT = Experiment(
    question="How many labelled pictures does a reader need for other writers' digits?",
    expectation=(
        "The talks we want to beat read 92.75 % of MNIST's numbers, and 21 % of the second domain's after fine-tuning "
        "on 450 pictures. Fine-tuning should beat learning from scratch by far (Yosinski et al. 2014), and replay keep "
        "what was learnt first (Robins 1995)."
    ),
    baseline=VisionToSequenceConfig(
        patch=12,
        stem="convolution",
        dim=96,
        depth=3,
        epochs=16,
        batch_size=128,
        learning_rate=1.5e-3,
        validation_images=2_000,
        augment=0.5,
        elastic=0.5,
        label_smoothing=0.05,
        average=0.999,
        precision="bfloat16",
    ),
    variants={
        "mnist": {},
        "untouched": {**OTHER, "start_from": "second_domain/mnist", "epochs": 0},
        "fine-tuned": TUNED,
        "fine-tuned with replay": {**TUNED, "replay": 0.3},
        "from scratch": {**OTHER, "epochs": 60},
    },
    metric="test_exact_match",
    seeds=(0, 1, 2),
    quick={
        "patch": 14,
        "stem": "patch",
        "dim": 64,
        "depth": 2,
        "decoder_depth": 1,
        "digits": 2,
        "epochs": 4,
        "train_images": 10_000,
        "validation_images": 1_000,
        "batch_size": 32,
        "learning_rate": 2e-3,
        "augment": 0.0,
        "elastic": 0.0,
        "label_smoothing": 0.0,
        "average": 0.0,
        "precision": "auto",
    },
)
