"""CNN: a plain convolutional network that names one digit, the yardstick (LeCun et al. 1998, LeNet-5)."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional as F  # noqa: N812 - as everybody writes it

from podium.lab.models.dropout import Dropout
from podium.spec import CNNConfig

CLASSES = 10
REST = 7 * 7  # pixels that two poolings leave of 28 x 28


class CNN(nn.Module):
    """Two convolutions with ReLU and pooling, a hidden layer, a head."""

    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, config.channels, kernel_size=3, padding=1)
        self.second = nn.Conv2d(config.channels, 2 * config.channels, kernel_size=3, padding=1)
        self.hidden = nn.Linear(2 * config.channels * REST, config.dim)
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(config.dim, CLASSES)

    def forward(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return logits (B, 10) for pictures (B, 1, 28, 28)."""
        maps_BCHW = F.max_pool2d(F.relu(self.first(images_B1HW)), 2)
        maps_BCHW = F.max_pool2d(F.relu(self.second(maps_BCHW)), 2)
        hidden_BD = F.relu(self.hidden(maps_BCHW.flatten(1)))
        return self.head(self.dropout(hidden_BD))
