"""Runs that were trained elsewhere, laid out as `Results`: from the two tidy tables and what their question says.

A run's variant is written from the values of the fields that the question names; its seed is the value of the seed
field, and without one the runs of a variant are numbered and counted as independent, never paired.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from podium.press.results.pulled import MISSING, Tables
from podium.press.results.table import IDENTITY, Results, whole
from podium.spec import PodiumError, Pulled, unknown

NUMBER_KINDS = ("float", "int")
VAGUE = {"name", "type", "kind", "value", "id"}  # `optimizer.name` is known as `optimizer`
NOTHING = "(none)"  # how a variant's name shows a field that the run does not have


def results_of(tables: Tables, said: Pulled) -> Results:
    """Lay pulled runs out as the results of one question.

    Args:
        tables: as `read_pulled` gives them.
        said: which fields make a variant, which is the seed, and what is measured.

    Raises:
        PodiumError: for a field that no run has, or where there are no runs.
    """
    runs = tables.runs
    if runs.empty:
        raise PodiumError(f"{said.name} has no runs. Pull them: `podium pull --name {said.name} ...`.")
    fields = _under(runs, "config.")
    for name in (*said.variant, *filter(None, (said.seed,))):
        if name not in fields:
            raise unknown("config field", name, list(fields), owner=f"The runs of {said.name}")
    variant = variant_names(runs, said.variant)
    columns: dict[str, Any] = {
        "run": runs["run"].map(whole),
        "name": runs["name"].map(whole),
        "experiment": said.name,
        "variant": variant,
        "seed": seeds(runs, said.seed, variant),
        "profile": "full",
        "sweep": runs["sweep"].where(runs["sweep"] != "", said.name) if said.sweep else "",
        "state": runs["state"],
        "reason": runs["reason"].map(whole),
        "started": runs["created"],
        "device": "unknown device",
        "commit": runs["commit"],
        "dirty": [value is True for value in runs["dirty"]],
        "data": "not recorded",
        "hardware": _hardware(runs),
        "origin": runs["origin"],
        "link": _links(runs),
    }
    columns |= {name: _plain(runs[column]) for name, column in fields.items() if name not in columns}
    taken = {*columns, *IDENTITY}
    for name, column in _under(runs, "summary.").items():
        if name.startswith("_"):
            continue  # W&B's own
        columns[name if name not in taken else f"summary.{name}"] = _plain(runs[column])
    if "seconds" not in columns:
        columns["seconds"] = pd.to_numeric(runs["seconds"], errors="coerce")
    return Results(
        experiment=said.name,
        runs=pd.DataFrame(columns, index=runs.index).reset_index(drop=True),
        history=history_of(tables, variant, columns["seed"]),
        config_fields=tuple(
            name for name in fields if name not in (*IDENTITY, said.seed) and not names_runs(runs[fields[name]])
        ),
        settings=said.variant,
        paired=bool(said.seed),
        better=dict(said.better),
        step="step",
        baseline=said.baseline,
        command=f"podium pull --name {said.name} {' '.join(said.source)}",
    )


def variant_names(runs: pd.DataFrame, fields: Sequence[str]) -> pd.Series:
    """Name each run's variant by the values of some fields: a value alone, or `optimizer=adam, depth=4`."""
    if not fields:
        return pd.Series("all runs", index=runs.index)
    short = _short(fields)
    texts = [_texts(runs[f"config.{name}"]) for name in fields]
    if len(fields) == 1:
        return texts[0]
    named = [short[name] + "=" + text for name, text in zip(fields, texts, strict=True)]
    joined = named[0]
    for text in named[1:]:
        joined = joined + ", " + text
    return joined


def seeds(runs: pd.DataFrame, field: str, variant: pd.Series) -> pd.Series:
    """Return each run's seed; without a field, or where its values are no whole numbers, a count within the variant."""
    if field:
        values = runs[f"config.{field}"]
        if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
            return values.astype("int64")
        codes, _ = pd.factorize(values.map(_text), sort=True)
        return pd.Series(codes, index=runs.index)
    return variant.groupby(variant).cumcount()


def history_of(tables: Tables, variant: pd.Series, seed: pd.Series) -> pd.DataFrame:
    """Lay the numbers of the long history side by side: a row a run and step, a column a metric."""
    long = tables.history
    numbers = long[long["kind"].isin(NUMBER_KINDS)]
    if numbers.empty:
        return pd.DataFrame(columns=["run", "variant", "seed", "epoch"])
    wide = numbers.pivot_table(
        index=["run", "step"], columns="metric", values="value", aggfunc="last", observed=True, dropna=True
    ).reset_index()
    wide.columns = [str(name) for name in wide.columns]
    wide = wide.rename(columns={"step": "epoch"}).drop(columns=[n for n in wide if n.startswith("_")])
    wide["run"] = wide["run"].astype(object)
    for name, values in (("variant", variant), ("seed", seed)):
        wide[name] = wide["run"].map(dict(zip(tables.runs["run"], values, strict=True)))
    return wide


def names_runs(column: pd.Series) -> bool:
    """Tell a text that every run has for itself (an output folder, a name) from a setting."""
    values = [value for value in column if value is not MISSING]
    return len(values) > 2 and all(isinstance(v, str) for v in values) and len(set(values)) == len(values)


def _under(runs: pd.DataFrame, prefix: str) -> dict[str, str]:
    return {str(name).removeprefix(prefix): str(name) for name in runs.columns if str(name).startswith(prefix)}


def _short(fields: Sequence[str]) -> dict[str, str]:
    """Drop the groups before a nested field's own name where no two fields become the same by it."""
    last = []
    for name in fields:
        group, _, end = name.rpartition(".")
        last.append(group.rpartition(".")[2] if group and end in VAGUE else end)
    return {name: end if last.count(end) == 1 else name for name, end in zip(fields, last, strict=True)}


def _texts(column: pd.Series) -> pd.Series:
    """Write a field's values, its floats with four digits where that keeps all of them apart."""
    exact = column.map(_text)
    finite = column.map(lambda value: isinstance(value, float) and math.isfinite(value))
    short = exact.where(~finite, column.where(finite, 0.0).map("{:.4g}".format))
    return short if len(set(short)) == len(set(exact)) else exact


def _text(value: Any) -> str:
    if value is MISSING:
        return NOTHING
    return str(whole(value if isinstance(value, str) else json.dumps(value, sort_keys=True, ensure_ascii=False)))


def _plain(column: pd.Series) -> pd.Series:
    """Make a column of numbers a numeric one; what is missing is NaN there and None elsewhere."""
    values = column.tolist()
    if all(isinstance(value, int | float) and not isinstance(value, bool) for value in values):
        integers = all(isinstance(value, int) for value in values)
        small = integers and all(abs(value) < 2**63 for value in values)
        return pd.Series(np.array(values, dtype="int64" if small else "float64"), index=column.index)
    shown = [None if value is MISSING else whole(value) for value in values]
    return pd.Series(shown, index=column.index, dtype=object)


def _hardware(runs: pd.DataFrame) -> pd.Series:
    for name in ("extra.gpu", "extra.gpu_name", "extra.host"):
        if name in runs:
            return runs[name].map(lambda value: str(value) if isinstance(value, str) and value else "not recorded")
    return pd.Series("not recorded", index=runs.index)


def _links(runs: pd.DataFrame) -> pd.Series:
    if "extra.url" not in runs:
        return pd.Series("", index=runs.index)
    return runs["extra.url"].map(lambda value: value if isinstance(value, str) else "")
