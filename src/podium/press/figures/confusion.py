"""Confusion: what was taken for what, counted over a variant's seeds, the largest confusions by name."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from podium.press.figures.drawing import (
    HEIGHT,
    SMALL,
    WIDTH,
    Drawing,
    canvas,
    counted,
    few_seeds,
    noted,
    place,
    said,
    shortened,
)
from podium.press.figures.measured import kept_samples
from podium.press.figures.tokens import Tokens
from podium.press.results.metrics import in_figures, listed
from podium.press.results.table import Results
from podium.spec import PodiumError

MOST_CLASSES = 12
LISTED = 5  # largest confusions beside the matrix
MATRIX = 540  # pixels
LEFT, TOP, BOTTOM = 64, 54, 6


@dataclass(frozen=True)
class Pair:
    """What was taken for what: how many of how many pictures."""

    truth: int
    taken: int
    count: int
    of: int

    @property
    def words(self) -> str:
        """Name the pair: "4 as 9"."""
        return f"{self.truth} as {self.taken}"


def confusion(results: Results, *, metric: str = "", variant: str | None = None) -> Drawing:
    """Draw the confusion matrix of a variant on the test set, counted over its seeds.

    Args:
        results: where from.
        metric: not used; every figure takes it.
        variant: whose; the first that kept counts where None.

    Raises:
        PodiumError: for an unknown variant, runs that kept no counts, or counts that are none.
    """
    del metric
    name, counts, runs, trained = _counts(results, variant)
    pairs = _pairs(counts)
    right = int(np.trace(counts))
    total = int(counts.sum())
    listing = "; ".join(f"{p.words} {p.count:,} of {p.of:,}" for p in pairs[:LISTED])
    return Drawing(
        draw=lambda tokens: _draw(tokens, counts, pairs),
        finding=_finding(pairs, runs),
        alt=(
            f"Confusion matrix of {said(name)}, {counted(total, 'picture')} of the test set over "
            f"{counted(runs, 'run')}: {in_figures(right / total * 100, 2)} % on the diagonal. "
            f"Largest confusions: {listing or 'none'}."
        ),
        note=noted(
            f"{shortened(name)}, {counted(runs, 'run')}" + (f" of {trained}" if runs < trained else ""),
            "a row a digit, a column what it was taken for",
            "diagonal: % right",
        ),
        badges=few_seeds(runs),
    )


def _counts(results: Results, variant: str | None) -> tuple[str, np.ndarray, int, int]:
    """Return the variant, its counts, over how many runs, and how many runs it has."""
    name, kept, trained = kept_samples(results, variant, "confusion", "confusion counts; classifiers do")
    tables = [_checked(run, table) for run, table in kept.items()]
    if len({table.shape for table in tables}) > 1:
        raise PodiumError(f"The runs of {results.experiment}, variant {said(name)!r}, tell different classes.")
    return name, np.sum(tables, axis=0), len(kept), trained


def _checked(run: str, table: Any) -> np.ndarray:
    try:
        counts = np.asarray(table, dtype=float)
    except (TypeError, ValueError):
        counts = np.empty(0)
    square = counts.ndim == 2 and len(counts) > 1 and counts.shape == (len(counts), len(counts))
    if not square or not np.isfinite(counts).all() or (counts < 0).any() or not counts.sum():
        raise PodiumError(f"The confusion counts of {run} are no square table of counts. Train it again.")
    if len(counts) > MOST_CLASSES:
        raise PodiumError(f"A confusion matrix shows {MOST_CLASSES} classes at most; {run} tells {len(counts)}.")
    return counts.astype(np.int64)


def _pairs(counts: np.ndarray) -> list[Pair]:
    """List every confusion, the largest count first."""
    of = counts.sum(1)
    pairs = [
        Pair(truth, taken, int(counts[truth, taken]), int(of[truth]))
        for truth, taken in zip(*np.nonzero(counts), strict=True)
        if truth != taken
    ]
    return sorted(pairs, key=lambda pair: -pair.count)


def _finding(pairs: list[Pair], runs: int) -> str:
    """Name the largest confusion, and those whose counts chance does not tell from it (two standard errors)."""
    over = f"in {counted(runs, 'run')}"
    if not pairs:
        return f"Nothing is taken for anything else {over}"
    first = pairs[0]
    level = [pair for pair in pairs[1:] if (first.count - pair.count) ** 2 <= 4 * (first.count + pair.count)]
    if not level:
        return f"{first.truth} is taken for {first.taken} most often: {first.count:,} of {first.of:,} pictures {over}"
    if len(level) > 2:
        return f"No confusion stands out {over}: the largest is {first.words}, {first.count:,} of {first.of:,} pictures"
    return f"The largest confusions {over} are {listed([pair.words for pair in (first, *level)])}"


def _draw(tokens: Tokens, counts: np.ndarray, pairs: list[Pair]) -> Figure:
    figure = canvas()
    size = len(counts)
    axes = place(figure, LEFT, TOP, MATRIX - LEFT, HEIGHT - TOP - BOTTOM)
    axes.spines[:].set_visible(False)
    axes.set_xlim(0, size)
    axes.set_ylim(size, 0)
    axes.xaxis.tick_top()
    axes.set_xticks(np.arange(size) + 0.5, [str(i) for i in range(size)])
    axes.set_yticks(np.arange(size) + 0.5, [str(i) for i in range(size)])
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("taken for", labelpad=3)
    axes.set_ylabel("digit", labelpad=4)
    largest = max((pair.count for pair in pairs), default=1)
    heat = tokens.heat("rising")
    for truth in range(size):
        for taken in range(size):
            count = int(counts[truth, taken])
            own = truth == taken
            colour = tokens.panel if own else heat(count / largest) if count else "none"
            gap = 0.035
            box = Rectangle((taken + gap, truth + gap), 1 - 2 * gap, 1 - 2 * gap, facecolor=colour, linewidth=0)
            axes.add_patch(box)
            of = int(counts[truth].sum())
            text = (in_figures(count / of * 100, 1) if of else "") if own else _short(count)
            axes.text(
                taken + 0.5,
                truth + 0.52,
                text,
                ha="center",
                va="center",
                fontsize=SMALL * 0.75,
                color=tokens.soft if own else _readable(colour, tokens),
                fontweight="bold" if not own and count == largest else "normal",
            )
    _list(figure, tokens, pairs)
    return figure


def _short(count: int) -> str:
    if count == 0:
        return ""
    return f"{count:,}" if count < 10_000 else f"{count / 1000:.0f} k"


def _readable(colour: Any, tokens: Tokens) -> str:
    """Return the text colour that stands out more on a cell."""
    if isinstance(colour, str):
        return tokens.soft
    return max((tokens.ink, tokens.ground, "#000000", "#ffffff"), key=lambda text: contrast(text, colour))


def contrast(one: Any, other: Any) -> float:
    """Return the contrast of two colours, 1 to 21 (WCAG 2.2).

    >>> round(contrast("#000000", "#ffffff"))
    21
    """
    bright = sorted(_luminance(colour) for colour in (one, other))
    return (bright[1] + 0.05) / (bright[0] + 0.05)


def _luminance(colour: Any) -> float:
    parts = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in to_rgb(colour)]
    return float(np.dot(parts, (0.2126, 0.7152, 0.0722)))


def _list(figure: Figure, tokens: Tokens, pairs: list[Pair]) -> None:
    """Write the largest confusions beside the matrix, each with a bar as long as its count."""
    left = MATRIX + 44
    axes = place(figure, left, 6, WIDTH - left - 4, HEIGHT - 12)
    axes.spines[:].set_visible(False)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.set_xlim(0, 1)
    axes.set_ylim(LISTED + 0.85, -0.15)
    axes.text(0, 0, "largest confusions" if pairs else "no confusion", color=tokens.ink, fontweight="bold", va="top")
    for row, pair in enumerate(pairs[:LISTED], start=1):
        _bar(axes, tokens, pair, row, pairs[0].count)


def _bar(axes: Axes, tokens: Tokens, pair: Pair, row: int, largest: int) -> None:
    first = row == 1
    colour = tokens.accent if first else tokens.soft
    weight = "bold" if first else "normal"
    amount = f"{pair.count:,} of {pair.of:,}"
    axes.text(0, row - 0.02, pair.words, color=colour, fontweight=weight, va="center")
    size = SMALL * 0.75
    axes.text(1, row - 0.02, amount, color=colour, fontweight=weight, va="center", ha="right", fontsize=size)
    share = max(pair.count / largest, 0.01)
    axes.add_patch(Rectangle((0, row + 0.28), 1, 0.1, facecolor=tokens.panel, linewidth=0))
    axes.add_patch(
        Rectangle((0, row + 0.28), share, 0.1, facecolor=tokens.accent if first else tokens.mark, linewidth=0)
    )
