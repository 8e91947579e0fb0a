from functools import partial

import pytest
from click.testing import CliRunner

from podium.cli import podium
from podium.lab.training import overfit_one_batch, overfit_variants, overfitting
from podium.lab.training.tasks import build_task
from podium.spec import PodiumError


@pytest.mark.parametrize("family", ["vit", "reader"])
def test_one_batch_is_learnt_by_heart(tiny, family):
    config = tiny.FAMILIES[family].but(batch_size=8, learning_rate=1e-2, dropout=0.5, augment=1.0)
    found = overfit_one_batch(config)
    assert found.reached, str(found)
    assert found.loss < 0.01
    assert str(found) == f"loss {found.loss:.4f} after {found.steps} steps"


def test_the_batch_is_a_whole_one(tiny, monkeypatch):
    """Neither a curriculum's first lesson, nor nothing because a variant only measures."""
    seen = []
    monkeypatch.setattr(
        overfitting, "build_task", lambda config, *rest: seen.append(config) or build_task(config, *rest)
    )
    overfit_one_batch(tiny.TINY_READER.but(curriculum=1.0, epochs=0, start_from="tiny/first"), steps=1)
    assert (seen[0].curriculum, seen[0].epochs, seen[0].start_from) == (0.0, 1, "")


def test_what_cannot_learn_is_told(tiny):
    found = overfit_one_batch(tiny.TINY_VIT.but(learning_rate=1e-9), steps=5)
    assert not found.reached
    assert found.steps == 5
    assert str(found).endswith("after 5 steps, not below 0.01")


def test_a_loss_that_is_no_number_does_not_count(tiny):
    assert not overfit_one_batch(tiny.TINY_VIT.but(learning_rate=1e30, clip=None), steps=20).reached


def test_every_variant_once(tiny, monkeypatch):
    monkeypatch.setattr(overfitting, "overfit_one_batch", lambda config, _: config.position)
    assert overfit_variants(tiny.TINY, "full") == {"learned": "learned", "rotary": "rotary"}


EXPERIMENT = """
from podium.spec import Experiment, ViTConfig
EXPERIMENT = Experiment(question="?", expectation="", metric="test_accuracy", seeds=(0,),
    variants={"plain": {}, "b": {}},
    baseline=ViTConfig(dim=16, depth=1, heads=2, patch=14, train_images=64, validation_images=40, batch_size=8))
"""


@pytest.mark.parametrize(("setting", "code"), [("learning_rate=1e-2", 0), ("learning_rate=1e-9", 1)])
def test_the_command_line_tells_and_records_nothing(tiny, tmp_path, monkeypatch, setting, code):
    monkeypatch.setattr(overfitting, "overfit_one_batch", partial(overfit_one_batch, steps=1 if code else 500))
    (tmp_path / "experiments").mkdir()
    (tmp_path / "slides").mkdir()
    (tmp_path / "experiments" / "ours.py").write_text(EXPERIMENT)
    monkeypatch.chdir(tmp_path)
    command = ["train", "ours", "--only", "plain", "--set", setting, "--overfit-one-batch", "--device", "cpu"]
    told = CliRunner().invoke(podium, command)
    assert "ours: plain: loss " in told.output
    assert not (tmp_path / "build").exists()
    if code:
        assert isinstance(told.exception, PodiumError)
        assert str(told.exception).startswith("plain did not learn one batch by heart: look for the fault")
    else:
        assert told.exit_code == 0
