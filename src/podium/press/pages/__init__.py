"""Pages: templates in, Markdown out; every text from a run is escaped, every number leaves its receipt."""

from podium.press.pages.render import Rendered, deck_names, render
from podium.press.pages.status import Status, Verified, status, verify

__all__ = ["Rendered", "Status", "Verified", "deck_names", "render", "status", "verify"]
