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
import torch

from podium.lab.training import checkpoint, train_run
from podium.lab.training.cohort import loop
from podium.lab.training.cohort import together as module
from podium.lab.training.cohort.memory import FILE, Fit
from podium.lab.training.experiment import is_done
from podium.lab.training.usage import CLOCK
from podium.runs import read_record, run_folder
from podium.runs.tracking import Silent
from podium.spec import Project, Variant

KILLED = Path(__file__).parent / "killed.py"


def numbers_of(record):
    rows = [{k: v for k, v in row.items() if k not in CLOCK} for row in record.history]
    return rows, {k: v for k, v in record.summary.items() if k not in CLOCK}, record.samples, record.watches


def weights(record):
    return checkpoint.load_checkpoint(record.folder, record.folder.name[-8:])


def assert_same(one, other):
    assert (one.state, one.reason) == (other.state, other.reason)
    assert numbers_of(one) == numbers_of(other)
    mine, its = weights(one), weights(other)
    assert (mine is None) == (its is None)
    if mine is not None:
        assert all(torch.equal(mine.judged[name], its.judged[name]) for name in its.judged)
        for place, state in its.optimizer["state"].items():
            assert all(torch.equal(mine.optimizer["state"][place][name], value) for name, value in state.items())


def assert_close(one, other):
    assert (one.state, one.reason, len(one.history)) == (other.state, other.reason, len(other.history))
    for mine, its in zip([*one.history, one.summary], [*other.history, other.summary], strict=True):
        assert mine.keys() == its.keys()
        close = {name: pytest.approx(value, rel=2e-3, abs=1e-4) for name, value in its.items() if name not in CLOCK}
        assert {name: value for name, value in mine.items() if name not in CLOCK} == close
    assert one.samples.keys() == other.samples.keys()
    assert one.model == other.model


@pytest.fixture
def variants(tiny):
    vit = tiny.TINY_VIT
    return [
        Variant("learned", vit),
        Variant("rotary", vit.but(position="rotary", seed=5, learning_rate=1e-3)),
        Variant("short", vit.but(epochs=1, optimizer="adam", label_smoothing=0.1)),
        Variant("wild", vit.but(learning_rate=1e30, clip=None, warmup=0.0)),
        Variant("averaged", vit.but(average=0.8, patience=1, position="none", augment=0.5)),
    ]


def test_every_variant_is_the_run_that_it_is_alone(project, tiny, together, variants):
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
        assert_close(record, alone)


def test_company_and_order_change_no_bit(project, together, variants):
    records = together(variants)
    fewer = together([variants[4], variants[0]], project=Project(project.root / "fewer"))
    assert_same(fewer[0], records[4])
    assert_same(fewer[1], records[0])


def test_readers_share_a_cohort_too(project, tiny, together):
    asked = [Variant(f"seed {seed}", tiny.TINY_READER.but(seed=seed, epochs=1)) for seed in (0, 1)]
    asked.append(Variant("sines", tiny.TINY_READER.but(epochs=1, position="sinusoidal")))
    records = together(asked)
    for variant, record in zip(asked, records, strict=True):
        assert record.state == "finished"
        alone = train_run(
            Project(project.root / "alone"), tiny.TINY, variant, "quick", tracker_mode="off", device="cpu"
        )
        assert_close(record, alone)


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


def test_interrupted_it_resumes_in_other_company_and_alone(project, tiny, together, variants):
    whole = together(variants, project=Project(project.root / "whole"))
    with pytest.raises(KeyboardInterrupt):
        together(variants, progress=stop_at("learned", 1))
    folders = [run_folder(project.runs, "tiny", v.name, v.config) for v in variants]
    states = [read_record(folder).state for folder in folders]
    assert states == ["interrupted", "interrupted", "finished", "failed", "interrupted"]
    said = []
    again = together([variants[1], variants[4]], notify=said.append)
    assert said == [f"{folder.name} goes on after epoch 1." for folder in (folders[1], folders[4])]
    assert_same(again[0], whole[1])
    assert_same(again[1], whole[4])
    alone = train_run(project, tiny.TINY, variants[0], "quick", tracker_mode="off", device="cpu")
    assert_close(alone, whole[0])


def test_checkpoints_that_cost_much_are_saved_seldom_and_resume_as_exactly(project, together, variants, monkeypatch):
    whole = together(variants[:2], project=Project(project.root / "whole"))
    monkeypatch.setattr(loop, "SAVING", 1e-9)
    with pytest.raises(KeyboardInterrupt):
        together(variants[:2], progress=stop_at("learned", 2))
    said = []
    resumed = together(variants[:2], notify=said.append)
    assert said[0].endswith("goes on after epoch 1.")
    assert_same(resumed[0], whole[0])
    assert weights(resumed[0]).epoch == 3


def test_a_run_alone_goes_on_in_a_cohort(project, tiny, together, variants):
    def stop(moment):
        if moment.epochs_done > 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_run(project, tiny.TINY, variants[0], "quick", tracker_mode="off", device="cpu", progress=stop)
    resumed, _ = together(variants[:2])
    assert_close(resumed, together(variants[:2], project=Project(project.root / "other"))[0])


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_killed_ten_times_it_equals_the_unbroken_one(project, together):
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
        assert_same(read_record(folder), record)


def starve(monkeypatch, when):
    """Let memory run out in some steps: `when` is told how many there were, and how much is computed at once."""
    whole, calls = loop.Step.gradients, []

    def gradients(step, *inputs):
        calls.append(1)
        if when(len(calls), step.fit):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")
        return whole(step, *inputs)

    monkeypatch.setattr(loop.Step, "gradients", gradients)


def test_want_of_memory_in_a_step_changes_no_bit_and_is_remembered(project, together, variants, monkeypatch):
    whole = together(variants, project=Project(project.root / "whole"))
    with monkeypatch.context() as starving:
        starve(starving, lambda _, fit: fit.variants > 2)
        records = together(variants)
    for record, unbroken in zip(records, whole, strict=True):
        assert_same(record, unbroken)
    assert '"variants": 2' in (project.build / FILE).read_text()
    asked = []
    monkeypatch.setattr(module, "Cohort", lambda entrants, fit: asked.append(fit) or loop.Cohort(entrants, fit))
    together([Variant(v.name, v.config.but(seed=8)) for v in variants])
    assert asked == [Fit(2)]


def test_want_of_memory_now_and_then_changes_numbers_by_rounding_only(project, together, variants, monkeypatch):
    whole = together(variants[:2], project=Project(project.root / "whole"))
    starve(monkeypatch, lambda call, _: call in (3, 4, 5, 6))
    for record, unbroken in zip(together(variants[:2]), whole, strict=True):
        assert_close(record, unbroken)


def test_where_nothing_fits_the_runs_fail_and_may_be_tried_again(together, variants, monkeypatch):
    with monkeypatch.context() as starving:
        starve(starving, lambda call, _: call > 1)
        records = together(variants[:2])
    assert [record.state for record in records] == ["failed", "failed"]
    assert records[0].reason == "out of memory: CUDA out of memory. Tried to allocate 2.00 GiB."
    assert not is_done(records[0])
    assert [record.state for record in together(variants[:2])] == ["finished", "finished"]


def test_a_stack_that_does_not_fit_becomes_two(project, together, variants, monkeypatch):
    whole = together(variants, project=Project(project.root / "whole"))
    sizes = []

    def build(entrants, fit):
        sizes.append(len(entrants))
        if len(entrants) > 2:
            raise torch.OutOfMemoryError
        return loop.Cohort(entrants, fit)

    monkeypatch.setattr(module, "Cohort", build)
    for record, unbroken in zip(together(variants), whole, strict=True):
        assert numbers_of(record)[0] == numbers_of(unbroken)[0]
    assert sizes == [5, 2, 2, 1]


def test_not_even_one_fits(together, variants, monkeypatch):
    def build(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(module, "Cohort", build)
    assert [record.state for record in together(variants[:2])] == ["finished", "finished"]  # each alone


@pytest.mark.parametrize("place", ["_data", "_judge"])
def test_want_of_memory_outside_a_step_fails_those_who_are_there(together, variants, monkeypatch, place):
    whole, calls = getattr(loop.Cohort, place), []

    def starving(cohort, *inputs):
        calls.append(1)
        if len(calls) == 2:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return whole(cohort, *inputs)

    with monkeypatch.context() as patched:
        patched.setattr(loop.Cohort, place, starving)
        records = together(variants[:3])
    assert [record.state for record in records] == ["failed", "failed", "finished"]  # the short one had left before
    assert records[0].reason == "out of memory: CUDA out of memory. Tried to allocate 2.00 GiB."
    assert not is_done(records[0])


def test_who_has_left_keeps_its_end_when_the_next_one_lacks_memory(together, variants, monkeypatch):
    calls = []
    whole = loop.Entrant.finish

    def starving(entrant, *inputs):
        calls.append(1)
        if len(calls) == 2:
            raise MemoryError
        return whole(entrant, *inputs)

    monkeypatch.setattr(loop.Entrant, "finish", starving)
    records = together([Variant(name, variants[0].config.but(seed=seed, epochs=1)) for seed, name in enumerate("ab")])
    assert [(record.state, record.reason) for record in records] == [
        ("finished", ""),
        ("failed", "out of memory: MemoryError"),
    ]


def test_memory_for_judging_all_at_once_may_lack(project, together, variants, monkeypatch):
    whole = together(variants[:2], project=Project(project.root / "whole"))

    def tally(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(loop.Step, "tally", tally)
    for record, unbroken in zip(together(variants[:2]), whole, strict=True):
        assert_close(record, unbroken)


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


def test_a_first_look_that_lacks_memory_decides_nothing(together, variants, monkeypatch):
    starve(monkeypatch, lambda call, _: call == 1)
    assert [record.state for record in together(variants[:2])] == ["finished", "finished"]


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


def test_a_curriculum_in_a_cohort_is_the_one_alone(project, tiny, together):
    config = tiny.TINY_READER.but(curriculum=0.5)
    asked = [Variant(f"seed {seed}", config.but(seed=seed)) for seed in (0, 1)]
    for variant, record in zip(asked, together(asked), strict=True):
        alone = train_run(
            Project(project.root / "alone"), tiny.TINY, variant, "quick", tracker_mode="off", device="cpu"
        )
        assert_close(record, alone)


@pytest.mark.slow
def test_memory_does_not_grow_over_a_cohorts_epochs(together, variants):
    config = variants[0].config.but(epochs=30, average=0.9)
    for record in together([Variant(str(seed), config.but(seed=seed)) for seed in (0, 1)]):
        held = [row["memory"] for row in record.history]
        assert max(held[20:]) - max(held[5:10]) < 4, held  # MiB


def test_what_began_in_a_cohort_goes_on_in_one(project, together, variants):
    asked = [Variant(str(seed), variants[0].config.but(seed=seed, epochs=2)) for seed in range(8)]
    whole = together(asked, mode="auto", project=Project(project.root / "whole"))
    assert whole[0].provenance["cohort"] == 8
    with pytest.raises(KeyboardInterrupt):
        together(asked, mode="auto", progress=stop_at("0", 1))
    assert_same(together(asked[3:4], mode="auto")[0], whole[3])


def test_more_than_the_most_become_cohorts_one_after_the_other(together, variants, monkeypatch):
    monkeypatch.setattr(module, "MOST", 2)
    records = together([Variant(str(seed), variants[0].config.but(seed=seed, epochs=1)) for seed in range(3)])
    assert [record.state for record in records] == ["finished"] * 3
