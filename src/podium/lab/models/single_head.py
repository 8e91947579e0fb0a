"""Attention head by head: each head is a small attention of its own, and their answers stand side by side.

The same as `attention`, whose one projection holds the heads' weights stacked (Vaswani et al. 2017, section 3.2.2).
Shapes: B batch, T queries, S keys, D model width, H heads, K width of a head.
"""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from podium.lab.models.additive import Comparison
from podium.lab.models.attention import CrossAttention, SelfAttention, checked_heads, later
from podium.lab.models.dropout import Dropout
from podium.lab.models.positions import Encoding


class SingleHead(nn.Module):
    """One head: queries of one sequence look at keys of another or of the same."""

    def __init__(
        self, dim: int, width: int, *, rotary: Encoding | None, causal: bool, additive: bool, dropout: float
    ) -> None:
        super().__init__()
        self.query = nn.Linear(dim, width)
        self.key = nn.Linear(dim, width, bias=False)
        self.value = nn.Linear(dim, width)
        self.comparison = Comparison(1, width) if additive else None
        self.rotary = rotary
        self.causal = causal
        self.dropout = Dropout(dropout)

    def forward(
        self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor, padding_BS: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Return the mixed values (B, T, K); nobody looks at padding."""
        q_BTK, k_BSK, v_BSK = self.query(x_BTD), self.key(memory_BSD), self.value(memory_BSD)
        if self.rotary is not None:
            q_BTK, k_BSK = self.rotary(q_BTK), self.rotary(k_BSK)
        scores_BTS = self.scores(q_BTK, k_BSK)
        if self.causal:
            scores_BTS = scores_BTS.masked_fill(later(scores_BTS), -math.inf)
        if padding_BS is not None:
            scores_BTS = scores_BTS.masked_fill(padding_BS[:, None], -math.inf)
        weights_BTS = self.dropout(scores_BTS.softmax(dim=-1))
        return weights_BTS @ v_BSK

    def scores(self, q_BTK: torch.Tensor, k_BSK: torch.Tensor) -> torch.Tensor:
        """Return how alike each query and key are, (B, T, S)."""
        if self.comparison is not None:
            return self.comparison(q_BTK[:, None], k_BSK[:, None]).squeeze(1)
        return q_BTK @ k_BSK.mT / math.sqrt(q_BTK.shape[-1])


class SingleSelfAttention(SelfAttention):
    """Every token looks at every other, or with `causal` only at earlier ones and itself; head by head."""

    def __init__(
        self,
        dim: int,
        heads: int,
        *,
        rotary: Encoding | None = None,
        causal: bool = False,
        dropout: float = 0.0,
        additive: bool = False,
    ) -> None:
        nn.Module.__init__(self)  # it has its own layers
        width = dim // checked_heads(dim, heads)
        self.rotary = rotary
        self.singles: Any = nn.ModuleList(
            SingleHead(dim, width, rotary=rotary, causal=causal, additive=additive, dropout=dropout)
            for _ in range(heads)
        )
        self.output = nn.Linear(dim, dim)

    def forward(self, x_BTD: torch.Tensor, padding_BT: torch.Tensor | None = None) -> torch.Tensor:
        """Put the heads' answers side by side."""
        return self.output(torch.cat([head(x_BTD, x_BTD, padding_BT) for head in self.singles], dim=-1))

    def projected(
        self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Return the heads' queries, keys and values, (B, H, T or S, K)."""
        return (
            torch.stack([head.query(x_BTD) for head in self.singles], dim=1),
            torch.stack([head.key(memory_BSD) for head in self.singles], dim=1),
            torch.stack([head.value(memory_BSD) for head in self.singles], dim=1),
        )

    def scores(self, q_BHTK: torch.Tensor, k_BHSK: torch.Tensor) -> torch.Tensor:
        """Return the heads' scores, (B, H, T, S)."""
        pairs = zip(self.singles, q_BHTK.unbind(1), k_BHSK.unbind(1), strict=True)
        return torch.stack([head.scores(q_BTK, k_BSK) for head, q_BTK, k_BSK in pairs], dim=1)


class SingleCrossAttention(CrossAttention):
    """Every token of one sequence looks at every token of another; head by head."""

    def __init__(self, dim: int, heads: int, *, dropout: float = 0.0, additive: bool = False) -> None:
        nn.Module.__init__(self)  # it has its own layers
        width = dim // checked_heads(dim, heads)
        self.singles: Any = nn.ModuleList(
            SingleHead(dim, width, rotary=None, causal=False, additive=additive, dropout=dropout) for _ in range(heads)
        )
        self.output = nn.Linear(dim, dim)

    def forward(self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor) -> torch.Tensor:
        """Put the heads' answers side by side."""
        return self.output(torch.cat([head(x_BTD, memory_BSD) for head in self.singles], dim=-1))

    projected = SingleSelfAttention.projected
    scores = SingleSelfAttention.scores
