"""Wanted: what can be made of a deck, what a build shall make, and where it lies."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from podium.spec.errors import PodiumError, unknown
from podium.spec.project import Project

ANYWHERE = "./"  # the base of a site that works under any path

# Of each format where it comes to lie, below build/slides.
FORMATS = {
    "site": "{deck}/index.html",
    "pdf": "{deck}.pdf",
    "png": "{deck}.pictures",
    "pptx": "{deck}.pptx",
    "md": "{deck}.md",
}


@dataclass(frozen=True)
class Wanted:
    """What a build shall make of a deck.

    Attributes:
        formats: keys of `FORMATS`; the site is always built.
        with_clicks: a page of the PDF and a PNG for every click.
        with_notes: speaker notes in the site and in the Markdown file, for everybody to read.
        base: the path that the site will be served under, such as "/talks/"; "./" works under any.
        check: whether every slide and click is looked at, and an error fails the build.
    """

    formats: tuple[str, ...] = ("site",)
    with_clicks: bool = False
    with_notes: bool = False
    base: str = ANYWHERE
    check: bool = False

    @property
    def all_formats(self) -> tuple[str, ...]:
        """The formats, each once, the site first."""
        return tuple(dict.fromkeys(("site", *self.formats)))

    @property
    def walks(self) -> bool:
        """Whether a browser has to walk through the deck."""
        return self.check or len(self.all_formats) > 1

    def insist(self) -> None:
        """Insist that this can be made.

        Raises:
            PodiumError: for an unknown format, or a base that is no path.
        """
        for name in self.formats:
            if name not in FORMATS:
                raise unknown("format", name, FORMATS)
        if self.base != ANYWHERE and not re.fullmatch(r"/([\w.~-]+/)*", self.base):
            raise PodiumError(
                f"--base is a path that begins and ends with a slash, such as /talks/digits/; not {self.base!r}."
            )


def place(project: Project, deck: str, name: str) -> Path:
    """Return where a format of a deck lies."""
    return project.build / "slides" / FORMATS[name].format(deck=deck)
