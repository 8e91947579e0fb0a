"""The classes a model is made of, and which holds how many of which.

Containers are transparent, layers without parts are members of the class that holds them, a repeated part is one class
with a count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from torch import nn

from podium.lab.training.describe.kinds import CONTAINERS, is_torch, kind_name

MOST_WAYS = 4  # in which one class was built; more are counted


def describe_classes(model: nn.Module) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the classes of a model, in order of appearance, and their relations."""
    instances = _instances(model)
    names = _names(list(instances))
    classes = [
        {
            "name": names[kind],
            "count": len(modules),
            "parameters": _size(modules),
            "members": _members(modules),
            "bases": [names.get(base, base.__name__) for base in _bases(kind, list(instances))],
            "source": f"{kind.__module__}:{kind.__qualname__}",
        }
        for kind, modules in instances.items()
    ]
    relations = [
        {"owner": names[owner], "part": names[part], "count": count}
        for owner, modules in instances.items()
        for part, count in _parts(modules).items()
    ]
    return classes, relations


def _instances(model: nn.Module) -> dict[type, list[nn.Module]]:
    """Group the modules that are boxes by class, in order of appearance; the root is one in any case."""
    found: dict[type, list[nn.Module]] = {}
    for module in model.modules():
        if module is model or _is_box(module):
            found.setdefault(type(module), []).append(module)
    return found


def _names(kinds: list[type]) -> dict[type, str]:
    """Name each class; two of one name get the module they come from, or a number."""
    count = Counter(kind.__name__ for kind in kinds)
    names: dict[type, str] = {}
    for kind in kinds:
        name = kind.__name__
        if count[name] > 1:
            name = f"{name} ({kind.__module__.rpartition('.')[2]})"
        taken = sum(name == other or other.startswith(f"{name} no. ") for other in names.values())
        names[kind] = f"{name} no. {taken + 1}" if taken else name
    return names


def _is_box(module: nn.Module) -> bool:
    """Tell whether a module has something to show: the author's own, or one of torch's that has parts.

    A stand-in of the same name as one of torch's plain layers is a layer too.
    """
    if type(module) in CONTAINERS:
        return False
    if is_torch(type(module)):
        return next(module.children(), None) is not None
    return not hasattr(nn, type(module).__name__)


def _children(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Walk a module's children, through containers."""
    for name, child in module.named_children():
        if type(child) in CONTAINERS:
            yield from ((f"{name}.{rest}", grandchild) for rest, grandchild in _children(child))
        else:
            yield name, child


def _members(modules: list[nn.Module]) -> list[str]:
    """Name the parameters and layers of a class; what its instances have differently is said with `or`."""
    each = [_members_of(module) for module in modules]
    keys = dict.fromkeys(key for members in each for key in members)
    lines = []
    for key in keys:
        ways = list(dict.fromkeys(members.get(key, "nothing") for members in each))
        if len(ways) > MOST_WAYS:
            ways = [*ways[: MOST_WAYS - 1], f"{len(ways) - MOST_WAYS + 1} other ways"]
        lines.append(" or ".join(ways))
    return lines


def _members_of(module: nn.Module) -> dict[str, str]:
    members = {
        name: f"Parameter {name} {'x'.join(map(str, parameter.shape))}".rstrip()
        for name, parameter in module.named_parameters(recurse=False)
    }
    layers: dict[str, list[str]] = {}
    for name, child in _children(module):
        if not _is_box(child):
            layers.setdefault(kind_name(child), []).append(name)
    for kind, names in layers.items():
        members[f"{kind} layers"] = f"{kind} {names[0]}" if len(names) == 1 else f"{kind} ({len(names)})"
    return members


def _parts(modules: list[nn.Module]) -> dict[type, int]:
    """Count the boxes that one owner holds, by class; the most where owners differ."""
    most: Counter[type] = Counter()
    for module in modules:
        most |= Counter(type(child) for _, child in _children(module) if _is_box(child))
    return dict(most)


def _bases(kind: type, kinds: list[type]) -> list[type]:
    """Name the bases that say something: boxes themselves, or shared by two boxes."""
    own = [base for base in kind.__mro__[1:] if not is_torch(base)]
    return [base for base in own if base in kinds or sum(issubclass(other, base) for other in kinds) > 1]


def _size(modules: list[nn.Module]) -> int:
    """Count the parameters of all instances together, children included, each once."""
    return sum({id(p): p.numel() for module in modules for p in module.parameters()}.values())
