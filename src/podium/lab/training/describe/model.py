"""One description of one model, put together from its instance and one forward pass."""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch import nn

from podium.lab.training.describe.classes import describe_classes
from podium.lab.training.describe.layers import describe_layers, describe_tree
from podium.lab.training.describe.trace import SECONDS, trace


def describe(model: nn.Module, example_inputs: tuple[torch.Tensor, ...], *, seconds: float = SECONDS) -> dict[str, Any]:
    """Describe a model by its instance and one forward pass in evaluation mode.

    Args:
        model: any module; left as it was.
        example_inputs: what its forward takes, on its device; a batch of 1 shows all there is.
        seconds: the longest that the forward pass may take.

    Returns:
        A dict that JSON can hold:

        - `root`, `parameters` (shared ones once), `flops` (two a multiplication and addition, as torch counts them:
          matrix products, convolutions, attention), `inputs` (name and shape);
        - `classes` (name, count of instances, parameters, members, bases, source as `module:Name`) and `relations`
          (owner, part, count in one owner);
        - `tree`: name, type and parameters of every module, children included, and `own`: its own parameters' names
          and shapes;
        - `shapes`: name, type, shapes of the tensors in and out of every module's first call, in order of the call,
          `within`: the module that called it, and `depends`: the numbers of the inputs that reach it;
        - `layers`: a partition of the model: name, type, out, calls, and the parameters and FLOPs that no child has,
          so that both columns add up to the totals;
        - `attention`: where it is visible, module, type, and shape of the weights;
        - `lines`: functions of the model's source and the shapes of what each line made (see `trace`);
        - `uncounted`: layers whose FLOPs torch does not know.

    Raises:
        PodiumError: for a forward pass that fails or takes too long, or totals that do not agree with torch's own.
    """
    passed = trace(model, example_inputs, seconds)
    layers = describe_layers(model, passed)
    classes, relations = describe_classes(model)
    return {
        "root": type(model).__name__,
        "parameters": sum(row["parameters"] for row in layers),
        "flops": passed.flops,
        "inputs": _inputs(model, example_inputs),
        "classes": classes,
        "relations": relations,
        "tree": describe_tree(model),
        "shapes": list(passed.steps.values()),
        "layers": layers,
        "attention": passed.attention,
        "lines": passed.lines,
        "uncounted": passed.uncounted,
    }


def _inputs(model: nn.Module, values: tuple[torch.Tensor, ...]) -> list[dict[str, Any]]:
    """Name the inputs as the model's forward does."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    names = [each.name for each in inspect.signature(model.forward).parameters.values() if each.kind in kinds]
    names += [f"input {number}" for number in range(len(names) + 1, len(values) + 1)]
    return [{"name": name, "shape": list(value.shape)} for name, value in zip(names, values, strict=False)]
