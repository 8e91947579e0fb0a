"""CNN: a convolutional network that names one digit, the yardstick (LeCun et al. 1998, LeNet-5)."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional as F

from podium.lab.models.dropout import Dropout
from podium.spec import CNNConfig, PodiumError

REST = 7 * 7  # pixels that two poolings leave of 28 x 28
GROUPS = 8  # of channels that are normed together, where they divide the channels


class PlainBlock(nn.Module):
    """A convolution and a ReLU."""

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(inside, outside, kernel_size=3, padding=1)

    def forward(self, maps_BCHW: torch.Tensor) -> torch.Tensor:
        """Return as many pixels."""
        return F.relu(self.convolution(maps_BCHW))


class ResidualBlock(nn.Module):
    """Two convolutions beside a shortcut (He et al. 2016, Deep Residual Learning for Image Recognition, figure 2).

    Its norms are over groups of channels (Wu and He 2018, Group Normalization): what one picture becomes does not
    depend on the others of its batch.
    """

    def __init__(self, inside: int, outside: int) -> None:
        super().__init__()
        groups = GROUPS if outside % GROUPS == 0 else 1
        self.first = nn.Conv2d(inside, outside, kernel_size=3, padding=1, bias=False)
        self.first_norm = nn.GroupNorm(groups, outside)
        self.second = nn.Conv2d(outside, outside, kernel_size=3, padding=1, bias=False)
        self.second_norm = nn.GroupNorm(groups, outside)
        self.shortcut = nn.Identity() if inside == outside else nn.Conv2d(inside, outside, kernel_size=1)

    def forward(self, maps_BCHW: torch.Tensor) -> torch.Tensor:
        """Return as many pixels."""
        inner_BCHW = F.relu(self.first_norm(self.first(maps_BCHW)))
        inner_BCHW = self.second_norm(self.second(inner_BCHW))
        return F.relu(inner_BCHW + self.shortcut(maps_BCHW))


class CNN(nn.Module):
    """Blocks in two halves, each followed by pooling; a hidden layer, a head."""

    def __init__(self, config: CNNConfig) -> None:
        super().__init__()
        if config.blocks < 2:
            msg = f"blocks must be 2 or more, one before each pooling; got {config.blocks}."
            raise PodiumError(msg)
        block = ResidualBlock if config.residual else PlainBlock
        self.first_half = (config.blocks + 1) // 2
        widths = [1, *[config.channels] * self.first_half, *[2 * config.channels] * (config.blocks - self.first_half)]
        self.blocks = nn.ModuleList(block(*pair) for pair in pairwise(widths))
        self.hidden = nn.Linear(widths[-1] * REST, config.dim)
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(config.dim, config.classes)

    def forward(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return logits (B, classes) for pictures (B, 1, 28, 28)."""
        maps_BCHW = images_B1HW
        for done, block in enumerate(self.blocks, start=1):
            maps_BCHW = block(maps_BCHW)
            if done in (self.first_half, len(self.blocks)):
                maps_BCHW = F.max_pool2d(maps_BCHW, 2)
        hidden_BD = F.relu(self.hidden(maps_BCHW.flatten(1)))
        return self.head(self.dropout(hidden_BD))
