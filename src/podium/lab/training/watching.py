"""Watching: gradients by layer and a few predictions, once an epoch, small enough for a record.

An epoch's watch is `{"gradients": [{"layer": name, "norm": float, "histogram": counts}, ...], "predicted": texts}`: it
stands beside the epoch's metrics in the record, and at the end all of them as two samples, `gradients` and `progress`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from podium.lab.training.pictures import as_png
from podium.lab.training.tasks import Task

MOST_LAYERS = 48
MOST_HISTOGRAMS = 12  # epochs whose histograms are kept at the end
PICTURES = 8  # the first of the validation set, whose predictions are kept
LOWEST, HIGHEST, PER_DECADE = -10, 2, 2
EDGES = [LOWEST + step / PER_DECADE for step in range((HIGHEST - LOWEST) * PER_DECADE + 1)]


class Gradients:
    """What is seen of a model's gradients in an epoch's last step, before they are clipped.

    Attributes:
        layers: a layer's name to those of its parameters: a block of a row of blocks, else a module.
    """

    def __init__(self, model: nn.Module, steps: int) -> None:
        self.parameters = dict(model.named_parameters())
        self.layers = layers_of(model)
        self.steps = steps
        self._seen: Tensor | None = None

    def look(self, step: int) -> None:
        """Measure, where the step, counted from 0, is the last of its epoch; the device is not asked."""
        if (step + 1) % self.steps == 0:
            layers = [[self.parameters[name].grad for name in names] for names in self.layers.values()]
            self.take(torch.stack([_of_layer(gradients, self.parameters) for gradients in layers]))

    def take(self, seen_LC: Tensor) -> None:
        """Take what `measured` found of each layer, from whoever looked."""
        self._seen = seen_LC

    def told(self) -> list[dict[str, Any]]:
        """Return each layer's `norm` (of the loss's gradient) and `histogram`; the device is asked once.

        A histogram counts the magnitudes in half-decades from 1e-10 to 100 (`EDGES` are exponents of ten), what is
        smaller in its first count and what is larger in its last.
        """
        if self._seen is None:
            return []
        return [
            {"layer": name, "norm": float(f"{norm:.4g}"), "histogram": [int(count) for count in counts]}
            for name, (norm, *counts) in zip(self.layers, self._seen.tolist(), strict=True)
        ]


def layers_of(model: nn.Module) -> dict[str, list[str]]:
    """Name a model's trained parameters by layer: by block where blocks stand in a row, else by module; MOST_LAYERS."""
    depth = max((name.count(".") for name, _ in model.named_parameters()), default=0)
    while True:
        layers: dict[str, list[str]] = {}
        for name, parameter in model.named_parameters():
            if parameter.requires_grad:
                layers.setdefault(layer_name(name, depth), []).append(name)
        if len(layers) <= MOST_LAYERS or depth == 0:
            return dict(list(layers.items())[:MOST_LAYERS])
        depth -= 1


def layer_name(parameter: str, depth: int = 100) -> str:
    """Return what a slide calls the layer that a parameter belongs to.

    >>> layer_name("encoder.blocks.0.attention.query.weight"), layer_name("encoder.norm.bias"), layer_name("scale")
    ('encoder.blocks.0', 'encoder.norm', 'scale')
    """
    parts = parameter.split(".")
    number = next((place for place, part in enumerate(parts) if part.isdigit()), len(parts))
    return ".".join(parts[: max(1, min(number + 1, len(parts) - 1, depth))])


def total_norm(gradients: Sequence[Mapping[str, Any]]) -> float:
    """Return the norm of all layers' gradients together."""
    return float(f"{math.hypot(*(row['norm'] for row in gradients)):.4g}")


def watched(task: Task, watches: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Lay the watches of all epochs together, as the samples of a record.

    Returns:
        `gradients`: `epochs`, `layers` (`layer` and its `norms`, one an epoch), `edges` (exponents of ten) and
        `histograms` (`epoch` and `counts`, a row a layer; of MOST_HISTOGRAMS epochs, the last among them);
        `progress`: `pictures` (`picture` and `correct`; of the validation set) and `epochs` (`epoch` and `predicted`).
    """
    found: dict[str, Any] = {}
    seen = [watch for watch in watches if watch["gradients"]]
    if seen:
        stride = math.ceil(len(seen) / MOST_HISTOGRAMS)
        norms = zip(*([row["norm"] for row in watch["gradients"]] for watch in seen), strict=True)
        found["gradients"] = {
            "epochs": [watch["epoch"] for watch in seen],
            "layers": [
                {"layer": row["layer"], "norms": list(its)}
                for row, its in zip(seen[0]["gradients"], norms, strict=True)
            ],
            "edges": EDGES,
            "histograms": [
                {"epoch": watch["epoch"], "counts": [row["histogram"] for row in watch["gradients"]]}
                for watch in [*seen[:-1][::stride], seen[-1]]
            ],
        }
    if watches:
        split = task.sets.validation
        answers = task.answers(split.targets[:PICTURES])
        found["progress"] = {
            "pictures": [
                {"picture": as_png(image), "correct": answer}
                for image, answer in zip(split.images[:PICTURES], answers, strict=True)
            ],
            "epochs": [{"epoch": watch["epoch"], "predicted": watch["predicted"]} for watch in watches],
        }
    return found


def measured(values_KN: Tensor) -> Tensor:
    """Return norm and counts of each row's gradients, (K, 1 + bins) in float64, on the device."""
    values_KN = values_KN.detach().float()
    magnitudes_KN = values_KN.abs().clamp(10.0**LOWEST, 10.0**HIGHEST).nan_to_num(10.0**HIGHEST)
    place_KN = ((magnitudes_KN.log10() - LOWEST) * PER_DECADE).long().clamp(0, len(EDGES) - 2)
    counts = torch.zeros(len(values_KN), len(EDGES) - 1, dtype=torch.float64, device=values_KN.device)
    counts.scatter_add_(1, place_KN, torch.ones_like(values_KN, dtype=torch.float64))  # bincount would ask the device
    return torch.cat((values_KN.double().norm(dim=1, keepdim=True), counts), dim=1)


def _of_layer(gradients: Sequence[Tensor | None], parameters: Mapping[str, Tensor]) -> Tensor:
    """Return what `measured` finds of one layer, (1 + bins,); where nothing reaches it, of a zero."""
    given = [gradient.flatten() for gradient in gradients if gradient is not None]
    values_N = torch.cat(given) if given else next(iter(parameters.values())).new_zeros(1)
    return measured(values_N[None])[0]
