"""What should read the columns of a line of digits: nothing, an LSTM, a transformer, or attention instead of CTC?

Convolutions make a column of every four pixels across; an encoder may read the columns, and CTC or an attentive decoder
makes a number of them. One to eight digits stand side by side, up to 8 pixels apart or 2 into each other. Every
training line is new: composed from training digits, the test lines from test digits only.

    podium train lines                                        the quick profile: the same comparison, small
    podium train lines --profile full --only "CNN + LSTM"     three seeds of the usual reader
    podium train lines --profile full                         every reader, for a GPU
"""

from podium.spec import Experiment, LinesConfig

EXPERIMENT = Experiment(
    question="What should read the columns of a line of digits?",
    expectation=(
        "Context tells a cut-off stroke from a whole one: an LSTM over the columns should beat convolutions alone (Shi "
        "et al. 2017), and a transformer end close to it. Attention can read well but learns where to look last."
    ),
    baseline=LinesConfig(
        encoder="lstm",
        reader="ctc",
        channels=16,
        depth=1,
        epochs=16,
        batch_size=128,
        learning_rate=4e-3,
        validation_images=2_000,
        augment=0.5,
        elastic=0.5,
        average=0.999,
        precision="bfloat16",
    ),
    variants={
        "CNN + LSTM": {},
        "CNN": {"encoder": "cnn"},
        "CNN + transformer": {"encoder": "transformer", "depth": 2, "position": "rotary"},
        "attention": {"encoder": "transformer", "depth": 2, "position": "rotary", "reader": "attention"},
    },
    metric="test_character_error_rate",
    seeds=(0, 1, 2),
    quick={
        "digits": 3,
        "channels": 8,
        "epochs": 3,
        "train_images": 8_000,
        "validation_images": 1_000,
        "batch_size": 32,
        "learning_rate": 3e-3,
        "augment": 0.0,
        "elastic": 0.0,
        "average": 0.0,
        "precision": "auto",
    },
)
