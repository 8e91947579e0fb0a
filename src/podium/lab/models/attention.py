"""Attention, written out (Vaswani et al. 2017, Attention Is All You Need, section 3.2).

Here all heads share one projection; `single_head`, `additive` and `torch_attention` write the same otherwise.

Shapes: B batch, T queries, S keys, D model width, H heads, K width of a head.
Keys have no bias: its true gradient is zero, and Adam turns the rounding noise in its place into full steps.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from podium.lab.models.dropout import Dropout
from podium.lab.models.positions import Encoding
from podium.spec import PodiumError


@dataclass
class Past:
    """The keys and values that a layer has made already: what a key-value cache keeps.

    Attributes:
        keys: (B, H, S, K), of the tokens so far, turned by their places; empty at first.
        values: (B, H, S, K), likewise.
    """

    keys: Tensor
    values: Tensor

    @property
    def tokens(self) -> int:
        """Count the tokens so far."""
        return self.keys.shape[-2]

    def extend(self, keys_BHTK: Tensor, values_BHTK: Tensor) -> None:
        """Add what newer tokens brought."""
        self.keys = torch.cat((self.keys, keys_BHTK), dim=-2)
        self.values = torch.cat((self.values, values_BHTK), dim=-2)

    def rows(self, chosen_N: Tensor) -> None:
        """Keep some rows of the batch, in this order: the readings that a beam search goes on with."""
        self.keys, self.values = self.keys[chosen_N], self.values[chosen_N]


class SelfAttention(nn.Module):
    """Every token looks at every other, or with `causal` only at earlier ones and itself."""

    def __init__(
        self, dim: int, heads: int, *, rotary: Encoding | None = None, causal: bool = False, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.heads = checked_heads(dim, heads)
        self.causal = causal
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim)
        self.rotary = rotary
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(dim, dim)

    def forward(self, x_BTD: Tensor, padding_BT: Tensor | None = None) -> Tensor:
        """Mix the values of all tokens by the likeness of query and key; nobody looks at padding."""
        q_BHTK = split(self.query(x_BTD), self.heads)
        k_BHTK = split(self.key(x_BTD), self.heads)
        v_BHTK = split(self.value(x_BTD), self.heads)
        if self.rotary is not None:
            q_BHTK, k_BHTK = self.rotary(q_BHTK), self.rotary(k_BHTK)
        scores_BHTT = q_BHTK @ k_BHTK.mT / math.sqrt(q_BHTK.shape[-1])
        if self.causal:
            scores_BHTT = scores_BHTT.masked_fill(later(scores_BHTT), -math.inf)
        if padding_BT is not None:
            scores_BHTT = hidden(scores_BHTT, padding_BT)
        weights_BHTT = self.dropout(scores_BHTT.softmax(dim=-1))
        return self.output(merge(weights_BHTT @ v_BHTK))

    def step(self, x_BTD: Tensor, past: Past) -> Tensor:
        """Return what `forward` gives for the newest tokens, with the earlier ones' keys and values from the past."""
        q_BHTK, k_BHTK, v_BHTK = self.projected(x_BTD, x_BTD)
        if self.rotary is not None:
            q_BHTK, k_BHTK = self.rotary(q_BHTK, past.tokens), self.rotary(k_BHTK, past.tokens)
        past.extend(k_BHTK, v_BHTK)
        weights_BHTS = self.scores(q_BHTK, past.keys).softmax(dim=-1)
        return self.output(merge(weights_BHTS @ past.values))

    def start(self, x_BTD: Tensor) -> Past:
        """Return the past of no token at all, for a batch like this one."""
        _, k_BHTK, v_BHTK = self.projected(x_BTD[:, :0], x_BTD[:, :0])
        return Past(k_BHTK, v_BHTK)

    def projected(self, x_BTD: Tensor, memory_BSD: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return queries, keys and values, (B, H, T or S, K)."""
        return (
            split(self.query(x_BTD), self.heads),
            split(self.key(memory_BSD), self.heads),
            split(self.value(memory_BSD), self.heads),
        )

    def scores(self, q_BHTK: Tensor, k_BHSK: Tensor) -> Tensor:
        """Return how alike each query and key are, (B, H, T, S)."""
        return q_BHTK @ k_BHSK.mT / math.sqrt(q_BHTK.shape[-1])


class CrossAttention(nn.Module):
    """Every token of one sequence looks at every token of another."""

    def __init__(self, dim: int, heads: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.heads = checked_heads(dim, heads)
        self.query = nn.Linear(dim, dim)
        self.key = nn.Linear(dim, dim, bias=False)
        self.value = nn.Linear(dim, dim)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(dim, dim)

    def forward(self, x_BTD: Tensor, memory_BSD: Tensor) -> Tensor:
        """Mix the values of the memory by the likeness of our query and its key."""
        q_BHTK = split(self.query(x_BTD), self.heads)
        k_BHSK = split(self.key(memory_BSD), self.heads)
        v_BHSK = split(self.value(memory_BSD), self.heads)
        scores_BHTS = q_BHTK @ k_BHSK.mT / math.sqrt(q_BHTK.shape[-1])
        weights_BHTS = self.dropout(scores_BHTS.softmax(dim=-1))
        return self.output(merge(weights_BHTS @ v_BHSK))

    def step(self, x_BTD: Tensor, past: Past) -> Tensor:
        """Return what `forward` gives, with the memory's keys and values from `start`."""
        q_BHTK, _, _ = self.projected(x_BTD, x_BTD[:, :0])
        weights_BHTS = self.scores(q_BHTK, past.keys).softmax(dim=-1)
        return self.output(merge(weights_BHTS @ past.values))

    def start(self, memory_BSD: Tensor) -> Past:
        """Return the memory's keys and values: made once, looked at for every token."""
        _, k_BHSK, v_BHSK = self.projected(memory_BSD[:, :0], memory_BSD)
        return Past(k_BHSK, v_BHSK)

    projected = SelfAttention.projected
    scores = SelfAttention.scores


def split(x_BTD: Tensor, heads: int) -> Tensor:
    """Cut the width into heads: (B, T, D) to (B, H, T, K)."""
    return x_BTD.unflatten(-1, (heads, -1)).transpose(1, 2)


def merge(x_BHTK: Tensor) -> Tensor:
    """Put the heads side by side again: (B, H, T, K) to (B, T, D)."""
    return x_BHTK.transpose(1, 2).flatten(-2)


def hidden(scores_BHTS: Tensor, padding_BS: Tensor) -> Tensor:
    """Return the scores, -inf where a key is padding."""
    return scores_BHTS.masked_fill(padding_BS[:, None, None], -math.inf)


def later(scores_BHTT: Tensor) -> Tensor:
    """Return True where a query would look at a later key: bool (T, T)."""
    tokens = scores_BHTT.shape[-1]
    return torch.ones(tokens, tokens, dtype=torch.bool, device=scores_BHTT.device).triu(1)


def checked_heads(dim: int, heads: int) -> int:
    """Return the number of heads.

    Raises:
        PodiumError: where it does not divide the width.
    """
    if heads < 1 or dim % heads:
        msg = f"dim must be a multiple of heads; got dim={dim} and heads={heads}."
        raise PodiumError(msg)
    return heads
