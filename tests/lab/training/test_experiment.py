import io
import re

import pytest
from rich.console import Console

from podium.lab.training import experiment as module
from podium.lab.training import train_all, train_experiment
from podium.lab.training.cohort import together
from podium.spec import PodiumError, Variant

QUIET = {"device": "cpu", "wandb": "off"}


@pytest.fixture
def console():
    return Console(file=io.StringIO(), width=200)


def test_trains_every_run_then_skips_them(project, tiny, capsys):
    first = train_experiment(project, tiny.TINY, "quick", **QUIET)
    assert [(r.variant, r.state) for r in first] == [("learned", "finished"), ("rotary", "finished")]
    assert "tiny: rotary seed 0: test_accuracy 0." in capsys.readouterr().err
    again = train_experiment(project, tiny.TINY, "quick", **QUIET)
    assert again == first
    assert "2 of 2 runs are done already" in capsys.readouterr().err


def test_one_variant_with_settings(project, tiny):
    (record,) = train_experiment(project, tiny.TINY, "full", only=("rotary",), settings=("epochs=1",), **QUIET)
    assert (record.variant, record.config["epochs"], record.profile) == ("rotary", 1, "full")


def test_unknown_names_are_said(project, tiny):
    with pytest.raises(PodiumError, match="no variant 'rotery'; did you mean 'rotary'"):
        train_experiment(project, tiny.TINY, "quick", only=("rotery",), **QUIET)
    with pytest.raises(PodiumError, match="no field 'dims'; did you mean 'dim'"):
        train_experiment(project, tiny.TINY, "quick", settings=("dims=3",), **QUIET)


def test_a_failed_run_does_not_stop_the_others(project, tiny, console):
    config = tiny.TINY_VIT.but(epochs=1)
    wild = Variant("wild", config.but(learning_rate=1e30, clip=None, warmup=0.0))
    asked = [wild, Variant("calm", config)]
    records = train_all(project, tiny.TINY, asked, "quick", console=console, **QUIET)
    assert [record.state for record in records] == ["failed", "finished"]
    assert "tiny: wild seed 3 failed: the loss became" in console.file.getvalue()
    assert train_all(project, tiny.TINY, asked, "quick", console=console, **QUIET) == records


def test_a_cut_off_run_is_resumed_among_finished_ones(project, tiny, console, monkeypatch):
    asked = tiny.TINY.runs("quick")
    with monkeypatch.context() as broken:

        def cut(variant, **kwargs):
            if variant.name == "rotary":
                raise KeyboardInterrupt
            return whole(variant=variant, **kwargs)

        whole = together.train_run
        broken.setattr(together, "train_run", cut)
        with pytest.raises(KeyboardInterrupt):
            train_all(project, tiny.TINY, asked, "quick", console=console, **QUIET)
    records = train_all(project, tiny.TINY, asked, "quick", console=console, **QUIET)
    assert [(r.variant, r.state) for r in records] == [("learned", "finished"), ("rotary", "finished")]
    assert "1 of 2 runs are done already" in console.file.getvalue()


def test_the_progress_line_names_run_loss_and_accuracy(project, tiny):
    screen = Console(file=io.StringIO(), width=160, force_terminal=True)
    train_all(project, tiny.TINY, tiny.TINY.runs("quick")[:1], "quick", console=screen, **QUIET)
    assert "learned seed 0: loss" in screen.file.getvalue()


def test_a_log_says_now_and_then_where_training_stands(project, tiny, console, monkeypatch):
    monkeypatch.setattr(module, "LINE_SECONDS", 0.0)
    train_all(project, tiny.TINY, tiny.TINY.runs("quick")[:1], "quick", console=console, **QUIET)
    said = console.file.getvalue()
    assert re.search(r"tiny: \d\.\d of 1 epochs, [-\d:]+ left; learned seed 0: loss \d", said), said


def test_an_outcome_without_the_metric_tells_the_state(project, tiny, console):
    (record,) = train_all(project, tiny.TINY, tiny.TINY.runs("quick")[:1], "quick", console=console, **QUIET)
    assert module.outcome(record, "no_such_metric").startswith("tiny: learned seed 0: finished (")
