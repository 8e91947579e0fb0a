"""What lifts a small vision transformer over the plateau: first layers, pictures, or averaged weights?

The baseline has all of it, and each variant leaves one thing out. The settings were chosen on 5,000 pictures split off
the training set; the test set is read once a run, at its end.

    podium train recipe                                         the quick profile: the same comparison, small
    podium train recipe --profile full --only "whole recipe"    five seeds on one core in an hour
    podium train recipe --profile full                          every variant
"""

from podium.spec import Experiment, ViTConfig

EXPERIMENT = Experiment(
    question="What lifts a small vision transformer over the plateau?",
    expectation=(
        "Three small convolutions in the patches' place should bring most (Xiao et al. 2021), augmentation about as "
        "much (Steiner et al. 2022), averaged weights a little (Tarvainen and Valpola 2017)."
    ),
    baseline=ViTConfig(
        patch=4,
        stem="convolution",
        depth=3,
        epochs=20,
        augment=0.7,
        elastic=0.5,
        label_smoothing=0.05,
        average=0.999,
        precision="bfloat16",
    ),
    variants={
        "whole recipe": {},
        "patches": {"stem": "patch"},
        "no augmentation": {"augment": 0.0, "elastic": 0.0},
        "last weights": {"average": 0.0},
    },
    metric="test_accuracy",
    quick={
        "dim": 32,
        "depth": 1,
        "epochs": 2,
        "train_images": 10_000,
        "validation_images": 1_000,
        "batch_size": 32,
        "learning_rate": 5e-3,
        "label_smoothing": 0.0,
        "average": 0.98,
        "precision": "auto",
    },
)
