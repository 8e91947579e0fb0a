"""Store: pulled runs on disk, one file a run, each whole or absent at every moment.

The file is Parquet: the history in long columns (see `podium.runs.pull.history`), and everything else as exact JSON in
the file's own metadata, so that one rename replaces a run. Its name is a digest of the run's key. A file that cannot be
read counts as absent: the next pull writes it again.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from podium.runs.pull.exact import from_bytes, to_bytes
from podium.runs.pull.history import SCHEMA, History
from podium.runs.pull.pulled import PulledRun
from podium.spec import PodiumError, Project
from podium.spec.files import whole

ABOUT = "source.json"  # what the runs were pulled from; written when a pull is complete
SUFFIX = ".parquet"
RUN = b"podium.run"
FORMAT = b"podium.format"
THIS = b"1"
STALE = 3600.0  # seconds: a half-written file this old belongs to no pull that still goes on

_WRITTEN = tuple(field.name for field in fields(PulledRun) if field.name != "history")


def pulled_folder(project: Project, name: str) -> Path:
    """Return where the runs that were pulled under a name lie."""
    return project.build / "pulled" / name


def pulled_names(project: Project) -> list[str]:
    """Name everything that was pulled, also what a cut connection left incomplete."""
    return sorted({path.parent.name for path in (project.build / "pulled").glob(f"*/*{SUFFIX}")})


class Store:
    """The runs of one pulled source.

    Several threads and processes may write at once: of two that write the same run, the later one stands.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def versions(self) -> dict[str, str]:
        """Map the key of each run that is kept to its version."""
        return {str(run["key"]): str(run["version"]) for run, _ in self.documents()}

    def documents(self) -> Iterator[tuple[dict[str, Any], Path]]:
        """Give each run without its history, ordered by key, and the file that holds it."""
        found = []
        for path in self._files():
            read = _read(path, with_history=False)
            if read is not None:
                found.append((read[0], path))
        yield from sorted(found, key=lambda pair: pair[0]["key"])

    def tables(self) -> Iterator[tuple[dict[str, Any], pa.Table]]:
        """Give each run and its history in the columns of `podium.runs.pull.history`, ordered by key."""
        for _, path in self.documents():
            read = _read(path)
            if read is not None:
                yield read

    def write(self, run: PulledRun) -> None:
        """Keep a run, in place of what was kept under its key.

        Raises:
            PodiumError: when the disk is full or refuses the write.
        """
        history = run.history if isinstance(run.history, History) else History(run.history)
        document = {name: getattr(run, name) for name in _WRITTEN}
        table = history.to_arrow().replace_schema_metadata({FORMAT: THIS, RUN: to_bytes(document)})
        path = self._path(run.key)
        with whole(path, again="pull again: it goes on") as file:
            pq.write_table(
                table,
                file,
                compression="zstd",
                compression_level=1,
                use_dictionary=["metric", "kind", "text"],
                column_encoding={"row": "DELTA_BINARY_PACKED", "step": "DELTA_BINARY_PACKED"},
                write_statistics=False,
                store_schema=True,
            )

    def read(self, key: str) -> PulledRun:
        """Read one run back, whole.

        Raises:
            PodiumError: where there is no such run that can be read.
        """
        read = _read(self._path(key))
        if read is None:
            raise PodiumError(f"{self.folder.name} holds no run {key!r} that can be read. Pull it again.")
        run, table = read
        run["tags"] = tuple(run["tags"])
        return PulledRun(**run, history=History.from_arrow(table))

    def keep_only(self, keys: Collection[str]) -> int:
        """Remove every other run, and what killed pulls left; say how many runs went."""
        wanted = {self._path(key) for key in keys}
        gone = 0
        for path in self._files():
            if path not in wanted:
                path.unlink(missing_ok=True)
                gone += 1
        for path in self.folder.glob(f".*{SUFFIX}"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > STALE:
                    path.unlink()
        return gone

    def _files(self) -> list[Path]:
        try:
            paths = sorted(self.folder.iterdir())
        except FileNotFoundError:
            return []
        return [path for path in paths if path.suffix == SUFFIX and not path.name.startswith(".")]

    def _path(self, key: str) -> Path:
        digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()[:32]
        return self.folder / (digest + SUFFIX)


def _read(path: Path, *, with_history: bool = True) -> tuple[dict[str, Any], pa.Table] | None:
    """Read one file by one opening: another pull may put a newer one in its place at any moment."""
    try:
        with path.open("rb") as file, pq.ParquetFile(file, memory_map=False) as parquet:
            metadata = parquet.metadata.metadata or {}
            run = from_bytes(metadata[RUN]) if metadata.get(FORMAT) == THIS else None
            if not isinstance(run, dict) or set(run) != set(_WRITTEN):
                return None
            return run, parquet.read(use_threads=False) if with_history else SCHEMA.empty_table()
    except (OSError, pa.ArrowException, KeyError, ValueError):
        return None
