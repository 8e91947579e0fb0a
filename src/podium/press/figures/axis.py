"""Axes: where numbers that span many sizes have their marks, and how a field's values stand on a line."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.ticker import MaxNLocator

from podium.press.figures.drawing import shortened
from podium.press.figures.trials import is_log, is_number, is_scale, short
from podium.press.results.metrics import in_figures

NONE_ROOM = 0.14  # of a number's line, at its foot, where the missing values stand
STEPS = ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7))  # marks a factor of ten


@dataclass(frozen=True)
class Line:
    """A field's values on a vertical line.

    Attributes:
        places: of each value, in [0, 1].
        marks: place and text of what is written beside the line.
    """

    places: np.ndarray
    marks: tuple[tuple[float, str], ...]


def line_of(values: Sequence[Any], most: int = 6) -> Line:
    """Place a field's values: numbers by their size, evenly or by their logarithm; other values side by side.

    Args:
        values: of each trial; None where there is none.
        most: marks.
    """
    if is_scale(values) and len({v for v in values if v is not None}) > 1:
        return _scale(values, most)
    kinds = sorted({short(value) for value in values}, key=lambda text: (text == "none", _natural(text)))
    step = max(1, math.ceil(len(kinds) / most))
    spots = {kind: (i + 0.5) / len(kinds) for i, kind in enumerate(reversed(kinds))}
    marks = tuple((spots[kind], shortened(kind, 14)) for kind in kinds[::step])
    return Line(np.array([spots[short(value)] for value in values]), marks)


def log_marks(low: float, high: float, most: int = 6) -> list[float]:
    """Return round numbers between two, as many as a log axis has room for; the two themselves where none is round.

    >>> log_marks(900, 2.1e6), log_marks(104_000, 106_000)
    ([1000.0, 10000.0, 100000.0, 1000000.0], [104000.0, 104400.0, 104800.0, 105200.0, 105600.0, 106000.0])
    """
    best: list[float] = []
    for steps in STEPS:
        first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
        marks = [float(step * 10.0**power) for power in range(first, last + 1) for step in steps]
        inside = [mark for mark in marks if low * (1 - 1e-9) <= mark <= high * (1 + 1e-9)]
        if len(inside) <= most and len(inside) > len(best):
            best = inside
        if len(best) >= 3:
            return best
    if not best and high / low > 10**most:
        powers = np.linspace(math.ceil(math.log10(low)), math.log10(high), 4)
        return [10.0 ** int(power) for power in powers]
    even = [float(t) for t in MaxNLocator(nbins=most - 1).tick_values(low, high) if low <= t <= high]
    return even if len(even) > len(best) else best or [low, high]


def thousands(value: float) -> str:
    """Write a large number shortly.

    >>> thousands(105_000), thousands(1_500_000), thousands(950), thousands(104_530)
    ('105 k', '1.5 M', '950', '104.5 k')
    """
    for size, letter in ((1e9, " G"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size * 0.9995:
            return f"{in_figures(value / size, 1).removesuffix('.0')}{letter}"
    return short(round(value, 3) if value != int(value) else int(value))


def _scale(values: Sequence[Any], most: int) -> Line:
    there = [float(value) for value in values if value is not None]
    low, high = min(there), max(there)
    log = is_log(values)
    foot = NONE_ROOM if len(there) < len(values) else 0.0

    def place_of(value: float) -> float:
        share = math.log(value / low) / math.log(high / low) if log else (value - low) / (high - low)
        return foot + (1 - foot) * share

    few = sorted(set(there))
    even = MaxNLocator(nbins=most - 1, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)
    wanted = few if len(few) <= most else log_marks(low, high, most) if log else [float(t) for t in even]
    marks = [(place_of(mark), _tidy(mark)) for mark in wanted if low <= mark <= high]
    apart: list[tuple[float, str]] = []
    for mark in marks:
        if not apart or mark[0] - apart[-1][0] > 0.085:
            apart.append(mark)
    places = np.array([0.0 if value is None else place_of(float(value)) for value in values])
    return Line(places, tuple([(0.0, "none")] * (foot > 0) + apart))


def _tidy(value: float) -> str:
    return short(int(value)) if value == int(value) and abs(value) < 10**7 else short(value)


def _natural(text: str) -> tuple[int, float, str]:
    """Order numbers by their size, before words."""
    try:
        value = float(text.replace(",", ""))
    except ValueError:
        return (1, 0.0, text)
    return (0, value, text) if is_number(value) else (1, 0.0, text)
