"""Podium's own records as pulled runs, and which files of a folder make up one run.

A run folder holds `record.jsonl` and often W&B's file below it: that is one run. Who it is, how it ended, where it came
from and its config come from the record. Where the record has no rows of its own (a foreign program's trial), history
and summary come from the run file, and so does config that the record does not know.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from podium.runs.pull.offline import file_version, read_run_file
from podium.runs.pull.pulled import PulledRun
from podium.runs.record import FILE, Record, read_record


@dataclass(frozen=True)
class Unit:
    """The files of one local run.

    Attributes:
        key: the run's key.
        record: the folder of its record; None for a run that W&B alone wrote.
        files: its W&B run files; one where there is no record.
    """

    key: str
    record: Path | None
    files: tuple[Path, ...]

    @property
    def paths(self) -> tuple[Path, ...]:
        """Every file of the run."""
        return (*((self.record / FILE,) if self.record else ()), *self.files)

    @property
    def version(self) -> str:
        """What its files were: sizes and times of change."""
        return " ".join(file_version(path) for path in self.paths)

    @property
    def size(self) -> int:
        """How many bytes there are to read."""
        return sum(int(file_version(path).partition("-")[0] or 0) for path in self.paths)


def find_units(folder: Path, prefix: str = "") -> list[Unit]:
    """Find the runs below a folder, or the one that a single `.wandb` file is, without following links."""
    if folder.is_file():
        return [Unit(prefix + folder.stem, None, (folder,))]
    records: dict[Path, list[Path]] = {}
    alone: list[Path] = []
    found = list(_walk(folder))
    records.update((path.parent, []) for path in found if path.name == FILE)
    for path in found:
        if path.name != FILE:
            owner = next((above for above in path.parents if above in records), None)
            (alone if owner is None else records[owner]).append(path)
    units = [Unit(prefix + _below(path, folder), path, tuple(files)) for path, files in records.items()]
    units += [Unit(prefix + _below(path, folder), None, (path,)) for path in alone]
    return sorted(units, key=lambda unit: unit.key)


def _walk(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders.sort()
        for name in sorted(names):
            if name == FILE or (name.startswith("run-") and name.endswith(".wandb")):
                yield Path(parent, name)


def _below(path: Path, folder: Path) -> str:
    return path.relative_to(folder).as_posix() if path != folder else folder.name


def read_unit(unit: Unit) -> PulledRun | None:
    """Read one local run; None for a record that was killed before its first line was whole.

    Raises:
        PodiumError: for a record that is damaged, or a file that cannot be opened.
    """
    version = unit.version
    record = read_record(unit.record) if unit.record else None
    if record is None:
        found = [read_run_file(path, unit.key) for path in unit.files]
        return replace(_latest(found), version=version) if found else None
    run = replace(from_record(record, unit.key), version=version)
    if record.history or not unit.files:
        return run
    theirs = _latest([read_run_file(path, unit.key) for path in unit.files])
    return replace(
        run,
        entity=theirs.entity,
        project=theirs.project,
        notes=theirs.notes,
        tags=theirs.tags,
        created=run.created or theirs.created,
        updated=max(run.updated, theirs.updated),
        seconds=theirs.seconds if run.seconds is None else run.seconds,
        commit=run.commit or theirs.commit,
        config={**theirs.config, **run.config},
        summary={**theirs.summary, **run.summary},
        history=theirs.history,
        extra={**theirs.extra, **run.extra},
    )


def _latest(runs: list[PulledRun]) -> PulledRun:
    """Choose among a run's files: those of a trial that was begun again lie side by side."""
    return max(runs, key=lambda run: (len(run.history) > 0, run.created))


def from_record(record: Record, key: str) -> PulledRun:
    """Give a record as a pulled run; a row of its history stands at the step that its epoch says.

    Its model description and samples are not tables, and stay in the record.
    """
    provenance = dict(record.provenance)
    created = provenance.pop("started", "")
    commit, dirty = provenance.pop("commit", ""), provenance.pop("dirty", None)
    seconds = record.summary.get("seconds")
    if type(seconds) not in (int, float):
        spent = [row["seconds"] for row in record.history if type(row.get("seconds")) in (int, float)]
        seconds = sum(spent) if spent else None
    return PulledRun(
        key=key,
        id=record.id,
        name=record.variant,
        origin="record",
        state=record.state,
        reason=record.reason,
        group=record.experiment,
        sweep=record.sweep,
        created=str(created),
        updated=_after(str(created), seconds),
        seconds=None if seconds is None else float(seconds),
        commit=str(commit),
        dirty=dirty if isinstance(dirty, bool) else None,
        config=record.config,
        summary=record.summary,
        history=[_row(at, metrics) for at, metrics in enumerate(record.history, start=1)],
        extra={
            "experiment": record.experiment,
            "variant": record.variant,
            "profile": record.profile,
            **provenance,
        },
    )


def _row(at: int, metrics: dict[str, Any]) -> dict[str, Any]:
    epoch = metrics.get("epoch")
    return {"_step": epoch if type(epoch) is int else at, **metrics}


def _after(moment: str, seconds: Any) -> str:
    try:
        return (datetime.fromisoformat(moment) + timedelta(seconds=seconds)).isoformat()
    except (ValueError, TypeError, OverflowError):
        return moment
