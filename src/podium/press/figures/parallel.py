"""Parallel coordinates of a sweep: a line a trial through the fields that varied, to the metric on the right."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from podium.press.figures.axis import Line, line_of
from podium.press.figures.drawing import (
    HEIGHT,
    LONGEST_SAID,
    SMALL,
    WIDTH,
    Drawing,
    canvas,
    counted,
    noted,
    place,
    said,
    shortened,
    text_width,
)
from podium.press.figures.tokens import Tokens
from podium.press.figures.trials import Trials, best_fifth, narrowed, ranks_of, short, trials_of
from podium.press.results.table import Results
from podium.spec import unknown

MOST_AXES = 6  # with the metric's
TOP, BOTTOM = 52, 16  # pixels above and below the lines


def parallel(
    results: Results, *, metric: str = "val_accuracy", sweep: str = "", fields: tuple[str, ...] = ()
) -> Drawing:
    """Draw a sweep's trials, the best fifth in the accent colour, trials without a value dotted up to the metric.

    Args:
        results: where from.
        metric: what the trials are judged by.
        sweep: the sweep's id; the one that was started last where empty.
        fields: which of the swept fields, in this order; where empty, those that go most with the metric.

    Raises:
        PodiumError: for an unknown metric, sweep or field, or a sweep without a value.
    """
    trials = trials_of(results, metric, sweep)
    for name in fields:
        if name not in trials.tried:
            raise unknown("swept field", name, trials.tried, owner=f"The sweep {trials.sweep}")
    shown = list(fields)[: MOST_AXES - 1] or _telling(trials)
    few = f"{len(shown)} of {counted(len(trials.tried), 'field')}" if len(shown) < len(trials.tried) else ""
    best = trials.best_first[0]
    values = ", ".join(f"{said(name)} {said(short(trials.tried[name][best]))}" for name in shown)
    top = best_fifth(len(trials.done))
    lost = len(trials.runs) - len(trials.done)
    return Drawing(
        draw=lambda tokens: _draw(tokens, trials, shown),
        finding=narrowed(trials) or _fact(trials),
        alt=(
            f"Parallel coordinates of {counted(len(trials.runs), 'trial')} of a sweep, "
            f"{trials.metric.words} on the right. The best reaches {trials.best}"
            f"{f' with {values}' if values else ''}."
        ),
        note=noted(
            trials.note,
            few,
            f"coloured: the best {top}" if top > 1 else "coloured: the best",
            "dotted: no value" if lost else "",
        ),
        badges=trials.badges,
    )


def _fact(trials: Trials) -> str:
    if len(trials.done) == 1:
        return f"One trial so far: {trials.best} {trials.metric.words}"
    return f"The best of {len(trials.done)} trials reaches {trials.best} {trials.metric.words}"


def _telling(trials: Trials) -> list[str]:
    """Name the fields whose ranks go most with the metric's, as many as there are axes, in the order of the config."""
    if len(trials.tried) < MOST_AXES or len(trials.done) < 3:
        return list(trials.tried)[: MOST_AXES - 1]
    ranked, _ = ranks_of(list(trials.values[trials.done]))
    strength: dict[str, float] = {}
    for name, values in trials.tried.items():
        ranks, numeric = ranks_of([values[i] for i in trials.done])
        if not ranks.std():
            strength[name] = 0.0
        elif numeric:
            strength[name] = float(np.corrcoef(ranks, ranked)[0, 1] ** 2)
        else:  # the share of the ranks' variance that lies between the kinds
            means = np.array([ranked[ranks == kind].mean() for kind in ranks])
            strength[name] = float(means.var() / ranked.var()) if ranked.var() else 0.0
    kept = sorted(strength, key=lambda name: -strength[name])[: MOST_AXES - 1]
    return [name for name in trials.tried if name in kept]


def _draw(tokens: Tokens, trials: Trials, fields: list[str]) -> Figure:
    lines = {name: line_of(trials.tried[name]) for name in fields}
    goal = line_of([float(trials.values[i]) for i in trials.done])
    left = max([46.0, *(text_width(t, size=SMALL) + 14 for _, t in lines[fields[0]].marks)]) if fields else 60.0
    right = max(text_width(trials.best, bold=True) + 20, 66)
    figure = canvas()
    axes = place(figure, left, TOP, WIDTH - left - right, HEIGHT - TOP - BOTTOM)
    axes.spines[["left", "bottom"]].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlim(0, max(len(fields), 1))
    axes.set_ylim(-0.02, 1.02)
    place_of = dict(zip(trials.done.tolist(), goal.places, strict=True))
    top = trials.best_first[: best_fifth(len(trials.done))].tolist()
    for index in range(len(trials.runs)):
        if index not in top:
            heights = [float(lines[name].places[index]) for name in fields]
            _line(
                axes, tokens, [*heights, *([place_of[index]] if index in place_of else [])], lost=index not in place_of
            )
    for depth, index in enumerate(reversed(top)):
        heights = [*(float(lines[name].places[index]) for name in fields), place_of[index]]
        first = index == top[0]
        axes.plot(
            range(len(heights)) if fields else [1],
            heights,
            color=tokens.accent,
            linewidth=3.6 if first else 1.6,
            alpha=1 if first else 0.75,
            marker="" if fields else "o",
            zorder=4 + depth,
            solid_joinstyle="round",
        )
    room = min((WIDTH - left - right) / max(len(fields), 1) - 8, 2 * right - 6)
    unit = trials.metric.quantity.unit
    heads = [*fields, f"{trials.metric.words}{f', {unit}' if unit else ''}"]
    for x, (name, line) in enumerate(zip(heads, [*lines.values(), goal], strict=True), start=0 if fields else 1):
        _axis(axes, tokens, x, wrapped(name, room), line)
    axes.annotate(
        trials.best,
        xy=(1, place_of[top[0]]),
        xycoords=("axes fraction", "data"),
        xytext=(9, 0),
        textcoords="offset points",
        va="center",
        color=tokens.accent,
        fontweight="bold",
    )
    return figure


def _line(axes: Axes, tokens: Tokens, heights: list[float], *, lost: bool) -> None:
    style: dict[str, Any] = {"color": tokens.mark, "linewidth": 1.1, "alpha": 0.55, "zorder": 2}
    if lost:
        style |= {"linestyle": (0, (1.2, 2.4)), "linewidth": 1.6, "alpha": 0.9}
    axes.plot(range(len(heights)), heights, marker="x" if lost and len(heights) == 1 else "", **style)


def wrapped(name: str, room: float) -> str:
    r"""Break a name that is wider than its room, in pixels, into two lines, and cut what does not fit into those.

    >>> wrapped("validation accuracy, %", 120), wrapped("optimizer.learning_rate", 120), wrapped("dim", 120)
    ('validation\naccuracy, %', 'optimizer.\nlearning_rate', 'dim')
    """
    name = shortened(name, LONGEST_SAID)
    if text_width(name, bold=True, size=SMALL) <= room:
        return name
    breaks = [i + 1 for i, letter in enumerate(name[:-1]) if letter in " _.-/" and i]
    fitting = [i for i in breaks if text_width(name[:i].rstrip(), bold=True, size=SMALL) <= room]
    at = min(fitting or [len(_cut(name, room))], key=lambda i: abs(i - len(name) / 2))
    return f"{_cut(name[:at].rstrip(), room)}\n{_cut(name[at:], room)}".rstrip()


def _cut(text: str, room: float) -> str:
    """Shorten a text until it is no wider than its room."""
    for longest in range(len(text), 1, -1):
        if text_width(shortened(text, longest), bold=True, size=SMALL) <= room:
            return shortened(text, longest)
    return text[:1]


def _axis(axes: Axes, tokens: Tokens, x: int, name: str, line: Line) -> None:
    """Draw an axis with its name above and its marks on the left, on a ground that the lines do not show through."""
    axes.axvline(x, color=tokens.axis, linewidth=1.6, zorder=20)
    axes.annotate(
        name,
        xy=(x, 1),
        xycoords=("data", "axes fraction"),
        xytext=(-34 if x == 0 else 0, 8),
        textcoords="offset points",
        ha="left" if x == 0 else "center",
        va="bottom",
        color=tokens.ink,
        fontweight="bold",
        fontsize=SMALL * 0.75,
        linespacing=1.15,
    )
    for y, text in line.marks:
        axes.annotate(
            text,
            xy=(x, y),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            color=tokens.soft,
            fontsize=SMALL * 0.75,
            zorder=21,
            bbox={"facecolor": tokens.ground, "edgecolor": "none", "alpha": 0.85, "pad": 0.8},
        )
