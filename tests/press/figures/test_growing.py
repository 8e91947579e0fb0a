"""Learning curves while training runs: what grows is drawn beside what is finished, and no finding is claimed."""

from dataclasses import replace
from pathlib import Path

import pytest

from podium.press.figures import curves
from podium.press.results import results_from
from podium.runs import Record
from podium.spec import PodiumError

PLANNED = 12


def record(variant, seed, epochs, *, finished, profile="full", sweep=""):
    return Record(
        folder=Path(f"{variant}-s{seed}-{profile}"),
        experiment="e",
        variant=variant,
        profile=profile,
        sweep=sweep,
        config={"seed": seed, "epochs": PLANNED, "train_images": 100},
        provenance={"started": f"2026{seed}", "device": "cpu"},
        history=[{"epoch": e, "val_accuracy": 0.5 + e / 100} for e in range(1, epochs + 1)],
        summary={"test_accuracy": 0.6} if finished else {},
        state="finished" if finished else "running",
    )


def followed(*records):
    results = results_from(records, "e")
    return replace(results, growing=frozenset(r.id for r in records if r.state == "running"))


def done(variants=("a", "b"), seeds=(0, 1)):
    return [record(variant, seed, PLANNED, finished=True) for variant in variants for seed in seeds]


def test_a_run_that_trains_has_a_line_with_a_head_and_changes_no_mean():
    still, growing = curves(followed(*done())), curves(followed(*done(), record("a", 2, 5, finished=False)))
    assert growing.finding == f"Still training: epoch 5 of {PLANNED}"
    assert growing.badges[-1] == f"still training: epoch 5 of {PLANNED}"
    heads = [line for line in growing.figure.axes[0].lines if line.get_markevery() == [-1]]
    assert [list(line.get_xdata()) for line in heads] == [[1, 2, 3, 4, 5]]
    means = [[line for line in one.figure.axes[0].lines if line.get_linewidth() > 2.4] for one in (still, growing)]
    assert [list(line.get_ydata()) for line in means[0]] == [list(line.get_ydata()) for line in means[1]]
    assert "2 seeds each" in growing.alt


def test_curves_grow_into_the_room_of_the_epochs_to_come():
    drawing = curves(followed(record("a", 0, 3, finished=False), record("b", 0, 4, finished=False)), highlight="c")
    axes = drawing.figure.axes[0]
    assert axes.get_xlim()[1] >= PLANNED
    assert drawing.finding == f"Still training: epoch 3 to 4 of {PLANNED}"


def measured(variant):
    """A run that took another's weights, and learnt nothing."""
    zero = record(variant, 0, 0, finished=True)
    return replace(zero, config={**zero.config, "epochs": 0, "start_from": "e/a"})


def test_what_learnt_nothing_has_no_curve_and_is_said(made):
    drawing = made.check(curves(results_from([*done(), measured("zero-shot")], "e")))
    assert "1 variant without training left out" in drawing.note
    assert "zero-shot" not in drawing.alt
    assert [text for text in made.texts(drawing) if text.get_text() == "zero-shot"] == []
    assert "left out" not in curves(followed(*done())).note


def test_where_nobody_learnt_there_is_no_curve():
    with pytest.raises(PodiumError, match="No run of e has an epoch: they were measured without training"):
        curves(results_from([measured("zero-shot")], "e"))


def test_what_trains_counts_within_its_own_profile():
    results = followed(*done(), record("a", 0, 2, finished=False, profile="quick"))
    assert results.grown.variants == ["a"]
    assert set(results.grown.runs["profile"]) == {"quick"}
    assert results.variants == ["a", "b"]
    assert results.training_now == {"training": f"still training: epoch 2 of {PLANNED}"}


@pytest.mark.parametrize(
    "one",
    [record("a", 2, 0, finished=False), record("a", 2, 3, finished=False, sweep="s")],
    ids=["no epoch", "a trial"],
)
def test_a_run_without_an_epoch_and_a_trial_of_a_sweep_change_nothing(one):
    results = followed(*done(), one)
    assert results.grown is results
    assert results.training_note == ""
    assert results.training_now == {}
