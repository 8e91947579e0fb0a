"""Two variants, seed by seed: on the left what each seed did, on the right the differences and their interval."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from podium.press.figures.drawing import (
    HEIGHT,
    WIDTH,
    Drawing,
    canvas,
    counted,
    few_seeds,
    noted,
    place,
    said,
    shortened,
    text_width,
)
from podium.press.figures.measured import measured, metric_of
from podium.press.figures.tokens import Tokens
from podium.press.results.metrics import Metric, decimals_between, decimals_for, in_figures
from podium.press.results.statistics import Difference, mean_interval, paired_difference
from podium.press.results.table import Results
from podium.spec import PodiumError

SLOPES = 440  # pixels of the left panel
RIGHT = 552  # where the right panel starts


def paired(
    results: Results, *, metric: str = "test_accuracy", variant: str | None = None, over: str | None = None
) -> Drawing:
    """Draw a variant against another one, a line a seed.

    Args:
        results: where from.
        metric: a results column.
        variant: the one that is spoken about; the best of the others where None.
        over: the one it is held against; the experiment's first where None.

    Raises:
        PodiumError: for an unknown metric or variant, fewer than two variants, or no shared seed.
    """
    named = metric_of(results, metric)
    quantity = named.quantity
    names = results.variants
    if len(names) < 2:
        raise PodiumError(f"A paired comparison needs two variants; {results.experiment} has {names}.")
    if not results.paired:
        raise PodiumError(
            f"The runs of {results.experiment} are not paired by seed, so no line can join two of them. "
            "Ask for the figure forest."
        )
    over = over or next(name for name in (results.baseline, *names) if name in names and name != variant)
    scaled = measured(results, named, [over, variant] if variant else [over, *(n for n in names if n != over)])
    if variant is None:
        pick = max if quantity.better == "higher" else min
        variant = pick((n for n in names if n != over), key=lambda n: mean_interval(list(scaled[n].values())).mean)
    ours, theirs = scaled[variant], scaled[over]
    it = paired_difference(ours, theirs)
    pairs, sides = {s: (theirs[s], ours[s]) for s in it.seeds}, (over, variant)
    decimals = decimals_between(it.low, it.high, decimals_for(it.half, max(quantity.decimals, 2)))
    amount = f"{in_figures(it.mean, decimals, sign=True)} {quantity.step}".strip()
    interval = (
        "one seed, no interval"
        if math.isnan(it.low)
        else f"95 % interval {in_figures(it.low, decimals)} to {in_figures(it.high, decimals)}"
    )
    return Drawing(
        draw=lambda tokens: _draw(tokens, pairs, it, sides, named),
        finding=_finding(it, variant, over, named),
        alt=(
            f"{named.words.capitalize()} of {said(over)} and {said(variant)}, "
            f"a line for each of {counted(it.n, 'seed')}. Mean difference {amount} ({interval}); "
            f"it is higher with {said(variant)} in "
            f"{sum(ours[s] > theirs[s] for s in it.seeds)} of {it.n}. Verdict: {it.verdict}."
        ),
        note=noted(
            named.words,
            "a line a seed, thick: mean",
            "right: differences, mean, 95 % t interval",
            "truncated axis",
        ),
        badges=("truncated axis", *few_seeds(it.n)),
    )


def _finding(it: Difference, variant: str, over: str, named: Metric) -> str:
    variant, over = said(variant), said(over)
    ahead = (it.mean > 0) == (named.quantity.better == "higher")
    if it.verdict == "too few seeds" and it.mean != 0:
        return f"{variant if ahead else over} is ahead so far, but {counted(it.n, 'seed')} cannot show it"
    if it.verdict != "shown":
        return f"No difference in {named.words} is shown between {variant} and {over}"
    return f"{variant} beats {over}" if ahead else f"{over} beats {variant}"


def _draw(
    tokens: Tokens, pairs: dict[int, tuple[float, float]], it: Difference, names: tuple[str, str], named: Metric
) -> Figure:
    """Draw both panels; `names` are of the variant that is held against, and of the one that is spoken about."""
    over, variant = names
    decimals = max(decimals_for(it.half, named.quantity.decimals), named.quantity.decimals)
    means = [float(np.mean(values)) for values in zip(*pairs.values(), strict=True)]
    sides = [(shortened(n, 15), mean, in_figures(mean, decimals)) for n, mean in zip(names, means, strict=True)]
    figure = canvas()
    _slopes(place(figure, 0, 40, SLOPES, HEIGHT - 62), tokens, pairs, sides, named)
    _differences(place(figure, RIGHT, 40, WIDTH - RIGHT - 24, HEIGHT - 102), tokens, pairs, it, named)
    heading: dict[str, Any] = {"va": "top", "color": tokens.ink, "fontweight": "bold"}
    figure.text(0, 1, f"{named.words}{f', {named.quantity.unit}' if named.quantity.unit else ''}", ha="left", **heading)
    name = f"{shortened(variant, 15)} minus {shortened(over, 15)}"
    figure.text(RIGHT / WIDTH, 1, name, ha="left", **heading)
    return figure


def _slopes(
    axes: Axes,
    tokens: Tokens,
    pairs: dict[int, tuple[float, float]],
    sides: list[tuple[str, float, str]],
    named: Metric,
) -> None:
    """Draw a line a seed from left to right; each side has a name, a mean, and the mean as it is written."""
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    for values in pairs.values():
        axes.plot([0, 1], values, color=tokens.mark, linewidth=1.3, marker="o", markersize=6, zorder=2)
    means = [mean for _, mean, _ in sides]
    axes.plot(
        [0, 1],
        means,
        color=tokens.accent,
        linewidth=3.6,
        marker="o",
        markersize=9,
        zorder=4,
        solid_capstyle="round",
    )
    values = [value for pair in pairs.values() for value in pair]
    edge = max((max(values) - min(values)) * 0.14, 10.0**-named.quantity.decimals * 0.2)
    axes.set_ylim(min(values) - edge, max(values) + edge)
    rooms = [max(text_width(name, bold=True), text_width(label, bold=True)) + 24 for name, _, label in sides]
    slope = max(60.0, SLOPES - sum(rooms))
    axes.set_xlim(-rooms[0] / slope, 1 + rooms[1] / slope)
    for x, (name, mean, label) in enumerate(sides):
        for text, up in ((name, 8), (label, -8)):
            axes.annotate(
                text,
                xy=(x, mean),
                xytext=(10 if x else -10, up),
                textcoords="offset points",
                ha="left" if x else "right",
                va="center",
                fontweight="bold" if x else "normal",
                color=tokens.accent if x else tokens.soft,
            )


def _differences(
    axes: Axes, tokens: Tokens, pairs: dict[int, tuple[float, float]], it: Difference, named: Metric
) -> None:
    axes.spines["left"].set_visible(False)
    axes.spines["bottom"].set_color(tokens.axis)
    seeds = list(pairs)
    differences = [b - a for a, b in pairs.values()]
    rows = list(range(len(seeds), 0, -1))
    axes.axvline(0, color=tokens.axis, linewidth=1.5, zorder=1)
    axes.grid(visible=True, axis="x", color=tokens.line, linewidth=1.2)
    axes.scatter(differences, rows, s=46, color=tokens.mark, zorder=3, linewidths=0)
    ends = [value for value in (it.low, it.high) if math.isfinite(value)]
    if ends:
        axes.plot(ends, [0, 0], color=tokens.accent, linewidth=4, zorder=3, solid_capstyle="round")
    axes.scatter([it.mean], [0], s=110, color=tokens.accent, zorder=4, linewidths=0)
    shown = [*differences, *ends, 0.0]
    edge = max((max(shown) - min(shown)) * 0.08, 1e-6)
    axes.set_xlim(min(shown) - edge, max(shown) + edge)
    axes.set_ylim(-0.7, len(seeds) + 0.6)
    axes.set_yticks([*rows, 0] if len(seeds) <= 7 else [0])
    axes.set_yticklabels([*(f"seed {seed}" for seed in seeds), "mean"] if len(seeds) <= 7 else ["mean"])
    axes.get_yticklabels()[-1].set(color=tokens.accent, fontweight="bold")
    axes.xaxis.set_major_locator(MaxNLocator(nbins=4, steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(
        FuncFormatter(lambda v, _: f"{v:+.10g}".replace("-", "\N{MINUS SIGN}") if v else "0")
    )
    axes.set_xlabel(named.quantity.step, labelpad=4)
