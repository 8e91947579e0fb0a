"""Learning curves: each variant's mean over its seeds, the t interval as a band, every seed as a thin line."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from podium.press.figures.drawing import (
    TEXT,
    Drawing,
    canvas,
    counted,
    few_seeds,
    fitting,
    found,
    frame_size,
    marks_in,
    noted,
    place,
    runs_named,
    said,
    spread,
    text_width,
)
from podium.press.figures.measured import metric_of
from podium.press.figures.tokens import Tokens
from podium.press.results.metrics import Metric, decimals_for, in_figures
from podium.press.results.statistics import FEWEST_SEEDS, mean_interval, ranking
from podium.press.results.table import Results
from podium.spec import PodiumError, unknown

MOST = 8  # variants in one figure
GROWING = "growing"  # in a frame's attrs: the seeds that train now beside finished ones
DOTTED = 4  # epochs of a curve that shows each as a dot


def curves(results: Results, *, metric: str = "val_accuracy", highlight: str | None = None) -> Drawing:
    """Draw a metric over epochs for every variant; of more than eight the best ones.

    Where somebody follows runs that train now, they are drawn as far as they are, and no finding is claimed. Variants
    that were measured without training have no curve, which the note says.

    Args:
        results: where from.
        metric: a metric that is kept by epoch.
        highlight: the variant in the accent colour; the one with the best end where None.

    Raises:
        PodiumError: for an unknown metric or variant, a run whose last epoch has no finite value, or no run that has
            an epoch at all.
    """
    training, results = results.training_note, results.grown
    named = metric_of(results, metric)
    still = _untrained(results)
    names = [name for name in results.variants if name not in still]
    if not names:
        raise PodiumError(f"No run of {results.experiment} has an epoch: they were measured without training.")
    if training and highlight not in names:
        highlight = None  # it has not begun
    if highlight is not None and highlight not in names:
        raise unknown("variant", highlight, names, owner=f"Experiment {results.experiment}")
    frames = _frames(results, names, named)
    for name, heads in _heads(results).items():
        frames[name].attrs[GROWING] = heads
    ends = {name: _end(frame) for name, frame in frames.items()}
    rank = ranking(ends, named.quantity.better, paired=results.paired and not training)
    accent = highlight or rank.best
    kept = [name for name in rank.order if name != accent][: MOST - 1]
    shown = {name: frames[name] for name in [*kept, accent]}
    limits = _limits(shown, named)
    seeds = sorted({len(by_seed) for by_seed in ends.values()})
    count = " to ".join(str(n) for n in {seeds[0]: 0, seeds[-1]: 0})
    unit = named.quantity.unit
    texts = _end_texts(ends, named)
    listing = "; ".join(f"{said(name)} {texts[name]} {unit}".rstrip() for name in rank.order if name in shown)
    epochs = max(int(max(frame.index)) for frame in frames.values())
    cut = _cut(limits, named)
    few = f"{len(shown)} of {len(names)} variants" if len(shown) < len(names) else ""
    lines = "line: mean, band: 95 % t interval, thin: every seed"
    lines = lines if seeds[-1] >= FEWEST_SEEDS else "line: mean, thin: every seed"
    untrained = f"{counted(len(still), 'variant')} without training left out" if still else ""
    return Drawing(
        draw=lambda tokens: _draw(tokens, shown, accent, named, (limits, results.step, results.epochs_planned)),
        finding=f"{training[:1].upper()}{training[1:]}" if training else found(rank, named.words),
        alt=(
            f"Learning curves of {few or counted(len(names), 'variant')} over {counted(epochs, results.step)}, "
            f"{count} seed{'s' * (seeds[-1] > 1)} each. {named.words.capitalize()} at the end: {listing}."
        ),
        note=noted(named.words, few, untrained, lines, cut),
        badges=("truncated axis",) * bool(cut) + few_seeds(seeds[0]) + ((training,) if training else ()),
    )


def _frames(results: Results, names: list[str], named: Metric) -> dict[str, pd.DataFrame]:
    """Return each variant's curves, a row an epoch and a column a seed, in the metric's unit."""
    by_epoch = sorted(set(results.history) - {"run", "variant", "seed", "epoch"})
    if named.name not in by_epoch:
        raise unknown("metric by epoch", named.name, by_epoch, owner=f"Experiment {results.experiment}")
    runs = results.compared[["run", "variant", "seed"]]
    runs = runs[runs["variant"].isin(names)]
    history = results.history[["run", "epoch", named.name]].merge(runs, on="run").sort_values("epoch", kind="stable")
    values = pd.to_numeric(history[named.name], errors="coerce").astype(float) * named.quantity.scale
    history[named.name] = values.where(np.isfinite(values))
    whole = {run for run, column in history.groupby("run")[named.name] if _is_whole(column.to_numpy())}
    lacking = [run for run in runs["run"] if run not in whole]
    if lacking:
        raise PodiumError(
            f"{results.experiment} has no {named.name} at the last epoch of {runs_named(lacking)}. "
            "Train it again, or ask for another metric."
        )
    groups = dict(iter(history.groupby("variant")))
    return {name: groups[name].pivot_table(index="epoch", columns="seed", values=named.name) for name in names}


def _untrained(results: Results) -> list[str]:
    """Return the variants whose runs took the weights of others and learnt nothing."""
    rows = results.compared
    if "epochs" not in rows:
        return []
    planned = pd.to_numeric(rows["epochs"], errors="coerce").groupby(rows["variant"]).max()
    return [name for name in results.variants if planned[name] == 0]


def _heads(results: Results) -> dict[str, list[Any]]:
    """Return the seeds that train now, of each variant that has finished ones too."""
    rows = results.compared
    now = rows["run"].isin(results.growing)
    beside = now & rows["variant"].isin(set(rows[~now]["variant"]))
    return {str(name): list(group["seed"]) for name, group in rows[beside].groupby("variant")}


def _settled(frame: pd.DataFrame) -> pd.DataFrame:
    """Return the curves that a mean is taken of: those that grow beside finished ones join it at their end."""
    growing = frame.attrs.get(GROWING, [])
    return frame.drop(columns=growing).dropna(how="all") if growing else frame


def _is_whole(values: np.ndarray) -> bool:
    """Tell whether a curve holds to its end: what is missing there is no more than was missing between its values."""
    there = np.flatnonzero(np.isfinite(values))
    return len(there) > 0 and len(values) - 1 - there[-1] < max(np.diff(there), default=1)


def _cut(limits: tuple[float, float, str], named: Metric) -> str:
    """Say where a truncated axis is cut; "" for a whole one."""
    low, high, cut = limits
    ticks, places = _ticks(low, high)
    unit = f" {named.quantity.unit}".rstrip()
    start = max(ticks[0], 0.0)
    if cut == "ends":
        return f"axis ends at {in_figures(high, places + 1)}{unit}"
    return f"axis starts at {in_figures(start, places)}{unit}" if cut and start > 0 else ""


def _ticks(low: float, high: float) -> tuple[list[float], int]:
    """Return where an axis has its marks, and with how many decimals they are written."""
    grid = [float(t) for t in MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]).tick_values(low, high)]
    ticks = [t for t in grid if grid[0] <= t <= high + 1e-9]
    return ticks, max(len(f"{t:.6f}".rstrip("0").partition(".")[2]) for t in ticks)


def _draw(
    tokens: Tokens,
    frames: dict[str, pd.DataFrame],
    accent: str,
    named: Metric,
    how: tuple[tuple[float, float, str], str, int],
) -> Figure:
    """Draw the curves in the order of `frames`, best first and the accent's last, so that it lies on top.

    `how` is the y axis's limits, what the x axis counts, and how far it goes at least.
    """
    ends = {name: _end(frame) for name, frame in frames.items()}
    texts = {name: f"{fitting(name)} {text}" for name, text in _end_texts(ends, named).items()}
    right = max(text_width(text, bold=True) for text in texts.values()) + 22
    (low, high, _), step, planned = how
    ticks, places = _ticks(low, high)
    low = max(ticks[0], 0.0)  # a cut axis starts at a number that can be read
    tick = FuncFormatter(lambda value, _: f"{in_figures(value, places)} {'%' * (named.quantity.unit == '%')}".strip())
    left = max(text_width(tick(t, 0)) for t in ticks) + 14
    width, height = frame_size()
    figure = canvas()
    axes = place(figure, left, 10, width - left - right, height - 70)
    axes.grid(visible=True, axis="y", color=tokens.line, linewidth=1.2)
    for depth, (name, frame) in enumerate(frames.items()):
        last = name == accent
        colour = tokens.accent if last else tokens.grey(depth)
        _curve(axes, frame, colour, thick=3.6 if last else 2.6, over=3 + 2 * (depth + 10 * last))
    first = min(int(min(frame.index)) for frame in frames.values())
    final = max(planned, *(int(max(frame.index)) for frame in frames.values()))
    aside = 0.5 if first == final else (final - first) * (0.016 if final - first < DOTTED else 0)  # whole dots
    axes.set_xlim(first - aside, final + aside)
    axes.set_ylim(low, high)
    axes.set_yticks(ticks)
    axes.yaxis.set_major_formatter(tick)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=marks_in(width - left - right, 8), integer=True, min_n_ticks=1))
    axes.set_xlabel(step, labelpad=4)
    _name(axes, {name: (texts[name], _mean(ends[name])) for name in frames}, accent, tokens)
    return figure


def _curve(axes: Axes, frame: pd.DataFrame, colour: str, *, thick: float, over: int) -> None:
    alone = len(frame) == 1
    for seed in frame:
        axes.plot(
            frame.index, frame[seed], color=colour, linewidth=1, alpha=0.5, zorder=over, marker="o" if alone else ""
        )
    for seed in frame.attrs.get(GROWING, []):
        column = frame[seed].dropna()
        axes.plot(column.index, column, color=colour, linewidth=2, zorder=over + 1, marker="o", markevery=[-1])
    settled = _settled(frame)
    epochs, lows, highs, means = [], [], [], []
    for epoch, row in settled.iterrows():
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
        marker="o" if len(settled) <= DOTTED else "",
        markersize=7,
    )


def _name(axes: Axes, ends: dict[str, tuple[str, float]], accent: str, tokens: Tokens) -> None:
    """Write each variant's name beside the end of its curve, moved apart, with a thread where it moved far."""
    low, high = axes.get_ylim()
    height = axes.get_position().height * frame_size()[1]
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
                arrowprops={"arrowstyle": "-", "color": tokens.axis, "linewidth": 0.9, "shrinkA": 3, "shrinkB": 1},
            )
        axes.annotate(
            text,
            xy=(1, y / height),
            xytext=(14, 0),
            xycoords="axes fraction",
            textcoords="offset points",
            va="center",
            color=tokens.accent if name == accent else tokens.soft,
            fontweight="bold" if name == accent else "normal",
        )


def _end(frame: pd.DataFrame) -> dict[int, float]:
    """Return each seed's last value."""
    last = _settled(frame).ffill().iloc[-1].dropna()
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
