"""Scene: what stands on each slide and where, read in the browser, for formats that are no picture of a page.

Text stays text with its look, tables stay tables; figures, diagrams and formulas are photographed one by one.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from podium.press.build.walk import Stop

READ = Path(__file__).parent / "scene.js"

# One element alone on nothing, for its photograph: constructed sheet and attributes, both taken away again.
ALONE = """() => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(`html, body { background: transparent !important }
    :root :not([data-podium-shot], [data-podium-shot] *) { visibility: hidden !important }
    :root [data-podium-shot] { visibility: visible !important }
    :root [data-podium-shot][data-podium-ground] * { visibility: hidden !important }`)
  window.podiumAlone = sheet
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
}"""
NEXT = """key => {
  document.querySelector('[data-podium-shot]')?.removeAttribute('data-podium-shot')
  document.querySelector(`[data-podium-picture="${key}"]`).setAttribute('data-podium-shot', '')
}"""
TOGETHER = """() => {
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter(sheet => sheet !== window.podiumAlone)
  for (const name of ['data-podium-shot', 'data-podium-picture', 'data-podium-ground'])
    document.querySelectorAll(`[${name}]`).forEach(e => e.removeAttribute(name))
}"""


@dataclass(frozen=True)
class Scene:
    """One slide after its last click.

    Attributes:
        title: its first heading; empty where it has none.
        deck: the title of the whole deck.
        language: of the deck, such as "en".
        ground: the colour behind everything: red, green, blue in [0, 255], alpha in [0, 1].
        blocks: in reading order, as `scene.js` writes them.
        pictures: PNGs by the key of their block.
    """

    title: str
    deck: str
    language: str
    ground: tuple[float, float, float, float]
    blocks: list[dict[str, Any]]
    pictures: dict[int, bytes]


class Scenes:
    """The visitor that reads every slide after its last click."""

    every_click = False

    def __init__(self) -> None:
        self._seen: dict[int, Scene] = {}

    def visit(self, page: Any, stop: Stop, /) -> None:
        """Read a slide, and photograph what is no text."""
        said = page.evaluate(_script())
        shown = [block for block in said["blocks"] if "key" in block]
        pictures = {}
        try:
            if shown:
                page.evaluate(ALONE)
            for block in shown:
                page.evaluate(NEXT, block["key"])
                left, top, width, height = block["box"]
                clip = {"x": left, "y": top, "width": width, "height": height}
                pictures[block["key"]] = page.screenshot(clip=clip, omit_background=True)
        finally:
            page.evaluate(TOGETHER)
        self._seen[stop.slide] = Scene(
            title=said["title"].strip(),
            deck=said["deck"].removesuffix(" - Slidev"),
            language=said["language"] or "en",
            ground=tuple(said["ground"]),
            blocks=said["blocks"],
            pictures=pictures,
        )

    @property
    def scenes(self) -> list[Scene]:
        """One scene a slide, in order."""
        return [self._seen[slide] for slide in sorted(self._seen)]


@cache
def _script() -> str:
    return READ.read_text("utf-8")
