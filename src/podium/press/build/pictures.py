"""Pictures: one PNG a slide, for a programme, a chat or a thumbnail."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from podium.press.build.walk import Stop

SCALE = 2.0  # device pixels a CSS pixel: sharp on today's screens


class Pictures:
    """The visitor that takes one PNG a slide, after its last click, as sharp as the walk's scale.

    Args:
        folder: takes the pictures, `01.png` and so on; it is replaced by `finish`.
        with_clicks: one PNG a click instead, `01-0.png` and so on.
    """

    def __init__(self, folder: Path, *, with_clicks: bool = False) -> None:
        self.folder, self.every_click = folder, with_clicks
        self._fresh = folder.with_name(f".{folder.name}.new")
        shutil.rmtree(self._fresh, ignore_errors=True)
        self._fresh.mkdir(parents=True)

    def visit(self, page: Any, stop: Stop, /) -> None:
        """Take a picture."""
        name = f"{stop.slide:02}-{stop.click}" if self.every_click else f"{stop.slide:02}"
        page.screenshot(path=self._fresh / f"{name}.png")

    def finish(self) -> list[Path]:
        """Put the new pictures in the place of the old ones; return them in order."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._fresh.replace(self.folder)
        return sorted(self.folder.glob("*.png"))
