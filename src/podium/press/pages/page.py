"""One page while it is being rendered: its slides, the runs it stands on, and everything it asked for so far."""

from __future__ import annotations

import html
import inspect
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podium.press.figures import Drawing
from podium.press.figures.tokens import Ground
from podium.press.numbers import Number
from podium.press.pages.bodies import insist_on_one_slide
from podium.press.pages.escaping import Markdown, plain
from podium.press.pages.front import values as front_values
from podium.press.pages.front import written as front_written
from podium.press.pages.look import GROUNDS, ground_of, grounds_of, head_of, is_ours, quiet
from podium.press.pages.prose import Prose
from podium.press.pages.slidev import Slidev
from podium.press.results import Results, Source, load_results
from podium.spec import PodiumError, Project

MARK = "\x02slide {}\x03"  # no text of a run can hold these two characters: `literal` drops them
MARKS = re.compile("\x02slide \\d+\x03")
LONG_TITLE = 84  # characters: more take three lines, and room from what stands below
LONG_BADGE = 80  # characters
KINDS = ("receipts", "claims", "plantuml", "mermaid", "predictions", "names")

Lock = dict[str, dict[str, Any]]  # see podium.press.pages.lock
Read = Callable[[Project, str, Source], Results]


@dataclass
class Slide:
    """Front matter of one slide, and the badges that its runs oblige it to show."""

    front: dict[str, Any]
    badges: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Asked:
    """A figure that a template asked for: its kind, the experiment, and the options."""

    kind: str
    experiment: str
    options: dict[str, Any]


class Page:
    """What a template asked for so far.

    Whatever it asks for counts for the slide that was opened last: that slide carries the badges of its runs.

    Attributes:
        project: where experiments and runs are.
        source: "local" runs or the "frozen" ones.
        head: the first slide's front matter.
        slides: in order.
        badges: of a report, which has no slides.
        template: its file; None where there is none.
        folder: where a deck is written; None for a report.
        read: returns an experiment's results; `podium present --edit` keeps what it read.
        runs_cells: whether cells run; where not, only answers that are kept are shown.
        drawings: figures by name.
        shown: the slides that each figure stands on, by its name.
        asked_figures: in order.
        parts: what decides each figure.
        drawn: of each figure what decided it when it was drawn last, and why it was.
        pictures: SVGs that cells drew, by name.
        data: what deck.json holds, by kind and id.
        asked: what the lock keeps of numbers, claims, diagrams and excerpts, by what was asked.
        medium: what writes numbers, tables and pictures: for a deck, or for a report.
        lock_file: where its lock lies; None where it has none.
        now: its own lock, in the second pass over a template that asks what changed.
        looks_back: whether the template asked what changed.
        before: what the page showed when it was last built; None where it never was.
        checks: called when the template is through, with what only the whole page knows (families of claims).
    """

    def __init__(
        self,
        project: Project,
        source: Source,
        head: dict[str, Any],
        *,
        before: Lock | None = None,
        lock_file: Path | None = None,
        now: Lock | None = None,
        medium: Slidev | Prose | None = None,
        template: Path | None = None,
        folder: Path | None = None,
        read: Read = load_results,
        runs_cells: bool = True,
    ) -> None:
        self.read = read
        self.template = template
        self.runs_cells = runs_cells
        self.folder = folder
        self.pictures: dict[str, bytes] = {}
        self.medium = medium or Slidev()
        self.before = before
        self.lock_file = lock_file
        self.now = now
        self.looks_back = False
        self.project = project
        self.source: Source = source
        self.head = head
        self.slides: list[Slide] = []
        self.badges: list[str] = []
        self.drawings: dict[str, Drawing] = {}
        self.shown: dict[str, list[Slide]] = {}
        self.asked_figures: list[Asked] = []
        self.parts: dict[str, dict[str, Any]] = {}
        self.drawn: dict[str, dict[str, Any]] = {}
        self.data: dict[str, dict[str, Any]] = {kind: {} for kind in KINDS}
        self.asked: dict[str, dict[str, Any]] = {kind: {} for kind in ("numbers", "claims", "diagrams", "excerpts")}
        self.checks: list[Callable[[Page], None]] = []
        self._loaded: dict[str, Results] = {}

    @property
    def experiments(self) -> list[str]:
        """The experiments that were asked about, in order."""
        return list(self._loaded)

    def slide(self, layout: str = "default", **front: Any) -> Markdown:
        """Open a slide; `kicker`, `foot` and whatever its layout knows go into its front matter.

        Raises:
            PodiumError: for a `title` or `name` after the first slide, which Slidev compiles; for a `src`, which makes
                Slidev read another file.
        """
        flat = front_values(front, first=not self.slides)
        self.slides.append(Slide({"layout": layout, **flat}))
        return Markdown(MARK.format(len(self.slides) - 1))

    def assembled(self, text: str) -> str:
        """Put each slide's front matter where it was opened.

        Raises:
            PodiumError: when there is text before the first slide, or no slide, or a slide that Slidev would take for
                two, or that reads a file outside of the deck.
        """
        before, *bodies = MARKS.split(text)
        if before.strip() or not bodies:
            raise PodiumError("A deck begins with slide(...): nothing may stand before it, and there must be one.")
        for check in self.checks:
            check(self)
        parts = []
        ours, theme = is_ours(self.slides[0].front), self.slides[0].front.get("theme")
        for index, (slide, body) in enumerate(zip(self.slides, bodies, strict=True)):
            insist_on_one_slide(body, index + 1)
            front = quiet(theme, self._head() if index == 0 else dict(slide.front), first=index == 0)
            if ground := ground_of(slide.front, ours=ours):
                front["ground"] = ground
            if _title_length(body) > LONG_TITLE:
                front["class"] = f"{front.get('class', '')} long-title".strip()
            if slide.badges:
                front["badge"] = badge_line(slide.badges)
            parts.append(f"---\n{front_written(front)}---\n\n{body.strip()}\n")
        return "\n".join(parts)

    def draw(self, name: str, drawing: Drawing) -> None:
        """Keep a figure of the open slide under a name."""
        self.drawings[name] = drawing
        if self.slides:
            self.shown.setdefault(name, []).append(self.slides[-1])

    def grounds(self, name: str) -> list[Ground]:
        """Return the grounds that a figure is drawn for; a report's is light."""
        if name not in self.shown:
            return ["light"]
        wanted = grounds_of([self.slides[0].front, *(slide.front for slide in self.shown[name])])
        return [ground for ground in GROUNDS if ground in wanted]

    def results(self, experiment: str, *, shown: bool = True) -> Results:
        """Return an experiment's results; the open slide says so when they come from the quick profile."""
        if experiment not in self._loaded:
            self._loaded[experiment] = self.read(self.project, experiment, self.source)
        found = self._loaded[experiment]
        if shown:
            self.badge(found.profile_note, found.waiting_note)
        return found

    def badge(self, *texts: str) -> None:
        """Oblige the open slide, or a report as a whole, to carry badges, each once; "" is none."""
        badges = self.slides[-1].badges if self.slides else self.badges
        badges += [plain(text) for text in dict.fromkeys(texts) if text and plain(text) not in badges]

    def foot(self, text: str) -> None:
        """Write the open slide's footer, where the template has written none."""
        if self.slides:
            self.slides[-1].front.setdefault("foot", plain(text))

    def mark(self, name: str) -> None:
        """Give the open slide a class of the theme."""
        if self.slides:
            front = self.slides[-1].front
            front["class"] = f"{front.get('class', '')} {name}".strip()

    def keep(self, kind: str, letter: str, value: Any) -> str:
        """Give a value a name in deck.json; what was asked for before keeps its name."""
        for known, before in self.data[kind].items():
            if before == value:
                return known
        name = f"{letter}{len(self.data[kind]) + 1}"
        self.data[kind][name] = value
        return name

    def receipt(self, found: Number, *asked: str) -> str:
        """Keep a number's receipt under the words it was asked with, and return its name."""
        runs = [str(seed["run"]) for seed in found.receipt["seeds"]]
        self.asked["numbers"][" / ".join(asked)] = {"text": str(found), "value": found.value, "runs": runs}
        return self.keep("receipts", "n", {"text": found.text, "unit": found.unit, **found.receipt})

    def _head(self) -> dict[str, Any]:
        front = {**self.head, **self.slides[0].front}
        return head_of(self.project, self.folder, self.template, front) if self.folder else front


@dataclass(frozen=True)
class Placed:
    """A figure on a page: what a template prints, and the words that belong to it."""

    markdown: Markdown
    finding: str
    note: str


def finalize(page: Page, value: object) -> str:
    """Turn what a template prints into Markdown: ours as it is, every other text literally."""
    if isinstance(value, Placed):
        return value.markdown
    return value if isinstance(value, Markdown) else page.medium.text(value)


class TemplateFaultError(PodiumError):
    """What is wrong with a line of a template that was passed long ago."""

    def __init__(self, sentence: str, place: tuple[Path, int] | None) -> None:
        super().__init__(sentence)
        self.place = place


def place_in_template() -> tuple[Path, int] | None:
    """Return the template's file and line that the call now running comes from; None outside of one."""
    frame = inspect.currentframe()
    while frame is not None:
        template = frame.f_globals.get("__jinja_template__")
        if template is not None:
            return Path(template.filename), template.get_corresponding_lineno(frame.f_lineno)
        frame = frame.f_back
    return None


def badge_line(badges: list[str]) -> str:
    """Join badges to a line that leaves room for the kicker: the longest lose what stands behind their colon.

    >>> badge_line(["quick profile: 2 epochs, 10,000 images, CPU", "best picked on test"])
    'quick profile: 2 epochs, 10,000 images, CPU · best picked on test'
    """
    shown = list(badges)
    for longest in sorted(badges, key=len, reverse=True):
        if len(" · ".join(shown)) <= LONG_BADGE:
            break
        shown[shown.index(longest)] = longest.partition(":")[0]
    cut = {badge for badge in shown if badge not in badges}
    return " · ".join(
        dict.fromkeys(badge.partition(":")[0] if badge.partition(":")[0] in cut else badge for badge in shown)
    )


def _title_length(body: str) -> int:
    """Count the characters of a slide's heading as they are shown."""
    heading = re.search(r"^# (.+)$", body, re.MULTILINE)
    return len(html.unescape(re.sub(r"<[^>]*>", "", heading[1]))) if heading else 0
