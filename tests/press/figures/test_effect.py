"""Effect: one field's values, whatever the others were."""

import pandas as pd
import pytest

from podium.press.figures.effect import effect
from podium.press.results import Results
from podium.spec import PodiumError


def results(values, reached, **more):
    rows = pd.DataFrame(
        {
            "run": [f"r{i}" for i in range(len(values))],
            "variant": [str(v) for v in values],
            "seed": range(len(values)),
            "profile": "full", "sweep": "", "state": "finished", "started": "", "depth": values,
            "test_accuracy": reached, **more,
        }
    )  # fmt: skip
    return Results(
        "sizes", rows, pd.DataFrame(columns=["run", "epoch"]), config_fields=("depth", *more), settings=("depth",)
    )


def test_the_best_value_is_named_where_it_is_shown():
    drawing = effect(results([2, 2, 2, 10, 10, 10], [0.5, 0.51, 0.52, 0.9, 0.91, 0.92], width=range(6)), field="depth")
    assert drawing.finding == "depth 10 beats 2"
    assert "2 51 % (" in drawing.alt
    assert "1 other field varies within a row" in drawing.note
    labels = [label.get_text() for axes in drawing.figure.axes for label in axes.get_yticklabels()]
    assert labels == ["2", "10"]


def test_little_is_said_of_little():
    same = effect(results(["a", "a", "b"], [0.5, 0.6, 0.55]), field="depth")
    assert same.finding == "No difference in test accuracy is shown between the values of depth"
    assert same.badges == ("fewer than three runs",)
    assert "one run" in same.alt
    some = effect(
        results([1] * 3 + [2] * 3 + [3] * 3, [0.1, 0.11, 0.12, 0.8, 0.9, 0.7, 0.81, 0.9, 0.79]), field="depth"
    )
    assert some.finding.endswith("over the rest nothing is shown")


def test_what_cannot_be_an_effect_is_said():
    for values, reached, field, sentence in (
        ([1, 2], [0.1, 0.2], "deth", "no config field 'deth'"),
        ([1, 1], [0.1, 0.2], "depth", "has 1 in"),
        (list(range(9)), [0.1] * 9, "depth", "has 9 in"),
        ([1, 2], [0.1, None], "depth", "missing or not finite in r1"),
    ):
        with pytest.raises(PodiumError, match=sentence):
            effect(results(values, reached), field=field)
