"""Patch embedding: a picture becomes a row of tokens (Dosovitskiy et al. 2021, section 3.1)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F

from podium.spec import PodiumError


class PatchEmbedding(nn.Module):
    """A convolution with its own size as stride, then a norm: one token a patch, in reading order.

    Attributes:
        tokens: how many patches a picture has.
    """

    def __init__(self, side: int, patch: int, dim: int) -> None:
        super().__init__()
        self.tokens = (side // checked_patch(side, patch)) ** 2
        self.convolution = nn.Conv2d(1, dim, kernel_size=patch, stride=patch)
        self.norm = nn.LayerNorm(dim)

    def forward(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return the tokens (B, T, D)."""
        maps_BDhw = self.convolution(images_B1HW)
        return self.norm(maps_BDhw.flatten(2).mT)


class ConvolutionalStem(nn.Module):
    """Three small convolutions in a patch's place (Xiao et al. 2021, Early Convolutions Help Transformers See Better).

    The first two have stride 2 as far as it divides the patch, and the last one what is left of it as size and stride:
    the tokens are as many as with patches, and each sees a little of its neighbours.

    Attributes:
        tokens: how many there are.
    """

    def __init__(self, side: int, patch: int, dim: int) -> None:
        super().__init__()
        self.tokens = (side // checked_patch(side, patch)) ** 2
        first = 2 if patch % 2 == 0 else 1
        second = 2 if patch % 4 == 0 else 1
        rest = patch // (first * second)
        narrow = max(1, dim // 2)
        self.first = nn.Conv2d(1, narrow, kernel_size=3, stride=first, padding=1)
        self.second = nn.Conv2d(narrow, dim, kernel_size=3, stride=second, padding=1)
        self.last = nn.Conv2d(dim, dim, kernel_size=rest, stride=rest)
        self.norm = nn.LayerNorm(dim)

    def forward(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return the tokens (B, T, D)."""
        maps_BDhw = F.gelu(self.second(F.gelu(self.first(images_B1HW))))
        return self.norm(self.last(maps_BDhw).flatten(2).mT)


STEMS: dict[str, type[PatchEmbedding | ConvolutionalStem]] = {
    "patch": PatchEmbedding,
    "convolution": ConvolutionalStem,
}


def checked_patch(side: int, patch: int) -> int:
    """Return the patch's side in pixels.

    Raises:
        PodiumError: where it does not divide the picture's, naming those that do.
    """
    if patch < 1 or side % patch:
        fits = ", ".join(str(size) for size in range(1, side + 1) if side % size == 0)
        msg = f"patch must divide the picture's {side} pixels; got {patch}. There are: {fits}."
        raise PodiumError(msg)
    return patch
