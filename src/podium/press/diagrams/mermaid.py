"""Mermaid flowcharts: boxes in rows, every text literal; and the pipeline, in the order in which the code ran."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Any

from podium.press.diagrams.diagram import Diagram
from podium.spec import PodiumError

BOXES = 10  # stages of a pipeline; more are not read from the back of a room
WIDTH = 20  # characters of a detail's line
PLACE = (876.0, 345.0)  # CSS pixels that a slide with a title of two lines leaves a diagram, about 16:6
FONT = 17.0  # pixels, before the picture is fitted into its place
LINE = 25.5  # pixels from one line of text to the next
PADDING = 9.0  # around a label, twice that beside it
ROW_GAP, GAP = 14.0, 36.0  # between rows, and between boxes where there is one row; within rows Mermaid adds 25 to it
MARGIN = 8.0  # around the picture and around the boxes of a row

# Lines are broken here, not by the drawing; boxes are as narrow as their text and stand close: labels come out large.
HEAD = (
    '%%{init: {"flowchart": {"wrappingWidth": 400, "minNodeWidth": 30, "rankSpacing": 36, "nodeSpacing": 16, '
    '"padding": 9}}}%%'
)
ROWS_HEAD = HEAD.replace("36", "14")

READ_LATER = re.compile(r"\$(?=\$)|\\(?=n)|:(?=fa-)")
COMMAND = re.compile(r"direction(?=\s)|style|classdef", re.IGNORECASE)

STYLES = (
    "classDef data fill:#f1f5f9,stroke:#94a3b8,color:#1f2937,stroke-width:1.5px",
    "classDef code fill:#eef2ff,stroke:#4f46e5,color:#1f2937,stroke-width:1.5px",
    "classDef layer fill:#ffffff,stroke:#94a3b8,color:#1f2937,stroke-width:1.5px",
    "classDef row fill:none,stroke:none,color:#475569",
    "linkStyle default stroke:#475569,stroke-width:1.5px",
)


@dataclass(frozen=True)
class Box:
    """A box of a flowchart: its title in bold, lines below it, and its look ("data", "code" or "layer")."""

    title: str
    lines: tuple[str, ...] = ()
    look: str = "layer"

    @property
    def width(self) -> float:
        """Its width in pixels before fitting, roughly."""
        sides = 2 * PADDING if self.look == "data" else 4 * PADDING
        return sides + max([1.05 * text_width(self.title), *map(text_width, self.lines)])

    @property
    def height(self) -> float:
        """Its height in pixels before fitting, roughly."""
        return 2 * PADDING + LINE * (1 + len(self.lines))


@dataclass(frozen=True)
class Row:
    """Boxes that follow each other, and the words on the arrow that leads from the row before."""

    boxes: tuple[Box, ...]
    arrow: str = field(default="")


def pipeline(description: dict[str, Any]) -> Diagram:
    """Draw `description["pipeline"]` from left to right, data grey and code in the accent, in as many rows as fit best.

    Args:
        description: a model's description; its pipeline is a list of `{"kind": "data"|"code", "label", "detail"}`.

    Returns:
        Mermaid's source. Node names are made here and labels are quoted entities, so no label can be syntax.

    Raises:
        PodiumError: for no pipeline, or more than ten stages.

    >>> print(pipeline({"pipeline": [{"kind": "data", "label": "MNIST", "detail": "28 x 28"}]}).splitlines()[2])
      b0("<b>MNIST</b><br/>28 x 28"):::data
    """
    stages = description.get("pipeline", [])
    if not stages:
        raise PodiumError("The run's record describes no pipeline. Train it again with this version of Podium.")
    if len(stages) > BOXES:
        msg = f"The pipeline has {len(stages)} stages; a slide holds {BOXES}. Join some where the task lists them."
        raise PodiumError(msg)
    boxes = [
        Box(
            str(stage["label"]),
            tuple(balanced(str(stage.get("detail") or ""))),
            "data" if stage.get("kind") == "data" else "code",
        )
        for stage in stages
    ]
    alt = "A pipeline: " + ", then ".join(box.title for box in boxes)
    return Diagram(flowchart(wrapped([Row(tuple(boxes))])), language="mermaid", alt=alt)


def flowchart(rows: Sequence[Row]) -> str:
    """Draw rows of boxes below each other.

    A row is a subgraph, and rows are linked as wholes: an edge to an inner node would cancel the row's direction.
    """
    number = 0
    body: list[str] = []
    for place, row in enumerate(rows):
        chain = [f"  b{number + index}{drawn(box)}" for index, box in enumerate(row.boxes)]
        chain += [f"  b{number + index} --> b{number + index + 1}" for index in range(len(row.boxes) - 1)]
        number += len(row.boxes)
        body += chain if len(rows) == 1 else [f'subgraph r{place}[" "]', "direction LR", *chain, "end"]
    for place, row in enumerate(rows[1:], start=1):
        words = f'|"{label(row.arrow)}"|' if row.arrow else ""
        body.append(f"r{place - 1} -->{words} r{place}")
    if len(rows) == 1:
        return "\n".join([HEAD, "flowchart LR", *body, *STYLES])
    names = ",".join(f"r{place}" for place in range(len(rows)))
    return "\n".join([ROWS_HEAD, "flowchart TB", *body, f"class {names} row", *STYLES])


def wrapped(groups: Sequence[Row], place: tuple[float, float] = PLACE) -> list[Row]:
    """Break groups of boxes into the rows whose labels come out largest, and of those the fewest.

    A group begins a row of its own; its arrow leads to its first row.
    """
    best: list[Row] = list(groups)
    for total in range(len(groups), len(groups) + 4):
        for cuts in _shares(total, [len(group.boxes) for group in groups]):
            rows = [
                Row(tuple(part), group.arrow if first == 0 else "")
                for group, count in zip(groups, cuts, strict=True)
                for first, part in enumerate(_parts(group.boxes, count))
            ]
            if scale(rows, place) > 1.02 * scale(best, place):
                best = rows
    return best


def scale(rows: Sequence[Row], place: tuple[float, float] = PLACE) -> float:
    """Return by how much rows shrink or grow in their place, roughly: labels are 17 pixels times this."""
    one = len(rows) == 1
    gap = GAP if one else ROW_GAP + 25
    wide = max(sum(box.width for box in row.boxes) + gap * (len(row.boxes) - 1) for row in rows)
    high = sum(max(box.height for box in row.boxes) for row in rows)
    if not one:
        wide += gap
        high += 4 * PADDING * len(rows) + ROW_GAP * (len(rows) - 1) + LINE * sum(bool(row.arrow) for row in rows)
    return min(place[0] / (wide + 2 * MARGIN), place[1] / (high + 2 * MARGIN), 1.3)


def text_width(text: str) -> float:
    """Return a line's width in Inter of 17 pixels, roughly."""
    narrow, wide = "iIjlrt.,:;'|()[] 1", "mwMW"
    return FONT * sum(
        0.33 if letter in narrow else 0.88 if letter in wide else 0.66 if letter.isupper() or letter.isdigit() else 0.57
        for letter in text
    )


def drawn(box: Box) -> str:
    """Return a box as it stands behind its name in Mermaid's source."""
    opening, closing = ("(", ")") if box.look == "data" else ("[", "]")
    detail = "".join(f"<br/>{label(line)}" for line in box.lines)
    return f'{opening}"<b>{label(box.title)}</b>{detail}"{closing}:::{box.look}'


def label(text: object) -> str:
    """Return a text as mermaid shows it literally: all but letters, digits and a few quiet marks as `#code;`.

    What Mermaid would still read once the codes are decoded (a formula, an icon, a line break) is parted by an empty
    tag, which shows as nothing. Words that it takes for a command wherever they stand begin with a code too:
    `direction LR` makes a command of the whole line, and behind `style` and a colon it eats the last semicolon.

    >>> label("a<b> #35; end"), label("$$x$$")
    ('a#60;b#62; #35;35#59; end', '#36;<b></b>#36;x#36;<b></b>#36;')
    """
    line = re.sub(r"\s+", " ", "".join(character if character.isprintable() else " " for character in str(text)))
    quiet = " .,:·→_+/"
    codes = [
        character if character.isalnum() or character in quiet else f"#{ord(character)};" for character in line.strip()
    ]
    for place in (found.start() for found in READ_LATER.finditer(line.strip())):
        codes[place] += "<b></b>"
    for place in (found.start() for found in COMMAND.finditer(line.strip())):
        codes[place] = f"#{ord(line.strip()[place])};"
    return "".join(codes)


def balanced(text: str, width: int = WIDTH) -> list[str]:
    """Break a text into as few lines as fit, about equally long: no last word alone."""
    least = len(textwrap.wrap(text, width, break_on_hyphens=False))
    widths = (textwrap.wrap(text, each, break_on_hyphens=False) for each in range(width // 2, width + 1))
    return next(lines for lines in widths if len(lines) <= least)


def _shares(total: int, sizes: Sequence[int]) -> list[tuple[int, ...]]:
    """List the ways to share `total` rows among groups, each at least one and none more than it has boxes."""
    if len(sizes) == 1:
        return [(total,)] if total <= sizes[0] else []
    return [
        (mine, *rest)
        for mine in range(1, min(sizes[0], total - len(sizes) + 1) + 1)
        for rest in _shares(total - mine, sizes[1:])
    ]


def _parts(boxes: Sequence[Box], count: int) -> list[Sequence[Box]]:
    """Cut boxes into rows of which the widest is as narrow as can be."""
    ways = [
        [boxes[start:end] for start, end in zip((0, *cuts), (*cuts, len(boxes)), strict=True)]
        for cuts in combinations(range(1, len(boxes)), count - 1)
    ]
    return min(ways, key=lambda rows: max(sum(box.width for box in row) + GAP * len(row) for row in rows))
