"""Checking: what was found at the stops, what the browser said meanwhile, and the talk's length become one report."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from podium.press.build.check.findings import Finding, Report
from podium.press.build.check.reading import missing_notes, notes_of, reading

if TYPE_CHECKING:
    from podium.press.build.check.inspector import Inspect
    from podium.press.build.walk import Walked

NOT_CHECKED = "The slides were not checked: no Chromium or Chrome was found; `podium doctor` says how to get one."


def check_site(
    site: Path,
    browser: Path,
    *,
    deck: str = "",
    notes: Sequence[str] | None = None,
    minutes: float | None = None,
    base: str = "",
    progress: Callable[[int, int], None] | None = None,
) -> Report:
    """Walk a built site and report on it.

    Args:
        site: the built site, of any Slidev deck.
        browser: a Chromium or Chrome.
        deck: its name in the report; the folder's where empty.
        notes: of each slide; None takes what the site itself holds.
        minutes: the talk's length.
        base: the path that the site is served under.
        progress: told how many slides are done, of how many.
    """
    from podium.press.build.check.inspector import Inspect
    from podium.press.build.walk import walk

    inspect = Inspect()
    walked = walk(site, browser, [inspect], base=base, progress=progress)
    dark = in_the_dark(inspect, site, browser, base=base)
    return judge(inspect, walked, deck=deck or site.name, notes=notes, minutes=minutes, dark=dark)


def in_the_dark(inspect: Inspect, site: Path, browser: Path, *, base: str = "") -> Inspect | None:
    """Walk once more, as a dark system shows the deck, where it follows the system; None where it does not.

    Args:
        inspect: what looked at it in the light.
        site: the built site.
        browser: a Chromium or Chrome.
        base: the path that the site is served under.
    """
    from podium.press.build.check.inspector import Inspect
    from podium.press.build.walk import walk

    if not inspect.follows:
        return None
    dark = Inspect(pictures=False, projected=False, dark=True)
    walk(site, browser, [dark], base=base)
    return dark


def judge(
    inspect: Inspect,
    walked: Walked,
    *,
    deck: str,
    notes: Sequence[str] | None = None,
    minutes: float | None = None,
    dark: Inspect | None = None,
) -> Report:
    """Put together what a walk found.

    Args:
        inspect: the visitor that was along.
        walked: what the walk itself saw.
        deck: its name.
        notes: of each slide; None takes what the site itself holds, and says nothing of them where it holds none.
        minutes: the talk's length.
        dark: the visitor that saw it in the dark, where one did.
    """
    slides = inspect.slides()
    spoken = notes_of(notes) if notes is not None else _held(inspect, slides)
    found = [
        *inspect.findings(),
        *(inspect.only(dark) if dark else ()),
        *_browser(inspect, walked),
        *missing_notes(spoken, {slide: inspect.last(slide).layout for slide in slides}),
        *reading({slide: inspect.last(slide).words for slide in slides}, spoken, minutes),
    ]
    pictures = dict(inspect.pictures())
    return Report(deck, tuple(sorted(found, key=_place)), walked.slides, walked.clicks, pictures, walked.took)


def _held(inspect: Inspect, slides: Iterable[int]) -> dict[int, str]:
    """Return the notes in the site itself; none at all where it was built without them."""
    held = {slide: inspect.last(slide).note or "" for slide in slides}
    return held if any(held.values()) else {}


def _browser(inspect: Inspect, walked: Walked) -> list[Finding]:
    """Turn what the browser said into findings, each thing once: one picture is asked for by its neighbours too."""
    named = inspect.asked()
    said = []
    for address in walked.outside:
        at = walked.asked.get(address, 0)
        slide = named.get(address, at if at > 1 else 0)  # what comes with the first slide belongs to no one slide
        sentence = f"{_short(address)} was asked for, outside the deck."
        said.append(Finding(slide, 0, "outside-request", sentence))
    told = {*walked.outside, *inspect.lost()}
    known: set[str] = set()
    for error in walked.errors:
        slide, text = _placed(error)
        text, address = _failed(text)
        if text.startswith("not drawn in time"):
            what = text.removeprefix("not drawn in time: ")
            said.append(Finding(slide, 0, "not-drawn", f"After twenty seconds this was still missing: {what}."))
            continue
        if address in told:
            continue  # said already
        if (address or f"{slide} {text}") not in known:
            known.add(address or f"{slide} {text}")
            sentence = f"The browser said: {_short(text, 160)}{f' ({_short(address)})' if address else ''}"
            said.append(Finding(slide, 0, "console-error", sentence))
    return said


def _failed(text: str) -> tuple[str, str]:
    """Read off which address a failed request was for.

    >>> _failed("Failed to load resource: 404 <http://x/y.png>"), _failed("a < b")
    (('Failed to load resource: 404', 'http://x/y.png'), ('a < b', ''))
    """
    head, _, rest = text.rpartition(" <")
    return (head, rest[:-1]) if text.startswith("Failed to load resource") and rest.endswith(">") else (text, "")


def _placed(error: str) -> tuple[int, str]:
    """Read off at which slide an error came.

    >>> _placed("slide 3: it broke"), _placed("it broke")
    ((3, 'it broke'), (0, 'it broke'))
    """
    head, _, rest = error.partition(": ")
    number = head.removeprefix("slide ")
    return (int(number), rest) if head.startswith("slide ") and number.isdecimal() else (0, error)


def _short(text: str, most: int = 100) -> str:
    """Return a text on one line, of at most so many letters.

    >>> _short("a  b" + chr(10) + "c", 4)
    'a b…'
    """
    plain = " ".join(text.split())
    return plain if len(plain) <= most else f"{plain[: most - 1]}…"


def _place(finding: Finding) -> tuple[int, int, str, str]:
    return finding.slide, finding.click, finding.kind, finding.said
