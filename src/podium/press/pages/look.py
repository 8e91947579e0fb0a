"""Look: which theme a deck wears, and on which ground each of its slides stands.

The first slide decides: `theme` names ours (nothing), one of npm or a folder, `colorSchema` is light, dark or auto. Any
slide may say `ground`, dark or light.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from podium.press.figures.tokens import Ground
from podium.spec import PodiumError, Project, unknown

SCHEMES: dict[str, tuple[Ground, ...]] = {"light": ("light",), "dark": ("dark",), "auto": ("light", "dark")}
GROUNDS: tuple[Ground, ...] = ("light", "dark")
DARK_LAYOUTS = ("cover", "section", "end")  # of our own theme, unless the slide says otherwise
OURS = "podium"
# Layouts of Slidev's official themes that ask a server for a picture unless they are told not to.
REACHING_OUT = {("seriph", "cover"): {"background": ""}}


def head_of(project: Project, folder: Path, template: Path | None, front: dict[str, Any]) -> dict[str, Any]:
    """Return the first slide's front matter with everything that decides the look of the deck.

    Args:
        project: where our theme is.
        folder: the rendered deck's, which paths are relative to.
        template: beside which a theme of the deck's own may lie.
        front: as the template wrote it.

    Raises:
        PodiumError: for a theme that is not there, or a colour scheme that is none.
    """
    name, scheme = str(front.get("theme", OURS)), str(front.get("colorSchema", "light"))
    if scheme not in SCHEMES:
        raise unknown("colorSchema", scheme, SCHEMES, owner="A deck")
    if is_ours(front):
        said = {key: value for key, value in front.items() if key not in ("theme", "colorSchema")}
        return {"theme": _path(project.slides / "theme", folder), "colorSchema": scheme, **said}
    return {
        **_plain(project),
        **front,
        "theme": _found(project, folder, template, name),
        "colorSchema": scheme,
        "addons": [
            _path(project.slides / "addon", folder.parent),
            *front.get("addons", []),
        ],  # Slidev counts from there
    }


def is_ours(front: dict[str, Any]) -> bool:
    """Tell whether a deck wears our theme."""
    return str(front.get("theme", OURS)) == OURS


def quiet(theme: object, slide: dict[str, Any], *, first: bool) -> dict[str, Any]:
    """Return what keeps a slide's layout from asking a server for anything, unless the slide says its own."""
    layout = slide.get("layout") or ("cover" if first else "default")
    return {**REACHING_OUT.get((str(theme), str(layout)), {}), **slide}


def ground_of(slide: dict[str, Any], *, ours: bool = True) -> str:
    """Return the ground that a slide asks for, by its own word or by its layout; "" for the deck's.

    Raises:
        PodiumError: for a ground that is none.
    """
    if "ground" in slide:
        if slide["ground"] not in GROUNDS:
            raise unknown("ground", slide["ground"], GROUNDS, owner="A slide")
        return str(slide["ground"])
    return "dark" if ours and slide.get("layout") in DARK_LAYOUTS else ""


def grounds_of(slides: Sequence[dict[str, Any]]) -> set[Ground]:
    """Return the grounds on which a figure is shown that stands on these slides; the first one is the deck's first.

    >>> sorted(grounds_of([{"colorSchema": "dark"}, {"layout": "figure"}, {"layout": "figure", "ground": "light"}]))
    ['dark', 'light']
    """
    head, *shown = slides
    deck = SCHEMES.get(str(head.get("colorSchema", "light")), GROUNDS)
    found: set[Ground] = set()
    for slide in shown:
        own = ground_of(slide, ours=is_ours(head))
        found |= {ground for ground in GROUNDS if (ground == own if own else ground in deck)}
    return found


def _found(project: Project, folder: Path, template: Path | None, name: str) -> str:
    """Return a theme as Slidev finds it from the rendered deck: a path, or the name of a package that is installed."""
    beside = template.parent if template else project.slides
    if name.startswith((".", "/")):
        path = (beside / name).resolve()
        if not path.is_dir():
            raise PodiumError(f"There is no theme {name!r} beside {beside.name}: {path.name} is no folder there.")
        return _path(path, folder)
    packages = project.slides / "node_modules"
    if name == "none" or not packages.is_dir() or any((packages / known).is_dir() for known in _packages(name)):
        return name  # where nothing is installed yet, Slidev itself will say
    there = [
        path.name.removeprefix("slidev-theme-").removeprefix("theme-")
        for pattern in ("@slidev/theme-*", "slidev-theme-*")
        for path in packages.glob(pattern)
    ]
    sentence = str(unknown("theme", name, [OURS, *there]))
    raise PodiumError(
        f"{sentence} Install it in slides/ with `npm install slidev-theme-NAME`, or name a folder, ./NAME."
    )


def _packages(name: str) -> tuple[str, ...]:
    return (name,) if "/" in name else (f"@slidev/theme-{name}", f"slidev-theme-{name}", name)


def _plain(project: Project) -> dict[str, Any]:
    """Return the settings that every deck of ours has whatever it wears: its size, and nothing from outside."""
    settings = json.loads((project.slides / "theme" / "package.json").read_text("utf-8"))["slidev"]["defaults"]
    return {**settings, "fonts": {"provider": "none"}}


def _path(target: Path, folder: Path) -> str:
    return Path(os.path.relpath(target, folder)).as_posix()
