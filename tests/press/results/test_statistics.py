import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import proportion_confint

from podium.press.results.statistics import chance_of_beating, holm, mean_interval, paired_difference, ranking, wilson
from podium.spec import PodiumError

values = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=12).filter(lambda x: np.std(x) > 1e-3)


@given(values, st.sampled_from([0.8, 0.95, 0.99]))
def test_mean_interval_is_scipys(x, level):
    it = mean_interval(x, level)
    low, high = stats.t.interval(level, len(x) - 1, loc=np.mean(x), scale=stats.sem(x))
    assert (it.mean, it.n) == (pytest.approx(np.mean(x), rel=1e-12, abs=1e-12), len(x))
    assert it.low == pytest.approx(low, rel=1e-12, abs=1e-10)
    assert it.high == pytest.approx(high, rel=1e-12, abs=1e-10)
    assert it.half == pytest.approx((high - low) / 2)


def test_one_value_has_no_interval():
    it = mean_interval([0.5])
    assert it.mean == 0.5
    assert math.isnan(it.low)
    assert math.isnan(it.high)


@pytest.mark.parametrize("bad", [[], [1.0, math.nan], [math.inf]])
def test_no_interval_of_nothing(bad):
    with pytest.raises(PodiumError, match="An interval needs"):
        mean_interval(bad)


@given(st.integers(3, 10), st.integers(0, 10_000))
def test_paired_difference_is_scipys(n, seed):
    chance = np.random.default_rng(seed)
    a, b = chance.normal(0.3, 1, n), chance.normal(0, 1, n)
    it = paired_difference(dict(enumerate(a)), dict(enumerate(b)))
    theirs = stats.ttest_rel(a, b)
    interval = theirs.confidence_interval(0.95)
    assert it.p == pytest.approx(theirs.pvalue, rel=1e-12)
    assert (it.low, it.high) == (pytest.approx(interval.low, rel=1e-12), pytest.approx(interval.high, rel=1e-12))
    assert it.verdict == ("shown" if theirs.pvalue < 0.05 else "not shown")


def test_pairs_are_the_shared_seeds():
    it = paired_difference({0: 1.0, 2: 3.0, 7: 9.0}, {2: 1.0, 0: 0.5, 3: 0.0})
    assert (it.seeds, it.n, it.verdict) == ((0, 2), 2, "too few seeds")
    assert it.mean == pytest.approx(1.25)


def test_pairs_need_a_shared_seed():
    with pytest.raises(PodiumError, match=r"share none: \[0\] and \[1\]"):
        paired_difference({0: 1.0}, {1: 1.0})


def test_one_pair_says_nothing():
    it = paired_difference({0: 1.0}, {0: 0.5})
    assert it.verdict == "too few seeds"
    assert math.isnan(it.p)


@pytest.mark.parametrize(("shift", "verdict", "p"), [(0.5, "shown", 0.0), (0.0, "not shown", 1.0)])
def test_differences_without_spread(shift, verdict, p):
    it = paired_difference(dict.fromkeys(range(3), shift), dict.fromkeys(range(3), 0.0))
    assert (it.verdict, it.p) == (verdict, p)


@settings(max_examples=25)  # statsmodels takes a twentieth of a second
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_is_statsmodels(p):
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist())


def test_holm_takes_a_missing_p_for_one():
    assert holm([math.nan, 0.01]) == [1.0, 0.02]


@given(st.integers(0, 200), st.integers(200, 20_000))
def test_wilson_is_statsmodels(hits, n):
    low, high = proportion_confint(hits, n, method="wilson")
    it = wilson(hits / n, n)
    assert (it.low, it.high) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))


def by_seed(*numbers):
    return dict(enumerate(numbers))


def test_ranking_says_what_the_seeds_allow():
    rank = ranking(
        {
            "none": by_seed(0.90, 0.91, 0.89),
            "a": by_seed(0.990, 0.991, 0.992),
            "b": by_seed(0.991, 0.990, 0.9915),
        }
    )
    assert rank.order == ("a", "b", "none")
    assert (rank.best, rank.level, rank.beaten, rank.too_few) == ("a", ("b",), ("none",), False)


def test_ranking_of_losses_and_of_few_seeds():
    rank = ranking({"a": by_seed(2.0, 2.1), "b": by_seed(1.0, 1.1)}, "lower")
    assert (rank.best, rank.beaten, rank.too_few) == ("b", (), True)


@given(st.lists(st.sampled_from([-1.0, 1.0]), min_size=1, max_size=12))
def test_the_chance_of_beating_has_statsmodels_exact_interval(signs):
    it = chance_of_beating(dict(enumerate(signs)), dict.fromkeys(range(len(signs)), 0.0))
    low, high = proportion_confint(signs.count(1.0), len(signs), method="beta")
    assert it.mean == signs.count(1.0) / len(signs)
    assert (it.low, it.high) == (pytest.approx(low, abs=1e-12), pytest.approx(high, abs=1e-12))


def test_a_tie_is_half_a_win_and_strangers_have_no_chance():
    assert chance_of_beating({0: 1.0, 1: 2.0}, {0: 1.0, 1: 1.0}).mean == 0.75
    with pytest.raises(PodiumError, match="share none"):
        chance_of_beating({0: 1.0}, {1: 1.0})


@pytest.mark.slow
@pytest.mark.parametrize("n", [3, 5, 10])
def test_the_intervals_cover_what_they_say(n):
    """Simulated: 20,000 repetitions leave a standard error of 0.15 points."""
    chance = np.random.default_rng(7)
    samples = chance.normal(1.0, 2.0, (20_000, n))
    covered = np.mean([it.low <= 1.0 <= it.high for it in map(mean_interval, samples)])
    a, b = chance.normal(1.0, 1.0, (2, 5_000, n))
    pairs = (paired_difference(dict(enumerate(x)), dict(enumerate(y))) for x, y in zip(a, b, strict=True))
    paired = np.mean([it.low <= 0.0 <= it.high for it in pairs])
    assert 0.93 <= covered <= 0.97
    assert 0.93 <= paired <= 0.97


def test_no_share_is_more_than_one():
    with pytest.raises(PodiumError, match="between 0 and 1"):
        wilson(1.5, 10)
