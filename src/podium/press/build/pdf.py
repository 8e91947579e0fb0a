"""PDF: one vector page a slide, or a click, printed while the deck is walked."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from pypdf import PdfWriter
from pypdf.generic import ArrayObject, BooleanObject, NameObject, TextStringObject

from podium.press.build.browser import HEIGHT, WIDTH
from podium.press.build.serve import LOOPBACK
from podium.press.build.walk import Stop
from podium.spec.files import write_whole

# Only the slide itself is printed: no controls, no ground beside it. A constructed sheet, taken off again.
PRINT = """([width, height]) => {
  const sheet = new CSSStyleSheet()
  sheet.replaceSync(`@page { size: ${width}px ${height}px; margin: 0 }
    html, body, #app { width: ${width}px; height: ${height}px; margin: 0; overflow: hidden }
    html { -webkit-print-color-adjust: exact; print-color-adjust: exact }
    .slidev-nav, nav { display: none !important }`)
  window.podiumPrint = sheet
  for (const link of document.querySelectorAll('a[href^="#/"]')) { // of links inside the page nothing would be left
    link.dataset.podiumHref = link.getAttribute('href')
    link.href = `https://slide.invalid/${link.dataset.podiumHref}`
  }
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet]
  const shown = [...document.querySelectorAll('.slidev-page')].find(page => page.getClientRects().length)
  const title = shown?.querySelector('h1, h2, h3')?.innerText.replace(/\\s+/g, ' ').trim()
  return { title: title ?? '', deck: document.title, language: document.documentElement.lang }
}"""
UNDO = """() => {
  document.adoptedStyleSheets = document.adoptedStyleSheets.filter(sheet => sheet !== window.podiumPrint)
  for (const link of document.querySelectorAll('a[data-podium-href]')) {
    link.setAttribute('href', link.dataset.podiumHref)
    delete link.dataset.podiumHref
  }
}"""


class Print:
    """The visitor that prints each slide after its last click, or after every click.

    Text stays text and lines stay lines.

    Args:
        out: the PDF that `finish` writes.
        with_clicks: a page a click.
    """

    def __init__(self, out: Path, *, with_clicks: bool = False) -> None:
        self.out, self.every_click = out, with_clicks
        self._pages: dict[tuple[int, int], tuple[str, bytes]] = {}
        self._deck = self._language = ""

    def visit(self, page: Any, stop: Stop, /) -> None:
        """Print the slide as it stands."""
        page.emulate_media(media="screen", reduced_motion="reduce")
        said = page.evaluate(PRINT, [WIDTH, HEIGHT])
        try:
            printed = page.pdf(width=f"{WIDTH}px", height=f"{HEIGHT}px", print_background=True, page_ranges="1")
        finally:
            page.evaluate(UNDO)
        self._deck, self._language = said["deck"].removesuffix(" - Slidev"), said["language"]
        self._pages[stop.slide, stop.click] = said["title"], printed

    def finish(self) -> Path:
        """Put the pages together, with title, language and outline; the file changes only when it is whole."""
        writer = PdfWriter()
        first: dict[int, int] = {}  # of each slide, its first page
        for slide, click in sorted(self._pages):
            first.setdefault(slide, len(writer.pages))
            writer.append(io.BytesIO(self._pages[slide, click][1]), import_outline=False)
        for slide, start in first.items():
            title = next(said for (number, _), (said, _) in self._pages.items() if number == slide)
            writer.add_outline_item(title=title or f"Slide {slide}", page_number=start)
        _relink(writer, first)
        writer.compress_identical_objects()
        writer.metadata = {"/Title": self._deck, "/Creator": "Podium", "/Producer": "Chromium, pypdf"}
        writer.root_object[NameObject("/Lang")] = TextStringObject(self._language or "en")
        writer.create_viewer_preferences()[NameObject("/DisplayDocTitle")] = BooleanObject(value=True)
        written = io.BytesIO()
        writer.write(written)
        write_whole(self.out, written.getvalue(), again="build it again")
        return self.out


def _relink(writer: PdfWriter, first: dict[int, int]) -> None:
    """Let links to other slides lead to their pages, and take those away that lead to none."""
    for page in writer.pages:
        kept = ArrayObject()
        for reference in page.get("/Annots", []):
            link = reference.get_object()
            address = str(link.get("/A", {}).get("/URI", ""))
            if address.startswith(("https://slide.invalid/", f"http://{LOOPBACK}:")):
                slide = address.partition("#/")[2].partition("?")[0]
                if not slide.isdigit() or int(slide) not in first:
                    continue
                del link["/A"]
                target = writer.pages[first[int(slide)]].indirect_reference
                link[NameObject("/Dest")] = ArrayObject([target, NameObject("/Fit")])
            kept.append(reference)
        if "/Annots" in page:
            page[NameObject("/Annots")] = kept
