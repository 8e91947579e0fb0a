"""Decoding: from a memory to tokens, one after the other; a cache keeps what each layer has computed already.

Shapes: B batch, W readings that a beam keeps, T tokens, S tokens of the memory, D model width, V kinds of token.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch

from podium.lab.transcripts import END, PADDING, START

if TYPE_CHECKING:
    from podium.lab.models.token_reader import TokenReader


def greedy(model: TokenReader, memory_BSD: torch.Tensor) -> torch.Tensor:
    """Take the likeliest token at every place: int64 (B, digits + 1), digits, then END, then PADDING."""
    pasts = model.start(memory_BSD)
    token_B = torch.full((len(memory_BSD),), START, device=memory_BSD.device)
    done_B = torch.zeros_like(token_B, dtype=torch.bool)
    read: list[torch.Tensor] = []
    for place in range(model.digits + 1):
        token_B = model.following(token_B, place, pasts).argmax(dim=-1).masked_fill(done_B, PADDING)
        done_B = done_B | (token_B == END)
        read.append(token_B)
    return torch.stack(read, dim=1)


def beam(model: TokenReader, memory_BSD: torch.Tensor) -> torch.Tensor:
    """Go on with the `model.beam` likeliest beginnings at every place, and return the likeliest reading of them.

    Lowerre 1976, The HARPY Speech Recognition System; as Sutskever et al. 2014, section 3.2, use it. A reading's
    likelihood is the product of its tokens', END included; what follows END costs nothing. With `beam` 1 it is greedy.

    Returns:
        int64 (B, digits + 1), as `greedy` does.
    """
    batch, width = len(memory_BSD), model.beam
    device = memory_BSD.device
    own_BW = torch.arange(batch, device=device)[:, None].expand(batch, width)
    pasts = model.start(memory_BSD)
    for past, memory in pasts:
        past.rows(own_BW.flatten())
        memory.rows(own_BW.flatten())
    token_BW = torch.full((batch, width), START, device=device)
    done_BW = torch.zeros_like(token_BW, dtype=torch.bool)
    likely_BW = torch.full((batch, width), -math.inf, device=device)
    likely_BW[:, 0] = 0.0  # at first all are the same reading: go on from one
    read_BWT = token_BW.unsqueeze(-1)[..., :0]
    for place in range(model.digits + 1):
        logits_BWV = model.following(token_BW.flatten(), place, pasts).float().unflatten(0, (batch, width))
        next_BWV = logits_BWV.log_softmax(dim=-1).masked_fill(done_BW[..., None], -math.inf)
        next_BWV[..., PADDING] = torch.where(done_BW, 0.0, next_BWV[..., PADDING])
        kinds = next_BWV.shape[-1]
        likely_BW, best_BW = (likely_BW[..., None] + next_BWV).flatten(1).topk(width, dim=1)
        parent_BW, token_BW = best_BW // kinds, best_BW % kinds
        done_BW = done_BW.gather(1, parent_BW) | (token_BW == END)
        earlier_BWT = read_BWT.gather(1, parent_BW[..., None].expand(batch, width, place))
        read_BWT = torch.cat((earlier_BWT, token_BW[..., None]), dim=-1)
        for past, _ in pasts:  # a parent is of the same picture: the memory stays
            past.rows((own_BW * width + parent_BW).flatten())
    return read_BWT[:, 0]


DECODINGS: dict[str, Callable[[TokenReader, torch.Tensor], torch.Tensor]] = {"greedy": greedy, "beam": beam}
