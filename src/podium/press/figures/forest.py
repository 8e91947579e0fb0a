"""Forest: the difference of every variant to one baseline, paired by seed, with what Holm's correction leaves shown."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from podium.press.figures.drawing import (
    SMALL,
    TEXT,
    Drawing,
    canvas,
    counted,
    few_seeds,
    fitting,
    frame_size,
    marks_in,
    noted,
    place,
    said,
    some,
    text_width,
)
from podium.press.figures.measured import measured, metric_of
from podium.press.figures.tokens import Tokens
from podium.press.results.metrics import (
    Metric,
    decimals_between,
    decimals_for,
    in_figures,
)
from podium.press.results.statistics import FEWEST_SEEDS, Difference, holm, mean_interval, ranking
from podium.press.results.table import Results
from podium.spec import PodiumError, unknown

MOST = 8  # rows
SEEDS_BELOW = 0.3  # of a row's height, under the interval
LONGEST = 22  # characters of a name beside its row


@dataclass(frozen=True)
class Row:
    """One variant held against the baseline.

    Attributes:
        name: the variant's.
        it: mean difference and interval.
        seeds: the difference of each seed.
        shown: whether the difference is shown, Holm-corrected over all rows of the comparison.
        ahead: whether the mean difference is to the better side.
        best: whether the variant is shown to beat every other one.
    """

    name: str
    it: Difference
    seeds: tuple[float, ...]
    shown: bool
    ahead: bool
    best: bool

    def text(self, named: Metric) -> str:
        """Write the difference with its interval."""
        it = self.it
        decimals = decimals_between(it.low, it.high, decimals_for(it.half, max(named.quantity.decimals, 2)))
        amount = in_figures(it.mean, decimals, sign=True)
        if math.isnan(it.low):
            return f"{amount}, one seed"
        return f"{amount} ({in_figures(it.low, decimals)} to {in_figures(it.high, decimals)})"


def forest(results: Results, *, metric: str = "test_accuracy", over: str | None = None) -> Drawing:
    """Draw every variant's difference to a baseline: a dot a seed, the mean, the 95 % t interval.

    Args:
        results: where from.
        metric: a results column.
        over: the baseline; the experiment's first variant where None.

    Raises:
        PodiumError: for an unknown metric or variant, fewer than two variants, a variant that shares no seed with the
            baseline, or runs without a finite value.
    """
    named = metric_of(results, metric)
    names = results.variants
    if len(names) < 2:
        raise PodiumError(f"Differences need two variants; {results.experiment} has only {some(names)}.")
    over = over or results.baseline or names[0]
    if over not in names:
        raise unknown("variant", over, names, owner=f"Experiment {results.experiment}")
    values = measured(results, named)
    apart = [name for name in names if not set(values[name]) & set(values[over])]
    if apart and results.paired:
        raise PodiumError(
            f"A difference is paired by seed, and {some(apart)} shares none with {said(over)}. "
            "Train them with equal seeds."
        )
    rows = _rows(results, values, over, named)
    kept, few = rows[:MOST], f"the best {MOST} of {len(rows)} differences" if len(rows) > MOST else ""
    step = f" {named.quantity.step}".rstrip()
    most = max(row.it.n for row in rows)
    counts = counted(most, "seed") if most == min(row.it.n for row in rows) else f"up to {counted(most, 'seed')}"
    how = "paired by seed" if results.paired else "of independent runs"
    verdicts = "; ".join(f"{said(row.name)} {row.text(named)}{step}, {_verdict(row)}" for row in kept)
    corrected = f"filled: shown, Holm over {len(rows)}" if len(rows) > 1 else "filled: shown"
    return Drawing(
        draw=lambda tokens: _draw(tokens, kept, over, named),
        finding=_finding(rows, said(over), named),
        alt=(
            f"Differences in {named.words} to {said(over)}, {how}, {counts}, "
            f"for {few or counted(len(rows), 'variant')}: {verdicts}."
        ),
        note=noted(
            few, f"{named.words}, a dot a {'seed' if results.paired else 'run'}, bar: 95 % t interval", corrected
        ),
        badges=few_seeds(min(row.it.n for row in rows)),
    )


def _rows(results: Results, values: dict[str, dict[int, float]], over: str, named: Metric) -> list[Row]:
    """Compare every other variant with the baseline, best first."""
    better = named.quantity.better
    names = [name for name in values if name != over]
    differences = {name: results.between(values[name], values[over]) for name in names}
    middle = mean_interval(list(values[over].values())).mean
    p = dict(zip(names, holm([differences[name].p for name in names]), strict=True))
    winner = _winner(results, values, named)
    sign = 1 if better == "higher" else -1
    rows = [
        Row(
            name=name,
            it=it,
            seeds=tuple(values[name][seed] - values[over][seed] for seed in it.seeds)
            if results.paired
            else tuple(value - middle for value in values[name].values()),
            shown=it.n >= FEWEST_SEEDS and p[name] < 0.05,
            ahead=sign * it.mean > 0,
            best=name == winner,
        )
        for name, it in differences.items()
    ]
    return sorted(rows, key=lambda row: -sign * row.it.mean)


def _winner(results: Results, values: dict[str, dict[int, float]], named: Metric) -> str | None:
    """Return the variant that is shown to beat every other one, if there is one."""
    try:
        rank = ranking(values, named.quantity.better, paired=results.paired)
    except PodiumError:  # the best one shares no seed with some other
        return None
    return None if rank.level else rank.best


def _verdict(row: Row) -> str:
    if row.it.n < FEWEST_SEEDS:
        return "too few seeds"
    return "shown" if row.shown else "not shown"


def _finding(rows: list[Row], over: str, named: Metric) -> str:
    better = [row.name for row in rows if row.shown and row.ahead]
    worse = [row.name for row in rows if row.shown and not row.ahead]
    open_ = [row.name for row in rows if not row.shown]
    fewest = min(row.it.n for row in rows)
    if not better and not worse:
        if fewest < FEWEST_SEEDS:
            return f"Nothing is shown over {over} yet: {counted(fewest, 'seed')} cannot show it"
        return f"No difference in {named.words} to {over} is shown for {some(open_, 'or')}"
    winner = next((row.name for row in rows if row.best), "")
    if winner and len(rows) > 1:
        return f"{said(winner)} beats every other variant"
    parts = [f"{some(better, room=30)} beat{'s' * (len(better) == 1)} {over}"] if better else []
    parts += [f"{some(worse, room=30)} lose{'s' * (len(worse) == 1)} to {'it' if better else over}"] if worse else []
    parts += [f"for {some(open_, 'or', 30)} nothing is shown"] if open_ else []
    return "; ".join(parts)


def _draw(tokens: Tokens, rows: list[Row], over: str, named: Metric) -> Figure:
    names = [fitting(row.name, LONGEST) for row in rows]
    texts = [row.text(named) for row in rows]
    left = max(text_width(name, bold=True) for name in names) + 18
    right = max(text_width(text, bold=True, size=SMALL) for text in texts) + 18
    width, height = frame_size()
    figure = canvas()
    axes = place(figure, left, 30, width - left - right, height - 88)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x", color=tokens.line, linewidth=1.2)
    axes.axvline(0, color=tokens.axis, linewidth=2, zorder=1)
    shown = [0.0]
    for place_, row in enumerate(rows):
        shown += _row(axes, tokens, row, -place_)
    edge = max((max(shown) - min(shown)) * 0.06, 1e-6)
    axes.set_xlim(min(shown) - edge, max(shown) + edge)
    axes.set_ylim(-len(rows) + 0.4, 0.6)
    axes.set_yticks([-i for i in range(len(rows))], names)
    for label, row in zip(axes.get_yticklabels(), rows, strict=True):
        label.set(color=_colour(tokens, row), fontweight="bold" if row.best else "normal")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=marks_in(width - left - right), steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda v, _: f"{v:+.10g}".replace("-", "\N{MINUS SIGN}") if v else "0")
    )
    better = "right" if named.quantity.better == "higher" else "left"
    axes.set_xlabel(f"{named.quantity.step or named.words}, better to the {better}", labelpad=4)
    beside: dict[str, Any] = {"xytext": (9, 0), "textcoords": "offset points", "va": "center", "fontsize": SMALL * 0.75}
    for place_, (row, text) in enumerate(zip(rows, texts, strict=True)):
        axes.annotate(
            text,
            xy=(1, -place_),
            xycoords=("axes fraction", "data"),
            color=_colour(tokens, row),
            fontweight="bold" if row.best else "normal",
            **beside,
        )
    _head(axes, f"{fitting(over)} = 0", tokens)
    return figure


def _head(axes: Axes, text: str, tokens: Tokens) -> None:
    """Write over the zero line what it stands for, kept inside the figure."""
    low, high = axes.get_xlim()
    width = axes.get_position().width * frame_size()[0]
    half = text_width(text, bold=True) / 2
    middle = (0 - low) / (high - low) * width
    left = axes.get_position().x0 * frame_size()[0]
    x = min(max(middle, half - left), frame_size()[0] - left - half - 4)
    axes.annotate(
        text,
        xy=(x / width, 1),
        xycoords="axes fraction",
        xytext=(0, 4),
        textcoords="offset points",
        ha="center",
        va="bottom",
        color=tokens.ink,
        fontweight="bold",
        fontsize=TEXT * 0.75,
    )


def _row(axes: Axes, tokens: Tokens, row: Row, y: float) -> list[float]:
    """Draw a row, and return every x that it reaches."""
    colour = _colour(tokens, row) if row.shown else tokens.faint
    below = [y - SEEDS_BELOW] * len(row.seeds)
    axes.scatter(row.seeds, below, s=26, color=tokens.mark, alpha=0.85, linewidths=0, zorder=2)
    ends = [value for value in (row.it.low, row.it.high) if math.isfinite(value)]
    if ends:
        axes.plot(ends, [y, y], color=colour, linewidth=3.4, zorder=3, solid_capstyle="round")
    axes.scatter(
        [row.it.mean],
        [y],
        s=110,
        facecolor=colour if row.shown else tokens.ground,
        edgecolor=colour,
        linewidths=2.4,
        zorder=4,
    )
    return [*row.seeds, *ends]


def _colour(tokens: Tokens, row: Row) -> str:
    return tokens.accent if row.shown and row.ahead else tokens.soft
