"""The report's medium: the same numbers, claims, tables and pictures, written for pandoc.

A number carries its receipt twice: on hover, and as a footnote where it stands first. Figures and tables are numbered
here, so that HTML and PDF agree.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from podium.press.figures import Drawing
from podium.press.numbers import Number
from podium.press.pages.escaping import Markdown, entities
from podium.press.pages.slidev import fence_for
from podium.spec import PodiumError

RECEIPT = ("is", "interval", "chance", "aggregation", "code", "data", "hardware", "profile", "again", "link")
WORDS = {"hardware": "trained on", "aggregation": "summed up", "again": "again with", "link": "at W&B"}


class Prose:
    """Writes pandoc's Markdown, and keeps the footnotes and pictures that belong to it.

    Attributes:
        notes: receipts by name, as footnotes, in the order in which they were first asked for.
        pictures: file name below the report to bytes.
    """

    def __init__(self) -> None:
        self.notes: dict[str, str] = {}
        self.pictures: dict[str, bytes] = {}
        self._figures = 0
        self._tables = 0

    def text(self, value: object) -> Markdown:
        """Write a text of a run so that it shows character by character."""
        return Markdown(entities(value))

    def number(self, name: str, found: Number, *, big: bool = False) -> Markdown:
        """Write a number with its receipt on hover, and as a footnote the first time."""
        first = name not in self.notes
        self.notes.setdefault(name, self._note(found))
        strong = "**" if big else ""
        title = entities(f"{found.receipt['is']}; {found.receipt['interval']}")
        shown = f'[{strong}{entities(str(found))}{strong}]{{.number title="{title}"}}'
        return Markdown(shown + (f"[^{name}]" if first else ""))

    def claim(self, name: str, entry: dict[str, Any], found: Number) -> Markdown:
        """Write a claim as a sentence; its verdict stands in for a mark until the page is whole."""
        before = entities(str(entry["before"]).rstrip(":"))
        return Markdown(
            f"{before}: {self.number(entry['number'], found)} ({entities(found.interval)}), **{verdict_mark(name)}**."
        )

    def table(
        self, head: Sequence[str], rows: Sequence[Sequence[str]], *, best: Sequence[tuple[int, int]] = ()
    ) -> Markdown:
        """Write a numbered pipe table, the best in bold."""
        self._tables += 1
        lines = [[self._cell(word) for word in head]]
        lines += [
            [f"**{self._cell(c)}**" if (i, j) in best else self._cell(c) for j, c in enumerate(row)]
            for i, row in enumerate(rows)
        ]
        top, *body = ["| " + " | ".join(line) + " |" for line in lines]
        rule = "|" + "|".join(":--" if not j else "--:" for j in range(len(head))) + "|"
        caption = f": Table {self._tables}"
        return Markdown("\n".join([top, rule, *body, "", caption]))

    def figure(self, name: str, drawing: Drawing) -> Markdown:
        """Write a numbered figure: the finding is its caption, the note stands below."""
        self._figures += 1
        caption = f"Figure {self._figures}: {entities(drawing.finding)}. {entities(drawing.note)}"
        return Markdown(f'![{caption}](figures/{name}.svg){{#fig-{self._figures} alt="{entities(drawing.alt)}"}}')

    def mermaid(self, source: str) -> Markdown:
        """Refuse: a report is built without a browser.

        Raises:
            PodiumError: always; it says what to ask for in its place.
        """
        raise PodiumError(
            f"A report is built without a browser, and only a browser draws mermaid ({len(source)} characters). "
            "Ask for the layer table, or link to the slide."
        )

    def plantuml(self, name: str, label: str) -> Markdown:
        """Refuse, as `mermaid` does.

        Raises:
            PodiumError: always.
        """
        raise PodiumError(
            f"A report is built without a browser, and only a browser draws PlantUML ({name}, {label}). "
            "Ask for the layer table, or link to the slide."
        )

    def code(self, code: str, _steps: Sequence[int]) -> Markdown:
        """Write code."""
        fence = fence_for(code)
        return Markdown(f"{fence}python\n{code}\n{fence}")

    def verbatim(self, text: str) -> Markdown:
        """Write a text whose columns matter."""
        return self.output(text)

    def output(self, text: str) -> Markdown:
        """Write what a program printed."""
        fence = fence_for(text)
        return Markdown(f"{fence}\n{text}\n{fence}")

    def picture(self, name: str, svg: bytes, _page: Any, *, alt: str) -> Markdown:
        """Write a picture that a program drew."""
        self.pictures[f"figures/{name}.svg"] = svg
        return Markdown(f'![](figures/{name}.svg){{alt="{entities(alt)}"}}')

    def beside(self, *parts: Markdown) -> Markdown:
        """Write parts one below the other: a sheet of paper is narrow."""
        return Markdown("\n\n".join(parts))

    def predictions(self, name: str, rows: Sequence[dict[str, str]]) -> Markdown:
        """Write a table of pictures with what stands on them and what was read."""
        pictures = []
        for number, row in enumerate(rows, start=1):
            file = f"figures/{name}-{number}.png"
            self.pictures[file] = base64.b64decode(row["picture"].partition(",")[2])
            pictures.append(Markdown(f'![]({file}){{width=42px alt="{entities(row["correct"])}"}}'))
        there = ["stands there", *(row["correct"] for row in rows)]
        return self.table(["picture", *pictures], [there, ["was read", *(row["predicted"] for row in rows)]])

    def names(self, _name: str, names: Sequence[str]) -> Markdown:
        """Write the names of runs."""
        return Markdown(", ".join(entities(name) for name in names))

    def receipts(self, _start: int, _count: int) -> Markdown:
        """Write nothing: in a report every number has its footnote."""
        return Markdown()

    def footnotes(self) -> str:
        """Return the definitions of every footnote."""
        return "\n\n".join(f"[^{name}]: {note}" for name, note in self.notes.items())

    def _cell(self, cell: object) -> str:
        return cell if isinstance(cell, Markdown) else entities(cell)

    def _note(self, found: Number) -> str:
        receipt = found.receipt
        seeds = ", ".join(f"seed {s['seed']}: {s['value']} ({s['run']})" for s in receipt.get("seeds", ()))
        parts = [f"{WORDS.get(field, field)}: {receipt[field]}" for field in RECEIPT if receipt.get(field)]
        return entities(". ".join([*parts[:2], seeds, *parts[2:]]).replace("is: ", "", 1) + ".")


def verdict_mark(name: str) -> str:
    """Return what stands for the verdict of a claim until its family is known; no text of a run can hold it."""
    return f"\x02verdict {name}\x03"
