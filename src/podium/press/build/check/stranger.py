"""Stranger: any Slidev deck is built as it stands, with its own theme, or a built site is taken, to be checked."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Literal

from podium.press.build.browser import find_browser
from podium.press.build.check.checking import NOT_CHECKED, check_site
from podium.press.build.check.findings import Report
from podium.press.build.check.reading import minutes_of
from podium.press.build.check.report import write_report
from podium.press.build.node import install_packages, node_executable, run_to_end, tail
from podium.press.build.site import head_of
from podium.spec.errors import PodiumError
from podium.spec.project import Project

OFFICIAL = ("default", "seriph", "apple-basic", "shibainu", "bricks")  # Slidev's own: @slidev/theme-<name>


def check(
    project: Project,
    asked: str,
    *,
    runs: Literal["local", "frozen"] = "local",
    tell: Callable[[str, str, int, int], None] = lambda *_: None,
) -> tuple[Report, Path]:
    """Check a deck of the project, any Slidev deck by the path of its Markdown file, or a built site by its folder.

    Args:
        project: whose npm packages build the slides.
        asked: a deck's name, a path that ends in .md, or a folder with an index.html.
        runs: what a deck of the project draws from.
        tell: told the deck, a step in words, and how far it is: so many, of so many.

    Returns:
        What was found, and the page that shows it.

    Raises:
        PodiumError: where there is no such deck, it cannot be built, or there is no browser to look with.
    """
    browser = find_browser()
    if browser is None:
        raise PodiumError(NOT_CHECKED)
    path = Path(asked)
    if path.suffix == ".md":
        name, folder = name_of(path), project.build / "checks" / name_of(path)
        tell(name, "building the site", 0, 0)
        site, notes, minutes = build_stranger(project, path, folder / "site"), None, _minutes(path)
    elif (path / "index.html").is_file():
        insist_on_slidev(path)
        name, site, notes, minutes = path.resolve().name, path, None, None
    else:
        from podium.press.build.deck import build_deck
        from podium.press.build.notes import read_notes

        name, site = asked, build_deck(project, asked, runs=runs, tell=tell)[0].parent
        notes, minutes = read_notes(site), _minutes(project.build / "decks" / asked / "slides.md")
    tell(name, "looking", 0, 0)
    looking = partial(tell, name, "looking")
    report = check_site(site, browser, deck=name, notes=notes, minutes=minutes, progress=looking)
    return report, write_report(report, project.build / "checks" / name)


def name_of(path: Path) -> str:
    """Name a deck by its file, or by its folder where the file is called slides.md as most are.

    >>> name_of(Path("talks/summer/slides.md")), name_of(Path("talks/autumn term.md"))
    ('summer', 'autumn-term')
    """
    name = path.resolve().parent.name if path.stem == "slides" else path.stem
    return re.sub(r"[^\w.-]+", "-", name).strip("-.") or "deck"


def build_stranger(project: Project, slides: Path, out: Path) -> Path:
    """Build any Slidev deck with the project's npm packages and the deck's own theme; its folder is left as it is.

    Building a deck runs what its author wrote, as `slidev build` does: check decks of people you trust.

    Args:
        project: whose npm packages build it.
        slides: the deck's Markdown file.
        out: where the site comes to lie.

    Raises:
        PodiumError: for a file or a theme that is not there, and where Slidev fails.
    """
    if not slides.is_file():
        raise PodiumError(f"There is no file {slides}. Name a deck's Markdown file, a built site's folder, or a deck.")
    slides = slides.resolve()
    install_packages(project)
    insist_on_theme(project, slides)
    fresh = out.parent / f".{out.name}.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.parent.mkdir(parents=True, exist_ok=True)
    program = (project.slides / "node_modules" / "@slidev" / "cli" / "bin" / "slidev.mjs").resolve()
    command = [str(node_executable()), str(program), "build", slides.name]
    command += ["--base", "./", "--router-mode", "hash", "--out", str(fresh.resolve())]
    own = (slides.parent / "node_modules").exists()
    code, said = run_to_end(command, slides.parent)
    if not own:  # Vite leaves a cache there
        shutil.rmtree(slides.parent / "node_modules", ignore_errors=True)
    if code != 0 or not (fresh / "index.html").is_file():
        shutil.rmtree(fresh, ignore_errors=True)
        raise PodiumError(f"Slidev could not build {slides}: {tail(said)}")
    shutil.rmtree(out, ignore_errors=True)
    fresh.replace(out)
    return out


def insist_on_slidev(site: Path) -> None:
    """See to it that a folder is a deck that Slidev built.

    Raises:
        PodiumError: where it is another site.
    """
    if "slidev" not in (site / "index.html").read_text("utf-8", errors="replace"):
        raise PodiumError(
            f"{site} holds a site, and none that Slidev built. Name a deck, its Markdown, or its built site."
        )


def insist_on_theme(project: Project, slides: Path) -> None:
    """See to it that a deck's theme is there, beside it or among the project's npm packages.

    Raises:
        PodiumError: where it is not; Slidev would stop and ask.
    """
    theme = str(head_of(slides).get("theme") or "default")
    if theme == "none":
        return
    if theme.startswith((".", "/")):
        if not (slides.parent / theme).exists():
            raise PodiumError(f"{slides} asks for the theme {theme}, and there is no such folder beside it.")
        return
    full = f"@slidev/theme-{theme}" if theme in OFFICIAL else theme if "/" in theme else f"slidev-theme-{theme}"
    names = (full, theme)
    shelves = [folder / "node_modules" for folder in (*slides.parents, project.slides)]
    if not any((shelf / name).is_dir() for shelf in shelves for name in names):
        raise PodiumError(
            f"{slides} asks for the theme {theme!r}, which is neither in a node_modules beside it nor in "
            f"{project.slides / 'node_modules'}. Run `npm install {full}` beside the deck."
        )


def _minutes(slides: Path) -> float | None:
    return minutes_of(head_of(slides).get("duration")) if slides.is_file() else None
