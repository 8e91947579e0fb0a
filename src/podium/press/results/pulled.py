r"""Pulled results: the two tidy tables of runs from anywhere, frozen to CSV and read back.

Nested keys are joined by dots as W&B's `define_metric` does, a dot inside a key written `\\.`: the config value
`{"optimizer": {"lr": 0.1}}` is the column `config.optimizer.lr`. A dict that describes an image or a table stays whole.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from podium.press.results.cells import (
    from_cell,
    from_column,
    from_metric,
    read_rows,
    to_cell,
    to_column,
    to_metric,
    write_rows,
    written,
)
from podium.runs.pull.exact import dotted, from_bytes, keys_of, leaves, nest
from podium.runs.pull.history import KINDS, STR, History, is_step, value_of
from podium.runs.pull.store import Store, pulled_folder, pulled_names
from podium.spec import PodiumError, Project, unknown

MISSING = math.nan  # what was never logged; a NaN that was logged is another object

TEXTS = ("run", "id", "name", "origin", "state", "reason", "entity", "project", "group", "sweep", "notes")
FIRST = (*TEXTS, "tags", "created", "updated", "seconds", "commit", "dirty")
BLANK = {*TEXTS, "created", "updated", "commit"}  # an empty cell is an empty text here
NESTED = ("config", "summary", "extra")


@dataclass(frozen=True)
class Tables:
    """Everything that was pulled, tidy.

    Attributes:
        runs: a row a run: run (its key), id, name, origin, state, reason, entity, project, group, sweep, notes, tags,
            created, updated, seconds, commit, dirty; then `config.*`, `summary.*` and `extra.*`, each value of the type
            that was logged. Where a run has no such value stands `MISSING`.
        history: a row a logged value: run, row (counts the run's logged rows), step, metric, kind (float, int, bool,
            null, str, json), value (NaN where it is no number) and text (of a str; JSON of what no float holds).
    """

    runs: pd.DataFrame
    history: pd.DataFrame

    def logged(self, column: str) -> pd.Series:
        """Say of each run whether it has the value of a column, NaN and None included.

        Raises:
            PodiumError: for an unknown column.
        """
        if column not in self.runs:
            raise unknown("column", column, list(self.runs.columns), owner="The runs")
        return self.runs[column].map(lambda value: value is not MISSING)

    def nested(self, run: str, part: str = "config") -> dict[str, Any]:
        """Return a run's config, summary or extra nested as it was logged.

        Raises:
            PodiumError: for an unknown run.
        """
        rows = self.runs[self.runs["run"] == run]
        if rows.empty:
            raise unknown("run", run, list(self.runs["run"]), owner="The table")
        prefix = f"{part}."
        found = ((name, rows[name].iloc[0]) for name in self.runs if name.startswith(prefix))
        return nest((keys_of(name.removeprefix(prefix)), value) for name, value in found if value is not MISSING)

    def rows(self, run: str) -> list[dict[str, Any]]:
        """Return a run's history as it was logged: one dict a step, every value exact, dotted names to values."""
        mine = self.history[self.history["run"] == run]
        columns = (mine[name].tolist() for name in ("row", "step", "metric", "value", "text"))
        rows: dict[int, dict[str, Any]] = {}
        for kind, row, step, metric, value, text in zip(mine["kind"].cat.codes.tolist(), *columns, strict=True):
            if row not in rows:
                rows[row] = {} if step is pd.NA else {"_step": step}
            encoded = text.encode("utf-8", "surrogatepass") if isinstance(text, str) else None
            rows[row][metric] = text if kind == STR else value_of(kind, value, encoded)
        return list(rows.values())


def read_pulled(project: Project, name: str) -> Tables:
    """Read what `podium pull` left under a name.

    Raises:
        PodiumError: for a name under which nothing was pulled.
    """
    return _tables(_store(project, name).tables())


def freeze_pulled(project: Project, name: str) -> list[Path]:
    """Write pulled runs to `experiments/<name>.runs.csv` and `<name>.history.csv`, and return both paths.

    A row of the history is one logged row, a column a metric. Equal runs make equal bytes.

    Raises:
        PodiumError: for a name under which nothing was pulled, or where the files cannot be written.
    """
    tables = list(_store(project, name).tables())
    runs, history = _frozen(project, name)
    rows = [_run_cells(run) for run, _ in tables]
    with written(runs) as file:
        columns = [*FIRST, *sorted({column for row in rows for column in row} - set(FIRST))]
        write_rows(file, columns, ([row.get(column, "") for column in columns] for row in rows))
    names = sorted({dotted(from_bytes(name)) for _, table in tables for name in _categories(table["metric"])})
    taken = ("run", "step")
    with written(history) as file:
        write_rows(file, [*taken, *(to_metric(metric, taken) for metric in names)], _history_cells(tables, names))
    return [runs, history]


def read_frozen_pulled(project: Project, name: str) -> Tables:
    """Read back what `freeze_pulled` wrote.

    Raises:
        PodiumError: where there are no such files, or they were damaged, naming file and line.
    """
    path, history = _frozen(project, name)
    if not path.is_file():
        names = [found.name.removesuffix(".runs.csv") for found in project.experiments.glob("*.runs.csv")]
        raise unknown("frozen pulled results", name, sorted(names))
    runs = {run["key"]: run for run in _damage_named(path, name, _read_runs)}
    histories: dict[str, History] = {key: History() for key in runs}
    if history.is_file():
        for key, row in _damage_named(history, name, _read_history):
            if key not in histories:
                raise PodiumError(
                    f"{history.name} tells of a run {key!r} that {path.name} has not. Freeze {name} again."
                )
            histories[key].append_flat(row)
    return _tables((run, histories[key].to_arrow()) for key, run in runs.items())


def _store(project: Project, name: str) -> Store:
    names = pulled_names(project)
    if name not in names:
        raise unknown("pulled results", name, names)
    return Store(pulled_folder(project, name))


def _frozen(project: Project, name: str) -> tuple[Path, Path]:
    return project.experiments / f"{name}.runs.csv", project.experiments / f"{name}.history.csv"


def _tables(found: Iterable[tuple[Mapping[str, Any], pa.Table]]) -> Tables:
    runs, parts = [], []
    metrics: dict[str, int] = {}
    texts: dict[str, int] = {}
    for run, table in found:
        runs.append(run)
        parts.append(_columns(table, metrics, texts))
    lengths = [len(part["value"]) for part in parts]
    empty = _columns(History().to_arrow(), metrics, texts)
    columns = {name: np.concatenate([part.pop(name) for part in parts] or [empty[name]]) for name in list(empty)}
    keys = np.repeat(np.arange(len(runs), dtype=np.int32), lengths)
    stepless = columns.pop("stepless")
    history = {
        "run": _category(keys, [run["key"] for run in runs]),
        "row": columns["row"],
        "step": pd.arrays.IntegerArray(columns["step"], stepless) if stepless.any() else columns["step"],
        "metric": _category(columns["metric"], list(metrics)),
        "kind": _category(columns["kind"], list(KINDS)),
        "value": columns["value"],
        "text": _category(columns["text"], list(texts)),
    }
    return Tables(runs=_runs(runs), history=pd.DataFrame(history, copy=False))


def _columns(table: pa.Table, metrics: dict[str, int], texts: dict[str, int]) -> dict[str, np.ndarray]:
    """Give the columns of one run as arrays; metrics and texts as numbers of names that all runs share."""
    names = [metrics.setdefault(dotted(from_bytes(name)), len(metrics)) for name in _categories(table["metric"])]
    kinds = [KINDS.index(name) for name in _categories(table["kind"])]
    kind = np.array(kinds, np.int8)[_codes(table["kind"])]
    text = np.full(len(table), -1, np.int32)
    if table["text"].null_count < len(table):
        for at, data in enumerate(table["text"].to_pylist()):
            if data is not None:
                said = from_bytes(data) if kind[at] == STR else data.decode("utf-8", "surrogatepass")
                text[at] = texts.setdefault(said, len(texts))
    step = table["step"].combine_chunks()
    return {
        "row": table["row"].to_numpy(),
        "step": step.fill_null(0).to_numpy(zero_copy_only=False),
        "stepless": step.is_null().to_numpy(zero_copy_only=False),
        "metric": np.array(names, np.int32)[_codes(table["metric"])],
        "kind": kind,
        "value": table["value"].to_numpy(),
        "text": text,
    }


def _categories(column: pa.ChunkedArray) -> list[Any]:
    return column.combine_chunks().dictionary.to_pylist()


def _codes(column: pa.ChunkedArray) -> np.ndarray:
    return column.combine_chunks().indices.to_numpy(zero_copy_only=False)


def _category(codes: np.ndarray, names: Sequence[str]) -> pd.Categorical:
    return pd.Categorical.from_codes(codes, pd.Index(names, dtype=object))


def _runs(documents: Sequence[Mapping[str, Any]]) -> pd.DataFrame:
    rows = []
    for document in documents:
        row = {"run": document["key"], **{name: document[name] for name in FIRST[1:]}, "tags": tuple(document["tags"])}
        for part in NESTED:
            row.update((f"{part}.{dotted(path)}", value) for path, value in leaves(document[part]))
        rows.append(row)
    rest = {name for row in rows for name in row} - set(FIRST)
    names = [*FIRST, *sorted(rest, key=lambda name: (NESTED.index(name.partition(".")[0]), name))]
    series = [pd.Series([row.get(name, MISSING) for row in rows], dtype=object) for name in names]
    runs = pd.concat(series, axis=1) if rows else pd.DataFrame(index=[], columns=range(len(names)), dtype=object)
    runs.columns = pd.Index(names, dtype=object)
    runs["seconds"] = runs["seconds"].astype(float)
    return runs


def _run_cells(run: Mapping[str, Any]) -> dict[str, str]:
    first = {"run": run["key"], **{name: run[name] for name in FIRST[1:]}}
    cells = {name: "" if name in BLANK and value == "" else to_cell(value) for name, value in first.items()}
    for part in NESTED:
        cells.update((to_column(f"{part}.", dotted(path)), to_cell(value)) for path, value in leaves(run[part]))
    return cells


def _history_cells(tables: Iterable[tuple[dict[str, Any], pa.Table]], names: Sequence[str]) -> Iterator[list[str]]:
    for told, table in tables:
        run = to_cell(told["key"])
        for row in History.from_arrow(table).flat():
            step = to_cell(row.pop("_step")) if is_step(row.get("_step")) else ""
            yield [run, step, *(to_cell(row[name]) if name in row else "" for name in names)]


def _read_runs(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for number, cells in read_rows(lines):
        try:
            run: dict[str, Any] = dict.fromkeys(BLANK, "")
            run.update((name, from_cell(cells[name])) for name in FIRST if name in cells)
            for part in NESTED:
                prefix = f"{part}."
                found = ((from_column(name, prefix), cell) for name, cell in cells.items() if name.startswith(prefix))
                run[part] = nest((keys_of(name), from_cell(cell)) for name, cell in found)
            run["key"] = run.pop("run")
            yield {**run, "tags": tuple(run["tags"]), "seconds": run["seconds"], "dirty": run["dirty"]}
        except (KeyError, TypeError) as error:
            raise ValueError(f"line {number}, is damaged") from error


def _read_history(lines: Iterable[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    for number, cells in read_rows(lines):
        try:
            key = str(from_cell(cells.pop("run")))
        except KeyError as error:
            raise ValueError(f"line {number}, is damaged") from error
        step = {"_step": from_cell(cells.pop("step"))} if "step" in cells else {}
        yield key, {**step, **{from_metric(name): from_cell(cell) for name, cell in cells.items()}}


def _damage_named(path: Path, name: str, read: Callable[[Iterable[str]], Iterator[Any]]) -> Iterator[Any]:
    try:
        with path.open(encoding="utf-8", errors="surrogatepass", newline="") as file:
            yield from read(file)
    except ValueError as error:
        raise PodiumError(
            f"{path.name}, {error}. Freeze it again with `podium freeze {name}`, or take it back from git."
        ) from error
