"""Folding: what the records of one W&B run file add up to.

It follows W&B's own core: config is the run's, then every later change merged in; the summary is the fold of its
updates; a row of history is a `history` record. Where no summary was written (clients before 0.18 write it at the end
alone, so a kill leaves none), the last value of each metric stands for it, or what `define_metric` asked for.
Sources: github.com/wandb/wandb, wandb/proto/wandb_internal.proto, core/internal/runconfig, core/internal/runsummary.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np

from podium.runs.pull.exact import Keys, keys_of, put
from podium.runs.pull.history import History
from podium.runs.pull.pulled import PulledRun
from podium.spec import PodiumError

INTERRUPTED = 255  # the exit code that the client writes for Ctrl-C
WISHES: dict[str, Callable[[np.ndarray], float]] = {
    "min": np.min,
    "max": np.max,
    "mean": np.mean,
    "first": lambda numbers: numbers[0],
    "last": lambda numbers: numbers[-1],
    "none": len,
}


class Fold:
    """What the records of one run file add up to."""

    def __init__(self) -> None:
        self._parse = record_parser()
        self._adders: dict[str, Callable[[Any], None]] = {
            "history": self._add_history,
            "summary": self._add_summary,
            "config": self._add_config,
            "run": self._add_run,
            "exit": self._add_exit,
            "telemetry": self._add_telemetry,
            "environment": self._add_environment,
            "output_raw": self._add_output,
            "output": self._add_output,
            "files": self._add_files,
            "metric": self._add_metric,
        }
        self.history = History()
        self.config: dict[str, Any] = {}
        self._summary: dict[str | Keys, str | None] = {}  # the last text of each name, in order; None: removed
        self._wished: dict[Keys, list[str]] = {}  # of `define_metric`: which values stand for a metric at the end
        self.about: dict[str, Any] = {}
        self.extra: dict[str, Any] = {}
        self.exit_code: int | None = None
        self.runtime = 0.0
        self.last_time = 0.0
        self.error_line = ""

    def add(self, payload: bytes) -> None:
        """Take one record in; an unknown or broken one says nothing."""
        record = self._parse(payload)
        kind = record.WhichOneof("record_type") if record is not None else None
        if kind in self._adders:
            self._adders[kind](getattr(record, kind))

    def _add_history(self, history: Any) -> None:
        row = row_of(history)
        self.history.append(row)
        self.runtime = max(self.runtime, _number(row.get("_runtime")))
        self.last_time = max(self.last_time, _number(row.get("_timestamp")))

    def _add_summary(self, summary: Any) -> None:
        latest = self._summary
        for item in summary.update:
            nested = item.nested_key  # as `_name` does, without a call: most of a file is this
            name = nested[0] if len(nested) == 1 else _name(item)
            latest.pop(name, None)
            latest[name] = item.value_json
        for item in summary.remove:
            name = _name(item)
            latest.pop(name, None)
            latest[name] = None

    def _add_config(self, config: Any) -> None:
        for item in config.update:
            _merge(self.config, tuple(item.nested_key) or (item.key,), _value(item.value_json))
        for item in config.remove:
            _remove(self.config, tuple(item.nested_key) or (item.key,))

    def _add_run(self, run: Any) -> None:
        said = {
            "id": run.run_id,
            "name": run.display_name,
            "entity": run.entity,
            "project": run.project,
            "group": run.run_group,
            "sweep": run.sweep_id,
            "notes": run.notes,
            "tags": tuple(run.tags),
            "created": _moment(run.start_time.seconds, run.start_time.nanos),
            "commit": run.git.commit,
        }
        self.about.update({name: value for name, value in said.items() if value})
        self._note(host=run.host, job_type=run.job_type, remote=run.git.remote_url)
        self._add_telemetry(run.telemetry)
        self._add_config(run.config)
        self._add_summary(run.summary)

    def _add_exit(self, ended: Any) -> None:
        self.exit_code = ended.exit_code
        self.runtime = max(self.runtime, float(ended.runtime))

    def _add_telemetry(self, telemetry: Any) -> None:
        self._note(python=telemetry.python_version, wandb=telemetry.cli_version)

    def _add_environment(self, environment: Any) -> None:
        names = ("os", "program", "host", "executable", "code_path", "gpu_type", "cpu_count", "gpu_count")
        self._note(**{name: getattr(environment, name, "") for name in names})
        self._note(arguments=list(environment.args))
        if environment.git.commit:
            self.about["commit"] = environment.git.commit

    def _add_output(self, output: Any) -> None:
        if output.output_type == 0 and output.line.strip():  # STDERR
            self.error_line = output.line.strip().splitlines()[-1].strip()

    def _add_files(self, files: Any) -> None:
        if any(file.path == "diff.patch" for file in files.files):
            self.about["dirty"] = True  # the client saves the difference where there is one

    def _add_metric(self, metric: Any) -> None:
        wished = [name for name in WISHES if getattr(metric.summary, name, False)]
        if metric.name and wished:
            self._wished[keys_of(metric.name)] = wished

    def _note(self, **values: Any) -> None:
        self.extra.update({name: value for name, value in values.items() if value})

    def run(self, path: Path, key: str, version: str, *, known: bool, damaged: int) -> PulledRun:
        """Give the run."""
        summary = self._summary_values()
        internal = self.config.pop("_wandb", None)
        if isinstance(internal, Mapping):
            found = {"python": internal.get("python_version"), "wandb": internal.get("cli_version")}
            self._note(**{name: value for name, value in found.items() if name not in self.extra})
        if damaged:
            self._note(damaged=damaged)
        if self.exit_code is not None:
            self.extra["exit_code"] = self.exit_code
        state, reason = self._ending(known=known)
        about = dict(self.about)
        about.setdefault("id", path.stem.removeprefix("run-"))
        about.setdefault("name", about["id"])
        seconds = self.runtime if self.exit_code is not None or self.runtime else None
        created = about.get("created", "")
        updated = _moment(self.last_time) if self.last_time else ""
        if created and seconds is not None:
            updated = max(updated, _later(created, seconds))
        return PulledRun(
            key=key,
            origin="offline",
            state=state,
            reason=reason,
            updated=updated or created,
            seconds=seconds,
            config=self.config,
            summary=summary,
            history=self.history,
            version=version,
            extra=self.extra,
            **about,
        )

    def _ending(self, *, known: bool) -> tuple[str, str]:
        if self.exit_code == 0:
            return "finished", ""
        if self.exit_code == INTERRUPTED:
            return "interrupted", "interrupted by hand (exit code 255)"
        if self.exit_code is not None:
            return "failed", f"exit code {self.exit_code}" + (f": {self.error_line}" if self.error_line else "")
        if not known:
            return "crashed", "the file does not begin as a W&B run file does: it is empty, cut short or damaged"
        if "id" not in self.about:
            return "crashed", "the file holds no run: its program was killed before the client wrote it"
        return "crashed", "no end was written: the program was killed, or still runs"

    def _summary_values(self) -> dict[str, Any]:
        summary: dict[str, Any] = {}
        for name, text in self._summary.items():
            path = (name,) if isinstance(name, str) else name
            if text is None:
                _remove(summary, path)
            else:
                put(summary, path, _value(text))
        summary.pop("_wandb", None)
        if not summary.keys() - {"_runtime"}:
            summary |= self.history.last()
            for path, wished in self._wished.items():
                numbers = self.history.numbers(path)
                if "none" in wished:
                    _remove(summary, path)
                elif len(numbers):
                    put(summary, path, {name: float(WISHES[name](numbers)) for name in wished})
        return summary


def row_of(history: Any) -> dict[str, Any]:
    """Give a history record as nested dicts, with `_step`."""
    row: dict[str, Any] = {}
    names, values = _items(history.item)
    for name, value in zip(names, values, strict=True):
        if type(name) is str:
            row[name] = value
        else:
            put(row, name, value)
    if "_step" not in row:
        row["_step"] = history.step.num
    return row


def _items(items: Iterable[Any]) -> tuple[list[str | Keys], list[Any]]:
    """Give names (nested ones as tuples) and values: one call of the JSON reader for all of them where it can be."""
    names: list[str | Keys] = []
    texts: list[str] = []
    for item in items:
        nested = item.nested_key
        names.append(nested[0] if len(nested) == 1 else _name(item))
        texts.append(item.value_json)
    try:
        values = json.loads(f"[{','.join(texts)}]")
    except (ValueError, RecursionError):
        values = []
    if len(values) != len(texts):
        values = [_value(text) for text in texts]
    return names, values


def _name(item: Any) -> str | Keys:
    """Give an item's key; a tuple of nested keys where they are several: a plain key may stand there, too."""
    nested = item.nested_key
    return nested[0] if len(nested) == 1 else tuple(nested) or item.key


def _value(text: str) -> Any:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text  # no JSON, or deeper than Python goes: kept as the text that it is


def record_parser() -> Callable[[bytes], Any | None]:
    """Return a function from payload to record; None for a payload that is none.

    Raises:
        PodiumError: where the `wandb` package is missing.
    """
    try:
        from google.protobuf.message import DecodeError
        from wandb.proto import wandb_internal_pb2
    except ImportError as error:
        raise PodiumError("Offline runs are read with the wandb package: install it with `nox -s train`.") from error

    record_type: Any = getattr(wandb_internal_pb2, "Record")  # noqa: B009 - made when protobuf is imported

    def parse(payload: bytes) -> Any | None:
        try:
            return record_type.FromString(payload)
        except DecodeError:
            return None

    return parse


def _merge(config: dict[str, Any], path: Keys, value: Any) -> None:
    """Set a value; into a dict that is there a dict is merged, as wandb-core does."""
    if isinstance(value, dict) and value:
        for key, below in value.items():
            _merge(config, (*path, key), below)
    elif value != {} or not isinstance(_at(config, path), dict):
        put(config, path, value)


def _remove(values: dict[str, Any], path: Keys) -> None:
    above = _at(values, path[:-1])
    if isinstance(above, dict):
        above.pop(path[-1], None)


def _at(values: dict[str, Any], path: Sequence[str]) -> Any:
    found: Any = values
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found


def _number(value: Any) -> float:
    return float(value) if type(value) in (int, float) and math.isfinite(value) else 0.0


def _moment(seconds: float, nanos: int = 0) -> str:
    if not seconds:
        return ""
    try:
        return (datetime.fromtimestamp(seconds, UTC) + timedelta(microseconds=nanos // 1000)).isoformat()
    except (ValueError, OverflowError, OSError):
        return ""


def _later(moment: str, seconds: float) -> str:
    try:
        return (datetime.fromisoformat(moment) + timedelta(seconds=seconds)).isoformat()
    except OverflowError:
        return moment
