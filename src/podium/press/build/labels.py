"""Labels: every text that a diagram was to show, looked for in what the browser drew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from podium.press.build.walk import Stop
from podium.press.diagrams.rendered import PICTURE_TEXTS, labels, missing


class Labels:
    """The visitor that keeps the texts of every drawn diagram: Mermaid and PlantUML lose some without a word."""

    every_click = False

    def __init__(self) -> None:
        self._seen: dict[int, list[list[str]]] = {}

    def visit(self, page: Any, stop: Stop, /) -> None:
        """Keep the texts of the diagrams on a slide."""
        self._seen[stop.slide] = [list(texts) for texts in page.evaluate(PICTURE_TEXTS)]

    @property
    def drawn(self) -> list[list[str]]:
        """The texts in each diagram, in order of the slides."""
        return [texts for slide in sorted(self._seen) for texts in self._seen[slide]]


def lost_labels(sources: Sequence[str], drawn: Sequence[Sequence[str]]) -> list[str]:
    r"""Say which labels of a diagram stand in none of the drawn ones.

    Args:
        sources: of the diagrams that were to be drawn.
        drawn: the texts in each picture.

    >>> lost_labels(['flowchart LR\na["ViT"] --> b["end"]'], [["ViT"], ["CNN", "end"]])
    ["a diagram lost the label 'end'"]
    """
    nearest = (min((missing(source, texts) for texts in drawn), key=len, default=labels(source)) for source in sources)
    return [f"a diagram lost the label {label!r}" for lost in nearest for label in lost]
