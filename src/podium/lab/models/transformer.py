"""Pre-norm transformer blocks (Vaswani et al. 2017; the norm's place: Xiong et al. 2020, On Layer Normalization).

Shapes: B batch, T tokens, S tokens of the memory, D model width.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as everybody writes it

from podium.lab.models.attention import CrossAttention, SelfAttention
from podium.lab.models.dropout import Dropout
from podium.lab.models.positions import Encoding


class FeedForward(nn.Module):
    """Two linear layers with a GELU between them, the same for every token."""

    def __init__(self, dim: int, expansion: int, dropout: float = 0.0) -> None:
        super().__init__()
        self.widen = nn.Linear(dim, dim * expansion)
        self.dropout = Dropout(dropout)
        self.narrow = nn.Linear(dim * expansion, dim)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return (B, T, D)."""
        return self.narrow(self.dropout(F.gelu(self.widen(x_BTD))))


class EncoderBlock(nn.Module):
    """Self-attention, then feed-forward; each behind a norm and beside a shortcut."""

    def __init__(
        self, dim: int, heads: int, expansion: int, *, rotary: Encoding | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, heads, rotary=rotary, dropout=dropout)
        self.forward_norm = nn.LayerNorm(dim)
        self.feed_forward = FeedForward(dim, expansion, dropout)
        self.attention_dropout = Dropout(dropout)
        self.forward_dropout = Dropout(dropout)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return (B, T, D)."""
        x_BTD = x_BTD + self.attention_dropout(self.attention(self.attention_norm(x_BTD)))
        return x_BTD + self.forward_dropout(self.feed_forward(self.forward_norm(x_BTD)))


class DecoderBlock(nn.Module):
    """Causal self-attention, cross-attention to the memory, then feed-forward."""

    def __init__(
        self, dim: int, heads: int, expansion: int, *, rotary: Encoding | None = None, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        self.attention = SelfAttention(dim, heads, rotary=rotary, causal=True, dropout=dropout)
        self.cross_norm = nn.LayerNorm(dim)
        self.cross_attention = CrossAttention(dim, heads, dropout=dropout)
        self.forward_norm = nn.LayerNorm(dim)
        self.feed_forward = FeedForward(dim, expansion, dropout)
        self.attention_dropout = Dropout(dropout)
        self.cross_dropout = Dropout(dropout)
        self.forward_dropout = Dropout(dropout)

    def forward(self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor) -> torch.Tensor:
        """Return (B, T, D)."""
        x_BTD = x_BTD + self.attention_dropout(self.attention(self.attention_norm(x_BTD)))
        x_BTD = x_BTD + self.cross_dropout(self.cross_attention(self.cross_norm(x_BTD), memory_BSD))
        return x_BTD + self.forward_dropout(self.feed_forward(self.forward_norm(x_BTD)))


class Encoder(nn.Module):
    """Blocks in a row, and a last norm."""

    def __init__(
        self,
        dim: int,
        depth: int,
        heads: int,
        expansion: int,
        *,
        rotary: Encoding | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            EncoderBlock(dim, heads, expansion, rotary=rotary, dropout=dropout) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return (B, T, D)."""
        for block in self.blocks:
            x_BTD = block(x_BTD)
        return self.norm(x_BTD)


class Decoder(nn.Module):
    """Blocks in a row that look at a memory, and a last norm."""

    def __init__(
        self,
        dim: int,
        depth: int,
        heads: int,
        expansion: int,
        *,
        rotary: Encoding | None = None,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(
            DecoderBlock(dim, heads, expansion, rotary=rotary, dropout=dropout) for _ in range(depth)
        )
        self.norm = nn.LayerNorm(dim)

    def forward(self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor) -> torch.Tensor:
        """Return (B, T, D)."""
        for block in self.blocks:
            x_BTD = block(x_BTD, memory_BSD)
        return self.norm(x_BTD)
