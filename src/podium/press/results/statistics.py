"""Statistics over seeds: t intervals, paired differences, Holm, and which words they allow.

Below about twenty seeds the percentile bootstrap covers far less than it says (0.75 instead of 0.95 with three
seeds), so every interval here is Student's; a difference is paired by seed, because seeds share data and order.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import betaincinv, ndtri, stdtr, stdtrit

from podium.spec import PodiumError

Verdict = Literal["shown", "not shown", "too few seeds"]

FEWEST_SEEDS = 3  # below it nothing is said to be shown


@dataclass(frozen=True)
class Interval:
    """A mean over seeds with its interval; `low` and `high` are NaN for one seed."""

    mean: float
    low: float
    high: float
    n: int

    @property
    def half(self) -> float:
        """Half the interval's width."""
        return (self.high - self.low) / 2


@dataclass(frozen=True)
class Difference(Interval):
    """A mean difference, paired by seed.

    Attributes:
        p: two-sided p of the paired t test; NaN for one seed.
        verdict: "shown" when the interval leaves zero out, "not shown" when it does not.
        seeds: the seeds that both sides have, in order; empty where they are not paired.
        paired: whether seed stood against seed; else two groups of independent runs, and `n` is the smaller one's size.
    """

    p: float
    verdict: Verdict
    seeds: tuple[int, ...]
    paired: bool = True


@dataclass(frozen=True)
class Ranking:
    """The best of several variants, and what the seeds allow to say about the others.

    Attributes:
        best: the variant with the best mean.
        beaten: variants that are shown to be worse, Holm-corrected over all comparisons with the best; best first.
        level: variants whose difference to the best is not shown, best first.
        order: every variant, best mean first.
        too_few: whether a comparison has fewer than three seeds, so that nothing is shown.
    """

    best: str
    beaten: tuple[str, ...]
    level: tuple[str, ...]
    order: tuple[str, ...]
    too_few: bool


def mean_interval(values: Sequence[float] | np.ndarray, level: float = 0.95) -> Interval:
    """Return the mean and its t interval.

    Raises:
        PodiumError: for no values, or values that are not finite.

    >>> mean_interval([1.0, 2.0, 3.0]).mean
    2.0
    """
    x = _finite(values)
    mean = float(x.mean())
    if len(x) == 1:
        return Interval(mean, math.nan, math.nan, 1)
    half = float(stdtrit(len(x) - 1, (1 + level) / 2) * x.std(ddof=1) / math.sqrt(len(x)))
    return Interval(mean, mean - half, mean + half, len(x))


def paired_difference(a: Mapping[int, float], b: Mapping[int, float], level: float = 0.95) -> Difference:
    """Return `a` minus `b` over the seeds that both have.

    Args:
        a: seed to value.
        b: seed to value, of the variant that `a` is held against.
        level: coverage of the interval.

    Raises:
        PodiumError: where they share no seed, or a value is not finite.

    >>> paired_difference({0: 3.0, 1: 4.1, 2: 5.2}, {0: 1.0, 1: 2.0, 2: 3.0}).verdict
    'shown'
    """
    seeds = tuple(sorted(set(a) & set(b)))
    if not seeds:
        raise PodiumError(
            f"A difference is paired by seed, and these share none: {sorted(a)} and {sorted(b)}. "
            "Train them with equal seeds."
        )
    differences = np.array([a[s] for s in seeds], float) - np.array([b[s] for s in seeds], float)
    it = mean_interval(differences, level)
    p = _p(differences)
    away = not it.low <= 0 <= it.high
    verdict: Verdict = "too few seeds" if it.n < FEWEST_SEEDS else "shown" if away else "not shown"
    return Difference(it.mean, it.low, it.high, it.n, p, verdict, seeds)


def unpaired_difference(a: Sequence[float], b: Sequence[float], level: float = 0.95) -> Difference:
    """Return the mean of `a` minus the mean of `b` for independent runs (Welch 1947, unequal variances).

    Args:
        a: values, one a run.
        b: values of the variant that `a` is held against.
        level: coverage of the interval.

    Raises:
        PodiumError: for no values, or values that are not finite.

    >>> unpaired_difference([3.0, 3.1, 3.2], [1.0, 1.1, 1.2]).verdict
    'shown'
    """
    x, y = _finite(a), _finite(b)
    mean, n = float(x.mean() - y.mean()), min(len(x), len(y))
    if n == 1:
        return Difference(mean, math.nan, math.nan, n, math.nan, "too few seeds", (), paired=False)
    parts = np.array([x.var(ddof=1) / len(x), y.var(ddof=1) / len(y)])
    error = math.sqrt(parts.sum())
    if error == 0:
        p, half = (1.0 if mean == 0 else 0.0), 0.0
    else:
        freedom = parts.sum() ** 2 / (parts**2 / np.array([len(x) - 1, len(y) - 1])).sum()
        p = float(2 * stdtr(freedom, -abs(mean / error)))
        half = float(stdtrit(freedom, (1 + level) / 2) * error)
    away = not mean - half <= 0 <= mean + half
    verdict: Verdict = "too few seeds" if n < FEWEST_SEEDS else "shown" if away else "not shown"
    return Difference(mean, mean - half, mean + half, n, p, verdict, (), paired=False)


def chance_of_beating(a: Mapping[int, float], b: Mapping[int, float], level: float = 0.95) -> Interval:
    """Return P(A > B) over the seeds that both have, with its exact interval; a tie counts half.

    Bouthillier et al. 2021, Accounting for Variance in Machine Learning Benchmarks, with the interval of Clopper and
    Pearson 1934 in place of their bootstrap, which covers too little below twenty seeds.

    Args:
        a: seed to value.
        b: seed to value, of the variant that `a` is held against.
        level: coverage of the interval, at least.

    Raises:
        PodiumError: where they share no seed.

    >>> chance_of_beating({0: 2.0, 1: 2.0, 2: 2.0}, {0: 1.0, 1: 1.0, 2: 1.0}).low.__round__(2)
    0.29
    """
    seeds = sorted(set(a) & set(b))
    if not seeds:
        raise PodiumError(f"P(A > B) is paired by seed, and these share none: {sorted(a)} and {sorted(b)}.")
    n, wins = len(seeds), sum((a[s] > b[s]) + (a[s] == b[s]) / 2 for s in seeds)
    tail = (1 - level) / 2
    low = float(betaincinv(wins, n - wins + 1, tail)) if wins > 0 else 0.0
    high = float(betaincinv(wins + 1, n - wins, 1 - tail)) if wins < n else 1.0
    return Interval(wins / n, low, high, n)


def ranking(
    values: Mapping[str, Mapping[int, float]], better: Literal["higher", "lower"] = "higher", *, paired: bool = True
) -> Ranking:
    """Rank variants by their mean, and say which ones the best one is shown to beat.

    Args:
        values: variant to its values by seed.
        better: whether the higher or the lower value is the better one.
        paired: whether seed stands against seed; else the runs are independent.
    """
    means = {name: mean_interval(list(by_seed.values())).mean for name, by_seed in values.items()}
    order = sorted(means, key=lambda name: means[name], reverse=better == "higher")
    best, others = order[0], order[1:]
    differences = [
        paired_difference(values[best], values[name])
        if paired
        else unpaired_difference(list(values[best].values()), list(values[name].values()))
        for name in others
    ]
    shown = holm([difference.p for difference in differences])
    beaten = tuple(
        name
        for name, difference, p in zip(others, differences, shown, strict=True)
        if difference.n >= FEWEST_SEEDS and p < 0.05
    )
    level = tuple(name for name in others if name not in beaten)
    return Ranking(best, beaten, level, tuple(order), any(d.n < FEWEST_SEEDS for d in differences))


def holm(p: Sequence[float]) -> list[float]:
    """Correct p values for their number (Holm 1979, A Simple Sequentially Rejective Multiple Test Procedure)."""
    corrected = [1.0] * len(p)
    highest = 0.0
    for rank, index in enumerate(sorted(range(len(p)), key=lambda i: (math.isnan(p[i]), p[i]))):
        highest = max(highest, 1.0 if math.isnan(p[index]) else min(1.0, (len(p) - rank) * p[index]))
        corrected[index] = highest
    return corrected


def wilson(share: float, n: int, level: float = 0.95) -> Interval:
    """Return the interval of a share that was measured on `n` pictures (Wilson 1927), as the finite test set leaves it.

    Args:
        share: in [0, 1].
        n: how many pictures it was measured on.
        level: coverage of the interval.

    Raises:
        PodiumError: for a share outside of [0, 1].
    """
    if not 0 <= share <= 1:
        raise PodiumError(f"A share lies between 0 and 1; not {share}.")
    z = float(ndtri((1 + level) / 2))
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    return Interval(share, max(0.0, centre - half), min(1.0, centre + half), n)


def _finite(values: Sequence[float] | np.ndarray) -> np.ndarray:
    x = np.asarray(values, dtype=float)
    if x.size == 0:
        raise PodiumError("An interval needs at least one value; got none.")
    if not np.isfinite(x).all():
        raise PodiumError(f"An interval needs finite values; got {x.tolist()}.")
    return x


def _p(differences: np.ndarray) -> float:
    n = len(differences)
    if n == 1:
        return math.nan
    error = float(differences.std(ddof=1)) / math.sqrt(n)
    mean = float(differences.mean())
    if error == 0:
        return 1.0 if mean == 0 else 0.0
    return float(2 * stdtr(n - 1, -abs(mean / error)))
