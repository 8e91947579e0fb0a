"""What a template may ask for in pictures and code: figures, diagrams, excerpts, sample predictions."""

from __future__ import annotations

import inspect
import re
from typing import Any

from podium.press.diagrams import DIAGRAMS
from podium.press.figures import FIGURES, Drawing
from podium.press.pages.escaping import Markdown
from podium.press.pages.excerpts import excerpt as excerpt_of
from podium.press.pages.lock import digest
from podium.press.pages.page import Page, Placed
from podium.spec import PodiumError, unknown

PICTURE = re.compile(r"data:image/png;base64,[\w+/=]+")


def figure(page: Page, kind: str, experiment: str, **options: Any) -> Placed:
    """Draw a figure; its `finding` is a title, its note becomes the footer where the slide has none."""
    if kind not in FIGURES:
        raise unknown("figure", kind, FIGURES)
    takes = [name for name in inspect.signature(FIGURES[kind]).parameters if name != "results"]
    for name in options:
        if name not in takes:
            raise unknown("option", name, takes, owner=f"Figure {kind}")
    drawing: Drawing = FIGURES[kind](page.results(experiment), **options)
    words = [kind, experiment, *(str(value) for value in options.values() if isinstance(value, str))]
    name = wished = re.sub(r"[^\w-]+", "-", "-".join(words))
    for again in range(2, 100):
        if name not in page.drawings:
            break
        name = f"{wished}-{again}"
    page.drawings[name] = drawing
    page.foot(drawing.note)
    page.badge(*drawing.badges)
    return Placed(page.medium.figure(name, drawing), drawing.finding, drawing.note)


def diagram(page: Page, kind: str, experiment: str, variant: str | None = None) -> Markdown:
    """Draw the pipeline (mermaid) or the classes (PlantUML) of what really ran."""
    if kind not in DIAGRAMS:
        raise unknown("diagram", kind, DIAGRAMS)
    source = DIAGRAMS[kind](page.results(experiment).model(variant))
    page.asked["diagrams"][" / ".join(filter(None, (kind, experiment, variant)))] = digest(source.encode())
    if kind == "pipeline":
        page.keep("mermaid", "m", source)
        return page.medium.mermaid(source)
    return page.medium.plantuml(page.keep("plantuml", "d", source), f"the classes of {experiment}")


def excerpt(page: Page, symbol: str, *, highlight: list[str] | str | tuple[str, ...] = ()) -> Markdown:
    """Show code by its symbol; each pattern's line is lit by one click; the footer says where it stands."""
    found = excerpt_of(symbol, (highlight,) if isinstance(highlight, str) else tuple(highlight))
    page.asked["excerpts"][symbol] = digest(found.code.encode())
    page.foot(found.place)
    return page.medium.code(found.code, found.steps)


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
