"""Stacking: the weights of K variants as one array, and each variant's own state out of it and into it.

All weights lie in one array (K, P), a row a variant, so that an update is a dozen operations whatever the model has.
The model sees views of it, (K, *shape), under `torch.vmap`.

Shapes: K variants, P weights of one, padded to whole blocks of BLOCK.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

MODEL = "model."  # before the names of a model's parameters in a stack of members (`podium.lab.training.cohort.step`)
BLOCK = 1024  # sums over a row are taken block by block: in the same order whatever the number of rows


@dataclass
class Weights:
    """The weights of K variants, and what Adam keeps of them.

    Attributes:
        names: of the parameters, in the model's order.
        shapes: of each, without K.
        values_KP, first_KP, second_KP: the weights, and Adam's moving averages of gradient and squared gradient.
        learns_KP: where a variant's weight learns; None where all do, but for the padding.
        buffers: name to (K, *shape), such as the tables of an encoding and the rate of a dropout.
        average_KP: the averaged weights, where a variant asks for them.
        forgotten: whether parameters that no gradient reaches were looked for.
    """

    names: tuple[str, ...]
    shapes: tuple[torch.Size, ...]
    values_KP: Tensor
    first_KP: Tensor
    second_KP: Tensor
    learns_KP: Tensor | None
    buffers: dict[str, Tensor]
    average_KP: Tensor | None = None
    forgotten: bool = False

    @property
    def spans(self) -> tuple[tuple[int, int], ...]:
        """Where each parameter begins and ends in a row."""
        ends = list(accumulate(shape.numel() for shape in self.shapes))
        return tuple(zip((0, *ends[:-1]), ends, strict=True))

    def views(self, array_KP: Tensor) -> dict[str, Tensor]:
        """Return parts of an array (K, P) by parameter, (K, *shape) each."""
        rows = zip(self.names, self.shapes, self.spans, strict=True)
        return {name: array_KP[:, start:end].view(-1, *shape) for name, shape, (start, end) in rows}

    def gather(self, gradients: Sequence[Tensor | None]) -> Tensor:
        """Lay gradients by parameter, None for none, side by side: (K, P); the padding's are zero.

        They may be those of some variants only, and are then as many rows.
        """
        count = next(len(gradient) for gradient in gradients if gradient is not None)
        parts = [
            self.values_KP.new_zeros(count, shape.numel()) if gradient is None else gradient.flatten(1)
            for gradient, shape in zip(gradients, self.shapes, strict=True)
        ]
        rest = self.values_KP.shape[1] - self.spans[-1][1]
        return torch.cat([*parts, self.values_KP.new_zeros(count, rest)], dim=1)

    def forget(self, unused: Sequence[bool]) -> None:
        """Let parameters that no gradient reaches stay as they are, as torch's optimisers do."""
        if not any(unused) or self.forgotten:
            return
        self.forgotten = True
        learns = torch.ones_like(self.values_KP, dtype=torch.bool) if self.learns_KP is None else self.learns_KP
        for (start, end), idle in zip(self.spans, unused, strict=True):
            if idle:
                learns[:, start:end] = False
        self.learns_KP = learns

    def keep(self, slots: Sequence[int]) -> None:
        """Keep some of the variants, in this order; their bits stay as they are."""
        index = torch.tensor(slots, device=self.values_KP.device)
        self.values_KP, self.first_KP, self.second_KP = (
            array.index_select(0, index) for array in (self.values_KP, self.first_KP, self.second_KP)
        )
        self.learns_KP = None if self.learns_KP is None else self.learns_KP.index_select(0, index)
        self.average_KP = None if self.average_KP is None else self.average_KP.index_select(0, index)
        self.buffers = {name: value.index_select(0, index) for name, value in self.buffers.items()}


def stack(models: Sequence[nn.Module], device: torch.device) -> Weights:
    """Stack the weights and buffers of models that are built alike.

    Args:
        models: one a variant, with the same names and shapes; a parameter that needs no gradient does not learn.
        device: where the stack will lie.
    """
    named = [dict(model.named_parameters()) for model in models]
    names = tuple(named[0])
    shapes = tuple(named[0][name].shape for name in names)
    width = -(-sum(shape.numel() for shape in shapes) // BLOCK) * BLOCK
    kind = next(iter(named[0].values())).dtype
    values_KP = torch.zeros(len(models), width, dtype=kind)
    learns_KP = torch.ones(len(models), width, dtype=torch.bool)
    weights = Weights(names, shapes, values_KP, values_KP, values_KP, learns_KP, {})
    for row, parameters in enumerate(named):
        for name, (start, end) in zip(names, weights.spans, strict=True):
            values_KP[row, start:end] = parameters[name].detach().flatten()
            learns_KP[row, start:end] = parameters[name].requires_grad
    weights.values_KP = values_KP.to(device)
    weights.first_KP, weights.second_KP = torch.zeros_like(weights.values_KP), torch.zeros_like(weights.values_KP)
    weights.learns_KP = None if learns_KP.all() else learns_KP.to(device)
    buffers = [dict(model.named_buffers()) for model in models]
    weights.buffers = {name: torch.stack([own[name] for own in buffers]).to(device) for name in buffers[0]}
    return weights


def give(weights: Weights, slot: int, model: nn.Module, array_KP: Tensor | None = None) -> None:
    """Copy one variant's weights into its own model.

    Args:
        weights: of the cohort.
        slot: the variant's row.
        model: as `build_model` makes it: it may lack parameters that only others of the cohort have.
        array_KP: what is copied in the place of the weights, such as their average.
    """
    views = weights.views(weights.values_KP if array_KP is None else array_KP)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.copy_(views[MODEL + name][slot])


def give_moments(weights: Weights, slot: int, model: nn.Module, optimizer: Optimizer, step: int) -> None:
    """Copy what Adam keeps of one variant into its own optimiser.

    Args:
        weights: of the cohort.
        slot: the variant's row.
        model: the variant's own.
        optimizer: torch's, over those of the model's parameters that learn, in their order.
        step: updates done.
    """
    first, second = weights.views(weights.first_KP), weights.views(weights.second_KP)
    idle = _idle(weights, slot)
    state: dict[int, dict[str, Any]] = {}
    for place, name in enumerate(learning(model)):
        if step and name not in idle:
            moments = {"exp_avg": first[name][slot].clone(), "exp_avg_sq": second[name][slot].clone()}
            state[place] = {"step": torch.tensor(float(step)), **moments}
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def take(weights: Weights, slot: int, model: nn.Module, state: Mapping[str, Any]) -> None:
    """Copy one variant's weights out of its own model into its row, and what Adam keeps out of a state_dict.

    Args:
        weights: of the cohort.
        slot: the variant's row.
        model: the variant's own.
        state: `state` of its optimiser's state_dict.
    """
    values, first, second = (weights.views(a) for a in (weights.values_KP, weights.first_KP, weights.second_KP))
    names = learning(model)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            values[MODEL + name][slot] = parameter
        for place, moments in state.items():
            name = names[int(place)]
            first[name][slot] = moments["exp_avg"].view(first[name].shape[1:])
            second[name][slot] = moments["exp_avg_sq"].view(second[name].shape[1:])


def learning(model: nn.Module) -> list[str]:
    """Name those of a model's parameters that learn, as a stack of members names them."""
    return [MODEL + name for name, parameter in model.named_parameters() if parameter.requires_grad]


def _idle(weights: Weights, slot: int) -> set[str]:
    """Name the parameters of one variant that do not learn."""
    if weights.learns_KP is None:
        return set()
    starts = torch.tensor([start for start, _ in weights.spans], device=weights.learns_KP.device)
    row = weights.learns_KP[slot, starts].tolist()
    return {name for name, learns in zip(weights.names, row, strict=True) if not learns}
