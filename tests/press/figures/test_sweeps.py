import itertools
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.press.figures import budget, importance, parallel
from podium.press.figures.budget import LEVEL, expected_best
from podium.press.figures.parallel import wrapped
from podium.press.figures.trials import is_log, narrowed, short, trials_of
from podium.spec import PodiumError

KINDS = {"parallel": parallel, "importance": importance, "budget": budget}


@pytest.fixture
def results(made):
    return made.results([*made.swept(), made.record("variant", summary={"val_accuracy": 0.5})])


def test_trials_are_read_off_the_runs(results):
    trials = trials_of(results, "val_accuracy")
    assert len(trials.runs) == 40
    assert list(trials.tried) == ["learning_rate", "position", "dim", "clip"]  # epochs did not vary, the seed is none
    assert len(trials.done) == 37
    assert trials.left_out == "2 failed, 1 pruned"
    assert trials.note == "40 trials, 2 failed, 1 pruned"
    assert trials.values[trials.best_first[0]] == np.nanmax(trials.values)
    assert set(trials.tried["clip"]) == {None, 1.0}


def test_the_sweep_that_started_last_or_is_named(made):
    older = [made.trial(i, {"dim": i}, 0.9, sweep="older", started=f"2025-01-01T00:00:{i:02}") for i in range(1, 4)]
    results = made.results([*older, *made.swept(10, bad=False)])
    assert trials_of(results, "val_accuracy").note == "10 trials of sweep ab12cd34, one of 2"
    assert trials_of(results, "val_accuracy", "older").values.tolist() == [90.0] * 3
    with pytest.raises(PodiumError, match="did you mean 'older'"):
        trials_of(results, "val_accuracy", "oldest")


def test_losses_nested_configs_and_odd_values(made):
    configs = [
        {"optimizer": {"lr": 0.1, "more": {"eps": 1}}, "layers": [1, 2], "flag": True},
        {"optimizer": {"lr": 0.2, "more": {"eps": 2}}, "layers": [3], "flag": False},
        {"optimizer": None, "layers": [1, 2], "flag": True},
    ]
    records = [made.trial(i + 1, c, 0.5 - i / 10, metric="val_loss") for i, c in enumerate(configs)]
    trials = trials_of(made.results(records), "val_loss")
    assert trials.best == "0.3000 nats"
    assert trials.tried == {
        "optimizer.lr": [0.1, 0.2, None],
        "optimizer.more.eps": [1, 2, None],
        "layers": ["[1, 2]", "[3]", "[1, 2]"],
        "flag": [True, False, True],
    }
    drawing = made.check(parallel(made.results(records), metric="val_loss"))
    assert drawing.finding == "The best of 3 trials reaches 0.3000 nats validation loss"
    expected = budget(made.results(records), metric="val_loss")
    assert "3 trials: too few" in expected.finding.lower()


def test_no_sweep_and_no_values(made):
    for draw in KINDS.values():
        with pytest.raises(PodiumError, match="No run of positional_encoding belongs to a sweep"):
            draw(made.compared({"a": 0.9}))
        with pytest.raises(PodiumError, match="has no metric 'val_acuracy'; did you mean 'val_accuracy'"):
            draw(made.results(made.swept()), metric="val_acuracy")
    broken = [made.trial(i, {"dim": i}, float("nan")) for i in (1, 2)]
    with pytest.raises(PodiumError, match="finished without a finite val_accuracy: trial-001-x and trial-002-x"):
        parallel(made.results(broken))
    failed = [made.trial(i, {"dim": i}, None, state="failed") for i in (1, 2)]
    with pytest.raises(PodiumError, match="No trial of the sweep ab12cd34 is finished: trial-001-x failed"):
        parallel(made.results([*failed, made.record("a", summary={"val_accuracy": 1.0})]))


def test_a_trial_without_the_metric_is_counted(made):
    records = [*made.swept(12, bad=False), made.trial(13, {"learning_rate": 0.5, "dim": 32}, float("inf"))]
    drawing = made.check(parallel(made.results(records)))
    assert "13 trials, 1 without val_accuracy" in drawing.note
    assert "dotted: no value" in drawing.note


def test_parallel_draws_every_trial(made, results):
    drawing = made.check(parallel(results))
    axes = drawing.figure.axes[0]
    lines = [line for line in axes.lines if len(line.get_xdata()) >= 4]
    assert len(lines) == 40
    assert sum(len(line.get_xdata()) == 4 for line in lines) == 3  # up to the metric
    assert sum(line.get_linestyle() != "-" for line in lines) == 3
    headings = [t.get_text() for t in axes.texts if t.get_weight() == "bold"]
    assert headings[:4] == ["learning_rate", "position", "dim", "clip"]
    assert "40 trials, 2 failed, 1 pruned" in drawing.note
    assert "learning_rate" in drawing.finding
    assert drawing.badges == ("exploratory",)


def test_at_most_six_axes_and_fields_by_name(made):
    rng = np.random.default_rng(0)
    configs = [
        {f"field_{k}": float(rng.uniform()) for k in range(8)} | {"kind": "ab"[i % 2], "still": 1} for i in range(20)
    ]
    records = [made.trial(i + 1, c, 0.5 + c["field_6"] / 10 + 0.2 * (c["kind"] == "a")) for i, c in enumerate(configs)]
    results = made.results(records)
    drawing = made.check(parallel(results))
    headings = [t.get_text() for t in drawing.figure.axes[0].texts if t.get_weight() == "bold"]
    assert len(headings) == 6 + 1  # the best value, too
    assert {"field_6", "kind"} <= set(headings)
    assert "5 of 9 fields" in drawing.note
    chosen = parallel(results, fields=("field_3", "field_1"))
    assert [t.get_text() for t in chosen.figure.axes[0].texts if t.get_weight() == "bold"][:2] == ["field_3", "field_1"]
    with pytest.raises(PodiumError, match="has no swept field 'field_33'; did you mean 'field_3'"):
        parallel(results, fields=("field_33",))
    assert parallel(results, metric="val_accuracy", fields=("kind",)).badges == ("exploratory",)


def test_best_on_test_is_a_badge(made):
    records = [made.trial(i, {"dim": i}, 0.9 + i / 1000, metric="test_accuracy") for i in range(1, 5)]
    assert "best picked on test" in parallel(made.results(records), metric="test_accuracy").badges


def test_a_sweep_of_one_trial(made):
    one = [made.trial(1, {"learning_rate": 0.1, "dim": 32, "kind": "k" * 200}, 0.9)]
    drawing = made.check(parallel(made.results(one)))
    assert drawing.finding == "One trial so far: 90.00 % validation accuracy"
    expected = made.check(budget(made.results(one)))
    assert expected.finding == "1 trial: too few to say what more would bring"
    with pytest.raises(PodiumError, match="needs 4 trials with a value; the sweep ab12cd34 has 1"):
        importance(made.results(one))
    others = [made.record(name, config={"learning_rate": 0.1, "dim": dim}, summary={"val_accuracy": 0.5})
              for name, dim in (("a", 32), ("b", 64))]  # fmt: skip
    assert "dim 32" in parallel(made.results([*one, *others])).alt
    assert "learning_rate" not in parallel(made.results([*one, *others])).alt
    bare = made.check(parallel(made.results([made.trial(1, {}, 0.9)])))
    assert len(bare.figure.axes[0].texts) == 3


def test_long_names_and_many_kinds(made):
    records = [
        made.trial(i, {"a_" * 100: f"{'z' * 200} {i}", "$x^2$": i, "same": 0}, 0.9 + i / 1e4) for i in range(1, 31)
    ]
    drawing = made.check(parallel(made.results(records)))
    assert "$x^2$" in [t.get_text() for t in made.texts(drawing)]
    assert wrapped("x" * 50, 100).endswith("x…")
    assert wrapped("x" * 50, 100).count("\n") == 1
    assert wrapped("W", 1) == "W"


def test_what_the_best_share_is_said_only_beyond_chance(made):
    assert narrowed(trials_of(made.results(made.swept()), "val_accuracy")).startswith("The best 8 of 37 trials have ")
    rng = np.random.default_rng(5)
    said = 0
    for repeat in range(40):
        noise = [made.trial(i, {"a": float(rng.uniform()), "b": str(rng.choice(["x", "y"])), "c": int(rng.integers(9))},
                            float(rng.uniform()), sweep=f"s{repeat}") for i in range(1, 25)]  # fmt: skip
        said += bool(narrowed(trials_of(made.results(noise), "val_accuracy")))
    assert said <= 5  # 5 % of 40 are 2
    kinds = [
        made.trial(i, {"b": "xyz"[i % 3], "n": float(i % 7)}, 0.9 - 0.1 * (i % 3 != 1) + i / 1e5) for i in range(1, 40)
    ]
    assert "b y" in narrowed(trials_of(made.results(kinds), "val_accuracy"))


def test_the_expected_best_is_exact():
    values = np.array([0.1, 0.5, 0.7, 0.2])
    it = expected_best(values)
    for k in (1, 2, 3, 4):
        draws = [max(draw) for draw in itertools.product(values, repeat=k)]  # every search there is
        assert it.mean[k - 1] == pytest.approx(np.mean(draws), rel=1e-12)
        assert it.low[k - 1] == np.quantile(draws, (1 - LEVEL) / 2, method="inverted_cdf")
        assert it.high[k - 1] == np.quantile(draws, 1 - (1 - LEVEL) / 2, method="inverted_cdf")
    least = expected_best(values, lower=True)
    for k in (1, 2, 3):
        draws = [min(draw) for draw in itertools.product(values, repeat=k)]
        assert least.mean[k - 1] == pytest.approx(np.mean(draws), rel=1e-12)
        assert least.low[k - 1] <= least.mean[k - 1] <= least.high[k - 1]


def test_the_expected_best_agrees_with_simulation():
    rng = np.random.default_rng(0)
    values = rng.normal(0.9, 0.02, 30)
    it = expected_best(values, 60)
    for k in (1, 5, 20, 60):
        best = rng.choice(values, (20_000, k)).max(1)
        assert it.mean[k - 1] == pytest.approx(best.mean(), abs=4 * best.std() / np.sqrt(20_000) + 1e-9)
        assert (best <= it.high[k - 1]).mean() >= 0.94
        assert (best >= it.low[k - 1]).mean() >= 0.94


@settings(deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=40), st.booleans())
def test_the_expected_best_only_gets_better(values, lower):
    it = expected_best(np.array(values), lower=lower)
    sign = -1 if lower else 1
    assert (np.diff(sign * it.mean) >= -1e-9).all()
    assert it.mean[0] == pytest.approx(np.mean(values), abs=1e-6)
    assert (it.low <= it.high).all()


def test_budget_says_what_the_second_half_brings(made, results):
    drawing = made.check(budget(results))
    line = max(
        (line for line in drawing.figure.axes[0].lines if line.get_linewidth() > 3), key=lambda a: len(a.get_xdata())
    )
    trials = trials_of(results, "val_accuracy")
    it = expected_best(trials.values[trials.done])
    assert line.get_ydata() == pytest.approx(it.mean)
    assert drawing.finding.startswith("Going from 18 to 37 trials is expected to gain 0.")
    assert "truncated axis" in drawing.note
    loss = [made.trial(i, {"dim": i}, 1.0 / i, metric="val_loss") for i in range(1, 9)]
    assert made.check(budget(made.results(loss), metric="val_loss")).finding.endswith("nats")


def test_importance_finds_the_field_that_matters(made):
    results = made.results(made.swept(60, bad=False, noise=0.0005))
    drawing = made.check(importance(results))
    assert drawing.note.startswith("exploratory")
    assert drawing.finding in {
        "learning_rate mattered most in 60 trials",
        "60 trials leave open which field mattered most: learning_rate or position",
    }
    assert next(t.get_text() for t in drawing.figure.axes[0].get_yticklabels()) == "learning_rate"
    assert importance(results).alt == drawing.alt  # the same trials, the same spread
    shares = [float(part.rsplit(" % (")[0].rsplit(" ", 1)[1]) for part in drawing.alt.split(": ", 1)[1].split("; ")]
    assert sum(shares) == pytest.approx(100, abs=2)


def test_one_field_that_alone_decides(made):
    rng = np.random.default_rng(2)
    records = [
        made.trial(i, {"good": good, "idle": str(rng.choice(["x", "y"])), "none": float(rng.uniform())}, good)
        for i, good in enumerate(rng.uniform(size=60).tolist(), start=1)
    ]
    drawing = made.check(importance(made.results(records)))
    assert drawing.finding == "good mattered most in 60 trials"
    bold = [t.get_text() for t in made.texts(drawing) if t.get_weight() == "bold"]
    assert len(bold) == 1


def test_importance_says_nothing_of_noise_and_of_few(made):
    rng = np.random.default_rng(0)
    drawn = rng.uniform(size=(30, 3)).tolist()
    records = [made.trial(i, {"a": a, "b": b, "c": "xy"[i % 2]}, v) for i, (a, b, v) in enumerate(drawn, start=1)]
    assert importance(made.results(records)).finding == "In 30 trials no field mattered more than chance would have it"
    few = made.check(importance(made.results(records[:6])))
    assert few.finding == "6 trials are too few to say which field mattered"
    with pytest.raises(PodiumError, match="Importance compares two swept fields"):
        importance(made.results([made.trial(i, {"a": i}, i / 10) for i in range(1, 6)]))
    same = [made.trial(i, {"a": i, "b": -i}, 0.5) for i in range(1, 21)]
    assert "no field mattered" in importance(made.results(same)).finding


def test_many_fields_are_said_to_be_more(made):
    rng = np.random.default_rng(0)
    records = [
        made.trial(i, {f"f{k}": int(rng.integers(3)) for k in range(12)}, float(rng.uniform())) for i in range(1, 16)
    ]
    drawing = made.check(importance(made.results(records)))
    assert "8 of 12 fields" in drawing.note


def test_optuna_is_imported_only_for_importance():
    code = "import sys, podium.press.figures; sys.exit('optuna' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_values_are_written_shortly():
    assert [short(v) for v in (0.000579, -1e-7, -3, 10**9, "text", 1.5)] == [
        "0.000579",
        "-1e-7",
        "\N{MINUS SIGN}3",
        "1e9",
        "text",
        "1.5",
    ]
    assert is_log([1e-4, 1e-3, 1e-2, 1e-1])
    assert not is_log([0.001, 0.1, 0.12, 0.2])
    assert not is_log([0.0, 1.0])
    assert not is_log(["a"])


def test_huge_and_odd_settings(made):
    odd = [10**400, float("inf"), "\ud800", "a\nb", -0.0, 2**70, None]
    records = [made.trial(i, {"odd": value, "long": "w" * 10_000 + str(i)}, i / 10) for i, value in enumerate(odd, 1)]
    drawing = made.check(parallel(made.results(records)))
    assert len(drawing.alt) < 500
    assert importance(made.results(records)).finding.endswith("are too few to say which field mattered")
    longest = [made.trial(i, {"dim": i}, i / 10, metric="m" * 200) for i in range(1, 5)]
    for draw in (parallel, budget):
        assert "m" * 39 in made.check(draw(made.results(longest), metric="m" * 200)).alt


def test_runs_of_another_program_are_a_search_too(made):
    records = [made.trial(i, {"dim": i}, i / 100, sweep="") for i in range(1, 9)]
    results = replace(made.results(records), command="podium pull them")
    assert "of 8 trials reaches 8.00 %" in parallel(results).finding
    assert trials_of(results, "val_accuracy").note == "8 trials"


def test_trials_beyond_the_axis_are_counted(made):
    records = [made.trial(i, {"dim": i}, 0.9 + i / 1000 if i > 2 else 0.1) for i in range(1, 21)]
    drawing = made.check(budget(made.results(records)))
    assert "truncated axis, 2 beyond it" in drawing.note
