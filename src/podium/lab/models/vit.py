"""ViT: a vision transformer that names one digit (Dosovitskiy et al. 2021, An Image is Worth 16x16 Words).

Unlike the paper's, it has no class token: the tokens are averaged (Zhai et al. 2022, Scaling Vision Transformers,
section 3.2), so that without positions it sees a bag of patches.
"""

from __future__ import annotations

import torch
from torch import nn

from podium.lab.models.patches import PatchEmbedding
from podium.lab.models.positions import POSITIONS
from podium.lab.models.transformer import Encoder
from podium.spec import ViTConfig

SIDE = 28  # pixels
CLASSES = 10


class ViT(nn.Module):
    """Patches, positions, encoder, average, head."""

    def __init__(self, config: ViTConfig) -> None:
        super().__init__()
        self.patches = PatchEmbedding(SIDE, config.patch, config.dim)
        self.position = POSITIONS[config.position](self.patches.tokens, config.dim, config.heads)
        self.encoder = Encoder(
            config.dim,
            config.depth,
            config.heads,
            config.expansion,
            rotary=self.position if self.position.where == "attention" else None,
            dropout=config.dropout,
        )
        self.head = nn.Linear(config.dim, CLASSES)

    def forward(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 10) for pictures (B, 1, 28, 28)."""
        x_BTD = self.patches(images_B1HW)
        if self.position.where == "embedding":
            x_BTD = self.position(x_BTD)
        x_BTD = self.encoder(x_BTD)
        return self.head(x_BTD.mean(dim=1))
