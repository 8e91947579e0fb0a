"""Does AdamW's decoupled weight decay help a small vision transformer, or is plain Adam as good?

Both get the same learning rate, warm-up, cosine, clipping and seeds; only the decay differs: AdamW shrinks the weights
beside the update, Adam runs without decay.

    podium train optimizer --profile full     every variant and seed, for a GPU
    podium train optimizer                    the quick profile: the same comparison, small
"""

from podium.spec import Experiment, ViTConfig

EXPERIMENT = Experiment(
    question="Does AdamW beat Adam on a small vision transformer?",
    expectation=(
        "AdamW is a little ahead after long training, where decay holds the weights back; over a short run there is "
        "nothing to hold back (Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization)."
    ),
    baseline=ViTConfig(optimizer="adamw", epochs=14),
    variants={
        "AdamW": {},
        "Adam": {"optimizer": "adam", "weight_decay": 0.0},
    },
    metric="test_accuracy",
    quick={
        "epochs": 2,
        "train_images": 10_000,
        "validation_images": 1_000,
        "batch_size": 32,
        "learning_rate": 5e-3,
        "dim": 32,
        "augment": 0.0,
    },
)
