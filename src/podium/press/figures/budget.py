"""Budget: the best validation result to expect of so many trials (Dodge et al. 2019, Show Your Work).

The trials are taken as independent draws, as of a random search; with n of them, in ascending order v_1 ... v_n, the
best of k draws lies at or below v_i with probability (i / n) ** k.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from podium.press.figures.drawing import (
    HEIGHT,
    SMALL,
    TEXT,
    WIDTH,
    Drawing,
    canvas,
    counted,
    noted,
    place,
    text_width,
)
from podium.press.figures.tokens import Tokens
from podium.press.figures.trials import Trials, trials_of
from podium.press.results.metrics import in_figures
from podium.press.results.table import Results

LEVEL = 0.9  # of searches whose best lies in the band
FEWEST = 4  # trials from which on something is said of more of them


@dataclass(frozen=True)
class Expected:
    """The best of k draws, for k = 1 ... n.

    Attributes:
        mean: expected.
        low: lower end of the band that holds the best of LEVEL of all searches.
        high: its upper end.
    """

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def expected_best(values: np.ndarray, most: int | None = None, *, lower: bool = False) -> Expected:
    """Return what to expect of the best of k draws with replacement, exactly, from the order statistics.

    Args:
        values: what the trials reached.
        most: the largest k; as many as there are values where None.
        lower: whether the lowest value is the best.

    >>> expected_best(np.array([0.0, 1.0])).mean.tolist()
    [0.5, 0.75]
    """
    ordered = np.sort(-values if lower else values)
    n = len(ordered)
    k = np.arange(1, (most or n) + 1)[:, None]
    below = (np.arange(n + 1) / n) ** k  # row k: the probability that the best of k is at or below v_i, from i = 0
    mean = np.diff(below, axis=1) @ ordered
    tail = (1 - LEVEL) / 2
    low, high = (ordered[np.minimum(n - 1, (below[:, 1:] < share - 1e-12).sum(1))] for share in (tail, 1 - tail))
    return Expected(-mean, -high, -low) if lower else Expected(mean, low, high)


def budget(results: Results, *, metric: str = "val_accuracy", sweep: str = "") -> Drawing:
    """Draw the best result to expect against the number of trials, with the band of nine searches in ten.

    Args:
        results: where from.
        metric: what the trials are judged by, best a validation metric.
        sweep: the sweep's id; the one that was started last where empty.

    Raises:
        PodiumError: for an unknown metric or sweep, or a sweep without a value.
    """
    trials = trials_of(results, metric, sweep)
    values = trials.values[trials.done]
    lower = trials.metric.quantity.better == "lower"
    expected = expected_best(values, lower=lower)
    n = len(values)
    low, high = trials.written(float(expected.low[-1])), trials.written(float(expected.high[-1]))
    limits = _limits(expected, trials)
    beyond = int(((values < limits[0]) | (values > limits[1])).sum())
    cut = limits[0] > 0 or beyond > 0
    return Drawing(
        draw=lambda tokens: _draw(tokens, trials, expected),
        finding=_finding(trials, expected),
        alt=(
            f"Expected best {trials.metric.words} against the number of trials, 1 to {n}: "
            f"{trials.written(float(expected.mean[0]))} for one trial, {trials.written(float(expected.mean[-1]))} for "
            f"{n} ({low} to {high} in {LEVEL * 100:.0f} % of searches). The best trial reached {trials.best}."
        ),
        note=noted(
            trials.note,
            f"truncated axis, {beyond} beyond it" if beyond else "truncated axis" if cut else "",
            f"line: expected best, band: {LEVEL * 100:.0f} % of random searches",
            "grey: as run",
        ),
        badges=trials.badges[1:] + ("truncated axis",) * cut,
    )


def _finding(trials: Trials, expected: Expected) -> str:
    n = len(expected.mean)
    if n < FEWEST:
        return f"{counted(n, 'trial').capitalize()}: too few to say what more would bring"
    half = n // 2
    gain = abs(float(expected.mean[n - 1] - expected.mean[half - 1]))
    quantity = trials.metric.quantity
    decimals = next((d for d in range(quantity.decimals, 4) if round(gain, d) > 0), 4)
    amount = f"{in_figures(gain, decimals)} {quantity.step}".strip()
    return f"Going from {half} to {n} trials is expected to gain {amount}"


def _limits(expected: Expected, trials: Trials) -> tuple[float, float]:
    low, high = float(expected.low.min()), float(expected.high.max())
    middle = expected.mean
    if trials.metric.quantity.better == "higher":  # the first draws reach far down: cut where the line begins
        low = max(low, float(middle[0]) - (high - float(middle[0])) * 0.6)
    else:
        high = min(high, float(middle[0]) + (float(middle[0]) - low) * 0.6)
    room = (high - low) * 0.08 or abs(high) * 0.02 or 1e-3
    top = 100.0 if trials.metric.quantity.unit == "%" and high <= 100 else math.inf
    return max(0.0, low - room) if low >= 0 else low - room, min(top, high + room)


def _draw(tokens: Tokens, trials: Trials, expected: Expected) -> Figure:
    low, high = _limits(expected, trials)
    ticks = [
        float(t) for t in MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= t <= high
    ]
    places = max((len(f"{t:.6f}".rstrip("0").partition(".")[2]) for t in ticks), default=0)
    percent = "%" * (trials.metric.quantity.unit == "%")
    tick = FuncFormatter(lambda v, _: f"{in_figures(v, places)} {percent}".strip())
    left = max(text_width(tick(t, 0)) for t in [*ticks, low]) + 14
    end = trials.written(float(expected.mean[-1]))
    right = max(text_width(end, bold=True), text_width("expected best", size=SMALL)) + 24
    n = len(expected.mean)
    figure = canvas()
    axes = place(figure, left, 10, WIDTH - left - right, HEIGHT - 70)
    axes.grid(visible=True, axis="y", color=tokens.line, linewidth=1.2)
    k = np.arange(1, n + 1)
    if n > 1:
        axes.fill_between(k, expected.low, expected.high, color=tokens.accent, alpha=0.16, linewidth=0, zorder=2)
    axes.plot(
        k,
        expected.mean,
        color=tokens.accent,
        linewidth=3.6,
        zorder=4,
        marker="o" if n < 5 else "",
        solid_capstyle="round",
    )
    seen = np.maximum.accumulate if trials.metric.quantity.better == "higher" else np.minimum.accumulate
    axes.plot(
        k, seen(trials.values[trials.done]), color=tokens.greys[0], linewidth=1.6, drawstyle="steps-post", zorder=3
    )
    axes.scatter(k, trials.values[trials.done], s=22, color=tokens.mark, alpha=0.8, linewidths=0, zorder=3)
    axes.set_xlim(1 if n > 1 else 0.5, n if n > 1 else 1.5)
    axes.set_ylim(low, high)
    axes.set_yticks(ticks)
    axes.yaxis.set_major_formatter(tick)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.set_xlabel("trials", labelpad=4)
    for text, up, size in ((end, 9, TEXT), ("expected best" if n > 1 else "one trial", -9, SMALL)):
        axes.annotate(
            text,
            xy=(1, expected.mean[-1]),
            xycoords=("axes fraction", "data"),
            xytext=(10, up),
            textcoords="offset points",
            va="center",
            color=tokens.accent,
            fontweight="bold" if size == TEXT else "normal",
            fontsize=size * 0.75,
        )
    return figure
