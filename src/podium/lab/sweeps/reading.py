"""Read a YAML (or JSON) file into plain values, and remember on which line each of them stands.

PyYAML's loader forgets the lines and keeps the last of two equal keys, so the values are built here from its nodes.
What a text means is PyYAML's own answer (YAML 1.1), for W&B's client reads the same files with it; two things differ:
dates stay text, as JSON has none, and keys stay text, so that `on:` is a name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from podium.spec import PodiumError

Place = tuple[str | int, ...]

# A number of YAML 1.2's core schema (https://yaml.org/spec/1.2.2/#1032-tag-resolution).
NUMBER = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
MOST_VALUES = 100_000  # ten lines of nested aliases can stand for 10**9 values
PREFIX = "tag:yaml.org,2002:"

Notify = Callable[[str], None]


def as_number(text: str) -> int | float | None:
    """Return the number that a text spells in YAML 1.2 and JSON, or None.

    >>> as_number("1e-5"), as_number("12"), as_number("adam")
    (1e-05, 12, None)
    """
    text = text.strip()
    if not NUMBER.fullmatch(text):
        return None
    return int(text) if text.lstrip("+-").isdigit() else float(text)


@dataclass
class Sheet:
    """Plain values and where each of them stands.

    Attributes:
        where: the file's name, or the words for what holds the values.
        data: dicts, lists, texts, numbers, booleans and None; keys are text.
        lines: the line of every value, counted from 1; empty where the values come from Python.
        spelled: numbers of YAML 1.2 that stand without quotes and that YAML 1.1 reads as text, such as 1e-5.
        reread: the places whose text was read as a number.
    """

    where: str
    data: Any
    lines: dict[Place, int] = field(default_factory=dict)
    spelled: dict[Place, int | float] = field(default_factory=dict)
    reread: dict[Place, str] = field(default_factory=dict)

    def at(self, place: Place) -> str:
        """Return the words for a place: the file, the line and the path of keys."""
        known = next((place[:end] for end in range(len(place), -1, -1) if place[:end] in self.lines), None)
        line = "" if known is None else f"line {self.lines[known]}"
        return ", ".join(words for words in (self.where, line, ".".join(str(step) for step in place)) if words)

    def error(self, place: Place, sentence: object) -> PodiumError:
        """Return the error that names the place and says the sentence."""
        return PodiumError(f"{self.at(place)}: {sentence}")

    def get(self, place: Place) -> Any:
        """Return the value at a place."""
        found = self.data
        for step in place:
            found = found[step]
        return found

    def put(self, place: Place, number: float) -> None:
        """Put a number where a text stood, and keep the text for the notice."""
        self.reread[place] = self.get(place)
        self.get(place[:-1])[place[-1]] = number

    def number(self, place: Place) -> int | float:
        """Return the number at a place; a text that spells one is replaced by it.

        Raises:
            PodiumError: where there is no number.
        """
        found = self.get(place)
        number = as_number(found) if isinstance(found, str) else found
        if isinstance(number, bool) or not isinstance(number, int | float):
            raise self.error(place, f"must be a number; not {found!r}.")
        if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124 - NaN alone differs from itself
            raise self.error(place, f"must be a finite number; not {found!r}.")
        if isinstance(found, str):
            self.put(place, number)
        return number

    def reread_numbers(self, place: Place) -> None:
        """Read `1e-5` as a number in the values under a place, where nothing beside it is text.

        "Beside" means the same place in another choice: all entries of a list, or one key of all its dicts.
        """
        beside: dict[Place, list[Place]] = {}
        for leaf in _leaves(self.get(place), place):
            pattern = tuple("*" if isinstance(step, int) else step for step in leaf)
            beside.setdefault(pattern, []).append(leaf)
        for leaves in beside.values():
            if all(leaf in self.spelled or not isinstance(self.get(leaf), str) for leaf in leaves):
                for leaf in leaves:
                    if leaf in self.spelled:
                        self.put(leaf, self.spelled[leaf])

    def notice(self) -> str:
        """Return one sentence on all texts that were read as numbers; empty where there were none."""
        if not self.reread:
            return ""
        place, text = next(iter(self.reread.items()))
        others = len(self.reread) - 1
        more = f" So are {others} more of its values." if others else ""
        return (
            f"{self.at(place)}: YAML 1.1 reads {text} as text, for it wants a dot and a sign (1.0e-5); "
            f"it is read as the number {self.get(place)!r} here.{more}"
        )


def read_sheet(path: Path) -> Sheet:
    """Read a YAML or JSON file of one mapping.

    Raises:
        PodiumError: where there is no such file, it is not such a file, or it has a key twice; with the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise PodiumError(f"{path} cannot be read: {error.strerror or error}.") from error
    is_json = path.suffix.lower() == ".json"
    sheet = Sheet(path.name, None)
    try:
        data = json.loads(content) if is_json else None
        # JSON is YAML but for tabs and surrogate pairs: the lines come from YAML, the values from JSON.
        node = yaml.compose(content.replace(b"\t", b" ") if is_json else content, Loader=yaml.SafeLoader)
        sheet.data = _Building(sheet).value(node, ()) if node else None
        if is_json:
            sheet.data, sheet.spelled = data, {}
    except json.JSONDecodeError as error:
        raise PodiumError(f"{path.name}, line {error.lineno} is no JSON: {error.msg}.") from error
    except yaml.MarkedYAMLError as error:
        raise PodiumError(_marked(path.name, error)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise PodiumError(f"{path.name} is no text file of YAML: {' '.join(str(error).split())}.") from error
    except RecursionError as error:
        raise PodiumError(f"{path.name} is nested too deeply to be a sweep configuration.") from error
    if not isinstance(sheet.data, dict):
        found = "it is empty" if sheet.data is None else f"it holds {_kind(sheet.data)}"
        raise PodiumError(f"{path.name} must hold keys and values, such as 'method: random'; {found}.")
    return sheet


def plain_sheet(config: dict[str, Any], where: str) -> Sheet:
    """Return the sheet of a configuration that is written in Python, as W&B would see it: through JSON.

    Raises:
        PodiumError: where a value has no form in JSON.
    """
    try:
        data = json.loads(json.dumps(config))
    except (TypeError, ValueError, RecursionError) as error:
        raise PodiumError(f"{where}: a sweep configuration is JSON: {error}.") from error
    if not isinstance(data, dict):
        raise PodiumError(f"{where} must be a dict; not {_kind(data)}.")
    return Sheet(where, data)


class _Building:
    """Values out of nodes, with their lines written into a sheet."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.count = 0
        self.constructor = yaml.SafeLoader("")
        self.open: list[yaml.Node] = []

    def value(self, node: yaml.Node, place: Place) -> Any:
        self.count += 1
        line = node.start_mark.line + 1
        self.sheet.lines.setdefault(place, line)
        if self.count > MOST_VALUES:
            raise self.sheet.error(place, f"the file stands for more than {MOST_VALUES:,} values.")
        if any(node is above for above in self.open):
            raise self.sheet.error(place, "this alias holds itself.")
        self.open.append(node)
        try:
            if isinstance(node, yaml.MappingNode) and node.tag == f"{PREFIX}map":
                return self._mapping(node, place)
            if isinstance(node, yaml.SequenceNode) and node.tag == f"{PREFIX}seq":
                return [self.value(item, (*place, index)) for index, item in enumerate(node.value)]
            if isinstance(node, yaml.ScalarNode):
                return self._scalar(node, place)
        finally:
            self.open.pop()
        raise self.sheet.error(place, f"has the tag {node.tag.replace(PREFIX, '!!')}, which no sweep can hold.")

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, Any]:
        found: dict[str, Any] = {}
        first: dict[str, int] = {}
        merges_first = sorted(node.value, key=lambda pair: pair[0].tag != f"{PREFIX}merge")
        for key_node, value_node in merges_first:
            line = key_node.start_mark.line + 1
            if key_node.tag == f"{PREFIX}merge":
                for other in value_node.value if isinstance(value_node, yaml.SequenceNode) else [value_node]:
                    merged = self.value(other, place)
                    if not isinstance(merged, dict):
                        raise self.sheet.error((*place, "<<"), "can only take in keys and values.")
                    found = {**merged, **found}
                continue
            if not isinstance(key_node, yaml.ScalarNode):
                raise self.sheet.error(place, f"a key must be text; line {line} has {_kind(key_node.value)}.")
            key = key_node.value
            if key in first:
                self.sheet.lines[*place, key] = line
                raise self.sheet.error((*place, key), f"stands here twice, first in line {first[key]}: keep one.")
            first[key] = line
            self._forget((*place, key))
            self.sheet.lines[*place, key] = line
            found[key] = self.value(value_node, (*place, key))
        return found

    def _forget(self, place: Place) -> None:
        """Drop what a merged-in value left behind where a key of the file's own replaces it."""
        for known in (self.sheet.lines, self.sheet.spelled):
            for other in [other for other in known if other[: len(place)] == place]:
                del known[other]

    def _scalar(self, node: yaml.ScalarNode, place: Place) -> Any:
        if node.tag == f"{PREFIX}timestamp":
            return node.value
        if node.tag not in {f"{PREFIX}{tag}" for tag in ("str", "int", "float", "bool", "null")}:
            raise self.sheet.error(place, f"has the tag {node.tag.replace(PREFIX, '!!')}, which no sweep can hold.")
        if node.tag == f"{PREFIX}str" and node.style is None and (number := as_number(node.value)) is not None:
            self.sheet.spelled[place] = number
        try:
            return self.constructor.construct_object(node)
        except (ValueError, KeyError, OverflowError) as error:
            raise self.sheet.error(place, f"{node.value!r} is no {node.tag.removeprefix(PREFIX)}.") from error


def _leaves(value: Any, place: Place) -> Iterator[Place]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _leaves(item, (*place, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _leaves(item, (*place, index))
    else:
        yield place


def _marked(name: str, error: yaml.MarkedYAMLError) -> str:
    mark = error.problem_mark or error.context_mark
    problem = error.problem or error.context or "it cannot be read"
    if "'\\t'" in problem:
        problem = "a tab stands where YAML wants spaces: replace it by spaces"
    elif "single document" in str(error.context):
        problem = "a second document begins here ('---'): a sweep is one document"
    return f"{name}{f', line {mark.line + 1}' if mark else ''} is no YAML: {problem}."


def _kind(value: Any) -> str:
    names: dict[type, str] = {dict: "keys and values", list: "a list", str: "a text", bool: "a boolean"}
    return names.get(type(value), f"a {type(value).__name__}")
