"""Dropout whose mask is a function of (seed, step, place).

Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from Overfitting.
"""

from __future__ import annotations

import torch
from torch import nn

from podium.lab import randomness


class Dropout(nn.Module):
    """Zero each value with probability p while training, and scale the rest by 1 / (1 - p).

    `place` is the module's qualified name, set by `build_model`: two layers never share a mask.
    """

    def __init__(self, p: float, place: str = "dropout") -> None:
        super().__init__()
        self.p = p
        self.place = place

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x with values dropped; x itself in evaluation or with p = 0.

        Raises:
            PodiumError: while training outside of `randomness.at(seed, step)`.
        """
        if not self.training or self.p == 0:
            return x
        seed, step = randomness.current()
        generator = randomness.generator(seed, step, self.place, x.device)
        kept = torch.rand(x.shape, generator=generator, device=x.device) >= self.p
        return x * kept / (1 - self.p)

    def extra_repr(self) -> str:
        """Name p and the place."""
        return f"p={self.p}, place={self.place!r}"
