"""ViT: a vision transformer that names one digit (Dosovitskiy et al. 2021, An Image is Worth 16x16 Words).

Unless `pool` says "class", it has no class token as the paper's has: the tokens are averaged (Zhai et al. 2022, Scaling
Vision Transformers, section 3.2), so that without positions it sees a bag of patches.
"""

from __future__ import annotations

import torch
from torch import nn

from podium.lab.models.patches import STEMS
from podium.lab.models.positions import POSITIONS
from podium.lab.models.transformer import Encoder
from podium.spec import ViTConfig

SIDE = 28  # pixels


class ClassToken(nn.Module):
    """A learned token before all others, whose place the answer is read from (Devlin et al. 2019, BERT)."""

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.row = nn.Parameter(torch.empty(dim))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the row from a normal of deviation 0.02, as ViT does."""
        nn.init.normal_(self.row, std=0.02)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return (B, 1 + T, D)."""
        first_B1D = self.row.expand(x_BTD.shape[0], 1, -1)
        return torch.cat((first_B1D, x_BTD), dim=1)


class ViT(nn.Module):
    """Patches, positions, encoder, average or class token, head."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.patches = STEMS[config.stem](SIDE, config.patch, config.dim)
        self.class_token = ClassToken(config.dim) if config.pool == "class" else None
        tokens = self.patches.tokens + (self.class_token is not None)
        self.position = POSITIONS[config.position](tokens, config.dim, config.heads)
        self.encoder = Encoder(
            config.dim,
            config.depth,
            config.heads,
            config.expansion,
            rotary=self.position if self.position.where == "attention" else None,
            dropout=config.dropout,
            attention=config.attention,
            scores=config.scores,
        )
        self.head = nn.Linear(config.dim, config.classes)

    def forward(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return logits (B, classes) for pictures (B, 1, 28, 28)."""
        x_BTD = self.patches(images_B1HW)
        if self.class_token is not None:
            x_BTD = self.class_token(x_BTD)
        if self.position.where == "embedding":
            x_BTD = self.position(x_BTD)
        x_BTD = self.encoder(x_BTD)
        return self.head(x_BTD.mean(dim=1) if self.class_token is None else x_BTD[:, 0])
