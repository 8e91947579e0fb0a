"""Reading: results that are read again only where a file of theirs changed, for a process that stays.

Asked for in place of `podium.press.results.load_results`; what it returns is the same, but for runs that train now.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from podium.press.results import Results, Source, load_results, results_from
from podium.runs import Record
from podium.runs.record import FILE, read_record
from podium.spec import Project, Pulled, load_question

FRESH = 900.0  # seconds before the start within which a run without an end counts as training

Stamp = tuple[tuple[str, int, int], ...]


@dataclass
class Reader:
    """Keeps what it read of each experiment, and of each run.

    Attributes:
        follow: whether runs that train now are told to the figures (see `Results.grown`).
        began: when somebody began to look, in seconds since 1970.
    """

    follow: bool = False
    began: float = field(default_factory=time.time)
    _results: dict[tuple[str, str], tuple[Stamp, Results]] = field(default_factory=dict)
    _records: dict[Path, tuple[tuple[int, int], Record | None]] = field(default_factory=dict)

    def __call__(self, project: Project, experiment: str, source: Source) -> Results:
        """Return an experiment's results.

        Raises:
            PodiumError: as `load_results` does.
        """
        stamp = stamp_of(files_of(project, experiment, source))
        key = (experiment, source)
        if key not in self._results or self._results[key][0] != stamp:
            self._results[key] = (stamp, self._read(project, experiment, source))
        return self._results[key][1]

    def _read(self, project: Project, experiment: str, source: Source) -> Results:
        names = (path.stem for path in project.experiments.glob("*.py"))
        trained = experiment in names and not isinstance(load_question(experiment, project.experiments), Pulled)
        if source != "local" or not trained:
            return load_results(project, experiment, source)
        files = sorted((project.runs / experiment).glob(f"*/{FILE}"))
        records = [record for record in map(self._record, files) if record is not None]
        if not records:
            return load_results(project, experiment, source)  # which says what to do
        results = results_from(records, experiment)
        now = frozenset(r.id for r in records if self.follow and r.state == "running" and self._is_young(r.folder))
        return replace(results, growing=now)

    def _record(self, path: Path) -> Record | None:
        seen = path.stat()
        stamp = (seen.st_mtime_ns, seen.st_size)
        if path not in self._records or self._records[path][0] != stamp:
            self._records[path] = (stamp, read_record(path.parent))
        return self._records[path][1]

    def _is_young(self, folder: Path) -> bool:
        return (folder / FILE).stat().st_mtime > self.began - FRESH


def files_of(project: Project, experiment: str, source: Source) -> list[Path]:
    """Return the files that an experiment's results are read from."""
    found = [project.experiments / f"{experiment}.py"]
    if source == "frozen":
        return found + sorted(project.experiments.glob(f"{experiment}.*"))
    found += sorted((project.runs / experiment).glob(f"*/{FILE}"))
    return found + sorted(path for path in (project.build / "pulled" / experiment).rglob("*") if path.is_file())


def stamp_of(paths: list[Path]) -> Stamp:
    """Return names, times and sizes of files."""
    seen: list[tuple[str, int, int]] = []
    for path in paths:
        try:
            known = path.stat()
        except OSError:  # gone since it was listed
            continue
        seen.append((str(path), known.st_mtime_ns, known.st_size))
    return tuple(seen)


def work(project: Project, deck: str, source: Source, reader: Callable[..., Any]) -> dict[str, Any]:
    """Render a deck and say what became of it: the files that changed, or what is wrong; and the seconds it took."""
    from podium.press.pages.render import render
    from podium.spec import PodiumError

    began = time.perf_counter()
    changed: list[str] = []
    error = ""
    try:
        rendered = render(project, deck, source, read=reader)
        changed = [path.relative_to(rendered.folder).as_posix() for path in rendered.changed]
    except PodiumError as problem:
        error = str(problem)
    return {"changed": changed, "error": error, "seconds": round(time.perf_counter() - began, 3)}
