"""Dropout whose mask is a function of (seed, step, place).

Srivastava et al. 2014, Dropout: A Simple Way to Prevent Neural Networks from Overfitting.
"""

from __future__ import annotations

import torch
from torch import nn

from podium.lab import randomness

STEPS = 2**32  # p is rounded to this part of one


class Dropout(nn.Module):
    """Zero each value with probability p while training, and scale the rest by 1 / (1 - p).

    `place` is the module's qualified name, set by `build_model`: two layers never share a mask. In a cohort p is a
    variant's own, see `per_variant`.
    """

    threshold: torch.Tensor | None
    scale: torch.Tensor | None

    def __init__(self, p: float, place: str = "dropout") -> None:
        super().__init__()
        self.p = p
        self.place = place
        self.register_buffer("threshold", None, persistent=False)
        self.register_buffer("scale", None, persistent=False)

    def per_variant(self, dtype: torch.dtype) -> None:
        """Keep p as two buffers, which a cohort stacks: what a draw must reach to be kept, and 1 / (1 - p)."""
        self.threshold = torch.tensor(round(self.p * STEPS))
        self.scale = torch.tensor(1 / (1 - self.p), dtype=dtype)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Return x (B, ...) with values dropped; x itself in evaluation or with p = 0.

        Raises:
            PodiumError: while training outside of `randomness.at(seed, step)`.
        """
        if not self.training or (self.p == 0 and self.threshold is None):
            return x
        drawn = randomness.bits(self.place, x.shape, x.device)
        if self.threshold is None or self.scale is None:
            return x * (drawn >= round(self.p * STEPS)) * (1 / (1 - self.p))
        return x * (drawn >= self.threshold) * self.scale

    def extra_repr(self) -> str:
        """Name p and the place."""
        return f"p={self.p}, place={self.place!r}"
