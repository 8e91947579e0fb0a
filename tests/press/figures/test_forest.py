import numpy as np
import pytest
from scipy import stats

from podium.press.figures import forest
from podium.press.figures.forest import MOST
from podium.press.figures.measured import measured
from podium.press.results import holm
from podium.press.results.metrics import metric_named
from podium.spec import PodiumError

LEVELS = {"none": 0.95, "learned": 0.98, "rotary": 0.98, "worse": 0.9}
LONG = "x" * 200
TWO = ("learned", "rotary")


def points(drawing):
    """Return the dots of every row: seeds, then the mean."""
    return [collection.get_offsets().data for collection in drawing.figure.axes[0].collections]


def test_every_seed_and_the_mean_of_every_difference(made):
    results = made.compared(LEVELS)
    drawing = made.check(forest(results, over="none"))
    values = {name: results.by_seed(name, "test_accuracy") for name in LEVELS}
    drawn = points(drawing)
    assert len(drawn) == 2 * 3
    for row, name in enumerate(
        sorted(("learned", "rotary", "worse"), key=lambda n: -np.mean(list(values[n].values())))
    ):
        differences = [100 * (values[name][seed] - values["none"][seed]) for seed in range(5)]
        assert drawn[2 * row][:, 0] == pytest.approx(differences)
        assert drawn[2 * row + 1][0, 0] == pytest.approx(np.mean(differences))
        low, high = stats.t.interval(0.95, 4, np.mean(differences), stats.sem(differences))
        assert drawing.figure.axes[0].lines[row + 1].get_xdata() == pytest.approx([low, high])
    assert drawing.finding in {f"{a} and {b} beat none; worse loses to it" for a, b in (TWO, TWO[::-1])}
    assert "Holm over 3" in drawing.note
    assert "none = 0" in [text.get_text() for text in made.texts(drawing)]


def test_holm_decides_what_is_filled(made):
    rng = np.random.default_rng(4)
    names = ["base", *(f"v{i}" for i in range(6))]
    records = [
        made.record(name, seed, summary={"test_accuracy": 0.9 + rng.normal(0.0006 * (name == "v1"), 0.0005)})
        for name in names
        for seed in range(5)
    ]
    results = made.results(records)
    values = measured(results, metric_named("test_accuracy"))
    p = holm([stats.ttest_rel(list(values[n].values()), list(values["base"].values())).pvalue for n in names[1:]])
    drawing = forest(results, over="base")
    shown = {name for name, q in zip(names[1:], p, strict=True) if q < 0.05}
    assert {part.split(" ")[0] for part in drawing.alt.split(": ", 1)[1].split("; ") if ", shown" in part} == shown


def test_the_best_is_marked_only_when_it_is_shown(made):
    bold = [t.get_text() for t in made.texts(forest(made.compared(LEVELS))) if t.get_weight() == "bold"]
    assert bold == ["none = 0"]
    results = made.compared({"none": 0.95, "learned": 0.98, "rotary": 0.97})
    drawing = made.check(forest(results))
    bold = [t.get_text() for t in made.texts(drawing) if t.get_weight() == "bold"]
    assert "learned" in bold
    assert "rotary" not in bold
    assert drawing.finding == "learned beats every other variant"
    assert forest(made.compared({"none": 0.95, "learned": 0.98})).finding == "learned beats none"


def test_nothing_shown_and_too_few_seeds(made):
    level = made.compared({"none": 0.95, "a": 0.95, "b": 0.95}, noise=0.01)
    assert forest(level).finding == "No difference in test accuracy to none is shown for b or a"
    two = made.check(forest(made.compared(LEVELS, seeds=2)))
    assert two.finding == "Nothing is shown over none yet: 2 seeds cannot show it"
    assert two.badges == ("2 seeds only",)
    one = made.check(forest(made.compared(LEVELS, seeds=1)))
    assert "1 seed cannot show it" in one.finding
    assert "one seed" in one.alt


def test_lower_is_better_for_a_loss(made):
    results = made.compared({"a": 0.5, "b": 0.3, "c": 0.7}, metric="test_loss")
    drawing = made.check(forest(results, metric="test_loss"))
    assert drawing.finding == "b beats every other variant"
    assert [t.get_text() for t in drawing.figure.axes[0].get_yticklabels()] == ["b", "c"]


def test_thirty_variants_with_long_names(made):
    results = made.compared({f"{LONG}{i}": 0.9 + i / 1000 for i in range(30)}, seeds=3)
    drawing = made.check(forest(results))
    assert len(drawing.figure.axes[0].get_yticks()) == MOST
    assert drawing.note.startswith("the best 8 of 29 differences")
    assert "Holm over 29" in drawing.note
    assert "others" in drawing.finding


def test_what_cannot_be_compared(made):
    with pytest.raises(PodiumError, match="did you mean 'none'"):
        forest(made.compared(LEVELS), over="nome")
    with pytest.raises(PodiumError, match="has only one"):
        forest(made.compared({"one": 0.9}))
    with pytest.raises(PodiumError, match="has no metric 'test_acuracy'; did you mean 'test_accuracy'"):
        forest(made.compared(LEVELS), metric="test_acuracy")
    records = [made.record("a", 0, summary={"test_accuracy": 0.9}), made.record("b", 1, summary={"test_accuracy": 0.9})]
    with pytest.raises(PodiumError, match="b shares none with a"):
        forest(made.results(records))
    nan = [made.record(name, s, summary={"test_accuracy": 0.9 if s else float("nan")}) for name in "ab" for s in (0, 1)]
    with pytest.raises(PodiumError, match="variant 'a': test_accuracy is missing or not finite in a-s0"):
        forest(made.results(nan))


def test_seeds_that_only_some_share(made):
    records = [
        made.record(name, s, summary={"test_accuracy": 0.9 + 0.01 * (name == "b")}) for name in "ab" for s in (0, 1, 2)
    ]
    records += [made.record("c", s, summary={"test_accuracy": 0.95}) for s in (0, 9)]
    assert "too few seeds" in forest(made.results(records)).alt
    records += [made.record("a", 9, summary={"test_accuracy": 0.9})]
    alone = [made.record("d", 9, summary={"test_accuracy": 0.99})]
    assert "d" in forest(made.results([*records, *alone])).alt  # d is the best and shares no seed with b


def test_values_are_those_of_the_table(made, trained):
    from podium.press.results import load_results

    results = load_results(trained, made.name)
    for metric in ("test_accuracy", "val_loss", "seconds"):
        named = metric_named(metric)
        ours = measured(results, named)
        for name in results.variants:
            theirs = results.by_seed(name, metric)
            assert ours[name] == pytest.approx({s: v * named.quantity.scale for s, v in theirs.items()}, rel=1e-15)
    with pytest.raises(PodiumError, match="did you mean 'rotary'"):
        measured(results, metric_named("seconds"), ["rotery"])
