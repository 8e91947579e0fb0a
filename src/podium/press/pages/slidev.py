"""The deck's medium: how numbers, claims, tables and pictures are written for Slidev.

Every component reads its texts from deck.json, where nothing is evaluated.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from podium.press.figures import Drawing
from podium.press.numbers import Number
from podium.press.pages.escaping import Markdown, entities, literal


class Slidev:
    """Writes Slidev's Markdown."""

    text = staticmethod(literal)

    def number(self, name: str, _found: Number, *, big: bool = False) -> Markdown:
        """Write a number that a click opens the receipt of."""
        return Markdown(f'<PodiumNumber id="{name}"{" big" if big else ""} />')

    def claim(self, name: str, _entry: dict[str, Any], _found: Number) -> Markdown:
        """Write a claim, whose verdict is known when the page is whole."""
        return Markdown(f'<PodiumClaim id="{name}" />')

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], *, best: Sequence[tuple[int, int]] = ()
    ) -> Markdown:
        """Write a table: texts of runs literally, what is Markdown as it is; `best` are the (row, column) to mark."""
        mark = ' class="best"'
        heads = "".join(f"<th>{literal(word)}</th>" for word in head)
        body = "\n".join(
            "<tr>"
            + "".join(f"<td{mark if (i, j) in best else ''}>{shown(cell)}</td>" for j, cell in enumerate(row))
            + "</tr>"
            for i, row in enumerate(rows)
        )
        return Markdown(
            f'<table class="podium-table">\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>'
        )

    def figure(self, name: str, drawing: Drawing) -> Markdown:
        """Write a figure of public/figures."""
        return Markdown(f'<PodiumFigure name="{name}" alt="{entities(drawing.alt)}" />')

    def mermaid(self, source: str) -> Markdown:
        """Write a mermaid diagram."""
        return Markdown(f"```mermaid\n{source}\n```")

    def plantuml(self, name: str, label: str) -> Markdown:
        """Write a PlantUML diagram, drawn in the browser."""
        return Markdown(f'<PodiumPlantUml id="{name}" label="{entities(label)}" />')

    def code(self, code: str, steps: Sequence[int]) -> Markdown:
        """Write code, a click a step."""
        lit = "|".join(["all", *map(str, steps)]) if steps else ""
        fence = fence_for(code)
        return Markdown(f"{fence}python {f'{{{lit}}}' if lit else ''}".rstrip() + f"\n{code}\n{fence}")

    def verbatim(self, text: str) -> Markdown:
        """Write a text whose columns matter."""
        fence = fence_for(text)
        return Markdown(f"{fence}text\n{text}\n{fence}")

    def output(self, text: str) -> Markdown:
        """Write what a program printed."""
        return Markdown(f'<pre class="output">{"&#10;".join(entities(line) for line in text.split(chr(10)))}</pre>')

    def picture(self, name: str, svg: bytes, page: Any, *, alt: str) -> Markdown:
        """Write a picture that a program drew."""
        page.pictures[name] = svg
        return Markdown(f'<PodiumFigure name="{name}" alt="{entities(alt)}" paper />')

    def beside(self, *parts: Markdown) -> Markdown:
        """Write parts side by side; one alone as it is."""
        if len(parts) == 1:
            return parts[0]
        columns = "\n\n".join(f"<div>\n\n{part}\n\n</div>" for part in parts)
        return Markdown(f'<div class="beside">\n\n{columns}\n\n</div>')

    def predictions(self, name: str, _rows: Sequence[dict[str, str]]) -> Markdown:
        """Write pictures with what stands on them and what was read."""
        return Markdown(f'<PodiumPredictions id="{name}" />')

    def names(self, name: str, _names: Sequence[str]) -> Markdown:
        """Write the names of runs."""
        return Markdown(f'<RunNames id="{name}" />')

    def receipts(self, start: int, count: int) -> Markdown:
        """Write a part of the list of all numbers."""
        return Markdown(f'<ReceiptList :from="{int(start)}" :count="{int(count)}" />')


def shown(cell: object) -> str:
    """Return what is Markdown as it is, and every other text literally."""
    return cell if isinstance(cell, Markdown) else literal(cell)


def fence_for(code: str) -> str:
    """Return a code fence that the code does not hold."""
    return "`" * max([3, *(len(run) + 1 for run in re.findall(r"`+", code))])
