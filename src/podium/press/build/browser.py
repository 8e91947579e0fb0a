"""Browser: find a Chromium or Chrome, open it as large as a slide, and drive a built deck in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "microsoft-edge")
APPLICATIONS = (
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
)
NO_BROWSER = (
    "No Chromium or Chrome was found, so only the site is built: no PDF, PNG, PPTX or Markdown, and nothing checked. "
    "Install Chromium or Chrome (or run `playwright install chromium`) and run the command again."
)
WIDTH, HEIGHT = 980, 552  # CSS pixels of a slide
WAIT_MS = 20_000  # for one slide to be drawn
ANSWER_MS = 60_000  # for the browser itself, on a machine that has much else to do

# Slidev's navigator in a built deck: internal, and pinned with the version.
NAV = "document.querySelector('#app').__vue_app__._context.provides['$$slidev-context'].nav"

# Before anything of a page runs: motion is over at once, also where a deck of somebody else's has never heard of
# reduced motion. A constructed sheet, because a content security policy has no say in it.
STILL = """
const still = new CSSStyleSheet()
still.replaceSync(`*, *::before, *::after { transition-duration: 0s !important; transition-delay: 0s !important;
  animation-duration: 1ms !important; animation-delay: 0s !important; animation-iteration-count: 1 !important;
  scroll-behavior: auto !important; caret-color: transparent !important }`)
document.adoptedStyleSheets = [...document.adoptedStyleSheets, still]
"""

# Waits in the page, since a policy may forbid what Playwright's own waiting evaluates, until the slide is drawn and
# stands still; returns what is missing after so many milliseconds, and nothing where all is there. No slide but the
# one shown is kept mounted: Slidev would draw all of a deck behind it, in each browser.
SETTLED = """async ([slide, click, most]) => {
  const began = performance.now(), frame = () => new Promise(done => requestAnimationFrame(done))
  const shown = e => e.getClientRects().length
  const ends = motion => isFinite(motion.effect?.getComputedTiming().endTime)
  let loaded
  const lacking = () => {
    const nav = document.querySelector('#app')?.__vue_app__?._context.provides['$$slidev-context']?.nav
    if (!nav || !(nav.total > 0)) return 'Slidev'
    for (const route of nav.slides ?? []) // meta.preload is read off it
      if (route.meta.slide) route.meta.slide.frontmatter.preload = false
    if (loaded === undefined) {
      const route = nav.slides?.[(slide || nav.currentPage) - 1]
      loaded = !route
      route?.load().finally(() => { loaded = true })
    }
    if (!loaded) return 'the slide'
    if (slide && (nav.currentPage ?? slide) !== slide) return 'the slide'
    if (slide && (nav.clicks ?? click) !== click) return 'the click'
    const pages = [...document.querySelectorAll('.slidev-page')].filter(shown)
    if (pages.length !== 1) return pages.length ? 'the end of a transition' : 'the slide'
    const page = pages[0]
    if (slide && (page.dataset.slidevNo ?? slide) != slide) return 'the slide'
    if (document.fonts.status !== 'loaded') return 'fonts'
    if (page.querySelector('[data-drawing]')) return 'a drawing'
    for (const host of page.querySelectorAll('.mermaid'))
      if (shown(host) && !host.shadowRoot?.querySelector('svg')) return 'a mermaid diagram'
    if ([...page.querySelectorAll('img')].some(i => shown(i) && i.src && !i.complete)) return 'a picture'
    const moving = document.getAnimations().some(motion => motion.playState === 'running' && ends(motion))
    return moving ? 'the end of a motion' : ''
  }
  for (let calm = 0; calm < 2; await frame()) {
    const what = lacking()
    calm = what ? 0 : calm + 1
    if (what && performance.now() - began > most) return what
  }
  return ''
}"""


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
            page.set_default_timeout(ANSWER_MS)
            page.add_init_script(STILL)
            yield page
        finally:
            chromium.close()


def settle(page: Any, slide: int = 0, click: int = 0) -> str:
    """Wait until the slide shown is drawn: pictures, fonts, diagrams, and the end of all motion.

    Args:
        page: at a built deck.
        slide: which must be shown; any where 0.
        click: after how many clicks.

    Returns:
        What was still missing after twenty seconds; empty where all is there.
    """
    return page.evaluate(SETTLED, [slide, click, WAIT_MS])


def go(page: Any, slide: int, click: int) -> str:
    """Show one slide after some clicks, and wait as `settle` does."""
    page.evaluate(f"async ([slide, click]) => {{ await {NAV}.go(slide, click) }}", [slide, click])
    return settle(page, slide, click)


def _playwright_browsers() -> list[Path]:
    home = Path(os.environ.get("PLAYWRIGHT_BROWSERS_PATH") or Path.home() / ".cache" / "ms-playwright")
    return sorted(home.glob("chromium-*/chrome-*/chrome"), reverse=True)
