"""Does a small vision transformer need to be told where a patch lies, and which way of telling is best?

A vision transformer sees a picture as a set of patches. Without an encoding of their places it could not tell a 6 from
a 9 by where the strokes stand, only by what each patch looks like. Four ways are compared, all else equal.

    podium train positional_encoding --profile full     every variant and seed, for a GPU
    podium train positional_encoding                    the quick profile: the same comparison, small
    podium sweep positional_encoding                    the learning rate, which each encoding may want otherwise
"""

from podium.spec import Experiment, Sweep, ViTConfig

EXPERIMENT = Experiment(
    question="Which positional encoding helps a small vision transformer most?",
    expectation=(
        "Any encoding beats none by several points; learned and sinusoidal differ little at 16 patches "
        "(Dosovitskiy et al. 2021, appendix D.4), and rotary learns soonest (Su et al. 2021)."
    ),
    baseline=ViTConfig(position="learned", epochs=14),
    variants={
        "learned": {},
        "none": {"position": "none"},
        "sinusoidal": {"position": "sinusoidal"},
        "rotary": {"position": "rotary"},
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
    sweep=Sweep(
        config={
            "method": "random",
            "metric": {"name": "val_accuracy", "goal": "maximize"},
            "parameters": {
                "position": {"values": ["learned", "sinusoidal", "rotary"]},
                "learning_rate": {"distribution": "log_uniform_values", "min": 3e-4, "max": 1e-2},
                "dropout": {"values": [0.0, 0.05, 0.1]},
            },
            "run_cap": 24,
        },
        quick_run_cap=3,
    ),
)
