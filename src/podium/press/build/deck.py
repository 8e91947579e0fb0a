"""Deck: from template and runs to the site, and to the PDF where a browser is found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from podium.press.build.freshness import is_fresh, note
from podium.spec.errors import PodiumError, unknown
from podium.spec.project import Project

FORMATS = ("site", "pdf")


def build_deck(
    project: Project, deck: str, *, runs: Literal["local", "frozen"] = "local", formats: Sequence[str] = ("site",)
) -> list[Path]:
    """Render a deck from its runs and build it; what did not change is not built again.

    Args:
        project: where templates, theme and runs are.
        deck: its name under slides/decks.
        runs: "local" records, or the "frozen" results beside the experiments.
        formats: out of "site" and "pdf"; the site is always built.

    Returns:
        The index page of the site, then the PDF where it was asked for.

    Raises:
        PodiumError: for an unknown deck or format, anything the template asks for in vain, a build that fails, or a
            PDF without a browser; the site is built by then.
    """
    for name in formats:
        if name not in FORMATS:
            raise unknown("format", name, FORMATS)
    site, document = project.build / "slides" / deck, project.build / "slides" / f"{deck}.pdf"
    written = [site / "index.html", *([document] if "pdf" in formats else [])]
    asked = [runs, *sorted(formats)]
    if is_fresh(project, deck, asked, written):
        return written
    from podium.press.build.site import build_site  # what draws and builds takes seconds to load
    from podium.press.pages.lock import write_lock
    from podium.press.pages.render import lock_path, render

    rendered = render(project, deck, runs)
    built = build_site(project, rendered.folder, site)
    write_lock(lock_path(project, deck), rendered.lock)
    if "pdf" in formats:
        _pdf(built.path, document)
    note(project, deck, asked)
    return written


def _pdf(site: Path, out: Path) -> None:
    from podium.press.build.browser import NO_BROWSER, find_browser
    from podium.press.build.pdf import build_pdf

    if out.is_file() and out.stat().st_mtime >= (site / "index.html").stat().st_mtime:
        return
    browser = find_browser()
    if browser is None:
        raise PodiumError(NO_BROWSER)
    build_pdf(site, out, browser)
