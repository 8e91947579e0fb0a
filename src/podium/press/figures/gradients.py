"""Gradients: how strongly each layer was pulled as training went on; a row a layer, a column an epoch."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

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
from podium.press.results.metrics import in_figures
from podium.press.results.table import Results
from podium.spec import PodiumError

MOST = 16  # rows
LEFT, RIGHT, TOP, BOTTOM = 236, 76, 34, 62
WEAKEST = 1e-12  # what is smaller is drawn so
UNEQUAL = 3.0  # times, from which on we say that one layer is pulled harder than another


@dataclass(frozen=True)
class _Norms:
    """Layers by name, epochs, and the geometric mean over runs of the gradients' norms, (layers, epochs)."""

    layers: list[str]
    epochs: list[int]
    values: np.ndarray


def gradients(results: Results, *, metric: str = "", variant: str | None = None) -> Drawing:
    """Draw the norms of a variant's gradients by layer and epoch, the geometric mean over its seeds.

    Args:
        results: where from.
        metric: not used; every figure takes it.
        variant: whose; the first that kept gradients where None.

    Raises:
        PodiumError: for an unknown variant, runs that kept no gradients, or norms that are none.
    """
    del metric
    name, norms, runs, trained = _norms(results, variant)
    chosen = np.unique(np.linspace(0, len(norms.layers) - 1, min(MOST, len(norms.layers))).round().astype(int))
    shown = _Norms([norms.layers[i] for i in chosen], norms.epochs, norms.values[chosen])
    last = norms.values[:, -1]
    listing = "; ".join(f"{layer} {value:.2g}" for layer, value in zip(shown.layers, shown.values[:, -1], strict=True))
    return Drawing(
        draw=lambda tokens: _draw(tokens, shown),
        finding=_finding(norms.layers, last),
        alt=(
            f"Heat map of gradient norms of {said(name)}, {counted(len(shown.layers), 'layer')} by "
            f"{counted(len(shown.epochs), 'epoch')}, over {counted(runs, 'run')}. After the last epoch: {listing}."
        ),
        note=noted(
            f"{shortened(name)}, {counted(runs, 'run')}" + (f" of {trained}" if runs < trained else ""),
            f"{len(shown.layers)} of {len(norms.layers)} layers" if len(shown.layers) < len(norms.layers) else "",
            "norm in each epoch's last step, before clipping",
        ),
        badges=few_seeds(runs),
    )


def _norms(results: Results, variant: str | None) -> tuple[str, _Norms, int, int]:
    """Return the variant, its norms, over how many runs, and how many runs it has."""
    name, kept, trained = kept_samples(results, variant, "gradients", "gradients")
    read = [_read(run, told) for run, told in kept.items()]
    same = [each for each in read if (each.layers, each.epochs) == (read[0].layers, read[0].epochs)]
    logs = np.mean([np.log(each.values) for each in same], axis=0)
    return name, _Norms(read[0].layers, read[0].epochs, np.exp(logs)), len(same), trained


def _read(run: str, told: Any) -> _Norms:
    try:
        layers = [str(row["layer"]) for row in told["layers"]]
        epochs = [int(epoch) for epoch in told["epochs"]]
        values = np.array([row["norms"] for row in told["layers"]], dtype=float)
    except (KeyError, TypeError, ValueError):
        layers, epochs, values = [], [], np.empty((0, 0))
    if not layers or values.shape != (len(layers), len(epochs)) or not np.isfinite(values).all() or (values < 0).any():
        raise PodiumError(f"The gradients of {run} are no table of norms, a row a layer. Train it again.")
    return _Norms(layers, epochs, np.maximum(values, WEAKEST))


def _finding(layers: list[str], last: np.ndarray) -> str:
    strong, weak = int(last.argmax()), int(last.argmin())
    if len(layers) == 1:
        return f"Only {said(layers[0])} learns, with a gradient of norm {last[0]:.2g} at the end"
    if last[weak] <= 2 * WEAKEST:
        return f"Nothing pulls {said(layers[weak])} at the end; {said(layers[strong])} is pulled hardest"
    if last[strong] < UNEQUAL * last[weak]:
        return f"All {len(layers)} layers are pulled about equally hard at the end"
    times = in_figures(last[strong] / last[weak], 0)
    return f"{said(layers[strong])} is pulled {times} times as hard as {said(layers[weak])} at the end"


def _draw(tokens: Tokens, norms: _Norms) -> Figure:
    figure = canvas()
    rows, columns = norms.values.shape
    axes = place(figure, LEFT, TOP, WIDTH - LEFT - RIGHT, HEIGHT - TOP - BOTTOM)
    edges = (norms.epochs[0] - 0.5, norms.epochs[0] + columns - 0.5, rows - 0.5, -0.5)
    axes.imshow(np.log10(norms.values), cmap=tokens.heat("rising"), aspect="auto", interpolation="none", extent=edges)
    axes.spines[:].set_visible(False)
    axes.set_yticks(range(rows), [shortened(layer, 24) for layer in norms.layers])
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True))
    axes.set_xlabel("epoch")
    for row in range(rows):
        axes.annotate(
            f"{norms.values[row, -1]:.2g}",
            xy=(1, 1 - (row + 0.5) / rows),
            xycoords="axes fraction",
            xytext=(8, 0),
            textcoords="offset points",
            va="center",
            fontsize=SMALL * 0.75,
            color=tokens.ink,
        )
    axes.annotate(
        "last", xy=(1, 1), xycoords="axes fraction", xytext=(8, 7), textcoords="offset points", color=tokens.soft
    )
    return figure
