"""Frontier: what a variant costs against what it reaches, and which variants no other one beats in both."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator
from matplotlib.transforms import ScaledTranslation

from podium.press.figures.axis import log_marks, thousands
from podium.press.figures.drawing import (
    SMALL,
    Drawing,
    canvas,
    counted,
    few_seeds,
    fitting,
    frame_size,
    noted,
    place,
    said,
    some,
    text_width,
)
from podium.press.figures.labels import beside
from podium.press.figures.measured import measured, metric_of
from podium.press.figures.tokens import Tokens
from podium.press.results.metrics import Metric, in_figures
from podium.press.results.statistics import FEWEST_SEEDS, holm, mean_interval
from podium.press.results.table import Results
from podium.spec import PodiumError

MOST_LABELS = 9
SEEDS_ASIDE = 10  # pixels
LONGEST = 20  # characters of a name beside its mark


def frontier(results: Results, *, metric: str = "test_accuracy", cost: str = "parameters") -> Drawing:
    """Draw what each variant reaches over what it costs, with the Pareto frontier of the means.

    Args:
        results: where from.
        metric: what is reached, a results column.
        cost: what it costs, a results column of numbers above zero; drawn on a log axis.

    Raises:
        PodiumError: for an unknown metric, or runs whose metric or cost is missing, not finite or not above zero.
    """
    named, price = metric_of(results, metric), metric_of(results, cost)
    reached, paid = measured(results, named), measured(results, price)
    bad = [name for name, by_seed in paid.items() if min(by_seed.values()) <= 0]
    if bad:
        raise PodiumError(f"A log axis needs {cost} above zero; {some(bad)} has runs at or below it.")
    points = {name: (_mean(paid[name]), _mean(reached[name])) for name in reached}
    edge = pareto(points, named)
    rest = max(0, len(points) - MOST_LABELS)
    listing = "; ".join(
        f"{said(name)} {in_figures(points[name][1], named.quantity.decimals + 1)} {named.quantity.unit} "
        f"at {thousands(points[name][0])} {price.quantity.unit}".replace("  ", " ").rstrip()
        for name in edge[:MOST_LABELS]
    )
    cut = _limits([v for by_seed in reached.values() for v in by_seed.values()], named)
    seeds = max(len(by_seed) for by_seed in reached.values())
    return Drawing(
        draw=lambda tokens: _draw(tokens, reached, points, edge, (named, price)),
        finding=_finding(results, reached, points, edge, price),
        alt=(
            f"{named.words.capitalize()} over {price.words} of {counted(len(points), 'variant')}, "
            f"{counted(seeds, 'seed')} each at most, log axis. "
            f"On the frontier: {listing}."
        ),
        note=noted(
            named.words,
            "truncated axis" if cut[0] > 0 else "",
            "small: every seed, large: mean" if seeds > 1 else "one seed",
            "line: frontier of the means",
            f"most of the {len(points)} variants not named" if rest else "",
        ),
        badges=("truncated axis",) * (cut[0] > 0) + few_seeds(min(len(by_seed) for by_seed in reached.values())),
    )


def pareto(points: dict[str, tuple[float, float]], named: Metric) -> list[str]:
    """Name the variants that no other one beats in cost and value, the cheapest first.

    Args:
        points: name to cost and value.
        named: says whether the higher or the lower value is the better one.
    """
    sign = 1 if named.quantity.better == "higher" else -1
    best = -np.inf
    edge = []
    for name in sorted(points, key=lambda name: (points[name][0], -sign * points[name][1])):
        value = sign * points[name][1]
        if value > best:
            edge.append(name)
            best = value
    return edge


def _mean(by_seed: dict[int, float]) -> float:
    return mean_interval(list(by_seed.values())).mean


def _finding(
    results: Results,
    reached: dict[str, dict[int, float]],
    points: dict[str, tuple[float, float]],
    edge: list[str],
    price: Metric,
) -> str:
    """Name the cheapest variant that is not shown to lie behind the best one, Holm-corrected over all cheaper ones."""
    best, words = edge[-1], price.quantity.words
    cheaper = [name for name in points if points[name][0] < points[best][0]]
    if len(points) == 1:
        return f"{said(best)}: {thousands(points[best][0])} {words}"
    if min(cost for cost, _ in points.values()) == max(cost for cost, _ in points.values()):
        return f"All {len(points)} variants have {thousands(points[best][0])} {words}"
    if not cheaper:
        return f"{said(best)} is ahead with no more {words} than any other variant so far"
    comparable = [name for name in cheaper if not results.paired or set(reached[name]) & set(reached[best])]
    differences = [results.between(reached[best], reached[name]) for name in comparable]
    if len(comparable) < len(cheaper) or any(it.n < FEWEST_SEEDS for it in differences):
        return f"{said(best)} is ahead so far, but there are too few seeds to say what fewer {words} cost"
    shown = dict(zip(comparable, holm([it.p for it in differences]), strict=True))
    level = [name for name in cheaper if shown[name] >= 0.05]
    if not level:
        return f"{said(best)} beats {counted(len(cheaper), 'variant')} with fewer {words}"
    least = min(level, key=lambda name: (points[name][0], name))
    part = points[best][0] / points[least][0]
    many = f"{in_figures(part, 1).removesuffix('.0')} times fewer" if part >= 1.05 else "slightly fewer"
    return f"{said(least)} is not shown to lie behind {said(best)}, with {many} {words}"


def _limits(values: list[float], named: Metric) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = (high - low) * 0.16 or abs(high) * 0.02 or 1e-3
    top = 100.0 if named.quantity.unit == "%" and high <= 100 else np.inf
    return max(0.0, low - room) if low >= 0 else low - room, min(top, high + room)


def _draw(
    tokens: Tokens,
    reached: dict[str, dict[int, float]],
    points: dict[str, tuple[float, float]],
    edge: list[str],
    metrics: tuple[Metric, Metric],
) -> Figure:
    named, price = metrics
    low, high = _limits([v for by_seed in reached.values() for v in by_seed.values()], named)
    ticks = [
        float(t) for t in MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high) if low <= t <= high
    ]
    places = max((len(f"{t:.6f}".rstrip("0").partition(".")[2]) for t in ticks), default=0)
    tick = FuncFormatter(lambda v, _: f"{in_figures(v, places)} {'%' * (named.quantity.unit == '%')}".strip())
    left = max(text_width(tick(t, 0)) for t in [*ticks, low]) + 14
    width, height = frame_size()
    figure = canvas()
    axes = place(figure, left, 10, width - left - 24, height - 70)
    axes.set_xscale("log")
    axes.grid(visible=True, axis="y", color=tokens.line, linewidth=1.2)
    costs = [cost for cost, _ in points.values()]
    room = max((max(costs) / min(costs)) ** 0.07, 1.01)
    axes.set_xlim(min(costs) / room, max(costs) * room)
    axes.set_ylim(low, high)
    axes.set_yticks(ticks)
    axes.yaxis.set_major_formatter(tick)
    axes.set_xticks(log_marks(min(costs) / room, max(costs) * room))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: thousands(v)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    unit = f", {price.quantity.unit}" if price.quantity.unit else ""
    axes.set_xlabel(f"{price.words}{unit} (log axis)", labelpad=4)
    steps = [points[name] for name in edge]
    axes.plot(
        [*(cost for cost, _ in steps), max(costs) * room],
        [*(value for _, value in steps), steps[-1][1]],
        drawstyle="steps-post",
        color=tokens.accent,
        linewidth=2.4,
        alpha=0.55,
        zorder=1.5,
    )
    for name in sorted(points, key=lambda name: name in edge):
        _mark(axes, tokens, points[name], list(reached[name].values()), on_edge=name in edge)
    _names(axes, tokens, points, edge)
    return figure


def _mark(axes: Axes, tokens: Tokens, point: tuple[float, float], seeds: list[float], *, on_edge: bool) -> None:
    """Draw a mean, and its seeds a little to the right of it, so that it covers none."""
    colour = tokens.accent if on_edge else tokens.greys[0]
    aside = axes.transData + ScaledTranslation(SEEDS_ASIDE / 96, 0, axes.figure.dpi_scale_trans)
    axes.scatter([point[0]] * len(seeds), seeds, s=18, color=tokens.mark, linewidths=0, zorder=3, transform=aside)
    axes.scatter([point[0]], [point[1]], s=90, color=colour, linewidths=0, zorder=5 if on_edge else 4)


def _names(axes: Axes, tokens: Tokens, points: dict[str, tuple[float, float]], edge: list[str]) -> None:
    """Write the frontier's names first, then as many others as there is room for."""
    box = axes.get_position()
    size = np.array([box.width * frame_size()[0], box.height * frame_size()[1]])
    order = [*edge, *(name for name in points if name not in edge)]
    places = axes.transAxes.inverted().transform(axes.transData.transform([points[name] for name in order])) * size
    texts = [fitting(name, LONGEST) for name in order]
    marks = [(float(x), float(y)) for x, y in places]
    bold = [name in edge for name in order]
    count = min(len(order), MOST_LABELS)
    room = (float(size[0]), float(size[1]))
    for label in beside(marks[:count], texts[:count], room, bold=bold[:count], taken=marks[count:]):
        on_edge = bold[label.index]
        axes.annotate(
            texts[label.index],
            xy=points[order[label.index]],
            xytext=(label.left / size[0], label.middle / size[1]),
            textcoords="axes fraction",
            va="center",
            color=tokens.accent if on_edge else tokens.soft,
            fontweight="bold" if on_edge else "normal",
            fontsize=SMALL * 0.75,
            zorder=6,
            arrowprops={"arrowstyle": "-", "color": tokens.axis, "linewidth": 0.9, "shrinkA": 2, "shrinkB": 6}
            if label.far
            else None,
        )
