"""Learning curves: each variant's mean over its seeds, the t interval as a band, every seed as a thin line."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from podium.press.figures.drawing import (
    ACCENT,
    AXIS,
    GREYS,
    HEIGHT,
    LINE,
    SOFT,
    TEXT,
    WIDTH,
    Drawing,
    canvas,
    found,
    place,
    shortened,
    spread,
    styled,
    text_width,
)
from podium.press.results.metrics import Metric, decimals_for, in_figures, listed, metric_named
from podium.press.results.statistics import FEWEST_SEEDS, mean_interval, ranking
from podium.press.results.table import Results
from podium.spec import PodiumError, unknown

MOST = 8  # variants in one figure


def curves(results: Results, *, metric: str = "val_accuracy", highlight: str | None = None) -> Drawing:
    """Draw a metric over epochs for every variant.

    Args:
        results: where from.
        metric: a metric that is kept by epoch.
        highlight: the variant in the accent colour; the one with the best end where None.

    Raises:
        PodiumError: for an unknown metric or variant, or more variants than one picture can show.
    """
    named = metric_named(metric)
    names = results.variants
    if len(names) > MOST:
        raise PodiumError(
            f"{results.experiment} has {len(names)} variants; one picture of curves shows {MOST} at most."
        )
    if highlight is not None and highlight not in names:
        raise unknown("variant", highlight, names, owner=f"Experiment {results.experiment}")
    frames = {name: results.curves(name, metric) * named.quantity.scale for name in names}
    empty = [name for name, frame in frames.items() if frame.empty or frame.iloc[-1].isna().all()]
    if empty:
        raise PodiumError(f"{results.experiment} has no {metric} by epoch for {listed(empty)}. Train it again.")
    ends = {name: _end(frame) for name, frame in frames.items()}
    rank = ranking(ends, named.quantity.better)
    accent = highlight or rank.best
    with styled():
        figure, truncated = _draw(frames, [n for n in rank.order if n != accent] + [accent], accent, named)
    seeds = sorted({len(by_seed) for by_seed in ends.values()})
    count = " to ".join(str(n) for n in {seeds[0]: 0, seeds[-1]: 0})
    unit = named.quantity.unit
    texts = _end_texts(ends, named)
    listing = "; ".join(f"{name} {texts[name]} {unit}".rstrip() for name in rank.order)
    epochs = max(int(max(frame.index)) for frame in frames.values())
    parts = [named.words]
    parts += (
        ["line: mean, band: 95 % t interval, thin: every seed"]
        if seeds[-1] >= FEWEST_SEEDS
        else ["line: mean, thin: every seed"]
    )
    parts += [truncated] if truncated else []
    return Drawing(
        figure=figure,
        finding=found(rank, named.words),
        alt=(
            f"Learning curves of {len(names)} variant{'s' * (len(names) > 1)} over {epochs} epochs, "
            f"{count} seed{'s' * (seeds[-1] > 1)} each. {named.words.capitalize()} at the end: {listing}."
        ),
        note=" \N{MIDDLE DOT} ".join(parts),
    )


def _draw(frames: dict[str, pd.DataFrame], order: list[str], accent: str, named: Metric) -> tuple[Figure, str]:
    ends = {name: _end(frame) for name, frame in frames.items()}
    texts = {name: f"{shortened(name)} {text}" for name, text in _end_texts(ends, named).items()}
    right = max(text_width(text, bold=True) for text in texts.values()) + 22
    low, high, cut = _limits(frames, named)
    grid = [float(t) for t in MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)]
    ticks = [t for t in grid if grid[0] <= t <= high + 1e-9]
    low = max(ticks[0], 0.0)  # a cut axis starts at a number that can be read
    places = max(len(f"{t:.6f}".rstrip("0").partition(".")[2]) for t in ticks)
    tick = FuncFormatter(lambda value, _: f"{in_figures(value, places)} {'%' * (named.quantity.unit == '%')}".strip())
    left = max(text_width(tick(t, 0)) for t in ticks) + 14
    figure = canvas()
    axes = place(figure, left, 6, WIDTH - left - right, HEIGHT - 66)
    axes.grid(visible=True, axis="y", color=LINE, linewidth=1.2)
    axes.spines["left"].set_color(AXIS)
    axes.spines["bottom"].set_color(AXIS)
    for depth, name in enumerate(order):
        last = name == accent
        grey = GREYS[min(depth, len(GREYS) - 1)]
        _curve(
            axes, frames[name], ACCENT if last else grey, thick=3.6 if last else 2.6, over=3 + 2 * (depth + 10 * last)
        )
    first = min(int(min(frame.index)) for frame in frames.values())
    final = max(int(max(frame.index)) for frame in frames.values())
    axes.set_xlim(first - (0.5 if first == final else 0), final + (0.5 if first == final else 0))
    axes.set_ylim(low, high)
    axes.set_yticks(ticks)
    axes.yaxis.set_major_formatter(tick)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=8, integer=True, min_n_ticks=1))
    axes.set_xlabel("epoch", labelpad=4)
    _name(axes, {name: (texts[name], _mean(ends[name])) for name in order}, accent)
    unit = "" if named.quantity.unit == "%" else f" {named.quantity.unit}"
    edge = {"": "", "starts": tick(low, 0) + unit, "ends": in_figures(high, places + 1) + unit}[cut]
    return figure, f"axis {cut} at {edge.strip()}" if cut and (low > 0 or cut == "ends") else ""


def _curve(axes: Axes, frame: pd.DataFrame, colour: str, *, thick: float, over: int) -> None:
    alone = len(frame) == 1
    for seed in frame:
        axes.plot(
            frame.index, frame[seed], color=colour, linewidth=1, alpha=0.5, zorder=over, marker="o" if alone else ""
        )
    epochs, lows, highs, means = [], [], [], []
    for epoch, row in frame.iterrows():
        it = mean_interval(row.dropna().to_numpy())
        epochs.append(epoch)
        means.append(it.mean)
        lows.append(it.low if it.n >= FEWEST_SEEDS else np.nan)
        highs.append(it.high if it.n >= FEWEST_SEEDS else np.nan)
    axes.fill_between(epochs, lows, highs, color=colour, alpha=0.14, linewidth=0, zorder=over)
    axes.plot(
        epochs,
        means,
        color=colour,
        linewidth=thick,
        zorder=over + 1,
        solid_capstyle="round",
        marker="o" if len(frame) <= 4 else "",
        markersize=7,
    )


def _name(axes: Axes, ends: dict[str, tuple[str, float]], accent: str) -> None:
    """Write each variant's name beside the end of its curve, moved apart, with a thread where it moved far."""
    low, high = axes.get_ylim()
    height = axes.get_position().height * HEIGHT
    wanted = [(min(max(y, low), high) - low) / (high - low) * height for _, y in ends.values()]
    places = spread(wanted, TEXT * 1.32, 4, height - 6)
    for name, there, y in zip(ends, wanted, places, strict=True):
        text = ends[name][0]
        if abs(there - y) > 5:
            axes.annotate(
                "",
                xy=(1, there / height),
                xytext=(16, (y - there) * 0.75),
                xycoords="axes fraction",
                textcoords="offset points",
                arrowprops={"arrowstyle": "-", "color": AXIS, "linewidth": 0.9, "shrinkA": 3, "shrinkB": 1},
            )
        axes.annotate(
            text,
            xy=(1, y / height),
            xytext=(14, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=ACCENT if name == accent else SOFT,
            fontweight="bold" if name == accent else "normal",
        )


def _end(frame: pd.DataFrame) -> dict[int, float]:
    """Return each seed's last value."""
    last = frame.ffill().iloc[-1].dropna()
    return {int(str(seed)): float(value) for seed, value in last.items()}


def _mean(by_seed: dict[int, float]) -> float:
    return mean_interval(list(by_seed.values())).mean


def _end_texts(ends: dict[str, dict[int, float]], named: Metric) -> dict[str, str]:
    """Round all ends alike, as the middle one of their intervals allows."""
    halves = sorted(it.half for it in (mean_interval(list(e.values())) for e in ends.values()) if it.n > 1)
    fallback = named.quantity.decimals
    decimals = max(decimals_for(halves[len(halves) // 2], fallback), fallback) if halves else fallback
    return {name: in_figures(_mean(by_seed), min(decimals, 4)) for name, by_seed in ends.items()}


def _limits(frames: dict[str, pd.DataFrame], named: Metric) -> tuple[float, float, str]:
    """Return the y limits and how the axis is cut: long climbs are cut where the ends would not be told apart."""
    every = np.concatenate([frame.to_numpy().ravel() for frame in frames.values()])
    every = every[np.isfinite(every)]
    low, high = float(every.min()), float(every.max())
    ends = np.array([value for frame in frames.values() for value in _end(frame).values()])
    reach = max(float(ends.max() - ends.min()) * 1.6, (high - low) * 0.06, 1e-9)
    long = max(len(frame) for frame in frames.values()) > 4
    if named.quantity.better == "higher":
        cut = max(low, float(ends.min()) - reach) if long else low
        whole = 100.0 if named.quantity.unit == "%" else float("inf")
        edge = (high - cut) * 0.06 or abs(high) * 0.02 or 1e-3
        bottom = max(0.0, cut - edge)
        return bottom, min(whole, high + edge) if high <= whole else high + edge, "starts" if bottom > 0 else ""
    cut = min(high, float(ends.max()) + reach) if long else high
    edge = (cut - low) * 0.06 or abs(cut) * 0.02 or 1e-3
    bottom = max(0.0, low - edge)
    return bottom, cut + edge, "ends" if cut < high else "starts" if bottom > 0 else ""
