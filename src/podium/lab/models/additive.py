"""Attention with additive scores: a small network compares query and key (Bahdanau et al. 2015, section 3.1).

Our query and key weights are the paper's W_a and U_a, our `comparison` its v_a, one a head. Shapes as in `attention`.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from podium.lab.models.attention import CrossAttention, SelfAttention, later, merge, split


class Comparison(nn.Module):
    """Scores v tanh(q + k), one v a head: (B, H, T, K) and (B, H, S, K) to (B, H, T, S)."""

    def __init__(self, heads: int, width: int) -> None:
        super().__init__()
        self.rows = nn.Parameter(torch.empty(heads, width))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw v as torch draws a linear layer's weights from this width."""
        bound = 1 / math.sqrt(self.rows.shape[-1])
        nn.init.uniform_(self.rows, -bound, bound)

    def forward(self, q_BHTK: torch.Tensor, k_BHSK: torch.Tensor) -> torch.Tensor:
        """Return the scores (B, H, T, S)."""
        sum_BHTSK = q_BHTK.unsqueeze(-2) + k_BHSK.unsqueeze(-3)
        return (sum_BHTSK.tanh() * self.rows[:, None, None]).sum(dim=-1)


class AdditiveSelfAttention(SelfAttention):
    """Every token looks at every other, or with `causal` only at earlier ones and itself."""

    def __init__(self, dim: int, heads: int, **rest: Any) -> None:
        super().__init__(dim, heads, **rest)
        self.comparison = Comparison(heads, dim // heads)

    def forward(self, x_BTD: torch.Tensor, padding_BT: torch.Tensor | None = None) -> torch.Tensor:
        """Mix the values of all tokens by what the comparison says of query and key; nobody looks at padding."""
        q_BHTK = split(self.query(x_BTD), self.heads)
        k_BHTK = split(self.key(x_BTD), self.heads)
        v_BHTK = split(self.value(x_BTD), self.heads)
        if self.rotary is not None:
            q_BHTK, k_BHTK = self.rotary(q_BHTK), self.rotary(k_BHTK)
        scores_BHTT = self.comparison(q_BHTK, k_BHTK)
        if self.causal:
            scores_BHTT = scores_BHTT.masked_fill(later(scores_BHTT), -math.inf)
        if padding_BT is not None:
            scores_BHTT = scores_BHTT.masked_fill(padding_BT[:, None, None], -math.inf)
        weights_BHTT = self.dropout(scores_BHTT.softmax(dim=-1))
        return self.output(merge(weights_BHTT @ v_BHTK))

    def scores(self, q_BHTK: torch.Tensor, k_BHSK: torch.Tensor) -> torch.Tensor:
        """Return the comparison's scores, (B, H, T, S)."""
        return self.comparison(q_BHTK, k_BHSK)


class AdditiveCrossAttention(CrossAttention):
    """Every token of one sequence looks at every token of another."""

    def __init__(self, dim: int, heads: int, **rest: Any) -> None:
        super().__init__(dim, heads, **rest)
        self.comparison = Comparison(heads, dim // heads)

    def forward(self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor) -> torch.Tensor:
        """Mix the values of the memory by what the comparison says of our query and its key."""
        q_BHTK = split(self.query(x_BTD), self.heads)
        k_BHSK = split(self.key(memory_BSD), self.heads)
        v_BHSK = split(self.value(memory_BSD), self.heads)
        scores_BHTS = self.comparison(q_BHTK, k_BHSK)
        weights_BHTS = self.dropout(scores_BHTS.softmax(dim=-1))
        return self.output(merge(weights_BHTS @ v_BHSK))

    scores = AdditiveSelfAttention.scores
