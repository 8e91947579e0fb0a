"""Hidden randomness: torch's own, which layers draw from that are not ours (a user's nn.Dropout).

It is set anew at every step, from (seed, step), so that such a model resumes as exactly as ours; and put back.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch

from podium.lab.randomness import key
from podium.spec import Config, is_own


def drawn_here(config: Config, device: torch.device) -> AbstractContextManager[None]:
    """Leave torch's randomness as it was after the run of a model that may draw from it."""
    if not is_own(config):
        return nullcontext()
    return torch.random.fork_rng(devices=[device] if device.type == "cuda" else [])


def drawn_at(config: Config, step: int) -> None:
    """Set torch's randomness for one step of such a model."""
    if is_own(config):
        torch.manual_seed(key(config.seed, step, "torch"))
