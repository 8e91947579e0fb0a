"""Lines: networks that read a line of digits of any spacing, by CTC or by attention.

Convolutions make columns of the line; nothing more, an LSTM or a transformer reads the columns (Shi et al. 2017, An
End-to-End Trainable Neural Network for Image-based Sequence Recognition).
Shapes: B batch, T columns, D model width, C channels.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn
from torch.nn import functional as F

from podium.lab.models.ctc import ANSWERS, LONGEST, best_path, prefix_beam
from podium.lab.models.dropout import Dropout
from podium.lab.models.positions import POSITIONS, Encoding
from podium.lab.models.token_reader import TokenReader, add_positions, block_options
from podium.lab.models.transformer import Encoder
from podium.lab.transcripts import LINE_HEIGHT, STRIDE, line_width
from podium.spec import LinesConfig, PodiumError


class Columns(nn.Module):
    """Three convolutions with pooling, then one vector for every four pixels across: (B, 1, 32, W) to (B, W / 4, D)."""

    def __init__(self, channels: int, dim: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, channels, kernel_size=3, padding=1)
        self.second = nn.Conv2d(channels, 2 * channels, kernel_size=3, padding=1)
        self.third = nn.Conv2d(2 * channels, 2 * channels, kernel_size=3, padding=1)
        self.narrow = nn.Linear(2 * channels * (LINE_HEIGHT // 8), dim)
        self.norm = nn.LayerNorm(dim)

    def forward(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return the columns (B, T, D), from left to right."""
        maps_BCHW = F.max_pool2d(F.relu(self.first(images_B1HW)), 2)
        maps_BCHW = F.max_pool2d(F.relu(self.second(maps_BCHW)), 2)
        maps_BCHT = F.max_pool2d(F.relu(self.third(maps_BCHW)), (2, 1))
        return self.norm(self.narrow(maps_BCHT.flatten(1, 2).mT))


class Recurrent(nn.Module):
    """LSTMs over the columns in both directions (Hochreiter and Schmidhuber 1997; Graves et al. 2009)."""

    def __init__(self, dim: int, depth: int, dropout: float) -> None:
        super().__init__()
        if dim % 2 or depth < 1:
            msg = f"An LSTM reads both ways, half of dim each, in one layer or more; got dim={dim} and depth={depth}."
            raise PodiumError(msg)
        self.lstm = nn.LSTM(dim, dim // 2, num_layers=depth, batch_first=True, bidirectional=True)
        self.dropout = Dropout(dropout)
        self.norm = nn.LayerNorm(dim)

    def forward(self, x_BTD: torch.Tensor) -> torch.Tensor:
        """Return (B, T, D)."""
        read_BTD, _ = self.lstm(x_BTD)
        return self.norm(self.dropout(read_BTD))


ENCODERS: dict[str, Callable[[LinesConfig, Encoding], nn.Module]] = {
    "cnn": lambda config, _: nn.LayerNorm(config.dim),
    "lstm": lambda config, _: Recurrent(config.dim, config.depth, config.dropout),
    "transformer": lambda config, position: Encoder(
        config.dim, config.depth, config.heads, config.expansion, **block_options(config, position)
    ),
}


class LineByCTC(nn.Module):
    """An answer a column: ten digits or blank.

    Attributes:
        digits: the most digits that `read` returns.
        decoding: how `read` chooses; `beam` is how many beginnings a beam search keeps.
    """

    def __init__(self, config: LinesConfig) -> None:
        super().__init__()
        self.digits, self.decoding, self.beam = config.digits, config.decoding, config.beam
        if config.decoding == "beam" and config.digits > LONGEST:
            msg = f"A beam search over CTC takes {LONGEST} digits at most; got {config.digits}. Take decoding='greedy'."
            raise PodiumError(msg)
        self.columns = Columns(config.channels, config.dim)
        self.position = line_positions(config)
        self.encoder = ENCODERS[config.encoder](config, self.position)
        self.dropout = Dropout(config.dropout)
        self.head = nn.Linear(config.dim, ANSWERS)

    def forward(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return logits (B, T, 11), the last for BLANK."""
        x_BTD = self.encoder(add_positions(self.position, self.columns(images_B1HW)))
        return self.head(self.dropout(x_BTD))

    @torch.no_grad()
    def read(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Read: int64 (B, digits + 1), digits, then END, then PADDING; equal to `tokens[:, 1:]` when right."""
        return self.read_columns(self(images_B1HW).float())

    def read_columns(self, logits_BTC: torch.Tensor) -> torch.Tensor:
        """Read what `forward` made of a line, as `read` does."""
        if self.decoding == "beam":
            return prefix_beam(logits_BTC, self.digits, self.beam)
        return best_path(logits_BTC, self.digits)


class LineByAttention(TokenReader):
    """A decoder that writes digit by digit while it looks at the columns.

    Attributes:
        spelling: makes an answer a column, as `LineByCTC` has it, where training has an auxiliary CTC loss; else None.
    """

    def __init__(self, config: LinesConfig) -> None:
        super().__init__(config)
        self.columns = Columns(config.channels, config.dim)
        self.position = line_positions(config)
        self.encoder = ENCODERS[config.encoder](config, self.position)
        self.add_decoder(config)
        self.spelling = nn.Linear(config.dim, ANSWERS) if config.auxiliary else None

    def encode(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return the memory (B, T, D), one vector a column."""
        return self.encoder(add_positions(self.position, self.columns(images_B1HW)))


READERS: dict[str, type[LineByCTC | LineByAttention]] = {"ctc": LineByCTC, "attention": LineByAttention}


def build_line_reader(config: LinesConfig) -> LineByCTC | LineByAttention:
    """Return the network that a config's `reader` names."""
    return READERS[config.reader](config)


def line_positions(config: LinesConfig) -> Encoding:
    """Return the columns' positions; convolutions and LSTMs know where they are without."""
    name = config.position if config.encoder == "transformer" else "none"
    return POSITIONS[name](line_width(config.digits, config.spacing) // STRIDE, config.dim, config.heads)
