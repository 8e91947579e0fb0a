"""The pipeline as a mermaid flowchart: what happened to a picture, in the order in which the code ran."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from podium.spec import PodiumError

BOXES = 10  # more are not read from the back of a room
WIDTH = 20  # characters of a detail's line
ROW = 5  # boxes side by side; more stand in two rows

HEAD = '%%{init: {"flowchart": {"wrappingWidth": 260}}}%%'  # lines are broken here, not by the drawing

STYLES = (
    "classDef data fill:#f1f5f9,stroke:#94a3b8,color:#1f2937,stroke-width:1.5px",
    "classDef code fill:#eef2ff,stroke:#4f46e5,color:#1f2937,stroke-width:1.5px",
    "classDef row fill:none,stroke:none,color:#475569",
    "linkStyle default stroke:#475569,stroke-width:1.5px",
)


def pipeline(description: dict[str, Any]) -> str:
    """Draw `description["pipeline"]` from left to right, data grey and code in the accent; six boxes make two rows.

    Args:
        description: a model's description; its pipeline is a list of `{"kind": "data"|"code", "label", "detail"}`.

    Returns:
        Mermaid's source. Node names are made here and labels are quoted entities, so no label can be syntax.

    Raises:
        PodiumError: for no pipeline, or more than ten stages.

    >>> print(pipeline({"pipeline": [{"kind": "data", "label": "MNIST", "detail": "28 x 28"}]}).splitlines()[2])
      s0("<b>MNIST</b><br/>28 x 28"):::data
    """
    stages = description.get("pipeline", [])
    if not stages:
        raise PodiumError("The run's record describes no pipeline. Train it again with this version of Podium.")
    if len(stages) > BOXES:
        msg = f"The pipeline has {len(stages)} stages; a slide holds {BOXES}. Join some where the task lists them."
        raise PodiumError(msg)
    boxes = [_box(number, stage) for number, stage in enumerate(stages)]
    if len(boxes) <= ROW:
        return "\n".join([HEAD, "flowchart LR", *_chain(boxes, 0), *STYLES])
    cut = (len(boxes) + 1) // 2
    return "\n".join(
        [
            HEAD,
            "flowchart TB",
            'subgraph first[" "]',
            "direction LR",
            *_chain(boxes[:cut], 0),
            "end",
            'subgraph second[" "]',
            "direction LR",
            *_chain(boxes[cut:], cut),
            "end",
            "first --> second",  # an edge to an inner node would cancel the rows' direction
            "class first,second row",
            *STYLES,
        ]
    )


def label(text: object) -> str:
    """Return a text as mermaid shows it literally: all but letters, digits and a few quiet marks as `#code;`.

    >>> label("a<b> #35; end")
    'a#60;b#62; #35;35#59; end'
    """
    line = re.sub(r"\s+", " ", "".join(character if character.isprintable() else " " for character in str(text)))
    quiet = " .,:·→_+/"
    return "".join(
        character if character.isalnum() or character in quiet else f"#{ord(character)};" for character in line.strip()
    )


def _box(number: int, stage: dict[str, Any]) -> str:
    kind = "data" if stage.get("kind") == "data" else "code"
    opening, closing = ("(", ")") if kind == "data" else ("[", "]")
    lines = _balanced(str(stage.get("detail") or ""))
    detail = "".join(f"<br/>{label(line)}" for line in lines)
    return f's{number}{opening}"<b>{label(stage["label"])}</b>{detail}"{closing}:::{kind}'


def _balanced(text: str) -> list[str]:
    """Break a text into as few lines as fit, about equally long: no last word alone."""
    least = len(textwrap.wrap(text, WIDTH, break_on_hyphens=False))
    widths = (textwrap.wrap(text, width, break_on_hyphens=False) for width in range(WIDTH // 2, WIDTH + 1))
    return next(lines for lines in widths if len(lines) <= least)


def _chain(boxes: list[str], start: int) -> list[str]:
    links = [f"  s{start + number} --> s{start + number + 1}" for number in range(len(boxes) - 1)]
    return [*(f"  {box}" for box in boxes), *links]
