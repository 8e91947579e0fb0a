"""Reading: what a talk asks of those who listen, and of the one who speaks, against the time there is."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from podium.press.build.check.findings import Finding

READ = 238  # words a minute in silence (Brysbaert, 2019, a meta-analysis of 190 studies of adults)
SAID = 150  # words a minute aloud, at the brisk end of what lecturers do (Tauroza and Allison, 1990)
SPARE = 1.1  # nobody stops to the minute
UNSPOKEN = ("layout-end", "layout-receipts", "layout-appendix", "layout-cover", "layout-section")  # need no notes


def minutes_of(duration: object) -> float | None:
    """Return the minutes that a deck's front matter gives the talk: `15min`, `1h 10m`, `90s`, or a bare number.

    >>> minutes_of("15min"), minutes_of("1h 10m"), minutes_of(20), minutes_of("soon"), minutes_of(None)
    (15.0, 70.0, 20.0, None, None)
    """
    if isinstance(duration, int | float) and not isinstance(duration, bool):
        return float(duration) or None
    parts = re.findall(r"(\d+(?:\.\d+)?)\s*(h|m|s)", str(duration or "").lower())
    total = sum(float(number) * {"h": 60, "m": 1, "s": 1 / 60}[unit] for number, unit in parts)
    bare = re.fullmatch(r"\s*\d+(?:\.\d+)?\s*", str(duration or ""))
    return total or (float(bare[0]) if bare else None) or None


def spoken(note: str) -> int:
    """Count the words of a note that are said: no marks of clicks, no tags.

    >>> spoken("[click] Say <b>hello</b> to all, [click:2] then wait.")
    6
    """
    plain = re.sub(r"\[click(?::\d+)?\]|<[^>]*>", " ", note)
    return sum(any(letter.isalnum() for letter in word) for word in plain.split())


def reading(words: Mapping[int, int], notes: Mapping[int, str], minutes: float | None) -> list[Finding]:
    """Compare what is to be read and said with the talk's length.

    Args:
        words: on each slide after its last click.
        notes: what is said at each slide, where anything is known of that.
        minutes: the talk's length; None where the deck does not say.
    """
    if not minutes or not words:
        return []
    found = []
    said = {slide: spoken(note) for slide, note in notes.items()}
    aloud = sum(said.values()) / SAID
    if aloud > minutes * SPARE:
        found.append(
            Finding(0, 0, "reading-time", f"The notes take {aloud:.0f} minutes to say, and the talk has {minutes:.0f}.")
        )
    silent = sum(words.values()) / READ
    if silent > minutes * SPARE:
        found.append(
            Finding(
                0, 0, "reading-time", f"The slides take {silent:.0f} minutes to read, and the talk has {minutes:.0f}."
            )
        )
    share = 60 * minutes / len(words)
    for slide, count in words.items():
        seconds, there = 60 * count / READ, max(share, 60 * said.get(slide, 0) / SAID)
        if seconds > there * SPARE:
            sentence = f"Its {count} words take {seconds:.0f} seconds to read; a slide of this talk has {there:.0f}."
            found.append(Finding(slide, 0, "reading-time", sentence))
    return found


def missing_notes(notes: Mapping[int, str], layouts: Mapping[int, str]) -> list[Finding]:
    """Name the slides that nobody wrote notes for; a deck without any is named once.

    Args:
        notes: of each slide.
        layouts: the classes of each slide's layout; covers, sections, ends and appendices need none.
    """
    if notes and not any(note.strip() for note in notes.values()):
        return [Finding(0, 0, "missing-notes", "No slide has speaker notes.")]
    return [
        Finding(slide, 0, "missing-notes", "The slide has no speaker notes.")
        for slide, note in notes.items()
        if not note.strip() and not any(name in layouts.get(slide, "").split() for name in UNSPOKEN)
    ]


def notes_of(slides: Sequence[str]) -> dict[int, str]:
    """Number the notes of a deck by its slides."""
    return dict(enumerate(slides, start=1))
