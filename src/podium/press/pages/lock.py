"""The lock: what every number, claim and figure of a page was when it was last built, and what became of it since.

It lies beside the template as `lock.json` and is committed with it: two of them say what changed in between.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from podium.press.pages.page import Lock, Page
from podium.press.results import Results
from podium.spec import PodiumError
from podium.spec.files import write_whole

FILE = "lock.json"
ASKED = (("experiments", "experiment"), ("numbers", "number"), ("claims", "claim"), ("figures", "figure"))
DRAWN_FROM_CODE = (("excerpts", "excerpt"), ("diagrams", "diagram"))
SECTIONS = tuple(section for section, _ in (*ASKED, *DRAWN_FROM_CODE))


@dataclass(frozen=True)
class Changes:
    """What two locks of one page differ in; every entry is one line of words.

    Attributes:
        runs: runs that came, went or ended otherwise, by experiment.
        variants: variants that came and went.
        data: other training data.
        code: other commits of the runs, other excerpts, other diagrams.
        numbers: `what: before -> after`.
        claims: claims that turned.
        figures: figures that look different.
        asked: what the page asks for now and did not, or the other way round.
    """

    runs: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    data: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    claims: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()
    asked: tuple[str, ...] = ()

    @property
    def why(self) -> tuple[str, ...]:
        """The causes: runs, variants, data, code, and another template."""
        return (*self.runs, *self.variants, *self.data, *self.code, *self.asked)

    @property
    def what(self) -> tuple[str, ...]:
        """The effects: numbers, claims and figures."""
        return (*self.numbers, *self.claims, *self.figures)

    def __bool__(self) -> bool:
        """Say whether anything differs."""
        return bool(self.why or self.what)


def lock_of(page: Page, figures: Mapping[str, bytes]) -> Lock:
    """Take down what a rendered page shows.

    Args:
        page: after its template is through.
        figures: the saved pictures by the names of their files, NAME and NAME.dark.
    """
    return {
        "experiments": {name: _experiment(page.results(name, shown=False)) for name in page.experiments},
        "numbers": dict(sorted(page.asked["numbers"].items())),
        "claims": {
            key: {"text": entry["text"], "verdict": page.data["claims"][entry["id"]]["verdict"]}
            for key, entry in sorted(page.asked["claims"].items())
        },
        "figures": {
            name: {
                "finding": drawing.finding,
                "digest": digest(b"".join(figures[key] for key in (name, f"{name}.dark") if key in figures)),
            }
            for name, drawing in sorted(page.drawings.items())
        },
        "diagrams": dict(sorted(page.asked["diagrams"].items())),
        "excerpts": dict(sorted(page.asked["excerpts"].items())),
    }


def read_lock(path: Path) -> Lock | None:
    """Read a lock; None where there is none.

    Raises:
        PodiumError: for a file that is no lock.
    """
    if not path.is_file():
        return None
    return _parsed(path.read_text("utf-8"), str(path))


def read_committed_lock(path: Path, before: str) -> Lock | None:
    """Read a lock as it was committed last before a moment; None where git knows none.

    Args:
        path: of the lock now.
        before: in git's words: "1 week ago", "2026-11-14", "yesterday".
    """
    commit = _git(path.parent, "rev-list", "-1", f"--before={before}", "HEAD", "--", path.name)
    text = _git(path.parent, "show", f"{commit.strip()}:./{path.name}") if commit.strip() else ""
    return _parsed(text, f"{path.name} of {commit[:7]}") if text else None


def write_lock(path: Path, lock: Lock) -> bool:
    """Write a lock in one step where it differs from what lies there; return whether it did.

    Raises:
        PodiumError: for a disk that refuses it.
    """
    text = json.dumps(lock, indent=1, sort_keys=True) + "\n"
    return write_whole(path, text.encode(), again="build it again")


def compare(before: Lock, now: Lock) -> Changes:
    """Say in lines of words what differs between two locks of one page."""
    runs: list[str] = []
    variants: list[str] = []
    data: list[str] = []
    code: list[str] = []
    for name in sorted(set(before["experiments"]) & set(now["experiments"])):
        old, new = before["experiments"][name], now["experiments"][name]
        runs += _came_and_went(f"{name}: run", old["runs"], new["runs"])
        runs += [
            f"{name}: run {r} changed" for r in old["runs"] if new["runs"].get(r, old["runs"][r]) != old["runs"][r]
        ]
        variants += _came_and_went(f"{name}: variant", old["variants"], new["variants"])
        data += _other(f"{name}: data", old["data"], new["data"])
        code += _other(f"{name}: code", old["commits"], new["commits"])
    asked: list[str] = []
    for section, word in (
        ("experiments", "experiment"),
        ("numbers", "number"),
        ("claims", "claim"),
        ("figures", "figure"),
    ):
        asked += _came_and_went(word, before[section], now[section])
    for section, word in DRAWN_FROM_CODE:
        asked += _came_and_went(word, before[section], now[section])
        code += [f"{word} {key} changed" for key in _differing(before[section], now[section])]
    return Changes(
        runs=tuple(runs),
        variants=tuple(variants),
        data=tuple(data),
        code=tuple(code),
        numbers=tuple(
            f"{key}: {before['numbers'][key]['text']} → {now['numbers'][key]['text']}"
            for key in _differing(before["numbers"], now["numbers"])
        ),
        claims=tuple(
            f"{key}: {before['claims'][key]['verdict']} → {now['claims'][key]['verdict']}"
            for key in _differing(before["claims"], now["claims"])
            if before["claims"][key]["verdict"] != now["claims"][key]["verdict"]
        ),
        figures=tuple(
            f"figure {key}: {now['figures'][key]['finding']}" for key in _differing(before["figures"], now["figures"])
        ),
        asked=tuple(asked),
    )


def new_runs(before: Lock | None, experiment: str, runs: list[str]) -> list[str]:
    """Return those of some runs that an older lock does not know or knew otherwise; all where there is no lock."""
    known = (before or {}).get("experiments", {}).get(experiment, {}).get("runs", {})
    return [run for run in runs if run not in known]


def _experiment(results: Results) -> dict[str, Any]:
    rows = results.compared
    return {
        "runs": results.digests,
        "variants": results.variants,
        "data": sorted({str(value) for value in rows.get("data", ())}),
        "commits": sorted({str(value)[:7] for value in rows.get("commit", ())}),
    }


def _differing(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Name what both have and have different."""
    return [key for key in new if key in old and old[key] != new[key]]


def _came_and_went(word: str, old: Any, new: Any) -> list[str]:
    came = [f"{word} {key} is new" for key in new if key not in old]
    return came + [f"{word} {key} is gone" for key in old if key not in new]


def _other(word: str, old: list[str], new: list[str]) -> list[str]:
    return [f"{word} is {', '.join(new) or 'unknown'}; it was {', '.join(old) or 'unknown'}"] if old != new else []


def digest(content: bytes) -> str:
    """Return sixteen hexadecimal characters that are equal exactly when the contents are."""
    return hashlib.sha256(content).hexdigest()[:16]


def _parsed(text: str, where: str) -> Lock:
    try:
        found = json.loads(text)
        if set(found) >= set(SECTIONS) and all(isinstance(found[name], dict) for name in SECTIONS):
            return found
    except (ValueError, TypeError):
        pass
    raise PodiumError(f"{where} is damaged: it is no lock. Take it back from git, or remove it and build again.")


def _git(folder: Path, *words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=folder, capture_output=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else ""
