"""The module tree: what a model holds, with the names and shapes of its parameters, as lines a page can lay out."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import Any

from podium.press.diagrams.description import needed
from podium.press.diagrams.diagram import count_words, shape_words
from podium.press.diagrams.repeats import patterns

LINES = 16  # of a block of code
WIDTH = 72  # columns, without the size at the end


@dataclass(frozen=True)
class TreeLine:
    """A module, or modules that differ only by their number.

    Attributes:
        depth: of its path, 0 for the model.
        name: the last part of its path, with a `*` for the number of repeated ones; the class for the model.
        type: its class.
        count: how many modules the line stands for.
        parameters: of all of them, children included.
        own: its own parameters, as "weight 64x64"; a shared one says with which.
    """

    depth: int
    name: str
    type: str
    count: int
    parameters: int
    own: tuple[str, ...]


@dataclass(frozen=True)
class Tree:
    """The lines of a tree, from the model down, and what must be said below them."""

    lines: tuple[TreeLine, ...]
    note: str

    def text(self) -> str:
        """Return the tree as text, two spaces a level, for a block of code."""
        rows = []
        for line in self.lines:
            count = f" x{line.count}" if line.count > 1 else ""
            named = f"{line.type}{count}" if line.depth == 0 else f"{line.name}: {line.type}{count}"
            words = f"{'  ' * line.depth}{named}"
            shown = list(line.own)
            while shown and len(words) + len(_listed(shown, len(line.own))) > WIDTH:
                shown.pop()
            rows.append((words + (_listed(shown, len(line.own)) if line.own else ""), count_words(line.parameters)))
        wide = max(len(words) for words, _ in rows)
        return "\n".join(f"{words:{wide}}  {size:>7}" for words, size in rows)


def tree(description: dict[str, Any], *, lines: int = LINES) -> Tree:
    """Lay the module tree out in at most `lines` lines: repeated parts once, then the deepest modules left out.

    Raises:
        PodiumError: for a description without a tree.
    """
    entries = needed(description, "tree")
    pattern = patterns(entries)
    count = Counter((pattern[entry["name"]], entry["type"]) for entry in entries)
    size: Counter[tuple[str, str]] = Counter()
    first: dict[tuple[str, str], dict[str, Any]] = {}
    for entry in entries:
        key = pattern[entry["name"]], str(entry["type"])
        size[key] += int(entry["parameters"])
        first.setdefault(key, entry)
    found = [
        TreeLine(
            path.count(".") + 1 if path else 0,
            path.rpartition(".")[2] or kind,
            kind,
            count[path, kind],
            size[path, kind],
            tuple(_own(entry.get("own", []))),
        )
        for (path, kind), entry in first.items()
    ]
    deepest = max(line.depth for line in found)
    while deepest > 1 and sum(line.depth <= deepest for line in found) > lines:
        deepest -= 1
    kept = [line for line in found if line.depth <= deepest][:lines]
    more = len(found) - len(kept)
    note = f"{more} of {len(found)} kinds of modules lie deeper or further on and are not shown." if more else ""
    return Tree(tuple(kept), note)


def _listed(shown: list[str], every: int) -> str:
    more = [f"{every - len(shown)} more"] if len(shown) < every else []
    return f"  {', '.join([*shown, *more])}"


def _own(parameters: list[dict[str, Any]]) -> list[str]:
    return [
        f"{each['name']} {shape_words(each['shape'])}" + (f" = {each['shared']}" if each.get("shared") else "")
        for each in parameters
    ]
