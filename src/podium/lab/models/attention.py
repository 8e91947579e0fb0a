"""Attention, written out (Vaswani et al. 2017, Attention Is All You Need, section 3.2).

Shapes: B batch, T queries, S keys, D model width, H heads, K width of a head.
Keys have no bias: its true gradient is zero, and Adam turns the rounding noise in its place into full steps.
"""

from __future__ import annotations

import math

import torch
from torch import nn

from podium.lab.models.dropout import Dropout
from podium.lab.models.positions import Encoding
from podium.spec import PodiumError


class SelfAttention(nn.Module):
    """Every token looks at every other, or with `causal` only at earlier ones and itself."""

    def __init__(
        self, dim: int, heads: int, *, rotary: Encoding | None = None, causal: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.heads = _checked_heads(dim, heads)
        self.causal = causal
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim)
        self.rotary = rotary
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(dim, dim)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Mix the values of all tokens by the likeness of query and key."""
        q_BHTK = split(self.query(x_BTD), self.heads)
        k_BHTK = split(self.key(x_BTD), self.heads)
        v_BHTK = split(self.value(x_BTD), self.heads)
        if self.rotary is not None:
            q_BHTK, k_BHTK = self.rotary(q_BHTK), self.rotary(k_BHTK)
        scores_BHTT = q_BHTK @ k_BHTK.mT / math.sqrt(q_BHTK.shape[-1])
        if self.causal:
            scores_BHTT = scores_BHTT.masked_fill(later(scores_BHTT), -math.inf)
        weights_BHTT = self.dropout(scores_BHTT.softmax(dim=-1))
        return self.output(merge(weights_BHTT @ v_BHTK))


class CrossAttention(nn.Module):
    """Every token of one sequence looks at every token of another."""

    def __init__(self, dim: int, heads: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = _checked_heads(dim, heads)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(dim, dim)

    def forward(self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor) -> torch.Tensor:
        """Mix the values of the memory by the likeness of our query and its key."""
        q_BHTK = split(self.query(x_BTD), self.heads)
        k_BHSK = split(self.key(memory_BSD), self.heads)
        v_BHSK = split(self.value(memory_BSD), self.heads)
        scores_BHTS = q_BHTK @ k_BHSK.mT / math.sqrt(q_BHTK.shape[-1])
        weights_BHTS = self.dropout(scores_BHTS.softmax(dim=-1))
        return self.output(merge(weights_BHTS @ v_BHSK))


def split(x_BTD: torch.Tensor, heads: int) -> torch.Tensor:
    """Cut the width into heads: (B, T, D) to (B, H, T, K)."""
    return x_BTD.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge(x_BHTK: torch.Tensor) -> torch.Tensor:
    """Put the heads side by side again: (B, H, T, K) to (B, T, D)."""
    return x_BHTK.transpose(1, 2).flatten(-2)


def later(scores_BHTT: torch.Tensor) -> torch.Tensor:
    """Return True where a query would look at a later key: bool (T, T)."""
    tokens = scores_BHTT.shape[-1]
    return torch.ones(tokens, tokens, dtype=torch.bool, device=scores_BHTT.device).triu(1)


def _checked_heads(dim: int, heads: int) -> int:
    if heads < 1 or dim % heads:
        msg = f"dim must be a multiple of heads; got dim={dim} and heads={heads}."
        raise PodiumError(msg)
    return heads
