"""Freshness: one fingerprint of everything a deck is made of, so that nothing is even read when nothing changed.

Only names, sizes and times of files are looked at, and nothing heavy is imported: a deck that is up to date costs
little more than Python's start.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import podium
from podium.spec.project import Project

PASSED_OVER = {"node_modules", "__pycache__", ".git"}


def is_fresh(project: Project, deck: str, asked: Sequence[str], outputs: Sequence[Path]) -> bool:
    """Say whether a deck's outputs are there and were made from exactly what lies here now.

    Args:
        project: where everything is.
        deck: its name.
        asked: what else decides the build: formats, source of runs.
        outputs: what the build makes.
    """
    stamp = _stamp(project, deck)
    return (
        all(path.exists() for path in outputs)
        and stamp.is_file()
        and stamp.read_text("utf-8") == fingerprint(project, deck, asked)
    )


def note(project: Project, deck: str, asked: Sequence[str]) -> None:
    """Remember what a deck was made from, once it is built."""
    _stamp(project, deck).write_text(fingerprint(project, deck, asked), "utf-8")


def fingerprint(project: Project, deck: str, asked: Sequence[str]) -> str:
    """Return one digest of the names, sizes and times of everything a deck is made of.

    Templates and theme, experiments and frozen results, records and pulled runs, and Podium itself.
    """
    digest = hashlib.sha256(json.dumps([deck, *asked, sys.version]).encode())
    package = Path(podium.__file__).parent
    for root in (project.slides, project.reports, project.experiments, project.runs, project.build / "pulled", package):
        for entry in _files(root):
            seen = entry.stat()
            digest.update(f"{entry.path}\0{seen.st_size}\0{seen.st_mtime_ns}\n".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def _files(root: Path) -> Iterator[os.DirEntry[str]]:
    """Walk a folder in a fixed order; a run's checkpoint and W&B files decide nothing that a slide shows."""
    try:
        entries = sorted(os.scandir(root), key=lambda entry: entry.name)
    except FileNotFoundError:
        return
    for entry in entries:
        if entry.is_dir(follow_symlinks=False):
            if entry.name not in PASSED_OVER and entry.name != "wandb":
                yield from _files(Path(entry.path))
        elif not entry.name.endswith(".pt"):
            yield entry


def _stamp(project: Project, deck: str) -> Path:
    return project.build / f".{deck}.fresh"
