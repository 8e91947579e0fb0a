"""PDF: one vector page a slide, printed from the built site."""

from __future__ import annotations

import io
from pathlib import Path

from pypdf import PdfWriter

from podium.press.build.browser import HEIGHT, NAV, WIDTH, go, opened, settle
from podium.press.build.serve import serving

# Only the slide itself is printed: no controls, no ground beside it.
PRINT = f"""
@page {{ size: {WIDTH}px {HEIGHT}px; margin: 0 }}
html, body, #app {{ width: {WIDTH}px; height: {HEIGHT}px; margin: 0; overflow: hidden }}
html {{ -webkit-print-color-adjust: exact; print-color-adjust: exact }}
.slidev-nav, nav {{ display: none !important }}
"""


def build_pdf(site: Path, out: Path, browser: Path) -> Path:
    """Print each slide of a built site, after its last click, and put the pages together.

    The pages keep text as text and lines as lines; `out` changes only when the file is whole.

    Args:
        site: the built site.
        out: the PDF to write.
        browser: a Chromium or Chrome.
    """
    writer = PdfWriter()
    with serving(site) as address, opened(browser) as page:
        page.goto(f"{address}/#/1")
        settle(page)
        page.emulate_media(media="screen", reduced_motion="reduce")
        page.add_style_tag(content=PRINT)
        for slide in range(1, page.evaluate(f"{NAV}.total") + 1):
            go(page, slide, 0)
            go(page, slide, page.evaluate(f"{NAV}.clicksTotal"))
            printed = page.pdf(width=f"{WIDTH}px", height=f"{HEIGHT}px", print_background=True, page_ranges="1")
            writer.append(io.BytesIO(printed))
    writer.compress_identical_objects()
    out.parent.mkdir(parents=True, exist_ok=True)
    fresh = out.with_name(f".{out.name}.new")
    with fresh.open("wb") as file:
        writer.write(file)
    fresh.replace(out)
    return out
