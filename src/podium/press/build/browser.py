"""Browser: find a Chromium or Chrome, and walk a built deck slide by slide, click by click, looking for faults."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podium.press.build.serve import serving
from podium.press.diagrams.rendered import PICTURE_TEXTS, labels, missing

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
NO_BROWSER = (
    "No Chromium or Chrome was found, so there is no PDF; the site is built all the same. "
    "Install Chromium or Chrome (or run `playwright install chromium`) and run the command again."
)
WIDTH, HEIGHT = 980, 552  # CSS pixels of a slide
WAIT_MS = 20_000  # for one slide to be drawn

# Slidev's navigator in a built deck: internal, and pinned with the version.
NAV = "document.querySelector('#app').__vue_app__._context.provides['$$slidev-context'].nav"

# Still drawing: diagrams not there yet, pictures not loaded, fonts not loaded. The slide shown is the visible page.
DRAWN = """() => {
  const page = [...document.querySelectorAll('.slidev-page')].find(p => p.getClientRects().length)
  if (!page || document.fonts.status !== 'loaded') return false
  if (page.querySelector('[data-drawing]')) return false
  for (const host of page.querySelectorAll('.mermaid')) if (!host.shadowRoot?.querySelector('svg')) return false
  return [...page.querySelectorAll('img')].every(i => i.complete)
}"""

FAULTS = """() => {
  const shown = e => e.checkVisibility({ opacityProperty: true, visibilityProperty: true })
  const page = [...document.querySelectorAll('.slidev-page')].find(shown)
  const frame = page.getBoundingClientRect(), faults = []
  const words = (e, most = 40) => (e.textContent || '').trim().slice(0, most)
  const name = e => [e.tagName.toLowerCase(), ...e.classList].join('.')
  const px = e => parseFloat(getComputedStyle(e).fontSize)
  const said = (e, fault) => faults.push(`${fault}: ${name(e)} (${words(e)})`)
  const CUT = ['hidden', 'clip', 'auto', 'scroll']
  for (const e of page.querySelectorAll('*')) {
    if (!shown(e) || e.closest('.katex-mathml')) continue
    const b = e.getBoundingClientRect(), style = getComputedStyle(e)
    if (!b.width || !b.height) continue
    if (b.left < frame.left - 1 || b.top < frame.top - 1 || b.right > frame.right + 1 || b.bottom > frame.bottom + 1)
      said(e, 'outside the frame')
    if (e.scrollHeight > e.clientHeight + 3 && CUT.includes(style.overflowY) && e.clientHeight)
      if (style.textOverflow !== 'ellipsis') said(e, `cut off, ${e.scrollHeight} px in ${e.clientHeight}`)
    if (e.tagName === 'IMG' && !e.naturalWidth)
      faults.push(`picture not loaded: ${e.getAttribute('src')?.slice(0, 80)}`)
    if ([...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()) && px(e) < 13.9) said(e, `text of ${px(e)} px`)
    if (e.matches('pre.failure, pre.text-wrap')) faults.push(`diagram failed: ${words(e, 120)}`)
    for (const label of e.shadowRoot?.querySelectorAll('svg text, svg foreignObject') ?? []) {
      const turn = label.getScreenCTM(), inner = label.querySelector('span, p, div') ?? label
      const size = px(inner) * Math.hypot(turn.a, turn.b)
      if (size < 13.5 && words(label)) faults.push(`label of ${size.toFixed(1)} px: ${words(label)}`)
    }
  }
  const foot = page.querySelector('.foot')?.getBoundingClientRect()
  const CONTENT = 'p, li, h1, h2, td, pre, button, .figure, .plantuml, .mermaid, .row'
  for (const e of foot ? page.querySelectorAll(CONTENT) : []) {
    const b = e.getBoundingClientRect()
    if (!shown(e) || !b.height || e.closest('.foot, .receipt-panel')) continue
    if (b.bottom > foot.top + 2) said(e, 'over the footer')
  }
  return faults
}"""


@dataclass
class Walk:
    """What a walk through a built deck saw."""

    slides: int = 0
    clicks: int = 0
    texts: list[str] = field(default_factory=list)  # of each slide after its last click
    outside: list[str] = field(default_factory=list)  # addresses asked for outside the site; all were blocked
    errors: list[str] = field(default_factory=list)  # console errors and uncaught exceptions
    faults: list[str] = field(default_factory=list)  # "slide 3, click 1: ..."
    diagrams: list[list[str]] = field(default_factory=list)  # the texts in each diagram, in order of the slides
    pictures: list[Path] = field(default_factory=list)  # screenshots, where asked for

    @property
    def clean(self) -> bool:
        """Whether nothing at all was found."""
        return not (self.outside or self.errors or self.faults)


def find_browser() -> Path | None:
    """Return a Chromium or Chrome of this machine, else Playwright's own, else None.

    `PODIUM_BROWSER` names one by hand.
    """
    chosen = os.environ.get("PODIUM_BROWSER")
    if chosen is not None:
        return Path(chosen) if Path(chosen).is_file() else None
    for name in NAMES:
        found = shutil.which(name)
        if found:
            return Path(found)
    for application in APPLICATIONS:
        if Path(application).is_file():
            return Path(application)
    return next(iter(_playwright_browsers()), None)


def walk(
    site: Path, browser: Path, *, pictures: Path | None = None, scale: float = 1.0, sources: Sequence[str] = ()
) -> Walk:
    """Visit each slide and each click of a built deck with every outside request blocked.

    Args:
        site: the built site.
        browser: a Chromium or Chrome.
        pictures: a folder for one PNG a slide, after its last click.
        scale: device pixels a CSS pixel in the pictures.
        sources: of the deck's diagrams; each must be found drawn with every one of its labels.
    """
    seen = Walk()
    with serving(site) as address, opened(browser, scale=scale) as page:
        _listen(page, address, seen)
        page.goto(f"{address}/#/1")
        settle(page)
        seen.slides = page.evaluate(f"{NAV}.total")
        for slide in range(1, seen.slides + 1):
            _visit(page, slide, seen)
            if pictures is not None:
                pictures.mkdir(parents=True, exist_ok=True)
                path = pictures / f"{slide:02}.png"
                page.screenshot(path=path)
                seen.pictures.append(path)
    seen.faults += lost_labels(sources, seen.diagrams)
    return seen


def lost_labels(sources: Sequence[str], drawn: Sequence[Sequence[str]]) -> list[str]:
    r"""Say which labels of a diagram stand in none of the drawn ones; Mermaid and PlantUML lose some without a word.

    >>> lost_labels(['flowchart LR\na["ViT"] --> b["end"]'], [["ViT"], ["CNN", "end"]])
    ["a diagram lost the label 'end'"]
    """
    nearest = (min((missing(source, texts) for texts in drawn), key=len, default=labels(source)) for source in sources)
    return [f"a diagram lost the label {label!r}" for lost in nearest for label in lost]


@contextmanager
def opened(browser: Path, *, scale: float = 1.0) -> Generator[Any]:
    """Open a page exactly as large as a slide, with motion off."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(
            executable_path=str(browser),
            args=["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--font-render-hinting=none"],
        )
        try:
            page = chromium.new_page(
                viewport={"width": WIDTH, "height": HEIGHT}, device_scale_factor=scale, reduced_motion="reduce"
            )
            page.set_default_timeout(WAIT_MS)
            yield page
        finally:
            chromium.close()


def settle(page: Any) -> None:
    """Wait until the slide shown is drawn: pictures, fonts and diagrams."""
    page.wait_for_function(f"() => {NAV} && {NAV}.total > 0")
    page.wait_for_function(DRAWN)
    page.evaluate("() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def go(page: Any, slide: int, click: int) -> None:
    """Show one slide after some clicks, and wait until it is drawn."""
    page.evaluate(f"async ([slide, click]) => {{ await {NAV}.go(slide, click) }}", [slide, click])
    page.wait_for_timeout(120)  # the slide that leaves is gone
    settle(page)


def _visit(page: Any, slide: int, seen: Walk) -> None:
    go(page, slide, 0)
    clicks = page.evaluate(f"{NAV}.clicksTotal")
    for click in range(clicks + 1):
        if click:
            go(page, slide, click)
            seen.clicks += 1
        seen.faults += [f"slide {slide}, click {click}: {fault}" for fault in page.evaluate(FAULTS)]
    seen.diagrams += [list(texts) for texts in page.evaluate(PICTURE_TEXTS)]
    seen.texts.append(page.evaluate("() => document.querySelector('#slideshow')?.innerText ?? document.body.innerText"))


def _listen(page: Any, address: str, seen: Walk) -> None:
    def route(handler: Any) -> None:
        url = handler.request.url
        if url.startswith((address, "data:", "blob:")):
            handler.continue_()
        else:
            seen.outside.append(url)
            handler.abort()

    page.route("**/*", route)
    page.on("console", lambda said: seen.errors.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: seen.errors.append(str(error)))
    page.on("dialog", lambda dialog: (seen.errors.append(f"dialog: {dialog.message}"), dialog.dismiss()))


def _playwright_browsers() -> list[Path]:
    home = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return sorted(home.glob("chromium-*/chrome-*/chrome"), reverse=True)
