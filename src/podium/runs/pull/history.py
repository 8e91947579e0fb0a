"""History: the logged rows of one run in columns, so that a million values take megabytes and no object each."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

import numpy as np
import pyarrow as pa

from podium.runs.pull.exact import Keys, dotted, from_bytes, keys_of, leaves, nest, to_bytes

KINDS = ("float", "int", "bool", "null", "str", "json")
FLOAT, INT, BOOL, NULL, STR, JSON = range(6)
PLAIN: dict[type, int] = {float: FLOAT, int: INT, bool: BOOL}
EXACT = 2**53  # a larger whole number may not fit a float

SCHEMA = pa.schema(
    [
        ("row", pa.int32()),
        ("step", pa.int64()),
        ("metric", pa.dictionary(pa.int32(), pa.binary())),
        ("kind", pa.dictionary(pa.int8(), pa.utf8())),
        ("value", pa.float64()),
        ("text", pa.binary()),
    ]
)


class History(Sequence[Mapping[str, Any]]):
    """Rows of metrics: it takes and gives dicts, and keeps columns.

    Nested dicts are kept by their leaves; a row without any metric is no row. In Arrow a value is `value` where that is
    exact, else `text`: bytes of JSON (see `podium.runs.pull.exact`).

    >>> History([{"_step": 0, "loss": 0.5}, {"_step": 2, "n": {"ok": True}}])[1]
    {'_step': 2, 'n': {'ok': True}}
    """

    def __init__(self, rows: Iterable[Mapping[str, Any]] = ()) -> None:
        self._metrics: dict[Keys, int] = {}
        self._top: dict[str, int] = {}  # the same numbers for keys that are not nested: most are not
        self._steps = array("q")
        self._stepless: set[int] = set()
        self._starts = array("q")
        self._metric, self._kind, self._value = array("i"), array("b"), array("d")
        self._text: dict[int, bytes] = {}
        for row in rows:
            self.append(row)

    def append(self, row: Mapping[str, Any]) -> None:
        """Add a row; `_step` says where it stands."""
        start = len(self._value)
        has_step = is_step(row.get("_step"))
        if has_step and self._append_numbers(row):
            self._end_row(start, row["_step"])
            return
        for key, value in row.items():
            if type(value) is dict:
                for path, leaf in leaves({key: value}):
                    self._add_any(self._numbered(path), leaf)
            elif key != "_step" or not has_step:
                self._add_any(self._number(key), value)
        self._end_row(start, row["_step"] if has_step else None)

    def _append_numbers(self, row: Mapping[str, Any]) -> bool:
        """Add a row of known metrics and plain numbers at once, as most rows are; False where it is none."""
        rest = {key: value for key, value in row.items() if key != "_step"}
        try:
            kinds = [PLAIN[type(value)] for value in rest.values()]
            metrics = [self._top[key] for key in rest]
        except KeyError:
            return False
        if INT in kinds and not all(-EXACT <= value <= EXACT for value in rest.values() if type(value) is int):
            return False
        self._metric.extend(metrics)
        self._kind.extend(kinds)
        self._value.extend(rest.values())
        return True

    def append_flat(self, row: Mapping[str, Any]) -> None:
        """Add a row as `flat` gives it."""
        start = len(self._value)
        has_step = is_step(row.get("_step"))
        for name, value in row.items():
            if name != "_step" or not has_step:
                self._add_any(self._numbered(keys_of(name)), value)
        self._end_row(start, row["_step"] if has_step else None)

    def _end_row(self, start: int, step: int | None) -> None:
        if len(self._value) == start:
            return
        if step is None:
            self._stepless.add(len(self._steps))
        self._steps.append(0 if step is None else step)
        self._starts.append(start)

    def _number(self, key: str) -> int:
        number = self._top.get(key)
        if number is None:
            number = self._top[key] = self._numbered((key,))
        return number

    def _numbered(self, path: Keys) -> int:
        return self._metrics.setdefault(path, len(self._metrics))

    def _add(self, metric: int, kind: int, value: float) -> None:
        self._metric.append(metric)
        self._kind.append(kind)
        self._value.append(value)

    def _add_any(self, metric: int, value: Any) -> None:
        kind = type(value)
        text: bytes | None = None
        if kind is float:
            self._add(metric, FLOAT, value)
        elif kind is int and -EXACT <= value <= EXACT:
            self._add(metric, INT, value)
        elif kind is bool:
            self._add(metric, BOOL, value)
        elif value is None:
            self._add(metric, NULL, np.nan)
        elif kind is int:
            self._add(metric, INT, _nearest(value))
            text = to_bytes(value)
        else:
            self._add(metric, STR if kind is str else JSON, np.nan)
            text = to_bytes(value)
        if text is not None:
            self._text[len(self._value) - 1] = text

    def __len__(self) -> int:
        return len(self._starts)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> dict[str, Any] | list[dict[str, Any]]:
        if isinstance(index, slice):
            names = list(self._metrics)
            return [self._row(at, names) for at in range(len(self))[index]]
        return self._row(range(len(self))[index], list(self._metrics))

    def __iter__(self) -> Iterator[dict[str, Any]]:
        names = list(self._metrics)
        return (self._row(at, names) for at in range(len(self)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Sequence) and len(self) == len(other) and list(self) == list(other)

    __hash__ = None

    def __repr__(self) -> str:
        return f"<History of {len(self)} rows, {len(self._value)} values>"

    @property
    def values(self) -> int:
        """How many values it holds."""
        return len(self._value)

    def last(self) -> dict[str, Any]:
        """Give the last value of each metric, nested, with `_step` where the last row has one."""
        names = list(self._metrics)
        latest = {self._metric[at]: at for at in range(len(self._value))}
        step = {} if not self or len(self) - 1 in self._stepless else {"_step": self._steps[-1]}
        return {**nest((names[metric], self._exact(at)) for metric, at in latest.items()), **step}

    def numbers(self, path: Keys) -> np.ndarray:
        """Give the numbers that were logged under nested keys, in order, without NaN."""
        if path not in self._metrics:
            return np.zeros(0)
        kinds = np.array(self._kind, np.int8)
        mine = (np.array(self._metric, np.int32) == self._metrics[path]) & ((kinds == FLOAT) | (kinds == INT))
        values = np.array(self._value)[mine]
        return values[~np.isnan(values)]

    def flat(self) -> Iterator[dict[str, Any]]:
        """Give each row flat: dotted names (see `podium.runs.pull.exact`) to values; `_step` where it has one."""
        names = [dotted(path) for path in self._metrics]
        for at in range(len(self)):
            row = {} if at in self._stepless else {"_step": self._steps[at]}
            row.update((names[self._metric[i]], self._exact(i)) for i in self._span(at))
            yield row

    def _span(self, at: int) -> range:
        end = self._starts[at + 1] if at + 1 < len(self._starts) else len(self._value)
        return range(self._starts[at], end)

    def _row(self, at: int, names: list[Keys]) -> dict[str, Any]:
        row: dict[str, Any] = {} if at in self._stepless else {"_step": self._steps[at]}
        row.update(nest((names[self._metric[i]], self._exact(i)) for i in self._span(at)))
        return row

    def _exact(self, at: int) -> Any:
        return value_of(self._kind[at], self._value[at], self._text.get(at))

    def to_arrow(self) -> pa.Table:
        """Give the columns of `SCHEMA`: a row a value."""
        starts = np.frombuffer(self._starts, dtype=np.int64) if self._starts else np.zeros(0, np.int64)
        lengths = np.diff(np.append(starts, len(self._value)))
        row = np.repeat(np.arange(len(starts), dtype=np.int32), lengths)
        steps = np.repeat(np.array(self._steps, dtype=np.int64), lengths)
        stepless = np.isin(row, list(self._stepless)) if self._stepless else None
        texts: Any = pa.nulls(len(self._value), pa.binary())
        if self._text:
            texts = pa.array([self._text.get(at) for at in range(len(self._value))], pa.binary())
        names = pa.array([to_bytes(path) for path in self._metrics], pa.binary())
        kinds = np.array(self._kind, dtype=np.int8)
        columns = [
            pa.array(row),
            pa.array(steps, mask=stepless),
            pa.DictionaryArray.from_arrays(pa.array(np.array(self._metric, dtype=np.int32)), names),
            pa.DictionaryArray.from_arrays(pa.array(kinds), pa.array(KINDS)),
            pa.array(np.array(self._value, dtype=np.float64)),
            texts,
        ]
        return pa.Table.from_arrays(columns, schema=SCHEMA)

    @classmethod
    def from_arrow(cls, table: pa.Table) -> History:
        """Read back what `to_arrow` gave."""
        self = cls()
        table = table.combine_chunks().unify_dictionaries()
        if not len(table):
            return self
        metric, kind = (table[name].combine_chunks() for name in ("metric", "kind"))
        self._metrics = {tuple(from_bytes(name)): number for number, name in enumerate(metric.dictionary.to_pylist())}
        self._top = {path[0]: number for path, number in self._metrics.items() if len(path) == 1}
        order = np.array([KINDS.index(name) for name in kind.dictionary.to_pylist()], dtype=np.int8)
        rows = table["row"].to_numpy()
        starts = np.flatnonzero(np.diff(rows, prepend=rows[0] - 1))
        step = table["step"].combine_chunks().take(pa.array(starts))
        self._starts = array("q", starts.astype(np.int64).tobytes())
        self._steps = array("q", step.fill_null(0).to_numpy(zero_copy_only=False).astype(np.int64).tobytes())
        self._stepless = set(np.flatnonzero(step.is_null().to_numpy(zero_copy_only=False)).tolist())
        self._metric = array("i", metric.indices.to_numpy().astype(np.int32).tobytes())
        self._kind = array("b", order[kind.indices.to_numpy()].tobytes())
        self._value = array("d", table["value"].to_numpy().astype(np.float64).tobytes())
        if table["text"].null_count < len(table):
            self._text = {at: text for at, text in enumerate(table["text"].to_pylist()) if text is not None}
        return self


def value_of(kind: int, value: float, text: bytes | None) -> Any:
    """Give the one logged value that kind, number and text stand for."""
    if text is not None:
        return from_bytes(text)
    if kind == FLOAT:
        return value
    if kind == INT:
        return int(value)
    return bool(value) if kind == BOOL else None


def is_step(value: Any) -> bool:
    """Say whether a value of `_step` says where a row stands; any other is a value like the rest."""
    return type(value) is int and -(2**63) <= value < 2**63


def _nearest(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return np.inf if value > 0 else -np.inf
