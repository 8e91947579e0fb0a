"""One positional encoding for a whole cohort: which kind a variant has is data, so that all kinds share their steps.

Adding rows of zeros and turning by cosine 1 and sine 0 change no bit of what they meet. Every model with positions gets
this form in a cohort, even where all have the same kind: a variant's bits do not depend on its company.

Shapes: T positions, D model width, F pairs of columns of a head.
"""

from __future__ import annotations

from copy import deepcopy
from typing import ClassVar

import torch
from torch import nn

from podium.lab.models import build_model
from podium.lab.models.positions import Encoding, Learned, Rotary, Sinusoidal, Where
from podium.spec import Config, PodiumError

ROTARY = "rotary"  # what attention calls the encoding of its queries and keys


class Added(Encoding):
    """Rows added to the embeddings: learned ones, waves that do not learn, or zeros."""

    where: ClassVar[Where] = "embedding"

    def __init__(self, own: Encoding) -> None:
        super().__init__(own.length, own.dim, own.heads)
        rows_TD = torch.zeros(own.length, own.dim)
        if isinstance(own, Learned):
            rows_TD = own.rows.detach().clone()
        elif isinstance(own, Sinusoidal):
            rows_TD = own.waves.clone()
        self.rows = nn.Parameter(rows_TD, requires_grad=isinstance(own, Learned))

    def forward(self, x_BTD: torch.Tensor, start: int = 0) -> torch.Tensor:
        """Add a row to every token, the first of which stands at `start`."""
        return x_BTD + self.rows[start : start + x_BTD.shape[-2]]


class Turned(Rotary):
    """Queries and keys turned: by their place, or by nothing."""

    def __init__(self, like: Encoding, *, turns: bool) -> None:
        super().__init__(like.length, like.dim, like.heads)
        if not turns:
            self.cos = torch.ones_like(self.cos)
            self.sin = torch.zeros_like(self.sin)


def with_shared_encoding(config: Config, own: nn.Module) -> nn.Module:
    """Return a model that computes what `own` does, in the form that all kinds of encoding share.

    Args:
        config: of the variant.
        own: the variant's model, as `build_model` makes it; a copy is returned where it has no positions.
    """
    encodings = {name: module for name, module in own.named_modules() if isinstance(module, Encoding)}
    if not encodings or not hasattr(config, "position"):
        return deepcopy(own)
    model = _turning(config)
    model.load_state_dict(own.state_dict(), strict=False)
    turns = config.position == "rotary"
    turned: dict[int, Turned] = {}
    for path, module in list(model.named_modules()):
        for name, child in list(module.named_children()):
            if not isinstance(child, Encoding):
                continue
            if name == ROTARY:
                shared = turned.setdefault(id(child), Turned(child, turns=turns))
                setattr(module, name, shared)
            else:
                setattr(module, name, Added(encodings[f"{path}.{name}".lstrip(".")]))
    return model


def _turning(config: Config) -> nn.Module:
    """Build the model with rotary positions; with learned ones where its heads' width is odd and cannot be turned."""
    try:
        return build_model(config.but(position="rotary"))
    except PodiumError:
        return build_model(config.but(position="learned"))
