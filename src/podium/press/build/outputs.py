"""Outputs: all that is made of a built site, in one walk; what is up to date is left alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from podium.press.build.browser import NO_BROWSER, find_browser
from podium.press.build.notes import read_notes
from podium.press.build.pdf import Print
from podium.press.build.pictures import SCALE, Pictures
from podium.press.build.powerpoint import PowerPoint
from podium.press.build.site import Built, head_of
from podium.press.build.transcript import Transcript
from podium.press.build.walk import Stop, walk
from podium.press.build.wanted import ANYWHERE, Wanted, place
from podium.spec.errors import PodiumError
from podium.spec.project import Project

STAMP = "outputs.json"  # beside the site: of each output the digest of what it was made from


class Maker(Protocol):
    """A visitor that writes its output once the walk is over."""

    def visit(self, page: Any, stop: Stop, /) -> None:
        """Look at the page."""

    def finish(self) -> object:
        """Write the output."""


Tell = Callable[[str, int, int], None]  # a step in words, and how far it is: slides done, of how many

# Of each format but the site, who makes it while a deck is walked.
MAKERS: dict[str, Callable[[Path, Wanted, list[str]], Maker]] = {
    "pdf": lambda out, wanted, _: Print(out, with_clicks=wanted.with_clicks),
    "png": lambda out, wanted, _: Pictures(out, with_clicks=wanted.with_clicks),
    "pptx": lambda out, _, notes: PowerPoint(out, notes=notes),
    "md": lambda out, wanted, notes: Transcript(out, notes=notes if wanted.with_notes else []),
}
SHARP = {"png", "pptx", "md"}  # formats with pictures of what is drawn


def make_outputs(project: Project, deck: str, built: Built, wanted: Wanted, tell: Tell) -> None:
    """Make what is not up to date, and check the deck, in one walk.

    Args:
        project: where the outputs come to lie.
        deck: its name.
        built: its site.
        wanted: which outputs, and whether to check.
        tell: told what is done.

    Raises:
        PodiumError: for an output without a browser, and for what the check finds; all files are written by then.
    """
    stamp = built.path.parent / f".{deck}.{STAMP}"
    before = _read(stamp)
    digest = hashlib.sha256(json.dumps([built.digest, wanted.with_clicks, code()]).encode()).hexdigest()
    stale = [
        name
        for name in wanted.all_formats
        if name in MAKERS and not (before.get(name) == digest and place(project, deck, name).exists())
    ]
    unchecked = wanted.check and before.get("check") != digest
    if not stale and not unchecked:
        return
    browser = find_browser()
    if browser is None:
        if stale:
            raise PodiumError(NO_BROWSER)
        from podium.press.build.check.checking import NOT_CHECKED

        tell(NOT_CHECKED, 0, 0)
        return
    notes = read_notes(built.path)
    makers = {name: MAKERS[name](place(project, deck, name), wanted, notes) for name in stale}
    inspect = _inspect() if unchecked else None
    base = "" if wanted.base == ANYWHERE else wanted.base
    walked = walk(
        built.path,
        browser,
        [*([inspect] if inspect else []), *makers.values()],
        scale=SCALE if SHARP.intersection(makers) else 1.0,
        base=base,
        progress=lambda done, total: tell("walking", done, total),
    )
    for error in () if inspect else walked.errors:  # the check says it otherwise
        tell(error, 0, 0)
    for name, maker in makers.items():
        tell(f"writing {name}", 0, 0)
        maker.finish()
        before[name] = digest
    stamp.write_text(json.dumps(before, indent=1) + "\n", "utf-8")
    if inspect:
        from podium.press.build.check.checking import in_the_dark, judge
        from podium.press.build.check.report import write_report

        dark = in_the_dark(inspect, built.path, browser, base=base)
        report = judge(inspect, walked, deck=deck, notes=notes, minutes=_minutes(project, deck), dark=dark)
        page = write_report(report, project.build / "checks" / deck)
        tell(report.summary.removeprefix(f"{deck}: "), 0, 0)
        report.demand(page)
        stamp.write_text(json.dumps({**before, "check": digest}, indent=1) + "\n", "utf-8")


def code() -> str:
    """Return a digest of the code that makes outputs of a site."""
    here = Path(__file__).parent
    files = sorted(path for path in (*here.iterdir(), *here.glob("check/*")) if path.suffix in {".py", ".js"})
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _inspect() -> Any:
    from podium.press.build.check.inspector import Inspect

    return Inspect()


def _minutes(project: Project, deck: str) -> float | None:
    from podium.press.build.check.reading import minutes_of

    slides = project.build / "decks" / deck / "slides.md"
    return minutes_of(head_of(slides).get("duration")) if slides.is_file() else None


def _read(path: Path) -> dict[str, str]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
