"""Config: every field checked, one way to change it, one way to read it from text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.spec import (
    CONFIGS,
    CNNConfig,
    LinesConfig,
    PodiumError,
    VisionToSequenceConfig,
    ViTConfig,
    config_from,
    parse_setting,
)


@pytest.mark.parametrize("kind", CONFIGS.values())
def test_a_config_survives_its_dictionary(kind):
    config = kind(seed=7).but(learning_rate=0.5)
    assert config_from(config.as_dict()) == config
    assert config_from(config.as_dict()).digest() == config.digest()


def test_digest_changes_with_any_field():
    base = ViTConfig()
    others = [base.but(seed=1), base.but(position="none"), base.but(clip=None), base.but(learning_rate=1e-3)]
    assert len({c.digest() for c in [base, *others]}) == 5


def test_two_families_never_share_a_digest():
    assert len({kind().digest() for kind in CONFIGS.values()}) == len(CONFIGS)


def test_unknown_field_names_the_nearest():
    with pytest.raises(PodiumError, match="has no field 'positon'; did you mean 'position'"):
        ViTConfig().but(positon="rotary")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"position": "spiral"}, "must be one of 'none', 'sinusoidal', 'learned', 'rotary'; not 'spiral'"),
        ({"epochs": 0}, "epochs must be above 0, or 0 where start_from names weights to measure; got 0"),
        ({"epochs": -1, "start_from": "a/b"}, "epochs must be above 0, or 0 where start_from names .* got -1"),
        ({"epochs": 1.5}, "must be a whole number; not 1.5"),
        ({"epochs": True}, "must be a whole number; not True"),
        ({"dropout": 1.0}, "dropout must be at least 0 and below 1"),
        ({"learning_rate": "fast"}, "must be a number; not 'fast'"),
        ({"clip": "off"}, "must be a number or none; not 'off'"),
        ({"augment": -1.0}, "augment must be 0, which is off, or above; got -1.0"),
        ({"patience": 0}, "patience must be 1 epoch or more, or none; got 0"),
        ({"average": 1.0}, "average must be at least 0 and below 1"),
        ({"checkpoint_activations": 1}, "must be true or false; not 1"),
    ],
)
def test_impossible_values_are_refused(changes, sentence):
    with pytest.raises(PodiumError, match=sentence):
        ViTConfig().but(**changes)


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"digits": 0}, "digits must be above 0; got 0"),
        ({"beam": 0}, "beam must be above 0; got 0"),
        ({"spacing": 1.5}, "spacing must be between 0 and 1 digit's width; got 1.5"),
        ({"overlap": -0.1}, "overlap must be between 0 and 1 digit's width"),
        ({"curriculum": 1.5}, "curriculum must be between 0, which is off, and 1, which is all epochs; got 1.5"),
        ({"auxiliary": 1.0, "reader": "attention"}, "auxiliary must be at least 0, which is off, and below 1; got 1.0"),
        ({"auxiliary": 0.3}, "auxiliary adds CTC to attention's loss, and reader='ctc' has no other: set auxiliary=0"),
        ({"curriculum": 0.5, "fresh": False}, "curriculum makes other numbers each epoch, and fresh=false keeps them"),
        ({"digit_augment": -0.5}, "digit_augment must be 0, which is off, or above; got -0.5"),
        ({"digit_augment": 1.0, "fresh": False}, "digit_augment makes other numbers each epoch, and fresh=false keeps"),
    ],
)
def test_impossible_readers_are_refused(changes, sentence):
    with pytest.raises(PodiumError, match=sentence):
        LinesConfig().but(**changes)


def test_runs_of_the_first_release_keep_their_names():
    """Their digests, as that release computed them; a later field counts where it says something else."""
    assert ViTConfig(seed=3, dropout=0.1).digest() == "5782cfc8"
    assert VisionToSequenceConfig(seed=3, dropout=0.1).digest() == "a63af470"
    assert ViTConfig(seed=3, dropout=0.1, pool="class").digest() != "5782cfc8"
    assert VisionToSequenceConfig(seed=3, dropout=0.1, curriculum=0.5).digest() != "a63af470"


def test_whole_numbers_fit_where_numbers_do():
    assert ViTConfig().but(learning_rate=1).learning_rate == 1.0
    assert ViTConfig().but(learning_rate=1).digest() == ViTConfig().but(learning_rate=1.0).digest()


@given(st.floats(min_value=1e-9, max_value=1e3))
def test_set_reads_back_what_python_prints(value):
    assert parse_setting(CNNConfig, f"learning_rate={value!r}") == ("learning_rate", value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("epochs", "takes field=value; got 'epochs'"),
        ("epoch=3", "has no field 'epoch'; did you mean 'epochs'"),
        ("epochs=many", "epochs must be a whole number; got 'many'"),
        ("fresh=maybe", "fresh must be true or false; got 'maybe'"),
    ],
)
def test_set_says_what_is_wrong(text, sentence):
    with pytest.raises(PodiumError, match=sentence):
        parse_setting(VisionToSequenceConfig, text)


def test_set_reads_words_and_none():
    assert parse_setting(ViTConfig, "optimizer=adam") == ("optimizer", "adam")
    assert parse_setting(ViTConfig, "clip=None") == ("clip", None)
    assert parse_setting(ViTConfig, "clip=2") == ("clip", 2.0)
    assert parse_setting(CNNConfig, "residual=True") == ("residual", True)
    assert parse_setting(ViTConfig, "patience=3") == ("patience", 3)


def test_a_record_of_an_unknown_model_is_refused():
    with pytest.raises(PodiumError, match="no model 'gpt'"):
        config_from({"model": "gpt"})
