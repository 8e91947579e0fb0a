"""Pre-norm transformer blocks (Vaswani et al. 2017; the norm's place: Xiong et al. 2020, On Layer Normalization).

Shapes: B batch, T tokens, S tokens of the memory, D model width.
"""

from __future__ import annotations

from functools import partial
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

from podium.lab.models.additive import AdditiveCrossAttention, AdditiveSelfAttention
from podium.lab.models.attention import CrossAttention, Past, SelfAttention
from podium.lab.models.dropout import Dropout
from podium.lab.models.positions import Encoding
from podium.lab.models.single_head import SingleCrossAttention, SingleSelfAttention
from podium.lab.models.torch_attention import TorchCrossAttention, TorchSelfAttention
from podium.spec import PodiumError

# By the config's `attention` and `scores`: every row computes the same function of the same weights, scores apart.
SELF_ATTENTIONS: dict[tuple[str, str], Any] = {
    ("multi", "dot"): SelfAttention,
    ("multi", "additive"): AdditiveSelfAttention,
    ("single", "dot"): SingleSelfAttention,
    ("single", "additive"): partial(SingleSelfAttention, additive=True),
    ("torch", "dot"): TorchSelfAttention,
}
CROSS_ATTENTIONS: dict[tuple[str, str], Any] = {
    ("multi", "dot"): CrossAttention,
    ("multi", "additive"): AdditiveCrossAttention,
    ("single", "dot"): SingleCrossAttention,
    ("single", "additive"): partial(SingleCrossAttention, additive=True),
    ("torch", "dot"): TorchCrossAttention,
}


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
        self,
        dim: int,
        heads: int,
        expansion: int,
        *,
        rotary: Encoding | None = None,
        dropout: float = 0.0,
        attention: str = "multi",
        scores: str = "dot",
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        make = chosen(SELF_ATTENTIONS, attention, scores)
        self.attention = make(dim, heads, rotary=rotary, dropout=dropout)
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
        self,
        dim: int,
        heads: int,
        expansion: int,
        *,
        rotary: Encoding | None = None,
        dropout: float = 0.0,
        attention: str = "multi",
        scores: str = "dot",
    ) -> None:
        super().__init__()
        self.attention_norm = nn.LayerNorm(dim)
        make = chosen(SELF_ATTENTIONS, attention, scores)
        self.attention = make(dim, heads, rotary=rotary, causal=True, dropout=dropout)
        self.cross_norm = nn.LayerNorm(dim)
        self.cross_attention = chosen(CROSS_ATTENTIONS, attention, scores)(dim, heads, dropout=dropout)
        self.forward_norm = nn.LayerNorm(dim)
        self.feed_forward = FeedForward(dim, expansion, dropout)
        self.attention_dropout = Dropout(dropout)
        self.cross_dropout = Dropout(dropout)
        self.forward_dropout = Dropout(dropout)

    def forward(
        self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor, padding_BT: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return (B, T, D); nobody looks at padding."""
        x_BTD = x_BTD + self.attention_dropout(self.attention(self.attention_norm(x_BTD), padding_BT))
        x_BTD = x_BTD + self.cross_dropout(self.cross_attention(self.cross_norm(x_BTD), memory_BSD))
        return x_BTD + self.forward_dropout(self.feed_forward(self.forward_norm(x_BTD)))

    def step(self, x_BTD: torch.Tensor, past: Past, memory: Past) -> torch.Tensor:
        """Return what `forward` gives for the newest tokens while evaluating; `past` learns of them."""
        x_BTD = x_BTD + self.attention.step(self.attention_norm(x_BTD), past)
        x_BTD = x_BTD + self.cross_attention.step(self.cross_norm(x_BTD), memory)
        return x_BTD + self.feed_forward(self.forward_norm(x_BTD))

    def start(self, memory_BSD: torch.Tensor) -> tuple[Past, Past]:
        """Return the empty past of the self-attention, and the memory's keys and values."""
        return self.attention.start(memory_BSD), self.cross_attention.start(memory_BSD)


class Encoder(nn.Module):
    """Blocks in a row, and a last norm; `how` is what every block takes: rotary, dropout, attention, scores."""

    def __init__(self, dim: int, depth: int, heads: int, expansion: int, **how: Any) -> None:
        super().__init__()
        self.blocks = nn.ModuleList(EncoderBlock(dim, heads, expansion, **how) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return (B, T, D)."""
        for block in self.blocks:
            x_BTD = block(x_BTD)
        return self.norm(x_BTD)


class Decoder(nn.Module):
    """Blocks in a row that look at a memory, and a last norm; `how` is what every block takes."""

    def __init__(self, dim: int, depth: int, heads: int, expansion: int, **how: Any) -> None:
        super().__init__()
        self.blocks: Any = nn.ModuleList(DecoderBlock(dim, heads, expansion, **how) for _ in range(depth))
        self.norm = nn.LayerNorm(dim)

    def forward(
        self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor, padding_BT: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return (B, T, D); nobody looks at padding."""
        for block in self.blocks:
            x_BTD = block(x_BTD, memory_BSD, padding_BT)
        return self.norm(x_BTD)

    def step(self, x_BTD: torch.Tensor, pasts: list[tuple[Past, Past]]) -> torch.Tensor:
        """Return what `forward` gives for the newest tokens while evaluating; the pasts learn of them."""
        for block, (past, memory) in zip(self.blocks, pasts, strict=True):
            x_BTD = block.step(x_BTD, past, memory)
        return self.norm(x_BTD)

    def start(self, memory_BSD: torch.Tensor) -> list[tuple[Past, Past]]:
        """Return each block's empty past and its keys and values of the memory."""
        return [block.start(memory_BSD) for block in self.blocks]


def chosen(table: dict[tuple[str, str], Any], attention: str, scores: str) -> Any:
    """Return the kind of attention that a config names.

    Raises:
        PodiumError: for torch's own with additive scores, which it does not have.
    """
    if (attention, scores) not in table:
        msg = f"attention={attention!r} has no {scores} scores. Take attention='single' or 'multi', or scores='dot'."
        raise PodiumError(msg)
    return table[attention, scores]
