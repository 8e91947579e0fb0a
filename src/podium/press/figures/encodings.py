"""Positional encodings as heat maps: a row a position, a column a dimension, each map on its own scale."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from podium.press.figures.drawing import HEIGHT, WIDTH, Drawing, canvas, noted, place, said, shortened, some
from podium.press.figures.tokens import Tokens
from podium.press.results.metrics import in_figures
from podium.press.results.table import Results
from podium.spec import PodiumError

MOST = 3  # maps side by side
ALIKE = 0.1  # neighbours' cosine similarity over that of distant positions, from which on we call them alike


def encodings(results: Results, *, metric: str = "", variants: tuple[str, ...] = ()) -> Drawing:
    """Draw the encoding tables that the runs kept.

    Args:
        results: where from.
        metric: not used; every figure takes it.
        variants: which ones; where empty, all that kept a table, three at most.

    Raises:
        PodiumError: where no run kept a table, or one of the named variants did not.
    """
    del metric
    tables: dict[str, np.ndarray] = {}
    for name in variants or results.variants:
        table = _table(results, name)
        if table is not None:
            tables[name] = table
        elif variants:
            raise PodiumError(f"The runs of {results.experiment}, variant {name!r}, kept no encoding table.")
    if not tables:
        raise PodiumError(
            f"No run of {results.experiment} kept an encoding table; models with sinusoidal, learned or rotary "
            f"positions do. Its variants are {some(results.variants)}."
        )
    if len(tables) > MOST and variants:
        raise PodiumError(f"One picture shows {MOST} encodings at most; asked for {len(tables)}.")
    more = f"{MOST} of {len(tables)} encodings" if len(tables) > MOST else ""
    tables = dict(list(tables.items())[:MOST])
    alike = {name: _likeness(table) for name, table in tables.items()}
    return Drawing(
        draw=lambda tokens: _draw(tokens, tables),
        finding=_finding(alike),
        alt=" ".join(
            f"Heat map of the {said(name)} encoding, {len(tables[name])} positions by {tables[name].shape[1]} "
            f"dimensions: cosine similarity {in_figures(near, 2)} between neighbours, {in_figures(far, 2)} far apart."
            for name, (near, far) in alike.items()
        ),
        note=noted(
            more, "a row a position, a column a dimension", "each map on its own scale, the largest value above"
        ),
    )


def _table(results: Results, variant: str) -> np.ndarray | None:
    for run in results.rows(variant)["run"]:
        table = results.samples.get(run, {}).get("encoding", {}).get("table")
        if table:
            found = np.asarray(table, dtype=float)
            if not np.isfinite(found).all():
                raise PodiumError(f"The encoding table of {run} has values that are not finite. Train it again.")
            return found
    return None


def _draw(tokens: Tokens, tables: dict[str, np.ndarray]) -> Figure:
    figure = canvas()
    left, right, gap, top, bottom = 46, 12, 44, 34, 56
    width = (WIDTH - left - right - gap * (len(tables) - 1)) / len(tables)
    for index, (name, table) in enumerate(tables.items()):
        largest = float(np.abs(table).max()) or 1.0
        axes = place(figure, left + index * (width + gap), top, width, HEIGHT - top - bottom)
        axes.imshow(
            table, cmap=tokens.heat("diverging"), vmin=-largest, vmax=largest, aspect="auto", interpolation="none"
        )
        axes.spines[:].set_visible(False)
        rows, columns = table.shape
        axes.set_xticks(_ends(columns), [str(i) for i in _ends(columns)])
        axes.set_yticks(_ends(rows), [str(i) for i in _ends(rows)] if index == 0 else [""] * len(_ends(rows)))
        axes.set_xlabel("dimension", labelpad=-12)
        if index == 0:
            axes.set_ylabel("position", labelpad=-12)
        above: dict[str, Any] = {
            "xycoords": "axes fraction",
            "textcoords": "offset points",
            "va": "bottom",
        }
        axes.annotate(
            shortened(name), xy=(0, 1), ha="left", color=tokens.ink, fontweight="bold", xytext=(0, 7), **above
        )
        axes.annotate(
            f"\N{PLUS-MINUS SIGN}{largest:.2g}", xy=(1, 1), ha="right", color=tokens.soft, xytext=(0, 7), **above
        )
    return figure


def _ends(count: int) -> list[int]:
    return [0, count - 1] if count > 1 else [0]


def _likeness(table: np.ndarray) -> tuple[float, float]:
    """Return the mean cosine similarity of neighbouring rows, and of rows half a table apart."""
    unit = table / np.maximum(np.linalg.norm(table, axis=1, keepdims=True), 1e-12)
    apart = max(1, len(table) // 2)
    near = (unit[1:] * unit[:-1]).sum(1)
    far = (unit[apart:] * unit[:-apart]).sum(1) if len(table) > 1 else near
    return (float(near.mean()), float(far.mean())) if len(near) else (1.0, 1.0)


def _finding(alike: dict[str, tuple[float, float]]) -> str:
    ordered = [name for name, (near, far) in alike.items() if near - far > ALIKE]
    others = [name for name in alike if name not in ordered]
    if not ordered:
        return f"Neighbouring positions are no more alike than distant ones: {some(others)}"
    if not others:
        return f"Neighbouring positions get similar codes: {some(ordered)}"
    return f"Neighbours get similar codes from {some(ordered, room=30)}, not from {some(others, room=30)}"
