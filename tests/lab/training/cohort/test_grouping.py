import pytest
import torch

from podium.lab.training.cohort.grouping import group, shape_of, stacks, why_alone
from podium.spec import CNNConfig, LinesConfig, Variant, VisionToSequenceConfig, ViTConfig

CPU, GPU = torch.device("cpu"), torch.device("cuda")
BASE = ViTConfig(dropout=0.1)


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": 5},
        {"epochs": 2},
        {"optimizer": "adam"},
        {"learning_rate": 0.5},
        {"weight_decay": 0.0, "beta1": 0.5, "beta2": 0.9},
        {"warmup": 0.5, "clip": None},
        {"dropout": 0.2},
        {"label_smoothing": 0.1},
        {"position": "rotary"},
        {"augment": 0.5},
        {"average": 0.99, "patience": 3},
    ],
)
def test_what_is_data_shares_a_cohort(changes):
    assert shape_of(BASE.but(**changes)) == shape_of(BASE)


@pytest.mark.parametrize(
    "changes",
    [
        {"dim": 32},
        {"batch_size": 64},
        {"train_images": 100},
        {"pool": "class"},
        {"augment": 0.0},
        {"noise": 0.1},
        {"dropout": 0.0},
        {"accumulate": 2},
        {"precision": "bfloat16"},
        {"class_weights": "balanced"},
    ],
)
def test_what_is_shape_or_code_does_not(changes):
    assert shape_of(BASE.but(**changes)) != shape_of(BASE)


def test_groups_keep_the_order():
    asked = [
        Variant("a", BASE),
        Variant("cnn", CNNConfig()),
        Variant("b", BASE.but(seed=1)),
        Variant("wide", BASE.but(dim=128)),
    ]
    assert [[variant.name for variant in some] for some in group(asked)] == [["a", "b"], ["cnn"], ["wide"]]


def test_auto_stacks_where_it_gains():
    small = BASE.but(dim=32, batch_size=32)
    assert stacks("auto", CPU, small, 8)
    assert not stacks("auto", CPU, small, 7)
    assert not stacks("auto", CPU, BASE, 64)
    assert not stacks("auto", CPU, CNNConfig(), 64)
    assert stacks("auto", GPU, BASE, 2)
    assert not stacks("auto", GPU, BASE, 1)
    assert stacks("always", CPU, BASE, 1)
    assert not stacks("never", GPU, BASE, 64)


@pytest.mark.parametrize(
    ("config", "said"),
    [
        (BASE.but(start_from="a/b"), "fine-tuning is trained run by run"),
        (BASE.but(freeze="encoder"), "fine-tuning is trained run by run"),
        (BASE.but(checkpoint_activations=True), "checkpoint_activations is for one run"),
        (LinesConfig(), "torch has no rule for many LSTMs at once"),
        (LinesConfig(reader="attention"), "torch has no rule for many LSTMs at once"),
        (LinesConfig(encoder="cnn"), "torch has no rule for many CTC losses at once"),
        (LinesConfig(encoder="cnn", reader="attention", auxiliary=0.3), "no rule for many CTC losses at once"),
    ],
)
def test_what_is_trained_alone_says_why(config, said):
    assert said in why_alone(config)


@pytest.mark.parametrize(
    "config",
    [BASE, CNNConfig(), VisionToSequenceConfig(), LinesConfig(encoder="transformer", reader="attention")],
)
def test_the_others_are_tried(config):
    assert not why_alone(config)


def test_under_a_curriculum_the_epochs_decide_what_is_learnt_from():
    reader = VisionToSequenceConfig(curriculum=0.5)
    assert shape_of(reader) == shape_of(reader.but(seed=1))
    assert shape_of(reader) != shape_of(reader.but(epochs=3))
    assert shape_of(reader) != shape_of(reader.but(curriculum=0.4))
    assert shape_of(reader.but(curriculum=0.0)) == shape_of(reader.but(curriculum=0.0, epochs=3))
