"""The model's classes as a PlantUML diagram, from the description of the live model in the record."""

from __future__ import annotations

import re
from typing import Any

from podium.spec import PodiumError

BOXES = 10  # more are not read from the back of a room
MEMBERS = 6  # lines in a box

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


def classes(description: dict[str, Any]) -> str:
    """Draw the classes of a model, its parts with their counts, and the bases that are drawn themselves.

    Args:
        description: `classes` (name, count, members, bases), `relations` (owner, part, count) and `root`.

    Returns:
        PlantUML's source: left to right, polyline, 17 pt, the root in the accent. Aliases are made here and every
        name is neutralised, so that no name can be an `!include` or a `%date()`.

    Raises:
        PodiumError: for no classes, or more than ten.
    """
    found = description.get("classes", [])
    if not found:
        raise PodiumError("The run's record describes no classes. Train it again with this version of Podium.")
    if len(found) > BOXES:
        msg = f"The model has {len(found)} classes; a slide holds {BOXES}. Show a smaller model."
        raise PodiumError(msg)
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
    for part in description.get("relations", []):
        if part["owner"] in alias and part["part"] in alias:
            count = f' "x{int(part["count"])}"' if int(part["count"]) > 1 else ""
            lines.append(f"{alias[part['owner']]} *--{count} {alias[part['part']]}")
    return "\n".join([*lines, "@enduml"])


def neutral(text: object) -> str:
    """Return a name that PlantUML only prints: letters, digits, spaces and `_.,:()` stay, the rest becomes `_`.

    >>> neutral("<img:/etc/passwd> %date() LayerNorm (3)")
    '_img:_etc_passwd_ _date() LayerNorm (3)'
    """
    line = "".join(character if character.isprintable() else " " for character in str(text))
    return re.sub(r"([_.])(?=\1)", r"\1 ", re.sub(r"[^\w .,:()]", "_", line))


def _few(members: list[str]) -> list[str]:
    members = [line for member in members for line in re.split(r" (?=or )", member)]  # a long one makes all small
    if len(members) <= MEMBERS:
        return members
    return [*members[: MEMBERS - 1], f"and {len(members) - MEMBERS + 1} more"]
