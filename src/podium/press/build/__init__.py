"""Rendered decks become sites and PDFs: Node, the browser, and the check of what was built."""

from podium.press.build.browser import find_browser, walk
from podium.press.build.deck import build_deck
from podium.press.build.pdf import build_pdf
from podium.press.build.serve import present, serving
from podium.press.build.site import Built, build_site

__all__ = ["Built", "build_deck", "build_pdf", "build_site", "find_browser", "present", "serving", "walk"]
