"""Describe a live model as plain values: what the press draws its diagrams from, without torch.

Containers are transparent, torch's own layers are members of the class that holds them, a repeated part is one class
with a count.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from podium.spec import PodiumError

MOST_CLASSES = 10  # boxes that can be read from the back of a room

CONTAINERS = (nn.ModuleList, nn.ModuleDict, nn.Sequential, nn.ParameterList, nn.ParameterDict)


def describe(model: nn.Module, example_inputs: tuple[torch.Tensor, ...]) -> dict[str, Any]:
    """Describe a model by its instance and one forward pass in evaluation mode.

    Args:
        model: any module; left as it was.
        example_inputs: what its forward takes, on its device.

    Returns:
        A dict that JSON can hold: `root` and `parameters`; `classes` (name, count of instances, members, bases,
        source as `module:Name`); `relations` (owner, part, count in one owner); `tree` (name, type, parameters of
        every module, children included); `shapes` (name, type, and the shapes of the tensors in and out of every
        module, in order of the call).

    Raises:
        PodiumError: for more than ten classes, which no slide can show, or two classes of one name.
    """
    instances = _instances(model)
    if len(instances) > MOST_CLASSES:
        names = ", ".join(kind.__name__ for kind in instances)
        msg = (
            f"{type(model).__name__} is made of {len(instances)} classes ({names}); a slide shows {MOST_CLASSES} at "
            "most. Join small ones, or use torch's own layers in their place."
        )
        raise PodiumError(msg)
    doubles = [name for name, count in Counter(kind.__name__ for kind in instances).items() if count > 1]
    if doubles:
        msg = f"{type(model).__name__} is made of two classes of the name {doubles[0]}; rename one of them."
        raise PodiumError(msg)
    return {
        "root": type(model).__name__,
        "parameters": _size(model),
        "classes": [
            {
                "name": kind.__name__,
                "count": len(modules),
                "members": _members(modules),
                "bases": _bases(kind, list(instances)),
                "source": f"{kind.__module__}:{kind.__qualname__}",
            }
            for kind, modules in instances.items()
        ],
        "relations": [
            {"owner": owner.__name__, "part": part, "count": count}
            for owner, modules in instances.items()
            for part, count in _parts(modules).items()
        ],
        "tree": [
            {"name": name, "type": type(module).__name__, "parameters": _size(module)}
            for name, module in model.named_modules()
        ],
        "shapes": _shapes(model, example_inputs),
    }


def _instances(model: nn.Module) -> dict[type, list[nn.Module]]:
    """Group the modules that are boxes by class, in order of appearance; the root is one in any case."""
    found: dict[type, list[nn.Module]] = {}
    for module in model.modules():
        if module is model or _is_box(module):
            found.setdefault(type(module), []).append(module)
    return found


def _is_box(module: nn.Module) -> bool:
    """Tell whether a module is the author's own: neither torch's, nor a stand-in of the same name as torch's."""
    return not (_is_torch(type(module)) or isinstance(module, CONTAINERS) or hasattr(nn, type(module).__name__))


def _is_torch(kind: type) -> bool:
    return kind.__module__.split(".")[0] in ("torch", "torchvision", "builtins", "typing", "abc")


def _children(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Walk a module's children, through containers."""
    for name, child in module.named_children():
        if isinstance(child, CONTAINERS):
            yield from ((f"{name}.{rest}", grandchild) for rest, grandchild in _children(child))
        else:
            yield name, child


def _members(modules: list[nn.Module]) -> list[str]:
    """Name the parameters and layers of a class; what its instances have differently is said with `or`."""
    each = [_members_of(module) for module in modules]
    keys = dict.fromkeys(key for members in each for key in members)
    return [" or ".join(dict.fromkeys(members.get(key, "nothing") for members in each)) for key in keys]


def _members_of(module: nn.Module) -> dict[str, str]:
    members = {
        name: f"Parameter {name} {'x'.join(map(str, parameter.shape))}"
        for name, parameter in module.named_parameters(recurse=False)
    }
    layers: dict[str, list[str]] = {}
    for name, child in _children(module):
        if not _is_box(child):
            layers.setdefault(type(child).__name__, []).append(name)
    for kind, names in layers.items():
        members[f"{kind} layers"] = f"{kind} {names[0]}" if len(names) == 1 else f"{kind} ({len(names)})"
    return members


def _parts(modules: list[nn.Module]) -> dict[str, int]:
    """Count the boxes that one owner holds, by class; the most where owners differ."""
    most: Counter[str] = Counter()
    for module in modules:
        most |= Counter(type(child).__name__ for _, child in _children(module) if _is_box(child))
    return dict(most)


def _bases(kind: type, kinds: list[type]) -> list[str]:
    """Name the bases that say something: boxes themselves, or shared by two boxes."""
    own = [base for base in kind.__mro__[1:] if not _is_torch(base)]
    return [base.__name__ for base in own if base in kinds or sum(issubclass(other, base) for other in kinds) > 1]


def _shapes(model: nn.Module, example_inputs: tuple[torch.Tensor, ...]) -> list[dict[str, Any]]:
    """Run the model once and note every module's first call."""
    steps: dict[str, dict[str, Any]] = {}
    handles = []
    for name, module in model.named_modules():

        def before(module: nn.Module, inputs: tuple[Any, ...], *, name: str = name) -> None:
            steps.setdefault(name, {"name": name, "type": type(module).__name__, "in": _tensor_shapes(inputs)})

        def after(_module: nn.Module, _inputs: tuple[Any, ...], output: Any, *, name: str = name) -> None:
            steps[name].setdefault("out", _tensor_shapes(output))

        handles += [module.register_forward_pre_hook(before), module.register_forward_hook(after)]
    modes = {module: module.training for module in model.modules()}
    try:
        model.eval()
        with torch.no_grad():
            model(*example_inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes.items():
            module.training = mode
    return list(steps.values())


def _tensor_shapes(values: Any) -> list[list[int]]:
    if isinstance(values, torch.Tensor):
        return [list(values.shape)]
    if isinstance(values, (tuple, list)):
        return [shape for value in values for shape in _tensor_shapes(value)]
    return []


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
