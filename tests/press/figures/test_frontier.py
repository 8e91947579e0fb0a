import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from podium.press.figures import frontier
from podium.press.figures.axis import line_of, log_marks, thousands
from podium.press.figures.frontier import pareto
from podium.press.figures.labels import beside
from podium.press.results.metrics import metric_named
from podium.spec import PodiumError

SIZES = {"tiny": 1_000, "small": 10_000, "middle": 100_000, "large": 1_000_000}
LEVELS = {"tiny": 0.9, "small": 0.97, "middle": 0.96, "large": 0.98}


def test_marks_means_and_the_frontier(made):
    results = made.compared(LEVELS, parameters=SIZES)
    drawing = made.check(frontier(results))
    axes = drawing.figure.axes[0]
    assert axes.get_xscale() == "log"
    step = axes.lines[0]
    means = {name: 100 * np.mean(list(results.by_seed(name, "test_accuracy").values())) for name in LEVELS}
    assert step.get_xdata()[:-1] == pytest.approx([1_000, 10_000, 1_000_000])
    assert step.get_ydata()[:-1] == pytest.approx([means["tiny"], means["small"], means["large"]])
    dots = [c.get_offsets().data for c in axes.collections]
    assert sorted(len(d) for d in dots) == [1, 1, 1, 1, 5, 5, 5, 5]  # every seed, and a mean
    assert {"tiny", "small", "middle", "large"} <= {t.get_text() for t in axes.texts}
    assert drawing.finding == "large beats 3 variants with fewer parameters"
    assert drawing.badges == ("truncated axis",)


def test_the_cheapest_that_is_not_shown_to_lie_behind(made):
    reached = {"small": (0.97, 0.99, 0.98), "large": (0.982, 0.981, 0.983), "tiny": (0.9, 0.901, 0.9)}
    records = [
        made.record(name, seed, summary={"test_accuracy": value, "parameters": SIZES[name]})
        for name, values in reached.items()
        for seed, value in enumerate(values)
    ]
    drawing = frontier(made.results(records))
    assert drawing.finding == "small is not shown to lie behind large, with 100 times fewer parameters"
    close = frontier(made.compared({"a": 0.98, "b": 0.98}, parameters={"a": 1000, "b": 1010}, noise=0.01))
    assert "slightly fewer" in close.finding or "no more parameters" in close.finding


def test_words_for_one_cost_one_variant_and_few_seeds(made):
    assert frontier(made.compared(LEVELS)).finding == "All 4 variants have 1 k parameters"
    assert made.check(frontier(made.compared({"one": 0.9}))).finding == "one: 1 k parameters"
    few = made.check(frontier(made.compared(LEVELS, 1, parameters=SIZES)))
    assert "too few seeds to say what fewer parameters cost" in few.finding
    assert "one seed" in few.note
    best = frontier(made.compared(dict(reversed(LEVELS.items())), parameters={n: 1e6 / s for n, s in SIZES.items()}))
    assert best.finding == "large is ahead with no more parameters than any other variant so far"


def test_other_costs_and_lower_values(made):
    results = made.compared({"a": 0.5, "b": 0.3}, metric="test_loss")
    drawing = made.check(frontier(results, metric="test_loss", cost="seconds"))
    assert "training time, s (log axis)" in [t.get_text() for t in made.texts(drawing)]
    assert pareto({"a": (1.0, 2.0), "b": (2.0, 3.0), "c": (3.0, 1.0)}, metric_named("test_loss")) == ["a", "c"]


def test_thirty_variants(made):
    names = [f"variant {i} {'y' * 200}" for i in range(30)]
    parameters = {name: int(1000 * 1.3**i) for i, name in enumerate(names)}
    drawing = made.check(
        frontier(made.compared({n: 0.9 + i / 400 for i, n in enumerate(names)}, 3, parameters=parameters))
    )
    assert "30 variants not named" in drawing.note
    assert 0 < len(drawing.figure.axes[0].texts) <= 9


def test_costs_that_a_log_axis_cannot_show(made):
    with pytest.raises(PodiumError, match="parameters above zero; a has runs at or below it"):
        frontier(made.compared({"a": 0.9, "b": 0.8}, parameters={"a": 0}))


@given(st.floats(1e-6, 1e9), st.floats(1.0001, 1e12))
def test_log_marks_lie_inside(low, ratio):
    marks = log_marks(low, low * ratio)
    assert 1 <= len(marks) <= 12
    assert all(low * (1 - 1e-6) <= mark <= low * ratio * (1 + 1e-6) for mark in marks)


def test_large_numbers_and_lines():
    assert thousands(0.25) == "0.25"
    assert thousands(999_700) == "1 M"
    assert line_of(["b", "a", None]).marks == ((2.5 / 3, "a"), (0.5, "b"), (0.5 / 3, "none"))
    assert line_of(["10", "9"]).marks == ((0.75, "9"), (0.25, "10"))
    assert line_of([None, 1.0, 3.0]).places == pytest.approx([0, 0.14, 1])
    assert line_of([1e-5, 1e-4, 1e-3, 1e-2]).places == pytest.approx([0, 1 / 3, 2 / 3, 1])
    assert line_of([5.0]).places.tolist() == [0.5]
    assert len(line_of([f"kind {i}" for i in range(40)]).marks) <= 6
    crowded = line_of([1.0, 1.01, 1.02, 2.0])
    assert [text for _, text in crowded.marks] == ["1", "2"]


@given(st.lists(st.tuples(st.floats(0, 800), st.floats(0, 300)), max_size=12))
def test_labels_cover_neither_marks_nor_each_other(marks):
    found = beside(marks, ["a label"] * len(marks), (800, 300))
    boxes = [(one.left, one.middle - 8, one.left + 40, one.middle + 8) for one in found]
    for i, a in enumerate(boxes):
        assert a[0] >= 0
        assert a[3] <= 302
        for b in boxes[:i]:
            assert a[0] >= b[2] or a[2] <= b[0] or a[1] >= b[3] or a[3] <= b[1]
        for x, y in marks:
            assert not (a[0] < x < a[2] and a[1] < y < a[3])
