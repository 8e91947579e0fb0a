"""Memory that runs out while a cohort trains, wherever it does: no result is changed, and what fitted is remembered."""

import pytest
import torch

from podium.lab.training.cohort import loop
from podium.lab.training.cohort import together as module
from podium.lab.training.cohort.memory import FILE, Fit
from podium.lab.training.experiment import is_done
from podium.spec import Project, Variant


def starve(monkeypatch, when):
    """Let memory run out in some steps: `when` is told how many there were, and how much is computed at once."""
    whole, calls = loop.Step.gradients, []

    def gradients(step, *inputs):
        calls.append(1)
        if when(len(calls), step.fit):
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.\nmore")
        return whole(step, *inputs)

    monkeypatch.setattr(loop.Step, "gradients", gradients)


def test_want_of_memory_in_a_step_changes_no_bit_and_is_remembered(project, together, variants, monkeypatch, same):
    whole = together(variants, project=Project(project.root / "whole"))
    with monkeypatch.context() as starving:
        starve(starving, lambda _, fit: fit.variants > 2)
        records = together(variants)
    for record, unbroken in zip(records, whole, strict=True):
        same.assert_same(record, unbroken)
    assert '"variants": 2' in (project.build / FILE).read_text()
    asked = []
    monkeypatch.setattr(module, "Cohort", lambda entrants, fit: asked.append(fit) or loop.Cohort(entrants, fit))
    together([Variant(v.name, v.config.but(seed=8)) for v in variants])
    assert asked == [Fit(2)]


def test_want_of_memory_now_and_then_changes_numbers_by_rounding_only(project, together, variants, monkeypatch, same):
    whole = together(variants[:2], project=Project(project.root / "whole"))
    starve(monkeypatch, lambda call, _: call in (3, 4, 5, 6))
    for record, unbroken in zip(together(variants[:2]), whole, strict=True):
        same.assert_close(record, unbroken)


def test_where_nothing_fits_the_runs_fail_and_may_be_tried_again(together, variants, monkeypatch):
    with monkeypatch.context() as starving:
        starve(starving, lambda call, _: call > 1)
        records = together(variants[:2])
    assert [record.state for record in records] == ["failed", "failed"]
    assert records[0].reason == "out of memory: CUDA out of memory. Tried to allocate 2.00 GiB."
    assert not is_done(records[0])
    assert [record.state for record in together(variants[:2])] == ["finished", "finished"]


def test_a_stack_that_does_not_fit_becomes_two(project, together, variants, monkeypatch, same):
    whole = together(variants, project=Project(project.root / "whole"))
    sizes = []

    def build(entrants, fit):
        sizes.append(len(entrants))
        if len(entrants) > 2:
            raise torch.OutOfMemoryError
        return loop.Cohort(entrants, fit)

    monkeypatch.setattr(module, "Cohort", build)
    for record, unbroken in zip(together(variants), whole, strict=True):
        assert same.numbers_of(record)[0] == same.numbers_of(unbroken)[0]
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


def test_memory_for_judging_all_at_once_may_lack(project, together, variants, monkeypatch, same):
    whole = together(variants[:2], project=Project(project.root / "whole"))

    def tally(*_):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(loop.Step, "tally", tally)
    for record, unbroken in zip(together(variants[:2]), whole, strict=True):
        same.assert_close(record, unbroken)


def test_a_first_look_that_lacks_memory_decides_nothing(together, variants, monkeypatch):
    starve(monkeypatch, lambda call, _: call == 1)
    assert [record.state for record in together(variants[:2])] == ["finished", "finished"]
