"""What a template may ask for in pictures and code: figures, diagrams, excerpts, sample predictions."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from podium.press.diagrams import DIAGRAMS, check_total, imports, layers, read_description, tree
from podium.press.figures import FIGURES, HALVES, PLACES, Drawing
from podium.press.pages.drawn import parts_of
from podium.press.pages.escaping import Markdown
from podium.press.pages.excerpts import excerpt as excerpt_of
from podium.press.pages.excerpts import morph as morph_of
from podium.press.pages.lock import digest
from podium.press.pages.page import Asked, Page, Placed
from podium.spec import PodiumError, unknown

LONGEST_FILE = 100  # characters of a figure's file name; file systems take 255 bytes
WIDE = 76  # columns of code that fit a slide at its usual size
PICTURE = re.compile(r"data:image/png;base64,[\w+/=]+")


def figure(page: Page, kind: str, experiment: str, *, place: str = "whole", **options: Any) -> Placed:
    """Draw a figure; its `finding` is a title, its note becomes the footer where the slide has none.

    Args:
        page: the page that asks.
        kind: a key of `podium.press.figures.FIGURES`.
        experiment: whose results.
        place: "whole" under a title, or "half" for one of two beside each other (layout figure-pair).
        options: what this kind takes.

    Raises:
        PodiumError: for an unknown kind, place or option, or what the figure itself refuses.
    """
    if kind not in FIGURES:
        raise unknown("figure", kind, FIGURES)
    if place not in PLACES:
        raise unknown("place", place, PLACES, owner="A figure")
    if place == "half" and kind not in HALVES:
        raise PodiumError(f"Figure {kind} needs the whole width. These can be a half: {', '.join(HALVES)}.")
    takes = [name for name in inspect.signature(FIGURES[kind]).parameters if name != "results"]
    for name in options:
        if name not in takes:
            raise unknown("option", name, takes, owner=f"Figure {kind}")
    results = page.results(experiment)
    drawing: Drawing = replace(FIGURES[kind](results, **options), place=place)
    words = [kind, experiment, *(str(value) for value in options.values() if isinstance(value, str))]
    words += ["half"] if place == "half" else []
    name = file_name("-".join(words), page.drawings)
    page.draw(name, drawing)
    page.asked_figures.append(Asked(kind, experiment, options))
    asked = {**options, **({"place": place} if place == "half" else {}), **results.training_now}
    page.parts[name] = parts_of(results, kind, asked)
    page.foot(drawing.note)
    page.badge(*drawing.badges)
    return Placed(page.medium.figure(name, drawing), drawing.finding, drawing.note)


def file_name(wished: str, taken: Iterable[str]) -> str:
    """Return a name that every file system takes and that is not taken, even where capitals do not count.

    >>> file_name("paired-ViT/16: a", []), file_name("Adam", ["adam", "Adam-2"])
    ('paired-ViT-16-a', 'Adam-3')
    """
    used = {name.casefold() for name in taken}
    bare = re.sub(r"[^A-Za-z0-9_-]+", "-", wished)[:LONGEST_FILE]
    names = (bare, *(f"{bare}-{again}" for again in range(2, len(used) + 3)))
    return next(name for name in names if name.casefold() not in used)


def diagram(
    page: Page, kind: str, experiment: str = "", variant: str | None = None, *, description: str = ""
) -> Markdown:
    """Draw a diagram of what really ran: `pipeline`, `architecture`, `classes`; or `imports`, of Podium's own parts.

    Args:
        page: the page that asks.
        kind: a key of `podium.press.diagrams.DIAGRAMS`, or "imports".
        experiment: whose model is drawn.
        variant: whose, of the experiment's variants; the first one's where None.
        description: in place of an experiment, a file that `podium describe` wrote, from the project's folder.

    Raises:
        PodiumError: for an unknown kind, a model that no slide can show, or a description that is not the run's.
    """
    if kind == "imports":
        drawn = imports()
    elif kind not in DIAGRAMS:
        raise unknown("diagram", kind, [*DIAGRAMS, "imports"])
    else:
        drawn = DIAGRAMS[kind](_described(page, experiment, variant, description))
    page.asked["diagrams"][" / ".join(filter(None, (kind, experiment, variant, description)))] = digest(drawn.encode())
    page.foot(drawn.note)
    if drawn.language == "mermaid":
        page.keep("mermaid", "m", str(drawn))
        return page.medium.mermaid(str(drawn))
    return page.medium.plantuml(page.keep("plantuml", "d", str(drawn)), drawn.alt)


def layer_table(
    page: Page, experiment: str = "", variant: str | None = None, *, description: str = "", rows: int = 10
) -> Markdown:
    """Show a model's layers with shapes, parameters and FLOPs, which add up to the run's own count."""
    found = layers(_described(page, experiment, variant, description), rows=rows)
    page.foot(found.note)
    head, *body = found.cells()
    return page.medium.table(head, body)


def module_tree(
    page: Page, experiment: str = "", variant: str | None = None, *, description: str = "", lines: int = 16
) -> Markdown:
    """Show the tree of a model's modules with the names and shapes of their parameters."""
    found = tree(_described(page, experiment, variant, description), lines=lines)
    page.foot(found.note)
    return page.medium.verbatim(found.text())


def excerpt(
    page: Page,
    symbol: str,
    *,
    highlight: list[str] | str | tuple[str, ...] = (),
    shapes: str = "",
    variant: str | None = None,
    of: str = "",
) -> Markdown:
    """Show code by its symbol; each pattern's line is lit by one click; the footer says where it stands.

    Args:
        page: the page that asks.
        symbol: "package.module:Class.method".
        highlight: patterns that each fit one line.
        shapes: an experiment whose traced shapes stand in the margin.
        variant: whose, of that experiment.
        of: the module that ran this code, where several did, such as "decoder.blocks.0".
    """
    patterns = (highlight,) if isinstance(highlight, str) else tuple(highlight)
    traced = _described(page, shapes, variant, "") if shapes else None
    found = excerpt_of(symbol, patterns, shapes=traced, of=of)
    page.asked["excerpts"][symbol] = digest(found.annotated.encode())
    page.foot(found.place)
    if found.columns > WIDE:
        page.mark("wide-code")
    return page.medium.code(found.annotated, found.steps)


def morph(page: Page, first: str, second: str) -> Markdown:
    """Show one symbol's code turn into another's, by one click."""
    made = morph_of(first, second)
    page.asked["excerpts"][f"{first} to {second}"] = digest(made.encode())
    return made


def _described(page: Page, experiment: str, variant: str | None, description: str) -> dict[str, Any]:
    """Return a model's description, from a file or from a run, and make sure that it is the run's."""
    if description:
        path = page.project.root / description
        if not path.resolve().is_relative_to(page.project.root.resolve()):
            raise PodiumError(
                f"A description lies in the project's folder; {description!r} leads out of it. Copy it in."
            )
        return read_description(path)
    results = page.results(experiment)
    found = results.model(variant)
    rows = results.rows(variant if variant is not None else results.variants[0])
    recorded = rows["parameters"].iloc[0] if "parameters" in rows else None
    check_total(found, None if recorded is None or math.isnan(recorded) else float(recorded))
    return found


def predictions(page: Page, experiment: str, variant: str | None = None, *, count: int = 8) -> Markdown:
    """Show pictures of the test set with what stands on them and what the model read."""
    sample = page.results(experiment).sample(variant)
    rows = sample.get("predictions", [])
    if not rows:
        raise PodiumError(f"The runs of {experiment} hold no sample predictions. Train it again.")
    kept = [{key: str(row[key]) for key in ("picture", "correct", "predicted")} for row in rows[:count]]
    foreign = [row["picture"][:30] for row in kept if not PICTURE.fullmatch(row["picture"])]
    if foreign:
        raise PodiumError(f"A sample picture is a PNG data address; got {foreign[0]!r}.")
    return page.medium.predictions(page.keep("predictions", "p", kept), kept)
