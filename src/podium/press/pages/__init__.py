"""Pages: templates in, Markdown out; every text from a run is escaped, every number leaves its receipt."""

from podium.press.pages.render import Rendered, deck_names, render

__all__ = ["Rendered", "deck_names", "render"]
