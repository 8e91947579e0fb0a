"""Inspector: the visitor that looks at each stop of a walk, at the size of a slide and as a projector shows it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from podium.press.build.browser import go, settle
from podium.press.build.check.findings import Finding

if TYPE_CHECKING:
    from podium.press.build.walk import Stop

MEASURE, LOOKING = (Path(__file__).with_name(name).read_text("utf-8") for name in ("measure.js", "look.js"))
LOOK = f"async asked => {{ {MEASURE}\nreturn await (\n{LOOKING}\n)(asked) }}"
PROJECTOR = {"width": 1920, "height": 1080}
# A slide is there already and only takes another size: Slidev hears of it in one frame and scales it in the next.
LAID_OUT = """() => new Promise(done => {
  const width = () => document.querySelector('.slidev-page:not([style*="none"])')?.getBoundingClientRect().width
  let last = width(), calm = 0, frames = 0
  const tick = () => {
    const now = width()
    calm = now === last ? calm + 1 : 0
    last = now
    calm > 1 || ++frames > 30 ? done() : requestAnimationFrame(tick)
  }
  requestAnimationFrame(tick)
})"""
JPEG = 60  # quality: to find a place by, not to show
GROUND = ("contrast", "colour-blind", "broken-picture", "broken-diagram")  # what may hang on light and dark
IS_DARK = "() => matchMedia('(prefers-color-scheme: dark)').matches"


@dataclass
class Seen:
    """What was seen at one stop."""

    found: dict[str, Finding] = field(default_factory=dict)  # by kind and element, the same at every click
    lit: set[str] = field(default_factory=set)  # texts that can be read, and may be dimmed at other clicks
    dimmed: dict[str, tuple[Finding, set[str]]] = field(default_factory=dict)  # and those that are so here
    words: int = 0
    filled: bool = True
    note: str | None = None
    layout: str = ""
    asked: tuple[str, ...] = ()  # addresses outside the deck that something on the slide names
    lost: tuple[str, ...] = ()  # addresses that a finding names: the browser's own complaint says no more
    picture: bytes | None = None


class Inspect:
    """Looks at every click of every slide, and keeps what it finds.

    Args:
        pictures: whether to keep a picture of each slide for the report.
        projected: whether to look a second time as 1920 x 1080.
        dark: whether to look at a deck that follows the system as a dark one shows it.
    """

    every_click = True

    def __init__(self, *, pictures: bool = True, projected: bool = True, dark: bool = False) -> None:
        self._pictures, self._projected, self._dark = pictures, projected, dark
        self.seen: dict[Stop, Seen] = {}
        self.follows = False  # whether the deck is light or dark as the system is

    def visit(self, page: Any, stop: Stop, /) -> None:
        """Look at a slide after some clicks."""
        if self._dark and not page.evaluate(IS_DARK):
            page.emulate_media(color_scheme="dark")
            page.reload()  # what turns dark while it is shown may be half way
            settle(page)
            go(page, stop.slide, stop.click)
        looked = page.evaluate(LOOK, {"projected": False})
        if looked is None:
            return
        self.follows = looked["follows"]
        seen = self.seen[stop] = Seen(
            words=looked["words"],
            filled=looked["filled"],
            note=looked["note"],
            layout=looked["layout"],
            asked=tuple(looked["asked"]),
            lost=tuple(looked["lost"]),
        )
        _keep(seen, stop, looked["faults"])
        _read(page, stop, looked["inks"], seen)
        _tell_apart(stop, looked["charts"], seen)
        if self._projected:
            self._project(page, stop, seen)
        if self._pictures and (stop.last or self._news(stop)):
            seen.picture = page.screenshot(type="jpeg", quality=JPEG, scale="css", animations="allow", caret="initial")

    def findings(self) -> list[Finding]:
        """Return what was found, each thing once, at the click where it was first seen."""
        return [finding for slide in self.slides() for finding in self._of(slide).values()]

    def only(self, other: Inspect) -> list[Finding]:
        """Return what another ground brings that is not found on this one: what hangs on colours and pictures."""
        brought = []
        for slide in other.slides():
            known = self._of(slide) if any(stop.slide == slide for stop in self.seen) else {}
            for key, finding in other._of(slide).items():
                if finding.kind in GROUND and key not in known:
                    brought.append(replace(finding, said=f"{finding.said} This is so where the system is dark."))
        return brought

    def slides(self) -> list[int]:
        """Return the slides that were looked at."""
        return sorted({stop.slide for stop in self.seen})

    def last(self, slide: int) -> Seen:
        """Return what was seen of a slide after its last click."""
        return self.seen[max((stop for stop in self.seen if stop.slide == slide), key=lambda stop: stop.click)]

    def asked(self) -> dict[str, int]:
        """Return the addresses outside the deck that slides name, with the first slide that does."""
        named: dict[str, int] = {}
        for stop in sorted(self.seen, key=lambda stop: stop.slide, reverse=True):
            named.update(dict.fromkeys(self.seen[stop].asked, stop.slide))
        return named

    def lost(self) -> set[str]:
        """Return the addresses that a finding says did not load."""
        return {address for seen in self.seen.values() for address in seen.lost}

    def pictures(self) -> Iterator[tuple[tuple[int, int], bytes]]:
        """Give the pictures by slide and click."""
        for stop, seen in self.seen.items():
            if seen.picture is not None:
                yield (stop.slide, stop.click), seen.picture

    def _of(self, slide: int) -> dict[str, Finding]:
        """Return a slide's findings by what they are about."""
        stops = sorted((stop for stop in self.seen if stop.slide == slide), key=lambda stop: stop.click)
        lit = set().union(*(self.seen[stop].lit for stop in stops))
        found: dict[str, Finding] = {}
        for stop in stops:
            seen = self.seen[stop]
            dimmed = ((key, finding) for key, (finding, texts) in seen.dimmed.items() if not texts <= lit)
            for key, finding in [*seen.found.items(), *dimmed]:
                found.setdefault(key, finding)
        if stops and stops[-1].last and not self.seen[stops[-1]].filled:
            found["empty"] = Finding(slide, 0, "empty-slide", "Nothing stands on the slide.")
        return found

    def _news(self, stop: Stop) -> bool:
        """Say whether something is found at a click that was not at the ones before."""
        earlier = (other for other in tuple(self.seen) if other.slide == stop.slide and other.click < stop.click)
        known = {key for other in earlier for key in self.seen[other].found}
        return any(key not in known for key in self.seen[stop].found)

    def _project(self, page: Any, stop: Stop, seen: Seen) -> None:
        size = page.viewport_size
        page.set_viewport_size(PROJECTOR)
        try:
            page.evaluate(LAID_OUT)
            looked = page.evaluate(LOOK, {"projected": True})
        finally:
            page.set_viewport_size(size)
            page.evaluate(LAID_OUT)
        for fault in looked["faults"] if looked else ():
            key = f"{fault['kind']} {fault['key']}"
            if key not in seen.found:
                _keep(seen, stop, [{**fault, "said": f"{fault['said']} This is so as a 1920 x 1080 projection."}])


def look_at(page: Any) -> list[Finding]:
    """Return what is wrong with the slide that a page shows now, as it stands."""
    from podium.press.build.walk import Stop

    inspect = Inspect(pictures=False, projected=False)
    inspect.visit(page, Stop(1, 0, 0))
    return inspect.findings()


def _keep(seen: Seen, stop: Stop, faults: list[dict[str, Any]]) -> None:
    for fault in faults:
        box = tuple(fault["box"]) if fault["box"] else None
        finding = Finding(stop.slide, stop.click, fault["kind"], fault["said"], box)
        seen.found.setdefault(f"{fault['kind']} {fault['key']}", finding)


def _read(page: Any, stop: Stop, inks: list[dict[str, Any]], seen: Seen) -> None:
    """Measure the contrast of each text; the pixels are fetched only where they are needed."""
    from podium.press.build.check import contrast

    unplain = any(ink["grounds"] is None for ink in inks)
    hidden = contrast.pixels(page, text=False) if unplain else None
    shown = contrast.pixels(page, text=True) if any(ink["gradient"] for ink in inks) else None
    weak: dict[tuple[str, bool], list[tuple[float, dict[str, Any]]]] = {}
    for ink in inks:
        ratio, solid = contrast.measured(ink, hidden, shown)
        if ratio >= contrast.LEAST - contrast.ROUNDED:
            seen.lit.update(ink["of"])
        else:
            dimmed = solid >= contrast.LEAST - contrast.ROUNDED
            weak.setdefault((ink["block"], dimmed), []).append((ratio, ink))
    for (block, dimmed), group in weak.items():
        ratio, worst = min(group, key=lambda one: one[0])
        more = f" (and {len(group) - 1} more in the same place)" if len(group) > 1 else ""
        said = f'"{worst["text"]}"{more} has a contrast of {ratio:.1f}:1 against what it stands on; 4.5:1 is the least.'
        box = _around([rect for _, ink in group for rect in ink["rects"]])
        finding = Finding(stop.slide, stop.click, "contrast", said, box)
        if dimmed:
            seen.dimmed[f"contrast {block}"] = finding, {text for _, ink in group for text in ink["of"]}
        else:
            seen.found[f"contrast {block}"] = finding


def _tell_apart(stop: Stop, charts: list[dict[str, Any]], seen: Seen) -> None:
    from podium.press.build.check.colours import hexadecimal, merging

    for chart in charts:
        pairs = merging(chart["series"])
        if not pairs:
            continue
        first, second, deficiency = pairs[0]
        more = f" (and {len(pairs) - 1} more pairs)" if len(pairs) > 1 else ""
        said = (
            f"The series in {hexadecimal(first['colour'])} and {hexadecimal(second['colour'])} are one colour to "
            f"people with {deficiency}{more}, and no name stands at their ends."
        )
        seen.found[f"colour-blind {chart['key']}"] = Finding(
            stop.slide, stop.click, "colour-blind", said, tuple(chart["box"])
        )


def _around(boxes: list[list[float]]) -> tuple[float, float, float, float]:
    left, top = min(box[0] for box in boxes), min(box[1] for box in boxes)
    right, bottom = max(box[0] + box[2] for box in boxes), max(box[1] + box[3] for box in boxes)
    return left, top, right - left, bottom - top
