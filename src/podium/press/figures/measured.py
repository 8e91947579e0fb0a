"""What a figure needs of a metric: every variant's values by seed, in the metric's unit, in one pass over the table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from podium.press.figures.drawing import runs_named, said, shortened
from podium.press.results.metrics import Metric
from podium.press.results.table import IDENTITY, Results
from podium.spec import PodiumError, unknown

LONGEST_WORDS = 40  # characters of a metric's name


def measured(results: Results, named: Metric, variants: Sequence[str] | None = None) -> dict[str, dict[int, float]]:
    """Return variant to seed to value: the summary's, or the last epoch's where the summary has none.

    Args:
        results: where from.
        named: the metric; its values are multiplied with its scale.
        variants: which ones; all where None.

    Raises:
        PodiumError: for an unknown variant or metric, or runs without a finite value, by their names.
    """
    names = results.variants if variants is None else list(variants)
    for name in names:
        if name not in results.variants:
            raise unknown("variant", name, results.variants, owner=f"Experiment {results.experiment}")
    rows = results.compared[["variant", "seed", "run"]].copy()
    rows["value"] = run_values(results, results.compared, named).to_numpy()
    groups = dict(iter(rows.groupby("variant")))
    for name in names:
        lacking = groups[name][~np.isfinite(groups[name]["value"])]
        if len(lacking):
            raise PodiumError(
                f"{results.experiment}, variant {said(name)!r}: {named.name} is missing or not finite in "
                f"{runs_named(list(lacking['run']))}. Train it again, or ask for another metric."
            )
    return {
        name: {int(s): float(v) for s, v in zip(groups[name]["seed"], groups[name]["value"], strict=True)}
        for name in names
    }


def metric_of(results: Results, name: str) -> Metric:
    """Return a metric as these runs mean it, its words cut to what an axis and a sentence can carry."""
    named = results.metric(name)
    return replace(named, quantity=replace(named.quantity, words=shortened(named.quantity.words, LONGEST_WORDS)))


def run_values(results: Results, rows: pd.DataFrame, named: Metric) -> pd.Series:
    """Return a metric of each row's run, scaled; NaN where neither summary nor history has a number.

    Raises:
        PodiumError: for a metric that neither of them knows.
    """
    metric = named.name
    if metric not in rows and metric not in results.history:
        raise unknown("metric", metric, _numbers(results, rows), owner=f"Experiment {results.experiment}")
    values = pd.Series(np.nan, index=rows.index)
    if metric in rows:
        values = pd.to_numeric(rows[metric], errors="coerce").astype(float)
    if metric in results.history and values.isna().any():
        history = results.history.sort_values("epoch", kind="stable")
        last = pd.to_numeric(history.groupby("run")[metric].nth(-1), errors="coerce").astype(float)
        by_run = dict(zip(history.loc[last.index, "run"], last, strict=True))
        values = values.fillna(rows["run"].map(by_run).astype(float))
    return values * named.quantity.scale


def _numbers(results: Results, rows: pd.DataFrame) -> list[str]:
    """Name what could have been meant: every column that holds a number and is no setting."""
    skip = {*IDENTITY, *results.config_fields, "epoch"}
    names = [name for name in rows if name not in skip and any(type(v) in (int, float) for v in rows[name].tolist())]
    return [*dict.fromkeys([*names, *(name for name in results.history if name not in skip)])]


def kept_samples(
    results: Results, variant: str | None, sample: str, words: str, *, tells: Callable[[Any], object] = bool
) -> tuple[str, dict[str, Any], int]:
    """Return a variant, what each of its runs kept of one kind of sample, and how many runs it has.

    Args:
        results: where from.
        variant: whose; the first of which a run kept any where None.
        sample: its name in a record.
        words: what a run keeps, and which do, for the error.
        tells: whether what a run kept says anything.

    Raises:
        PodiumError: for an unknown variant, or where no run kept any.
    """
    for name in [variant] if variant is not None else results.variants:
        runs = [str(run) for run in results.rows(name)["run"]]
        kept = {run: results.samples.get(run, {}).get(sample) for run in runs}
        telling = {run: found for run, found in kept.items() if tells(found)}
        if telling:
            return name, telling, len(runs)
    whose = f", variant {variant!r}," if variant is not None else ""
    raise PodiumError(
        f"The runs of {results.experiment}{whose} kept no {words}. Train them again: "
        f"`podium train {results.experiment}`."
    )
