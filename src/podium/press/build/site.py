"""Site: a rendered deck becomes a folder that any static server serves, rebuilt only when its inputs changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from podium.press.build.node import install_packages, node_executable, run_to_end, tail
from podium.spec.errors import PodiumError
from podium.spec.project import Project

STAMP = "inputs.sha256"  # lies beside the built site, never in it


@dataclass(frozen=True)
class Built:
    """A built site: its folder, and whether this call built it."""

    path: Path
    rebuilt: bool


def build_site(project: Project, deck_folder: Path, out: Path) -> Built:
    """Build a rendered deck with Slidev into `out`; nothing happens when no input changed.

    The new site replaces the old one only when it is whole.

    Args:
        project: where the theme and the npm packages are.
        deck_folder: holds slides.md, deck.json and public/.
        out: where the site comes to lie.

    Raises:
        PodiumError: where Slidev fails; its own last lines stand in the sentence.
    """
    if not (deck_folder / "slides.md").is_file():
        msg = f"{deck_folder} holds no slides.md; render the deck first (`podium slides`)."
        raise PodiumError(msg)
    wanted = inputs_digest(project, deck_folder)
    stamp = out.parent / f".{out.name}.{STAMP}"
    if (out / "index.html").is_file() and stamp.is_file() and stamp.read_text().strip() == wanted:
        return Built(out, rebuilt=False)
    install_packages(project)
    fresh = out.parent / f".{out.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    code, said = run_to_end(_build_command(project, fresh), deck_folder)
    if code != 0 or not (fresh / "index.html").is_file():
        shutil.rmtree(fresh, ignore_errors=True)
        msg = f"Slidev could not build {deck_folder / 'slides.md'}: {_cause(said)}"
        raise PodiumError(msg)
    stamp.unlink(missing_ok=True)
    shutil.rmtree(out, ignore_errors=True)
    fresh.replace(out)
    stamp.write_text(wanted + "\n")
    return Built(out, rebuilt=True)


def edit_command(project: Project, port: int) -> list[str]:
    """Return the command of Slidev's own server, which shows each change as it is saved."""
    return [*_slidev(project), "slides.md", "--theme", _theme(project), "--port", str(port), "--bind", "127.0.0.1"]


def inputs_digest(project: Project, deck_folder: Path) -> str:
    """Return one digest of everything that decides the built site: the deck, the theme, and the locked packages."""
    digest = hashlib.sha256()
    for root, paths in (
        (deck_folder, _files(deck_folder)),
        (project.slides / "theme", _files(project.slides / "theme")),
        (project.slides, [project.slides / "package-lock.json"]),
    ):
        for path in paths:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(json.dumps([path.relative_to(root).as_posix(), content]).encode())
    return digest.hexdigest()


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "node_modules" not in path.parts)


def _slidev(project: Project) -> list[str]:
    return [
        str(node_executable()),
        str((project.slides / "node_modules" / "@slidev" / "cli" / "bin" / "slidev.mjs").resolve()),
    ]


def _theme(project: Project) -> str:
    return str((project.slides / "theme").resolve())


def _build_command(project: Project, out: Path) -> list[str]:
    return [
        *_slidev(project),
        *("build", "slides.md"),
        *("--base", "./"),
        *("--router-mode", "hash"),
        *("--theme", _theme(project)),
        "--without-notes",
        *("--out", str(out.resolve())),
    ]


def _cause(said: str) -> str:
    """Pick the lines that say what is wrong out of a build's many."""
    lines = [line.strip() for line in said.splitlines()]
    start = next((i for i, line in enumerate(lines) if "rror" in line), None)
    return tail(said) if start is None else " | ".join(line for line in lines[start : start + 6] if line)
