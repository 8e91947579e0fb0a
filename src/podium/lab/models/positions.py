"""Positional encodings: what tells a transformer where a token stands.

Shapes: B batch, T tokens, D model width, H heads, K width of a head.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import nn

from podium.spec import PodiumError

Where = Literal["nowhere", "embedding", "attention"]


class Encoding(nn.Module):
    """What all encodings share: `forward` takes tokens and the place of the first of them.

    Attributes:
        where: what `forward` is applied to: token embeddings, or the queries and keys of self-attention.
    """

    where: ClassVar[Where] = "nowhere"

    def __init__(self, length: int, dim: int, heads: int) -> None:
        super().__init__()
        self.length, self.dim, self.heads = length, dim, heads

    @property
    def table(self) -> torch.Tensor | None:
        """One row a position, for a page to show; None where there is none."""
        return None

    def extra_repr(self) -> str:
        """Name the number of positions."""
        return f"length={self.length}"


class NoPosition(Encoding):
    """No positions: attention sees a bag of tokens."""

    def forward(self, x_BTD: torch.Tensor, start: int = 0) -> torch.Tensor:  # noqa: ARG002 - there is no place
        """Return x_BTD as it came."""
        return x_BTD


class Sinusoidal(Encoding):
    """Sines and cosines of geometrically spaced wavelengths, added (Vaswani et al. 2017, section 3.5).

    Our pair i of columns is the paper's dimensions 2i and 2i + 1.
    """

    where: ClassVar[Where] = "embedding"
    waves: torch.Tensor

    def __init__(self, length: int, dim: int, heads: int) -> None:
        super().__init__(length, dim, heads)
        angle_TF = angles(length, dim)
        waves_TF2 = torch.stack((angle_TF.sin(), angle_TF.cos()), dim=-1)
        self.register_buffer("waves", waves_TF2.flatten(-2), persistent=False)

    def forward(self, x_BTD: torch.Tensor, start: int = 0) -> torch.Tensor:
        """Add a row of waves to every token."""
        end = start + x_BTD.shape[-2]
        return x_BTD + self.waves[start:end]

    @property
    def table(self) -> torch.Tensor:
        """The waves (length, dim)."""
        return self.waves


class Learned(Encoding):
    """A free vector a position, added (Gehring et al. 2017; Dosovitskiy et al. 2021, section 3.1)."""

    where: ClassVar[Where] = "embedding"

    def __init__(self, length: int, dim: int, heads: int) -> None:
        super().__init__(length, dim, heads)
        self.rows = nn.Parameter(torch.empty(length, dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the rows from a normal of deviation 0.02, as ViT does."""
        nn.init.normal_(self.rows, std=0.02)

    def forward(self, x_BTD: torch.Tensor, start: int = 0) -> torch.Tensor:
        """Add a learned row to every token."""
        end = start + x_BTD.shape[-2]
        return x_BTD + self.rows[start:end]

    @property
    def table(self) -> torch.Tensor:
        """The rows (length, dim), as they are now."""
        return self.rows.detach()


class Rotary(Encoding):
    """Queries and keys turned by their position, so that scores see distances (Su et al. 2021, RoFormer).

    Our pair i of columns is turned by position * 10000^(-2i/K), the paper's m * theta_i.
    """

    where: ClassVar[Where] = "attention"
    cos: torch.Tensor
    sin: torch.Tensor

    def __init__(self, length: int, dim: int, heads: int) -> None:
        super().__init__(length, dim, heads)
        angle_TF = angles(length, dim // heads)
        self.register_buffer("cos", angle_TF.cos(), persistent=False)
        self.register_buffer("sin", angle_TF.sin(), persistent=False)

    def forward(self, x_BHTK: torch.Tensor, start: int = 0) -> torch.Tensor:
        """Turn each pair of columns by the token's angle; the norm stays."""
        end = start + x_BHTK.shape[-2]
        cos_TF, sin_TF = self.cos[start:end], self.sin[start:end]
        even, odd = x_BHTK[..., 0::2], x_BHTK[..., 1::2]
        turned_even = even * cos_TF - odd * sin_TF
        turned_odd = even * sin_TF + odd * cos_TF
        turned = torch.stack((turned_even, turned_odd), dim=-1)
        return turned.flatten(-2)

    @property
    def table(self) -> torch.Tensor:
        """The cosines (length, width of a head / 2)."""
        return self.cos


POSITIONS: dict[str, type[Encoding]] = {
    "none": NoPosition,
    "sinusoidal": Sinusoidal,
    "learned": Learned,
    "rotary": Rotary,
}


def angles(length: int, dim: int) -> torch.Tensor:
    """Return position * 10000^(-2i/dim) for each position and pair of columns, float32 (length, dim / 2).

    Raises:
        PodiumError: for an odd width, which has no pairs.

    >>> angles(3, 4)
    tensor([[0.0000, 0.0000],
            [1.0000, 0.0100],
            [2.0000, 0.0200]])
    """
    if dim % 2:
        msg = f"Sinusoidal and rotary positions need an even width; got {dim}. Change dim or heads."
        raise PodiumError(msg)
    position_T = torch.arange(length, dtype=torch.float64)
    frequency_F = 10_000.0 ** (-torch.arange(0, dim, 2, dtype=torch.float64) / dim)
    return torch.outer(position_T, frequency_F).float()
