"""The model's classes as a PlantUML diagram, from the description of the live model in the record."""

from __future__ import annotations

import re
import textwrap
from typing import Any

from podium.press.diagrams.description import needed
from podium.press.diagrams.diagram import Diagram

BOXES = 12  # more are not read from the back of a room
MEMBERS = 6  # lines in a box
WIDTH = 26  # characters of a line

STYLE = """
<style>
root {
  FontName Inter
  FontSize 17
  FontColor #1f2937
  LineColor #475569
  BackgroundColor transparent
}
classDiagram {
  class {
    BackgroundColor #f8fafc
    LineColor #94a3b8
    RoundCorner 9
    Shadowing 0
    header {
      FontStyle bold
    }
  }
  arrow {
    LineColor #475569
    LineThickness 1.5
    FontSize 17
  }
}
</style>""".strip()


def classes(description: dict[str, Any]) -> Diagram:
    """Draw the classes of a model, its parts with their counts, and the bases that are drawn themselves.

    Args:
        description: `classes` (name, count, members, bases), `relations` (owner, part, count) and `root`.

    Returns:
        PlantUML's source: left to right, polyline, 17 pt, the root in the accent. Aliases are made here and every
        name is neutralised, so that no name can be an `!include` or a `%date()`. Of more than twelve classes the
        smallest without parts become members of their owners, and the note names them.

    Raises:
        PodiumError: for a description without classes.
    """
    found, relations, gone = _folded(needed(description, "classes"), description.get("relations", []), description)
    alias = {entry["name"]: f"c{number}" for number, entry in enumerate(found)}
    lines = [
        "@startuml",
        "left to right direction",
        "hide circle",
        "hide empty members",
        "skinparam linetype polyline",
        "skinparam nodesep 12",
        "skinparam ranksep 42",
        STYLE,
    ]
    for entry in found:
        colour = " #eef2ff;line:4f46e5" if entry["name"] == description.get("root") else ""
        lines.append(f'class "{neutral(entry["name"])}" as {alias[entry["name"]]}{colour} {{')
        lines += [f"  {{field}} {neutral(member)}" for member in _few(entry.get("members", []))]
        lines.append("}")
    for entry in found:
        lines += [f"{alias[base]} <|-- {alias[entry['name']]}" for base in entry.get("bases", []) if base in alias]
    for part in relations:
        if part["owner"] in alias and part["part"] in alias:
            count = f' "x{int(part["count"])}"' if int(part["count"]) > 1 else ""
            lines.append(f"{alias[part['owner']]} *--{count} {alias[part['part']]}")
    note = f"{len(gone)} of {len(gone) + len(found)} classes are lines in others: {', '.join(gone)}." if gone else ""
    alt = f"Classes of {description.get('root', 'the model')}: {', '.join(entry['name'] for entry in found)}"
    return Diagram("\n".join([*lines, "@enduml"]), language="plantuml", note=note, alt=alt)


def _folded(
    classes: list[dict[str, Any]], relations: list[dict[str, Any]], description: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[str]]:
    """Make the smallest classes without parts members of their owners, until the rest fits."""
    kept = {entry["name"]: {**entry, "members": list(entry.get("members", []))} for entry in classes}
    gone: list[str] = []
    while len(kept) > BOXES:
        owners = {part["owner"] for part in relations if part["part"] in kept}
        ends = [name for name in kept if name not in owners and name != description.get("root")]
        name = min(ends or list(kept)[1:], key=lambda each: kept[each].get("parameters", 0))
        for part in relations:
            if part["part"] == name and part["owner"] in kept:
                count = f" ({int(part['count'])})" if int(part["count"]) > 1 else ""
                kept[part["owner"]]["members"].append(f"{name}{count}")
        del kept[name]
        gone.append(name)
    return list(kept.values()), [part for part in relations if {part["owner"], part["part"]} <= kept.keys()], gone


def neutral(text: object) -> str:
    """Return a name as PlantUML prints it literally: all but letters, digits and a few quiet marks by their code.

    >>> neutral("<img:/etc/passwd> %date() LayerNorm (3)")
    '<U+003C>img:<U+002F>etc<U+002F>passwd<U+003E> <U+0025>date() LayerNorm (3)'
    """
    line = "".join(character if character.isprintable() else " " for character in str(text))
    loud = r"[^\w .,:()]|([_.])(?=\1)|(?<=_)_|(?<=\.)\."  # two of a kind underline, or separate
    return re.sub(loud, lambda mark: f"<U+{ord(mark[0]):04X}>", line) if line.strip() else "<U+00A0>"


def _few(members: list[str]) -> list[str]:
    """Break members into lines, since a long one makes all small, and keep those that fit."""
    broken = [
        [line for way in re.split(r" (?=or )", member) for line in textwrap.wrap(way, WIDTH, break_long_words=False)]
        for member in members
    ]
    kept: list[str] = []
    for number, lines in enumerate(broken):
        if len(kept) + len(lines) > MEMBERS - (number < len(broken) - 1):
            return [*kept, f"and {len(broken) - number} more"]
        kept += lines
    return kept
