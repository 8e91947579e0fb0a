"""Drawn: which figures have to be drawn again, and why each was.

Beside a deck's folder lies a note, `.<deck>.figures.json`: for each figure the digests of everything that decided it
when it was drawn last, and what had changed then.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import matplotlib as mpl
import pandas as pd

import podium.press
from podium.press.figures import save
from podium.press.figures.tokens import Ground
from podium.press.pages.lock import digest
from podium.press.pages.page import Page
from podium.press.results import Results
from podium.spec import PodiumError, Project, unknown

SUFFIX = ".figures.json"
SUFFIXES: dict[Ground, str] = {"light": "", "dark": ".dark"}  # of a figure's file, before .svg

Parts = dict[str, Any]


def parts_of(results: Results, kind: str, options: dict[str, Any]) -> Parts:
    """Return everything that decides a figure, as digests by what it is."""
    return {
        "kind": kind,
        "options": repr(sorted(options.items())),
        "runs": results.digests,
        "history": _frame(results.history),
        "samples": digest(json.dumps(results.samples, sort_keys=True, default=str).encode()),
        "code": code(),
        "matplotlib": mpl.__version__,
    }


@cache
def code() -> str:
    """Return a digest of the code that draws: figures, results, and the rounding of numbers."""
    folder = Path(podium.press.__file__).parent
    files = sorted([*folder.glob("figures/*.py"), *folder.glob("results/*.py"), folder / "numbers.py"])
    return digest(b"".join(path.read_bytes() for path in files))


def figures_of(page: Page, folder: Path | None = None) -> dict[str, bytes]:
    """Draw what a page asked for, and only what changed where an earlier drawing is at hand.

    Args:
        page: after its template is through.
        folder: where the deck was written before; everything is drawn where None.

    Returns:
        The SVGs by the names of their files, NAME for a light slide and NAME.dark for a dark one, as the page needs;
        `page.drawn` tells of each figure what decides it and why it was drawn.
    """
    before = _read(note_path(folder)) if folder else {}
    found = {}
    with tempfile.TemporaryDirectory() as scratch:
        for name, drawing in page.drawings.items():
            parts = page.parts[name]
            known = before.get(name, {})
            files = {ground: name + SUFFIXES[ground] for ground in page.grounds(name)}
            paths = {file: picture_path(folder or Path(), file) for file in files.values()}
            if folder and known.get("parts") == parts and all(path.is_file() for path in paths.values()):
                found |= {file: path.read_bytes() for file, path in paths.items()}
                page.drawn[name] = known
                continue
            for ground, file in files.items():
                found[file] = save(drawing, Path(scratch) / f"{file}.svg", ground).read_bytes()
            page.drawn[name] = {"parts": parts, "why": _why(known.get("parts"), parts)}
    return found


def note_path(folder: Path) -> Path:
    """Return where a rendered deck's note lies: beside it, since no slide is made of it."""
    return folder.with_name(f".{folder.name}{SUFFIX}")


def picture_path(folder: Path, name: str) -> Path:
    """Return where a rendered deck keeps a figure."""
    return folder / "public" / "figures" / f"{name}.svg"


def why(project: Project, figure: str) -> list[tuple[str, list[str]]]:
    """Say of a figure why it was drawn when it was drawn last, in each deck that shows it.

    Raises:
        PodiumError: for a figure that no built deck shows.
    """
    found = []
    names: set[str] = set()
    for path in sorted((project.build / "decks").glob(f".*{SUFFIX}")):
        kept = _read(path)
        names |= set(kept)
        if figure in kept:
            found.append((path.name.removeprefix(".").removesuffix(SUFFIX), list(kept[figure].get("why", []))))
    if not names:
        raise PodiumError("No deck is built, so no figure was drawn. Build one: `podium slides`.")
    if not found:
        raise unknown("figure", figure, sorted(names))
    return found


def _why(before: Parts | None, now: Parts) -> list[str]:
    if before is None:
        return ["it was never drawn before"]
    reasons = []
    old, new = before.get("runs", {}), now["runs"]
    reasons += [f"run {run} is new" for run in new if run not in old]
    reasons += [f"run {run} is gone" for run in old if run not in new]
    reasons += [f"run {run} changed" for run in new if run in old and old[run] != new[run]]
    words = {
        "options": "the template asks for it otherwise",
        "history": "the runs' histories changed",
        "samples": "the runs' samples changed",
        "code": "the code that draws it changed",
        "matplotlib": "matplotlib is another version",
    }
    return reasons + [said for part, said in words.items() if before.get(part) != now[part]] or ["its file was missing"]


def _frame(frame: pd.DataFrame) -> str:
    """Digest a table of numbers and names, fast."""
    seen = hashlib.sha256(repr([*frame.columns]).encode("utf-8", "backslashreplace"))
    for name in frame.columns:
        values = frame[name].to_numpy()
        plain = values.dtype.kind in "iufb"
        seen.update(values.tobytes() if plain else "\0".join(map(repr, values)).encode("utf-8", "backslashreplace"))
    return seen.hexdigest()[:16]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
