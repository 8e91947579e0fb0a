"""Whole cohorts: every variant its own run, the same as alone, whatever happens to the others or to the memory."""

import os
import random
import runpy
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from podium.lab.training import train_run
from podium.lab.training.cohort import loop
from podium.lab.training.cohort import together as module
from podium.lab.training.experiment import is_done
from podium.runs import read_record, run_folder
from podium.runs.tracking import Silent
from podium.spec import Project, Variant

KILLED = Path(__file__).parent / "killed.py"


def test_every_variant_is_the_run_that_it_is_alone(project, tiny, together, variants, same):
    heard = []
    records = together(variants, progress=lambda variant, moment: heard.append((variant.name, moment.epochs_done)))
    assert [record.variant for record in records] == [variant.name for variant in variants]
    assert [record.state for record in records] == ["finished", "finished", "finished", "failed", "finished"]
    assert "in epoch 1; a lower learning rate may help" in records[3].reason
    assert ("learned", 3.0) in heard
    for variant, record in zip(variants, records, strict=True):
        alone = train_run(
            Project(project.root / "alone"), tiny.TINY, variant, "quick", tracker_mode="off", device="cpu"
        )
        same.assert_close(record, alone)


def test_company_and_order_change_no_bit(project, together, variants, same):
    records = together(variants)
    fewer = together([variants[4], variants[0]], project=Project(project.root / "fewer"))
    same.assert_same(fewer[0], records[4])
    same.assert_same(fewer[1], records[0])


def test_readers_share_a_cohort_too(project, tiny, together, same):
    asked = [Variant(f"seed {seed}", tiny.TINY_READER.but(seed=seed, epochs=1)) for seed in (0, 1)]
    asked.append(Variant("sines", tiny.TINY_READER.but(epochs=1, position="sinusoidal")))
    records = together(asked)
    for variant, record in zip(asked, records, strict=True):
        assert record.state == "finished"
        alone = train_run(
            Project(project.root / "alone"), tiny.TINY, variant, "quick", tracker_mode="off", device="cpu"
        )
        same.assert_close(record, alone)


def test_half_precision_and_parts_are_stacked(together, tiny):
    config = tiny.TINY_VIT.but(epochs=1, precision="bfloat16", accumulate=2)
    records = together([Variant("a", config), Variant("b", config.but(seed=9))])
    assert [record.state for record in records] == ["finished", "finished"]


def test_the_tracker_of_each_hears_its_own(together, variants, monkeypatch):
    heard = {}

    class Listening(Silent):
        def __init__(self, name):
            self.heard = heard.setdefault(name.partition("-")[0], [])

        def log(self, metrics, step):
            self.heard.append(step)

        def __exit__(self, kind, error, trace):
            self.heard.append("failed" if kind else "closed")

    monkeypatch.setattr("podium.lab.training.recording.open_tracker", lambda *_, name, **__: Listening(name))
    together(variants)
    assert heard["learned"] == [1, 2, 3, "closed"]
    assert heard["short"] == [1, "closed"]
    assert heard["wild"] == ["failed"]


@pytest.mark.slow
def test_each_is_a_run_of_its_own_for_wandb(together, variants, monkeypatch, tmp_path):
    """W&B's real client, many runs at once, offline."""
    for name in [n for n in os.environ if n.startswith("WANDB_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    records = together(variants[:3], tracker_mode="offline")
    files = [list(record.folder.glob("wandb/offline-run-*/run-*.wandb")) for record in records]
    assert [len(each) for each in files] == [1, 1, 1]
    for record, (file,) in zip(records, files, strict=True):
        until = time.monotonic() + 20  # W&B's service closes the file a moment after finish() came back
        while missing := [text for text in (record.id, "test_accuracy") if text.encode() not in file.read_bytes()]:
            assert time.monotonic() < until, missing
            time.sleep(0.1)
        others = [other.id for other in records if other is not record]
        assert not [name for name in others if name.encode() in file.read_bytes()]


def stop_at(name, epochs):
    def progress(variant, moment):
        if variant.name == name and moment.epochs_done > epochs:
            raise KeyboardInterrupt

    return progress


def test_interrupted_it_resumes_in_other_company_and_alone(project, tiny, together, variants, same):
    whole = together(variants, project=Project(project.root / "whole"))
    with pytest.raises(KeyboardInterrupt):
        together(variants, progress=stop_at("learned", 1))
    folders = [run_folder(project.runs, "tiny", v.name, v.config) for v in variants]
    states = [read_record(folder).state for folder in folders]
    assert states == ["interrupted", "interrupted", "finished", "failed", "interrupted"]
    said = []
    again = together([variants[1], variants[4]], notify=said.append)
    assert said == [f"{folder.name} goes on after epoch 1." for folder in (folders[1], folders[4])]
    same.assert_same(again[0], whole[1])
    same.assert_same(again[1], whole[4])
    alone = train_run(project, tiny.TINY, variants[0], "quick", tracker_mode="off", device="cpu")
    same.assert_close(alone, whole[0])


def test_checkpoints_that_cost_much_are_saved_seldom_and_resume_as_exactly(
    project, together, variants, monkeypatch, same
):
    whole = together(variants[:2], project=Project(project.root / "whole"))
    monkeypatch.setattr(loop, "SAVING", 1e-9)
    with pytest.raises(KeyboardInterrupt):
        together(variants[:2], progress=stop_at("learned", 2))
    said = []
    resumed = together(variants[:2], notify=said.append)
    assert said[0].endswith("goes on after epoch 1.")
    same.assert_same(resumed[0], whole[0])
    assert same.weights(resumed[0]).epoch == 3


def test_a_run_alone_goes_on_in_a_cohort(project, tiny, together, variants, same):
    def stop(moment):
        if moment.epochs_done > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_run(project, tiny.TINY, variants[0], "quick", tracker_mode="off", device="cpu", progress=stop)
    resumed, _ = together(variants[:2])
    same.assert_close(resumed, together(variants[:2], project=Project(project.root / "other"))[0])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_ten_times_it_equals_the_unbroken_one(project, together, same):
    """SIGKILL at ten random moments of real processes, wherever they then are."""
    variants = runpy.run_path(str(KILLED))["VARIANTS"]
    folders = [run_folder(project.runs, "tiny", v.name, v.config) for v in variants]
    rng = random.Random(0)
    words = [sys.executable, str(KILLED), str(project.root)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as program:
        for _ in range(10):
            program.stdin.write("again\n")
            program.stdin.flush()
            child = int(program.stdout.readline())
            heard = [program.stdout.readline() for _ in range(rng.randint(1, 16))]
            assert set(heard) == {"on\n"}
            time.sleep(rng.uniform(0, 0.05))
            os.kill(child, signal.SIGKILL)
            while program.stdout.readline() != "ended\n":
                assert program.poll() is None
        program.stdin.close()
        assert program.wait() == 0
    waiting = [v for v, folder in zip(variants, folders, strict=True) if not is_done(read_record(folder))]
    assert 0 < len(waiting) < len(variants)  # "wild" has failed, others are on their way
    together(waiting)
    whole = together(variants, project=Project(project.root / "whole"))
    for folder, record in zip(folders, whole, strict=True):
        same.assert_same(read_record(folder), record)


@pytest.mark.parametrize("place", ["gradients", "tally"])
def test_other_errors_keep_their_traceback(together, variants, monkeypatch, place):
    whole, calls = getattr(loop.Step, place), []

    def fail(*inputs):
        calls.append(1)
        if len(calls) > 1 or place == "tally":
            raise RuntimeError("a bug")
        return whole(*inputs)

    monkeypatch.setattr(loop.Step, place, fail)
    with pytest.raises(RuntimeError, match="a bug"):
        together(variants[:2])


def test_other_errors_while_stacking_do_too(together, variants, monkeypatch):
    def fail(*_):
        raise RuntimeError("a bug")

    monkeypatch.setattr(module, "Cohort", fail)
    with pytest.raises(RuntimeError, match="a bug"):
        together(variants[:2])


def test_what_cannot_be_stacked_is_trained_alone_and_said(project, tiny, together, variants, monkeypatch):
    def fussy(self, batch):
        if batch.targets.sum().item() < 0:
            raise AssertionError
        return whole(self, batch)

    from podium.lab.training.tasks import Classify

    whole = Classify.loss
    monkeypatch.setattr(Classify, "loss", fussy)
    said = []
    records = together(variants[:2], notify=said.append)
    assert [record.state for record in records] == ["finished", "finished"]
    assert "learned and 1 more are not trained together" in said[0]
    assert "item()" in said[0]


def test_on_a_cpu_it_leaves_runs_alone(together, variants, monkeypatch):
    monkeypatch.setattr(module, "_train_stacked", None)
    assert [record.state for record in together(variants[:1], mode="auto")] == ["finished"]


def test_what_is_known_not_to_stack_is_said_without_a_try(tiny, together, monkeypatch):
    monkeypatch.setattr(module, "why_not", None)
    said = []
    lines = tiny.FAMILIES["lines"].but(epochs=1, encoder="lstm")
    asked = [Variant("lstm", lines), Variant("other", lines.but(seed=1)), Variant("wide", lines.but(dim=32))]
    assert [record.state for record in together(asked, notify=said.append)] == ["finished"] * 3
    assert said == [
        (
            "lstm and 1 more are not trained together: torch has no rule for many LSTMs at once (vmap); "
            "encoder='cnn' and encoder='transformer' are stacked."
        )
    ]


def test_a_curriculum_in_a_cohort_is_the_one_alone(project, tiny, together, same):
    config = tiny.TINY_READER.but(curriculum=0.5)
    asked = [Variant(f"seed {seed}", config.but(seed=seed)) for seed in (0, 1)]
    for variant, record in zip(asked, together(asked), strict=True):
        alone = train_run(
            Project(project.root / "alone"), tiny.TINY, variant, "quick", tracker_mode="off", device="cpu"
        )
        same.assert_close(record, alone)


def test_what_began_in_a_cohort_goes_on_in_one(project, together, variants, same):
    asked = [Variant(str(seed), variants[0].config.but(seed=seed, epochs=2)) for seed in range(8)]
    whole = together(asked, mode="auto", project=Project(project.root / "whole"))
    assert whole[0].provenance["cohort"] == 8
    with pytest.raises(KeyboardInterrupt):
        together(asked, mode="auto", progress=stop_at("0", 1))
    same.assert_same(together(asked[3:4], mode="auto")[0], whole[3])


def test_more_than_the_most_become_cohorts_one_after_the_other(together, variants, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    records = together([Variant(str(seed), variants[0].config.but(seed=seed, epochs=1)) for seed in range(3)])
    assert [record.state for record in records] == ["finished"] * 3
