"""Can an encoder-decoder transformer read a whole number off a picture, and does it matter how it knows the places?

The encoder sees 36 patches of an 84x84 picture with one to five digits on it; the decoder writes one digit after the
other. Every training picture is new: composed on the device from training digits, and the test pictures from test
digits only.

    podium train vision_to_sequence --profile full     every variant and seed, for a GPU
    podium train vision_to_sequence                    the quick profile: the same comparison, small
"""

from podium.spec import Experiment, VisionToSequenceConfig

EXPERIMENT = Experiment(
    question="Can a transformer read a whole number off a picture?",
    expectation=(
        "With five digits at most, 99 % exact match needs 99.67 % a digit; the talks we want to beat reached 92.75 %. "
        "Learned and rotary places should end close together (Su et al. 2021)."
    ),
    baseline=VisionToSequenceConfig(
        position="learned", patch=7, dim=128, depth=4, epochs=60, batch_size=256, label_smoothing=0.05
    ),
    variants={
        "learned": {},
        "rotary": {"position": "rotary"},
    },
    metric="test_exact_match",
    seeds=(0, 1, 2),
    quick={
        "patch": 14,
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
        "label_smoothing": 0.0,
    },
)
