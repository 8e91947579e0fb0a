"""Repeated modules: siblings that differ only by their number are one, with a `*` in its path."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

NUMBER = re.compile(r"\d+$")
CONTAINERS = ("Sequential", "ModuleList", "ModuleDict")


def patterns(tree: Sequence[dict[str, Any]]) -> dict[str, str]:
    """Return each module's path with a `*` for the number of every repeated part in it.

    Numbered parts that have parts of their own are repeated when their class agrees, others when their parameters do
    too; a container such as `layer1` is not: it says where in the model we are.

    >>> tree = [("", "Net"), ("layers", "ModuleList"), ("layers.0", "Linear"), ("layers.1", "Linear")]
    >>> patterns([{"name": name, "type": kind, "parameters": 6} for name, kind in tree])["layers.1"]
    'layers.*'
    """
    owners = {str(entry["name"]).rpartition(".")[0] for entry in tree}
    twins = {str(entry["name"]): _twin(entry, composite=entry["name"] in owners) for entry in tree}
    count = Counter(twins.values())
    found = {"": ""}
    for entry in tree:
        path = str(entry["name"])
        owner, _, name = path.rpartition(".")
        last = NUMBER.sub("*", name) if count[twins[path]] > 1 else name
        found[path] = ".".join(part for part in (found.get(owner, owner), last) if part)
    return found


def _twin(entry: dict[str, Any], *, composite: bool) -> tuple[Any, ...]:
    owner, _, name = str(entry["name"]).rpartition(".")
    stem, kind = NUMBER.sub("", name), entry["type"]
    if name.isdigit():
        return (owner, kind) if composite and kind not in CONTAINERS else (owner, kind, entry["parameters"])
    if composite and kind not in CONTAINERS and stem != name:
        return owner, stem, kind, entry["parameters"]
    return (entry["name"],)
