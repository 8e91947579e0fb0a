"""The layer table: every parameter and every FLOP of a model in exactly one row, folded to what a slide holds."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import Any

from podium.press.diagrams.description import check_total, needed
from podium.press.diagrams.diagram import count_words, shape_words
from podium.press.diagrams.repeats import patterns

ROWS = 10  # with head and total they fit a slide


@dataclass(frozen=True)
class LayerRow:
    """One kind of layer in one place.

    Attributes:
        name: its path, with a `*` for the number of a repeated part; "" is the model itself.
        type: its class.
        count: how many modules the row stands for.
        out: the shape that leaves the first of them; "" where none ran on its own.
        parameters: of all of them, each counted once.
        flops: of all of them; None in descriptions that hold none.
    """

    name: str
    type: str
    count: int
    out: str
    parameters: int
    flops: int | None


@dataclass(frozen=True)
class LayerTable:
    """Rows whose columns add up to the totals, and what must be said below them."""

    rows: tuple[LayerRow, ...]
    parameters: int
    flops: int | None
    note: str

    def cells(self) -> list[list[str]]:
        """Return the table as texts: a head, the rows, and the total."""
        head = ["layer", "type", "out", "parameters", "FLOPs"]
        body = [
            [row.name or "itself", _times(row.type, row.count), row.out, f"{row.parameters:,}", _flops(row.flops)]
            for row in self.rows
        ]
        lines = [head, *body, ["total", "", "", f"{self.parameters:,}", _flops(self.flops)]]
        return lines if self.flops is not None else [line[:-1] for line in lines]


def layers(description: dict[str, Any], *, rows: int = ROWS) -> LayerTable:
    """Lay a model's layers out in at most `rows` rows.

    Layers that differ only by their number share a row; while there are too many, the deepest go up into the part that
    holds them. Rows without parameters and FLOPs are left out. The totals stay torch's own.

    Raises:
        PodiumError: for a description without layers, or whose layers do not add up.
    """
    check_total(description)
    tree = needed(description, "tree")
    every = _rows(description, tree)
    kept = [row for row in every if row.parameters or row.flops] or every[:1]
    notes = [] if len(kept) == len(every) else ["Layers without parameters and FLOPs are left out."]
    if len(kept) > rows:
        notes.append("Small parts stand as a whole.")
    parents = {row.name: row for row in _modules(description, tree)}
    while len(kept) > rows:
        depth = max(row.name.count(".") for row in kept)
        if not depth:
            kept = _largest(kept, rows)
            break
        owners = {row.name.rpartition(".")[0] for row in kept if row.name.count(".") == depth}
        groups = {owner: [row for row in kept if f"{row.name}.".startswith(f"{owner}.")] for owner in owners}
        owner = min(sorted(groups), key=lambda name: sum(row.parameters for row in groups[name]))
        inside = groups[owner]
        place = kept.index(inside[0])
        kept = [row for row in kept if row not in inside]
        kept.insert(place, _sum(parents[owner], inside))
    flops = description.get("flops") if "layers" in description else None
    if flops is not None:
        notes.append("FLOPs: two a multiplication and addition, in matrix products, convolutions and attention.")
    if description.get("uncounted"):
        notes.append("Recurrent layers are not in the FLOPs: torch does not count them.")
    return LayerTable(tuple(kept), int(description["parameters"]), flops, " ".join(notes))


def _rows(description: dict[str, Any], tree: list[dict[str, Any]]) -> list[LayerRow]:
    """Put layers that differ only by their number together, in order of the model."""
    found: dict[tuple[str, str], LayerRow] = {}
    pattern = patterns(tree)
    outs = _outs(description)
    for entry in description.get("layers") or _own(tree):
        path = str(entry["name"])
        out = outs.get(path, "")
        row = LayerRow(pattern.get(path, path), entry["type"], 1, out, entry["parameters"], entry.get("flops"))
        before = found.get((row.name, row.type))
        if before is not None:
            row = replace(_sum(before, [before, row]), count=before.count + 1)
        found[row.name, row.type] = row
    return list(found.values())


def _modules(description: dict[str, Any], tree: list[dict[str, Any]]) -> list[LayerRow]:
    """Return a row for every part that layers can go up into, still without their numbers."""
    pattern = patterns(tree)
    count = Counter(pattern[entry["name"]] for entry in tree)
    outs = _outs(description)
    return [
        LayerRow(
            pattern[entry["name"]], entry["type"], count[pattern[entry["name"]]], outs.get(entry["name"], ""), 0, 0
        )
        for entry in reversed(tree)  # the first of several is kept
    ]


def _own(tree: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Work out what each module holds itself, for descriptions that have no layers yet."""
    own = {str(entry["name"]): int(entry["parameters"]) for entry in tree}
    for entry in tree[1:]:
        owner = str(entry["name"]).rpartition(".")[0]
        own[owner] -= int(entry["parameters"])
    return [{**entry, "parameters": own[entry["name"]]} for entry in tree]


def _outs(description: dict[str, Any]) -> dict[str, str]:
    steps = description.get("shapes", [])
    return {str(step["name"]): shape_words(step["out"][0]) for step in steps if step.get("out")}


def _sum(row: LayerRow, rows: list[LayerRow]) -> LayerRow:
    flops = None if any(each.flops is None for each in rows) else sum(each.flops or 0 for each in rows)
    return replace(row, parameters=sum(each.parameters for each in rows), flops=flops)


def _largest(rows: list[LayerRow], most: int) -> list[LayerRow]:
    """Keep the largest in their order; the rest share the last row."""
    whole = _sum(rows[0], rows)
    shares = {row: row.parameters / (whole.parameters or 1) + (row.flops or 0) / (whole.flops or 1) for row in rows}
    kept = sorted(rows, key=lambda row: shares[row], reverse=True)[: most - 1]
    rest = [row for row in rows if row not in kept]
    last = LayerRow(f"{len(rest)} more", "", 1, "", 0, 0)
    return [*(row for row in rows if row in kept), _sum(last, rest)]


def _times(name: str, count: int) -> str:
    return f"{name} x{count}" if count > 1 else name


def _flops(flops: int | None) -> str:
    return "" if flops is None else count_words(flops)
