"""Offline runs: W&B's run files read directly, from any program and any version of the client.

What the file holds is what the client wrote, whole or cut short; what it adds up to: `podium.runs.pull.folding`.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, BinaryIO

from podium.runs.pull.blocks import HEADER, IDENT, Blocks
from podium.runs.pull.folding import Fold, record_parser, row_of
from podium.runs.pull.pulled import PulledRun
from podium.spec import PodiumError


def find_run_files(folder: Path) -> list[Path]:
    """Find every `run-*.wandb` below a folder, without following links (`wandb/latest-run` is one)."""
    found = []
    for parent, folders, names in os.walk(folder):
        folders.sort()
        found += [Path(parent, name) for name in sorted(names) if name.startswith("run-") and name.endswith(".wandb")]
    return found


def file_version(path: Path) -> str:
    """Say what a file was: its size and time of change; "" where it is gone."""
    try:
        about = path.stat()
    except OSError:
        return ""
    return f"{about.st_size}-{about.st_mtime_ns}"


def read_run_file(path: Path, key: str = "") -> PulledRun:
    """Read one run file, whole or cut short; damage costs the records it hit and nothing else.

    Args:
        path: the file.
        key: the run's key; the file's path where "".

    Raises:
        PodiumError: where the file cannot be opened, or the `wandb` package is missing.
    """
    version = file_version(path)
    fold = Fold()
    with _opened(path) as file:
        known = file.read(HEADER.size) == IDENT
        blocks = Blocks(file)
        for payload in blocks:
            fold.add(payload)
    return fold.run(path, key or path.as_posix(), version, known=known, damaged=blocks.damaged)


class Follower:
    """Reads a run file while its program still writes it.

    >>> Follower(Path("nowhere/run-1.wandb")).rows()
    []
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._position = HEADER.size

    def rows(self) -> list[dict[str, Any]]:
        """Return the rows of history that appeared since the last call; none while there is no file yet.

        Raises:
            PodiumError: where the `wandb` package is missing.
        """
        if not self.path.is_file():
            return []
        parse = record_parser()
        rows: list[dict[str, Any]] = []
        with _opened(self.path) as file:
            if file.seek(0, os.SEEK_END) < self._position:
                self._position = HEADER.size  # another run began in its place
            blocks = Blocks(file, self._position)
            for payload in blocks:
                record = parse(payload)
                if record is not None and record.WhichOneof("record_type") == "history":
                    rows.append(row_of(record.history))
            self._position = blocks.position
        return rows


def follow_run_file(path: Path) -> Follower:
    """Return a reader of a file that is still being written."""
    return Follower(path)


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise PodiumError(f"{path} cannot be read: {error.strerror or error}.") from error
