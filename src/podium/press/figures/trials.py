"""Trials: what the runs of one sweep tried and reached, and which of their fields varied."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from podium.press.figures.drawing import counted, runs_named, said, shortened, some
from podium.press.figures.measured import metric_of, run_values
from podium.press.results.metrics import MINUS, Metric, in_figures
from podium.press.results.statistics import holm
from podium.press.results.table import Results
from podium.spec import PodiumError, unknown

NONE = "none"  # how a missing value is written
LOG_FROM = 20.0  # a field whose largest value is this many times its smallest one is drawn on a log axis
HUGE = 1e300  # a whole number from here on is a name: no axis holds it
SHUFFLES = 2000
FEWEST_TO_NARROW = 10  # trials below which nothing is said of what the best ones share


@dataclass(frozen=True)
class Trials:
    """The trials of one sweep.

    Attributes:
        experiment: whose.
        sweep: the sweep's id.
        metric: what they are judged by.
        runs: their runs' names, in the order in which they were started.
        states: how each ended.
        values: the metric of each in its unit; NaN for one that did not finish, or finished without it.
        tried: field to the value of each trial; only fields that differ between trials.
        others: how many other sweeps there are.
    """

    experiment: str
    sweep: str
    metric: Metric
    runs: tuple[str, ...]
    states: tuple[str, ...]
    values: np.ndarray
    tried: dict[str, list[Any]]
    others: int

    @cached_property
    def done(self) -> np.ndarray:
        """The indices of the trials that have a value, in the order in which they were started."""
        return np.flatnonzero(np.isfinite(self.values))

    @cached_property
    def best_first(self) -> np.ndarray:
        """The indices of the trials that have a value, the best first."""
        sign = -1 if self.metric.quantity.better == "higher" else 1
        return self.done[np.argsort(sign * self.values[self.done], kind="stable")]

    @property
    def best(self) -> str:
        """The best value as it is written, with its unit."""
        return self.written(float(self.values[self.best_first[0]]))

    def written(self, value: float, more: int = 1) -> str:
        """Write a value of the metric with its unit; trials lie close together, so one decimal more than usual."""
        quantity = self.metric.quantity
        return f"{in_figures(value, quantity.decimals + more)} {quantity.unit}".strip()

    @property
    def left_out(self) -> str:
        """How many trials have no value, and why: "2 failed, 1 without val_accuracy"; "" where all have one."""
        missing = [self.states[i] for i in range(len(self.runs)) if not math.isfinite(self.values[i])]
        words = [f"without {self.metric.name}" if state == "finished" else state for state in missing]
        return ", ".join(f"{words.count(word):,} {word}" for word in dict.fromkeys(sorted(words)))

    @property
    def note(self) -> str:
        """What every figure of a sweep says below it."""
        which = f" of sweep {shortened(self.sweep)}, one of {self.others + 1}" if self.others else ""
        rest = f", {self.left_out}" if self.left_out else ""
        return f"{counted(len(self.runs), 'trial')}{which}{rest}"

    @property
    def badges(self) -> tuple[str, ...]:
        """What a slide with these trials must carry."""
        chosen = ("best picked on test",) if self.metric.split == "test" else ()
        return ("exploratory", *chosen)


def trials_of(results: Results, metric: str, sweep: str = "") -> Trials:
    """Read the trials of a sweep off the runs.

    Args:
        results: where from.
        metric: what the trials are judged by, best a validation metric.
        sweep: the sweep's id; the one that was started last where empty.

    Raises:
        PodiumError: for an unknown metric or sweep, no sweep at all, or no trial with a value, naming the trials.
    """
    named = metric_of(results, metric)
    rows = results.runs[results.runs["sweep"] != ""]
    if rows.empty and results.command:  # runs of a program that is not ours: whatever varied was tried
        rows = results.runs
    if rows.empty:
        raise PodiumError(
            f"No run of {results.experiment} belongs to a sweep. Run `podium sweep {results.experiment}`, "
            "or ask for a figure of its variants."
        )
    started = rows.assign(started=rows["started"].map(str)) if "started" in rows else rows.assign(started="")
    sweeps = started.groupby("sweep")["started"].max().sort_values(kind="stable")
    if sweep and sweep not in sweeps.index:
        raise unknown("sweep", sweep, sweeps.index, owner=f"Experiment {results.experiment}")
    chosen = sweep or str(sweeps.index[-1])
    rows = started[started["sweep"] == chosen].sort_values(["started", "run"], kind="stable")
    values = run_values(results, rows, named).to_numpy(copy=True)
    ended = (rows["state"] == "finished").to_numpy()
    values[~(np.isfinite(values) & ended)] = math.nan
    if not np.isfinite(values).any():
        held = [str(run) for run, state in zip(rows["run"], rows["state"], strict=True) if state == "finished"]
        why = (
            f"finished without a finite {metric}: {runs_named(held)}. Ask for another metric"
            if held
            else f"is finished: {runs_named([f'{r} {s}' for r, s in zip(rows['run'], rows['state'], strict=True)])}. "
            f"Run `podium sweep {results.experiment}`: it resumes"
        )
        raise PodiumError(f"{'Every trial' if held else 'No trial'} of the sweep {chosen} {why}.")
    return Trials(
        experiment=results.experiment,
        sweep=chosen,
        metric=named,
        runs=tuple(map(str, rows["run"])),
        states=tuple(map(str, rows["state"])),
        values=values,
        tried=_tried(results, rows),
        others=len(sweeps) - 1,
    )


def narrowed(trials: Trials) -> str:
    """Say what the best fifth of the trials share, where chance would rarely draw trials that share as much; else "".

    For each field the best trials' spread (how many values, or how far apart in rank) is held against that of equally
    many trials drawn at random, Holm-corrected over the fields.
    """
    count = len(trials.done)
    if count < FEWEST_TO_NARROW or not trials.tried:
        return ""
    top = best_fifth(count)
    order = np.searchsorted(trials.done, trials.best_first)  # places among those that have a value, best first
    drawn = np.random.default_rng(0).random((SHUFFLES, count)).argpartition(top, axis=1)[:, :top]
    fields = list(trials.tried)
    p = []
    for name in fields:
        ranks, numeric = ranks_of([trials.tried[name][i] for i in trials.done])
        spreads = _spread(ranks[drawn], numeric)
        seen = _spread(ranks[order[:top]][None], numeric)[0]
        p.append((1 + int((spreads <= seen).sum())) / (1 + SHUFFLES))
    corrected = holm(p)
    shared = sorted((q, name) for q, name in zip(corrected, fields, strict=True) if q < 0.05)
    words = [_shared(name, [trials.tried[name][i] for i in trials.best_first[:top]]) for _, name in shared[:2]]
    words = [word for word in words if word]
    return f"The best {top} of {count} trials have {' and '.join(words)}" if words else ""


def best_fifth(count: int) -> int:
    """Return how many of so many trials count as the best ones."""
    return max(3, math.ceil(count / 5)) if count >= FEWEST_TO_NARROW else math.ceil(count / 5)


def short(value: Any, digits: int = 3) -> str:
    """Write a field's value in as few signs as tell it; a number that is not whole with so many digits.

    >>> short(0.00001), short(0.25), short(None), short(True), short(128)
    ('1e-5', '0.25', 'none', 'true', '128')
    """
    if value is None:
        return NONE
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) < 10**7:
        return f"{value:,}".replace("-", MINUS)
    if isinstance(value, float) or is_number(value):
        head, e, exponent = f"{value:.{digits}g}".partition("e")
        text = f"{head}e{int(exponent)}" if e else head
        return text if e else text.replace("-", MINUS)
    return str(value)


def is_number(value: Any) -> bool:
    """Tell whether a field's value stands on a scale: a finite number, no bool."""
    return isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < HUGE


def is_scale(values: Sequence[Any]) -> bool:
    """Tell whether all values of a field that are there are numbers."""
    there = [value for value in values if value is not None]
    return bool(there) and all(map(is_number, there))


def is_log(values: Sequence[Any]) -> bool:
    """Tell whether a field's numbers reach over so many sizes that a log axis shows them better."""
    there = sorted(value for value in values if value is not None)
    if not is_scale(values) or there[0] <= 0 or there[-1] / there[0] < LOG_FROM:
        return False
    return (there[len(there) // 2] - there[0]) / (there[-1] - there[0]) < 0.3  # of even steps it would be a half


def _tried(results: Results, rows: pd.DataFrame) -> dict[str, list[Any]]:
    """Return the fields that vary between trials; of a single trial those that vary between runs, or else all."""
    names = [name for name in results.config_fields if name in rows and name != "seed"]
    mine = _columns(rows, names)
    varied = {name: values for name, values in mine.items() if len(set(map(_key, values))) > 1}
    if varied or len(rows) > 1:
        return varied
    every = _columns(results.runs, names)
    varied = {name: mine[name] for name, values in every.items() if name in mine and len(set(map(_key, values))) > 1}
    return varied or mine


def _columns(rows: pd.DataFrame, names: list[str]) -> dict[str, list[Any]]:
    """Return each field's plain values; a nested configuration's by their path, such as "optimizer.lr"."""
    columns: dict[str, list[Any]] = {}
    for name in names:
        cells = [_plain(value) for value in rows[name].tolist()]
        if any(isinstance(cell, dict) for cell in cells):
            inner = pd.DataFrame({key: pd.Series([_get(c, key) for c in cells], dtype=object) for key in _keys(cells)})
            deeper = _columns(inner, list(inner))
            columns |= {f"{name}.{key}": values for key, values in deeper.items()}
        else:
            columns[name] = [json.dumps(cell) if isinstance(cell, list) else cell for cell in cells]
    return columns


def _keys(cells: list[Any]) -> list[str]:
    return list(dict.fromkeys(key for cell in cells if isinstance(cell, dict) for key in cell))


def _get(cell: Any, key: str) -> Any:
    return cell.get(key) if isinstance(cell, dict) else None


def _plain(value: Any) -> Any:
    if isinstance(value, dict | list):
        return value
    if isinstance(value, np.generic):
        value = value.item()
    return None if value is None or (isinstance(value, float) and math.isnan(value)) or value is pd.NaT else value


def _key(value: Any) -> tuple[str, Any]:
    return ("number", float(value)) if is_number(value) else (type(value).__name__, value)


def ranks_of(values: list[Any]) -> tuple[np.ndarray, bool]:
    """Return each value's rank in [0, 1], equal ones alike, and whether they stand on a scale."""
    if is_scale(values) and None not in values:
        return pd.Series([float(v) for v in values]).rank(method="average", pct=True).to_numpy(), True
    codes, _ = pd.factorize(pd.Series([short(v) for v in values]))
    return codes.astype(float), False


def _spread(picked: np.ndarray, numeric: bool) -> np.ndarray:
    """Return how far apart each row's values lie: in rank, or as the number of distinct ones."""
    if numeric:
        return picked.max(1) - picked.min(1)
    ordered = np.sort(picked, axis=1)
    return 1 + (np.diff(ordered, axis=1) != 0).sum(1)


def _shared(name: str, values: list[Any]) -> str:
    if is_scale(values) and None not in values:
        low, high = short(min(values), 2), short(max(values), 2)
        return f"{said(name)} {low}" if low == high else f"{said(name)} {low} to {high}"
    kinds = list(dict.fromkeys(short(value) for value in values))
    return f"{said(name)} {some(kinds, 'or')}" if len(kinds) <= 2 else ""
