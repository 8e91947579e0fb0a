"""Deck: from template and runs to the site, and to the PDF where a browser is found."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from podium.press.build.browser import NO_BROWSER, find_browser
from podium.press.build.pdf import build_pdf
from podium.press.build.site import build_site
from podium.press.pages.lock import write_lock
from podium.press.pages.render import lock_path, render
from podium.press.results import Source
from podium.spec.errors import PodiumError, unknown
from podium.spec.project import Project

FORMATS = ("site", "pdf")


def build_deck(
    project: Project, deck: str, *, runs: Source = "local", formats: Sequence[str] = ("site",)
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
    rendered = render(project, deck, runs)
    built = build_site(project, rendered.folder, project.build / "slides" / deck)
    written = [built.path / "index.html"]
    write_lock(lock_path(project, deck), rendered.lock)
    if "pdf" in formats:
        written.append(_pdf(built.path, project.build / "slides" / f"{deck}.pdf"))
    return written


def _pdf(site: Path, out: Path) -> Path:
    if out.is_file() and out.stat().st_mtime >= (site / "index.html").stat().st_mtime:
        return out
    browser = find_browser()
    if browser is None:
        raise PodiumError(NO_BROWSER)
    return build_pdf(site, out, browser)
