"""Findings: what the check can find on a slide, how grave it is, and what helps."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from podium.spec.errors import PodiumError

Severity = Literal["error", "advice"]
Box = tuple[float, float, float, float]  # left, top, width, height in pixels of a slide 980 wide


@dataclass(frozen=True)
class Kind:
    """One thing that can be wrong: whether it fails the build, and what to do about it."""

    severity: Severity
    help: str


KINDS: dict[str, Kind] = {
    "outside-frame": Kind("error", "Say less, or move it: what stands outside the slide is not projected."),
    "clipped": Kind("error", "Say less, or give it more room: what is cut off nobody reads."),
    "overlap": Kind("error", "Move one of the two."),
    "over-footer": Kind("error", "Say less: the footer has its own line."),
    "small-text": Kind("error", "Enlarge it to 14 px or more, or leave it out."),
    "contrast": Kind("error", "Take a darker or lighter colour: 4.5:1 is the least (WCAG 2.1, 1.4.3)."),
    "colour-blind": Kind("error", "Write the names at the series' ends, or take colours that differ in lightness."),
    "broken-picture": Kind("error", "Put the file into the deck's public folder, or correct its name."),
    "broken-diagram": Kind("error", "Correct the diagram's source; its error is what the slide shows."),
    "missing-alt": Kind("error", 'Give it an alt text, or role="presentation" where it is only decoration.'),
    "lost-slot": Kind("error", "Put an empty line before and after the mark of the slot."),
    "dead-link": Kind("error", "Correct the number or the name of the slide, or take the link away."),
    "empty-slide": Kind("error", "Take the slide away; a stray line of three dashes makes one."),
    "failed-slide": Kind("error", "Correct the slide's source; what Slidev said while it built names the place."),
    "console-error": Kind("error", "Open the slide in a browser and look into its console."),
    "outside-request": Kind("error", "Bring the file into the deck: a room may have no network."),
    "not-drawn": Kind("error", "Something on the slide never ends loading; take it away or mend it."),
    "missing-notes": Kind("advice", "Write down what to say, as a comment at the slide's end."),
    "reading-time": Kind("advice", "Say less, or take more time."),
}


@dataclass(frozen=True, order=True)
class Finding:
    """One thing found at one place.

    Attributes:
        slide: counted from 1; 0 is the deck as a whole.
        click: after how many clicks it was first seen.
        kind: a key of `KINDS`.
        said: one sentence.
        box: where, in pixels of a slide 980 wide; None where there is no one place.
    """

    slide: int
    click: int
    kind: str
    said: str
    box: Box | None = None

    @property
    def severity(self) -> Severity:
        """Whether it fails the build."""
        return KINDS[self.kind].severity

    @property
    def line(self) -> str:
        """The finding as one line for a terminal."""
        where = f"slide {self.slide}" if self.slide else "the deck"
        said = "".join(letter if letter.isprintable() else " " for letter in self.said)  # it may be a stranger's text
        return f"{where}{f', click {self.click}' if self.click else ''}: {self.kind}: {said}"


@dataclass(frozen=True)
class Report:
    """What the check found in a deck.

    Attributes:
        deck: its name.
        findings: in order of the slides.
        slides: how many there are.
        clicks: of all slides together.
        pictures: JPEG by (slide, click): each slide after its last click, and each stop where something was found.
        took: seconds, with everything else that the walk did.
    """

    deck: str
    findings: tuple[Finding, ...]
    slides: int
    clicks: int
    pictures: dict[tuple[int, int], bytes]
    took: float = 0.0

    @property
    def errors(self) -> tuple[Finding, ...]:
        """What fails the build."""
        return tuple(finding for finding in self.findings if finding.severity == "error")

    @property
    def advice(self) -> tuple[Finding, ...]:
        """What does not."""
        return tuple(finding for finding in self.findings if finding.severity == "advice")

    @property
    def summary(self) -> str:
        """One line: how many slides and findings."""
        stops = f"{self.slides} slides, {self.slides + self.clicks} stops"
        return f"{self.deck}: {stops}: {_count(self.errors, 'error')}, {len(self.advice)} advice"

    def demand(self, page: object) -> None:
        """Insist that there is no error.

        Args:
            page: where the report is, for the sentence.

        Raises:
            PodiumError: the first five errors, and where all of them are.
        """
        if not self.errors:
            return
        first = " ".join(f"[{finding.line}]" for finding in self.errors[:5])
        rest = f" and {len(self.errors) - 5} more" if len(self.errors) > 5 else ""
        raise PodiumError(
            f"The check of {self.deck} found {_count(self.errors, 'error')}: {first}{rest}. "
            f"See {page}; correct them, or build with --no-check."
        )


def _count(things: Iterable[object], noun: str) -> str:
    number = len(tuple(things))
    return f"{number} {noun}{'' if number == 1 else 's'}"
