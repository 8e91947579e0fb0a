"""Attention by torch's own `scaled_dot_product_attention`: one fused kernel, whose weights nobody sees.

Its dropout would draw from hidden state, and its backward has no rule for vmap. So while training with dropout, and
where `in_the_open` is set, the same layers compute what `attention` writes out. Dao et al. 2022, FlashAttention.
"""

from __future__ import annotations

import torch
from torch.nn import functional as F

from podium.lab.models.attention import CrossAttention, SelfAttention, later, merge, split


class TorchSelfAttention(SelfAttention):
    """Every token looks at every other, or with `causal` only at earlier ones and itself.

    Attributes:
        in_the_open: compute the weights explicitly: for those who want to see them, and under vmap.
    """

    in_the_open = False

    def forward(self, x_BTD: torch.Tensor, padding_BT: torch.Tensor | None = None) -> torch.Tensor:
        """Mix the values of all tokens by the likeness of query and key; nobody looks at padding."""
        if self.in_the_open or (self.training and self.dropout.p):
            return super().forward(x_BTD, padding_BT)
        q_BHTK, k_BHTK, v_BHTK = self.projected(x_BTD, x_BTD)
        if self.rotary is not None:
            q_BHTK, k_BHTK = self.rotary(q_BHTK), self.rotary(k_BHTK)
        if padding_BT is None:
            return self.output(merge(F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, is_causal=self.causal)))
        seen_B1TT = ~padding_BT[:, None, None]
        if self.causal:
            seen_B1TT = seen_B1TT & ~later(padding_BT)
        return self.output(merge(F.scaled_dot_product_attention(q_BHTK, k_BHTK, v_BHTK, attn_mask=seen_B1TT)))


class TorchCrossAttention(CrossAttention):
    """Every token of one sequence looks at every token of another.

    Attributes:
        in_the_open: compute the weights explicitly: for those who want to see them, and under vmap.
    """

    in_the_open = False

    def forward(self, x_BTD: torch.Tensor, memory_BSD: torch.Tensor) -> torch.Tensor:
        """Mix the values of the memory by the likeness of our query and its key."""
        if self.in_the_open or (self.training and self.dropout.p):
            return super().forward(x_BTD, memory_BSD)
        q_BHTK = split(self.query(x_BTD), self.heads)
        k_BHSK, v_BHSK = split(self.key(memory_BSD), self.heads), split(self.value(memory_BSD), self.heads)
        return self.output(merge(F.scaled_dot_product_attention(q_BHTK, k_BHSK, v_BHSK)))
