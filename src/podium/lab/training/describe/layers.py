"""The module tree with its parameters, and the layer table whose columns add up to torch's own totals."""

from __future__ import annotations

from typing import Any

from torch import nn

from podium.lab.training.describe.kinds import kind_name
from podium.lab.training.describe.trace import Trace
from podium.spec import PodiumError


def describe_tree(model: nn.Module) -> list[dict[str, Any]]:
    """List every module with its parameters, children included, and the names and shapes of its own.

    A parameter that stands in two modules is `shared` with the first; a module in two places is listed at its first.
    """
    names = _first_names(model)
    rows = []
    for path, module in model.named_modules():
        own = [
            {"name": name, "shape": list(parameter.shape)}
            | ({"shared": names[id(parameter)]} if names[id(parameter)] != _join(path, name) else {})
            for name, parameter in module.named_parameters(recurse=False, remove_duplicate=False)
        ]
        size = sum(parameter.numel() for parameter in module.parameters())
        rows.append({"name": path, "type": kind_name(module), "parameters": size, "own": own})
    return rows


def describe_layers(model: nn.Module, passed: Trace) -> list[dict[str, Any]]:
    """Part the model's parameters and FLOPs among its modules: each belongs to the innermost one, once.

    Raises:
        PodiumError: where the columns do not add up to torch's own totals; that would be a bug of ours.
    """
    rows: list[dict[str, Any]] = []
    counted: set[int] = set()
    for path, module in model.named_modules():
        own = [p for p in module.parameters(recurse=False) if id(p) not in counted]
        counted.update(map(id, own))
        step = passed.steps.get(path)
        row = {
            "name": path,
            "type": kind_name(module),
            "out": step.get("out", []) if step else [],
            "calls": passed.calls[path],
            "parameters": sum(parameter.numel() for parameter in own),
            "flops": passed.own_flops[path],
        }
        leaf = next(module.children(), None) is None and step is not None
        if leaf or row["parameters"] or row["flops"]:
            rows.append(row)
    total = sum(parameter.numel() for parameter in model.parameters())
    for column, wanted in (("parameters", total), ("flops", passed.flops)):
        found = sum(row[column] for row in rows)
        if found != wanted:
            msg = f"The layers of {type(model).__name__} have {found:,} {column}, torch counts {wanted:,}."
            raise PodiumError(f"{msg} Please report it, with the model.")
    return rows


def _first_names(model: nn.Module) -> dict[int, str]:
    """Name each parameter by the first place where it stands."""
    return {id(parameter): name for name, parameter in model.named_parameters()}


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
