"""Site: a rendered deck becomes a folder that any static server serves, rebuilt only when its inputs changed."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from podium.press.build.node import install_packages, node_executable, started, tail
from podium.press.build.notes import notes_path, write_notes
from podium.press.build.policy import protect
from podium.spec.errors import PodiumError
from podium.spec.project import Project

STAMP = "inputs.sha256"  # lies beside the built site, never in it


@dataclass(frozen=True)
class Built:
    """A built site: its folder, whether this call built it, and the digest of what it was made from."""

    path: Path
    rebuilt: bool
    digest: str = ""


def build_site(project: Project, deck_folder: Path, out: Path, *, base: str = "./", notes: bool = False) -> Built:
    """Build a rendered deck with Slidev into `out`; nothing happens when no input changed.

    The new site replaces the old one only when it is whole.

    Args:
        project: where the theme and the npm packages are.
        deck_folder: holds slides.md, deck.json and public/.
        out: where the site comes to lie.
        base: the path that it will be served under; "./" works under any.
        notes: whether the speaker notes are in the site, for everybody to read.

    Raises:
        PodiumError: where Slidev fails; its own last lines stand in the sentence.
    """
    with building(project, deck_folder, out, base=base, notes=notes) as finish:
        return finish()


@contextmanager
def building(
    project: Project, deck_folder: Path, out: Path, *, base: str = "./", notes: bool = False
) -> Generator[Callable[[], Built]]:
    """Start to build a site as `build_site` does; what the block gets waits for it, so that others build meanwhile.

    Leaving the block before that ends Slidev and everything it started.
    """
    if not (deck_folder / "slides.md").is_file():
        msg = f"{deck_folder} holds no slides.md; render the deck first (`podium slides`)."
        raise PodiumError(msg)
    made_for = [base, notes]
    wanted = hashlib.sha256(json.dumps([*made_for, inputs_digest(project, deck_folder)]).encode()).hexdigest()
    stamp = out.parent / f".{out.name}.{STAMP}"
    if (out / "index.html").is_file() and stamp.is_file() and stamp.read_text().strip() == wanted:
        yield lambda: Built(out, rebuilt=False, digest=wanted)
        return
    install_packages(project)
    fresh = out.parent / f".{out.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    command = _build_command(project, deck_folder, fresh, base, notes=notes)
    with started(command, deck_folder, heard=True) as process:

        def finish() -> Built:
            said, _ = process.communicate()
            if process.returncode != 0 or not (fresh / "index.html").is_file():
                shutil.rmtree(fresh, ignore_errors=True)
                msg = f"Slidev could not build {deck_folder / 'slides.md'}: {_cause(said.decode(errors='replace'))}"
                raise PodiumError(msg)
            (fresh / "_redirects").unlink(missing_ok=True)  # of one hosting company, and not needed with # addresses
            protect(fresh)
            stamp.unlink(missing_ok=True)
            write_notes(project, deck_folder / "slides.md", notes_path(out))
            shutil.rmtree(out, ignore_errors=True)
            fresh.replace(out)
            stamp.write_text(wanted + "\n")
            return Built(out, rebuilt=True, digest=wanted)

        yield finish


def inputs_digest(project: Project, deck_folder: Path) -> str:
    """Return one digest of everything that decides the built site: the deck, its theme, and the locked packages."""
    digest = hashlib.sha256()
    roots = [(deck_folder, _files(deck_folder)), (project.slides, [project.slides / "package-lock.json"])]
    own = theme_of(deck_folder / "slides.md") or ""
    themes = [project.slides / "theme", project.slides / "addon"]
    if own.startswith((".", "/")):
        themes.append((deck_folder / own).resolve())
    roots += [(theme, _files(theme)) for theme in themes]
    for root, paths in roots:
        for path in paths:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            digest.update(json.dumps([path.relative_to(root).as_posix(), content]).encode())
    return digest.hexdigest()


def theme_of(slides: Path) -> str | None:
    """Return the theme that a deck names in its first front matter, None where it names none."""
    theme = head_of(slides).get("theme")
    return str(theme) if theme else None


def head_of(slides: Path) -> dict[str, Any]:
    """Return a deck's first front matter, which is the whole deck's; empty where there is none that can be read."""
    before, mark, rest = slides.read_text("utf-8").partition("---\n")
    if before.strip() or not mark:
        return {}
    try:
        head = yaml.safe_load(rest.partition("\n---")[0])
    except yaml.YAMLError:
        return {}
    return head if isinstance(head, dict) else {}


def _files(folder: Path) -> Iterable[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file() and "node_modules" not in path.parts)


def _slidev(project: Project) -> list[str]:
    return [
        str(node_executable()),
        str((project.slides / "node_modules" / "@slidev" / "cli" / "bin" / "slidev.mjs").resolve()),
    ]


def _theme(project: Project) -> str:
    return str((project.slides / "theme").resolve())


def _build_command(project: Project, deck_folder: Path, out: Path, base: str, *, notes: bool) -> list[str]:
    return [
        *_slidev(project),
        *("build", "slides.md"),
        *("--base", base),
        *("--router-mode", "hash"),
        *(() if theme_of(deck_folder / "slides.md") else ("--theme", _theme(project))),
        *(() if notes else ("--without-notes",)),
        *("--out", str(out.resolve())),
    ]


def _cause(said: str) -> str:
    """Pick the lines that say what is wrong out of a build's many."""
    lines = [line.strip() for line in said.splitlines()]
    start = next((i for i, line in enumerate(lines) if "rror" in line), None)
    return tail(said) if start is None else " | ".join(line for line in lines[start : start + 6] if line)
