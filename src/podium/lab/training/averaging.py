"""Averaged weights: a moving average over the steps, judged in the place of the last step's weights.

Polyak and Juditsky 1992, Acceleration of Stochastic Approximation by Averaging; Tarvainen and Valpola 2017, Mean
Teachers, whose alpha is our `average`.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


def decay_at(average: float, step: int) -> float:
    """Return the decay of one update, counted from 0: low at first, so that the random start is soon forgotten.

    >>> decay_at(0.999, 0), decay_at(0.999, 90), decay_at(0.999, 100_000)
    (0.1, 0.91, 0.999)
    """
    return min(average, (1 + step) / (10 + step))


class Average:
    """The moving average of a model's floating-point state, beside the model.

    Attributes:
        values: name in the model's state_dict to the average, on the model's device.
    """

    def __init__(self, model: nn.Module, average: float) -> None:
        self.average = average
        self._live = floats(model)
        self.values = {name: value.clone() for name, value in self._live.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Take in the weights after one update: average = decay * average + (1 - decay) * weights."""
        blend = get_ema_multi_avg_fn(decay_at(self.average, step))
        blend(list(self.values.values()), list(self._live.values()), step)

    @torch.no_grad()
    def load(self, values: Mapping[str, Tensor]) -> None:
        """Go on from a checkpoint's average."""
        for name, value in self.values.items():
            value.copy_(values[name])

    @contextmanager
    def in_place(self) -> Generator[None]:
        """Let the model have the averaged weights while the context lasts, and its own again after it, bit for bit."""
        own = {name: value.clone() for name, value in self._live.items()}
        self._set(self.values)
        try:
            yield
        finally:
            self._set(own)

    @torch.no_grad()
    def _set(self, values: Mapping[str, Tensor]) -> None:
        for name, value in self._live.items():
            value.copy_(values[name])


def floats(model: nn.Module) -> dict[str, Tensor]:
    """Return the floating-point tensors of a model's state_dict: views of the model's own memory."""
    return {name: value for name, value in model.state_dict().items() if value.is_floating_point()}
