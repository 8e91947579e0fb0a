# ruff: noqa: INP001 - a deck is no package: its cells run this before their own line
"""The deck's own pictures, drawn when it is built from what the lab's parts compute, in the look of every figure.

Shapes: T tokens, D model width, P places, F frequencies (pairs of columns).
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from rapidfuzz.distance import Levenshtein

from podium.lab.models.attention import SelfAttention, later
from podium.lab.models.positions import Rotary, Sinusoidal
from podium.press.figures.drawing import HEIGHT, TEXT, WIDTH, Drawing, canvas, place, save
from podium.press.figures.tokens import Tokens

POINTS = 0.75  # points in a pixel
PALE = 1.7  # by how much a scale goes on past its values where numbers stand on it, so that they can be read

torch.manual_seed(0)
torch.set_grad_enabled(False)


class Shown:
    """A picture as a cell gives it, written by the one place that saves figures: equal ones have equal bytes."""

    def __init__(self, draw: Callable[[Tokens], Figure], *, half: bool = False) -> None:
        self.drawing = Drawing(draw, "", "", "", place="half" if half else "whole")

    def savefig(self, buffer: IO[bytes], **_: Any) -> None:
        """Write the SVG for a light slide."""
        with tempfile.TemporaryDirectory() as folder:
            buffer.write(save(self.drawing, Path(folder) / "picture.svg").read_bytes())


def mask(*words: str) -> Shown:
    """Draw one causal head's scores, what the mask leaves of them, and the weights that the softmax makes."""
    attention = SelfAttention(16, 1, causal=True).eval()
    x = 2.5 * torch.randn(1, len(words), 16)  # far enough apart that the scores differ
    q, k, _ = attention.projected(x, x)
    scores = attention.scores(q, k)
    masked = scores.masked_fill(later(scores), -np.inf)
    panels = {
        "scores": scores[0, 0].numpy(),
        "behind the mask": masked[0, 0].numpy(),
        "weights: each row sums to 1": masked.softmax(dim=-1)[0, 0].numpy(),
    }

    def draw(tokens: Tokens) -> Figure:
        figure = canvas()
        left, top, gap, foot = 66, 34, 38, 34
        width = (WIDTH - left - 2 * gap) / len(panels)
        for index, (name, values) in enumerate(panels.items()):
            axes = place(figure, left + index * (width + gap), top, width, HEIGHT - top - foot)
            rising = index == len(panels) - 1
            most = 1.0 if rising else float(scores.abs().max())
            _heat(axes, values, tokens, "rising" if rising else "diverging", most=PALE * most)
            _numbers(axes, values, tokens)
            _named(axes, words, words if index == 0 else [])
            _title(axes, name, tokens, lit=rising)
        return figure

    return Shown(draw)


def counting(places: int, bits: int) -> Shown:
    """Draw binary numbers above the sines of the lab's sinusoids: the same places from left to right."""
    counted = np.array([[number >> bit & 1 for number in range(places)] for bit in range(bits)])
    sines_FP = Sinusoidal(places, 16, 1).table.T.numpy()[0::2]

    def draw(tokens: Tokens) -> Figure:
        figure = canvas()
        left, top, gap, foot, row = 84, 30, 42, 50, 15.0
        upper = place(figure, left, top, WIDTH - left - 4, bits * row)
        _heat(upper, counted, tokens, "rising")
        _named(upper, [], [str(2**bit) if bit % 2 == 0 else "" for bit in range(bits)])
        _title(upper, "binary digits: each half as fast as the one above", tokens)
        begin = top + bits * row + gap
        lower = place(figure, left, begin, WIDTH - left - 4, HEIGHT - begin - foot)
        _heat(lower, sines_FP, tokens, "diverging", fields=False)
        ends = [0, len(sines_FP) - 1]
        lower.set_yticks(ends, [f"pair {end}" for end in ends])
        marks = [0, places // 4, places // 2, 3 * places // 4, places - 1]
        lower.set_xticks(marks, [str(mark) for mark in marks])
        lower.set_xlabel("place", labelpad=-2)
        _title(lower, "sines: each pair of dimensions slower than the one above", tokens, lit=True)
        return figure

    return Shown(draw)


def distances(places: int, width: int) -> Shown:
    """Draw the score of a query and a key like it, turned by the lab's rotary encoding, at every pair of places.

    Raises:
        ValueError: where pairs at one distance have other scores.
    """
    rotary = Rotary(places, width, 1)
    turned = rotary(torch.randn(1, 1, 1, width).expand(1, 1, places, width))
    scores = (turned @ turned.mT)[0, 0].numpy()
    apart = np.arange(places)[:, None] - np.arange(places)
    along = {int(step): scores[apart == step] for step in np.unique(apart)}
    if max(float(np.ptp(values)) for values in along.values()) > 1e-4:
        raise ValueError("pairs of places at one distance have other scores")

    def draw(tokens: Tokens) -> Figure:
        figure = canvas()
        left, top, foot = 66, 34, 58
        side = HEIGHT - top - foot
        axes = place(figure, left, top, side, side)
        _heat(axes, scores, tokens, "diverging", fields=False)
        axes.set_xticks([0, places - 1])
        axes.set_yticks([0, places - 1])
        axes.set_xlabel("key's place", labelpad=-8)
        axes.set_ylabel("query's place", labelpad=-10)
        _title(axes, "score at every pair", tokens)
        begin = left + side + 110
        axes = place(figure, begin, top, WIDTH - begin - 8, side)
        axes.grid(axis="y", color=tokens.line, linewidth=1)
        axes.plot(list(along), [values[0] for values in along.values()], color=tokens.accent, linewidth=2)
        axes.scatter(apart.ravel(), scores.ravel(), s=9, color=tokens.accent, linewidths=0)
        axes.set_xlabel("distance: query's place less key's")
        _title(axes, f"the same {scores.size:,} scores by distance", tokens, lit=True)
        return figure

    return Shown(draw)


def edits(correct: str, read: str) -> Shown:
    """Draw the table of edit distances of all beginnings of two numbers, and one cheapest way through it.

    Raises:
        ValueError: where the last cell is not the library's distance.
    """
    table = np.array(
        [[Levenshtein.distance(correct[:i], read[:j]) for j in range(len(read) + 1)] for i in range(len(correct) + 1)]
    )
    way = _way(table, correct, read)
    if table[-1, -1] != Levenshtein.distance(correct, read):
        raise ValueError("the table ends in another distance than the library's")

    def draw(tokens: Tokens) -> Figure:
        figure = canvas()
        left, top = 72, 40
        side = 300 - top - 6
        axes = place(figure, left, top, side * table.shape[1] / table.shape[0], side)
        lit = np.zeros(table.shape)
        for cell in way:
            lit[cell] = 0.45
        _heat(axes, lit, tokens, "rising", most=1.0)
        for (i, j), value in np.ndenumerate(table):
            on_way = (i, j) in way
            axes.text(
                j, i, str(value), ha="center", va="center", fontsize=TEXT * POINTS * 1.3,
                color=tokens.ink if on_way else tokens.soft, fontweight="bold" if on_way else "normal",
            )  # fmt: skip
        _named(axes, ["read", *read], ["correct", *correct], above=True)
        for label in (*axes.get_xticklabels(), *axes.get_yticklabels()):
            label.set(fontsize=TEXT * POINTS * 1.3, color=tokens.ink, fontweight="bold")
        for label in (axes.get_xticklabels()[0], axes.get_yticklabels()[0]):
            label.set(fontsize=TEXT * POINTS * 0.95, color=tokens.soft, fontweight="normal")
        return figure

    return Shown(draw, half=True)


def _way(table: np.ndarray, correct: str, read: str) -> list[tuple[int, int]]:
    """Go back from the last cell to the first by steps that explain its number."""
    i, j = table.shape[0] - 1, table.shape[1] - 1
    way = [(i, j)]
    while i or j:
        if i and j and table[i, j] == table[i - 1, j - 1] + (correct[i - 1] != read[j - 1]):
            i, j = i - 1, j - 1
        elif i and table[i, j] == table[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
        way.append((i, j))
    return way


def _heat(
    axes: Axes, values: np.ndarray, tokens: Tokens, kind: Any, *, most: float | None = None, fields: bool = True
) -> None:
    """Draw a heat map up to `most`, its own largest value where None; what the mask hides is an empty field."""
    finite = np.isfinite(values)
    largest = most or float(np.abs(values[finite]).max())
    shown = np.ma.masked_array(values, mask=~finite)
    colours = tokens.heat(kind).with_extremes(bad=tokens.panel)
    low = 0.0 if kind == "rising" else -largest
    axes.imshow(shown, cmap=colours, vmin=low, vmax=largest, aspect="auto", interpolation="none")
    axes.spines[:].set_visible(False)
    rows, columns = values.shape
    if fields:
        axes.set_xticks(np.arange(columns + 1) - 0.5, minor=True)
        axes.set_yticks(np.arange(rows + 1) - 0.5, minor=True)
        axes.grid(which="minor", color=tokens.ground, linewidth=2)
        axes.tick_params(which="minor", length=0)


def _numbers(axes: Axes, values: np.ndarray, tokens: Tokens) -> None:
    """Write every value into its field, with less weight what the mask hides."""
    for (row, column), value in np.ndenumerate(values):
        hidden = not np.isfinite(value) or value == 0
        text = "\N{MINUS SIGN}\N{INFINITY}" if value == -np.inf else "0" if hidden else _signed(value)
        colour = tokens.soft if hidden else tokens.ink
        axes.text(column, row, text, ha="center", va="center", fontsize=TEXT * POINTS, color=colour)


def _signed(value: float) -> str:
    return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def _named(axes: Axes, columns: Sequence[str], rows: Sequence[str], *, above: bool = False) -> None:
    axes.set_xticks(range(len(columns)), columns)
    axes.set_yticks(range(len(rows)), rows)
    if above:
        axes.xaxis.tick_top()
        axes.tick_params(length=0)


def _title(axes: Axes, words: str, tokens: Tokens, *, lit: bool = False) -> None:
    axes.annotate(
        words, (0, 1), (0, 7), "axes fraction", "offset points", va="bottom", fontsize=TEXT * POINTS,
        color=tokens.accent if lit else tokens.ink, fontweight="bold",
    )  # fmt: skip
