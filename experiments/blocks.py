"""The yardstick: how well does a convolutional network name a digit, and what do more blocks and shortcuts bring?

Its pictures shrink from 28 pixels a side to 14 and 7; blocks count in both halves alike.

    podium train blocks                                        the quick profile: the same comparison, small
    podium train blocks --profile full --only "four blocks"    three seeds of the yardstick, on one core in an hour
    podium train blocks --profile full                         every network, for a GPU
"""

from podium.spec import CNNConfig, Experiment

EXPERIMENT = Experiment(
    question="How well does a convolutional network name a digit?",
    expectation=(
        "Plain networks with augmentation reach 99.6 %. At four blocks shortcuts should matter little: they were made "
        "for depths where plain networks stop learning (He et al. 2016)."
    ),
    baseline=CNNConfig(
        blocks=4,
        epochs=13,
        elastic=0.2,
        dropout=0.3,
        average=0.999,
        precision="bfloat16",
    ),
    variants={
        "four blocks": {},
        "two blocks": {"blocks": 2},
        "four residual blocks": {"residual": True},
    },
    metric="test_accuracy",
    seeds=(0, 1, 2),
    quick={
        "channels": 8,
        "dim": 64,
        "epochs": 2,
        "train_images": 10_000,
        "validation_images": 1_000,
        "batch_size": 64,
        "augment": 0.0,
        "elastic": 0.0,
        "dropout": 0.0,
        "average": 0.0,
        "precision": "auto",
    },
)
