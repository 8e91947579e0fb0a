"""Patch embedding: a picture becomes a row of tokens (Dosovitskiy et al. 2021, section 3.1)."""

from __future__ import annotations

import torch
from torch import nn

from podium.spec import PodiumError


class PatchEmbedding(nn.Module):
    """A convolution with its own size as stride, then a norm: one token a patch, in reading order.

    Attributes:
        tokens: how many patches a picture has.
    """

    def __init__(self, side: int, patch: int, dim: int) -> None:
        super().__init__()
        if patch < 1 or side % patch:
            fits = ", ".join(str(size) for size in range(1, side + 1) if side % size == 0)
            msg = f"patch must divide the picture's {side} pixels; got {patch}. There are: {fits}."
            raise PodiumError(msg)
        self.tokens = (side // patch) ** 2
        self.convolution = nn.Conv2d(1, dim, kernel_size=patch, stride=patch)
        self.norm = nn.LayerNorm(dim)

    def forward(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return the tokens (B, T, D)."""
        maps_BDhw = self.convolution(images_B1HW)
        return self.norm(maps_BDhw.flatten(2).mT)
