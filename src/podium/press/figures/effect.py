"""Effect: every run by the value of one field alone, whatever the others were; a mean and an interval a value."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from podium.press.figures.drawing import (
    SMALL,
    Drawing,
    canvas,
    fitting,
    frame_size,
    marks_in,
    noted,
    place,
    said,
    some,
    text_width,
)
from podium.press.figures.measured import run_values
from podium.press.figures.tokens import Tokens
from podium.press.results.metrics import Metric, decimals_for, in_figures
from podium.press.results.statistics import FEWEST_SEEDS, Interval, holm, mean_interval, unpaired_difference
from podium.press.results.table import Results
from podium.spec import PodiumError, unknown

MOST = 8  # values
LONGEST = 26  # characters of a value


@dataclass(frozen=True)
class Group:
    """The runs of one value: its text, what each run reached, and their mean with its interval."""

    value: str
    reached: tuple[float, ...]
    it: Interval


def effect(results: Results, *, field: str, metric: str = "test_accuracy") -> Drawing:
    """Draw what runs reached by one field's value: a dot a run, the mean, the 95 % t interval.

    Args:
        results: where from.
        field: a config field.
        metric: a results column.

    Raises:
        PodiumError: for an unknown field or metric, a field that has one value or more than eight, or a run without a
            finite value.
    """
    rows = results.compared
    if field not in results.config_fields or field not in rows:
        raise unknown("config field", field, results.config_fields, owner=f"Experiment {results.experiment}")
    named = results.metric(metric)
    reached = run_values(results, rows, named)
    lacking = rows.loc[~np.isfinite(reached), "run"]
    if len(lacking):
        raise PodiumError(f"{results.experiment}: {metric} is missing or not finite in {some(list(lacking))}.")
    texts = rows[field].map(_text)
    order = sorted(set(texts), key=_rank)
    if not 1 < len(order) <= MOST:
        raise PodiumError(
            f"An effect is shown of a field with two to {MOST} values; {field} has {len(order)} in "
            f"{results.experiment}. For a search, ask for figure 'parallel' or 'importance'."
        )
    groups = [Group(text, tuple(reached[texts == text]), mean_interval(reached[texts == text])) for text in order]
    others = sum(
        1 for name in results.config_fields if name != field and name in rows and len(set(rows[name].map(_text))) > 1
    )
    varied = (
        f"{others} other field{'s' * (others > 1)} var{'y' if others > 1 else 'ies'} within a row" if others else ""
    )
    best, beaten = _beaten(groups, named)
    amounts = "; ".join(f"{said(group.value)} {_amount(group, named)}" for group in groups)
    return Drawing(
        draw=lambda tokens: _draw(tokens, groups, named, best if beaten else None),
        finding=_finding(best, beaten, len(groups) - 1, field, named),
        alt=f"{named.words.capitalize()} by {field}, a dot a run, mean and 95 % t interval: {amounts}.",
        note=noted(f"{named.words} by {field}, a dot a run, bar: 95 % t interval", varied),
        badges=("fewer than three runs",) * any(group.it.n < FEWEST_SEEDS for group in groups),
    )


def _beaten(groups: list[Group], named: Metric) -> tuple[Group, list[str]]:
    """Compare the best value with each other one as independent runs, by Holm; name those it is shown to beat."""
    sign = 1 if named.quantity.better == "higher" else -1
    best, *others = sorted(groups, key=lambda group: -sign * group.it.mean)
    p = holm([unpaired_difference(best.reached, other.reached).p for other in others])
    enough = [min(other.it.n, best.it.n) >= FEWEST_SEEDS for other in others]
    return best, [o.value for o, q, many in zip(others, p, enough, strict=True) if q < 0.05 and many]


def _finding(best: Group, beaten: list[str], others: int, field: str, named: Metric) -> str:
    name = said(f"{field} {best.value}")
    if not beaten:
        return f"No difference in {named.words} is shown between the values of {said(field)}"
    return f"{name} beats {some(beaten)}" + ("" if len(beaten) == others else "; over the rest nothing is shown")


def _amount(group: Group, named: Metric) -> str:
    decimals = decimals_for(group.it.half, named.quantity.decimals)
    unit = f" {named.quantity.unit}".rstrip()
    amount = f"{in_figures(group.it.mean, decimals)}{unit}"
    if math.isnan(group.it.low):
        return f"{amount}, one run"
    return f"{amount} ({in_figures(group.it.low, decimals)} to {in_figures(group.it.high, decimals)})"


def _draw(tokens: Tokens, groups: list[Group], named: Metric, winner: Group | None) -> Figure:
    names = [fitting(group.value, LONGEST) for group in groups]
    texts = [_amount(group, named) for group in groups]
    left = max(text_width(name) for name in names) + 18
    right = max(text_width(text, size=SMALL) for text in texts) + 18
    width, height = frame_size()
    figure = canvas()
    axes = place(figure, left, 8, width - left - right, height - 66)
    axes.spines["left"].set_visible(False)
    axes.grid(visible=True, axis="x", color=tokens.line, linewidth=1.2)
    shown: list[float] = []
    beside: dict[str, Any] = {"xytext": (9, 0), "textcoords": "offset points", "va": "center", "fontsize": SMALL * 0.75}
    for y, (group, text) in enumerate(zip(groups, texts, strict=True)):
        colour = tokens.accent if group is winner else tokens.soft
        axes.scatter(
            group.reached, [-y - 0.28] * len(group.reached), s=26, color=tokens.mark, alpha=0.85, linewidths=0, zorder=2
        )
        ends = [value for value in (group.it.low, group.it.high) if math.isfinite(value)]
        axes.plot(ends, [-y] * len(ends), color=colour, linewidth=3.4, zorder=3, solid_capstyle="round")
        axes.scatter([group.it.mean], [-y], s=110, color=colour, zorder=4, linewidths=0)
        axes.annotate(text, xy=(1, -y), xycoords=("axes fraction", "data"), color=colour, **beside)
        shown += [*group.reached, *ends]
    edge = max((max(shown) - min(shown)) * 0.06, 1e-6)
    axes.set_xlim(min(shown) - edge, max(shown) + edge)
    axes.set_ylim(-len(groups) + 0.4, 0.6)
    axes.set_yticks([-y for y in range(len(groups))], names)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=marks_in(width - left - right), steps=[1, 2, 2.5, 5, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda v, _: f"{v:.10g}".replace("-", "\N{MINUS SIGN}")))
    unit = f", {named.quantity.unit}" if named.quantity.unit else ""
    axes.set_xlabel(f"{named.words}{unit}", labelpad=4)
    return figure


def _text(value: Any) -> str:
    plain = value.item() if hasattr(value, "item") else value
    return plain if isinstance(plain, str) else json.dumps(plain, sort_keys=True, ensure_ascii=False, default=str)


def _rank(text: str) -> tuple[bool, float, str]:
    """Order values: numbers by size, then the rest by text."""
    try:
        return False, float(text), ""
    except ValueError:
        return True, 0.0, text
