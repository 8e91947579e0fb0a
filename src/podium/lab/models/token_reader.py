"""TokenReader: what the models share that write a number digit by digit while they look at a memory of the picture.

Shapes: B batch, T tokens, S tokens of the memory, D model width, V = 13 kinds of token.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import torch
from torch import nn

from podium.lab.models.attention import Past
from podium.lab.models.decoding import DECODINGS
from podium.lab.models.positions import POSITIONS, Encoding
from podium.lab.models.transformer import Decoder
from podium.lab.transcripts import PADDING
from podium.spec import SequenceConfig

VOCABULARY = 13


class TokenReader(nn.Module, ABC):
    """A decoder with its embedding, positions and head, over whatever `encode` makes of a picture.

    Attributes:
        digits: the most digits that `read` returns.
        decoding: how `read` chooses; `beam` is how many readings a beam search keeps.
        padding_mask: whether attention leaves out PADDING.
    """

    embedding: nn.Embedding
    token_position: Encoding
    decoder: Decoder
    head: nn.Linear

    def __init__(self, config: SequenceConfig) -> None:
        super().__init__()
        self.digits = config.digits
        self.decoding, self.beam = config.decoding, config.beam
        self.padding_mask = config.padding_mask

    def add_decoder(self, config: SequenceConfig) -> None:
        """Make the layers that read the memory; an encoder's stand before them."""
        self.embedding = nn.Embedding(VOCABULARY, config.dim)
        self.token_position = POSITIONS[config.position](config.digits + 2, config.dim, config.heads)
        self.decoder = Decoder(
            config.dim,
            config.decoder_depth,
            config.heads,
            config.expansion,
            **block_options(config, self.token_position),
        )
        self.head = nn.Linear(config.dim, VOCABULARY)

    def forward(self, images_B1HW: torch.Tensor, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Return logits (B, T, 13): at each token, for the one after it.

        Args:
            images_B1HW: normalised pictures (B, 1, H, W).
            tokens_BT: int64, START first; during training `tokens[:, :-1]`, whose targets are `tokens[:, 1:]`.
        """
        return self.decode(tokens_BT, self.encode(images_B1HW))

    @abstractmethod
    def encode(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return the memory (B, S, D)."""

    def decode(self, tokens_BT: torch.Tensor, memory_BSD: torch.Tensor) -> torch.Tensor:
        """Return logits (B, T, 13) for tokens so far and a memory."""
        x_BTD = add_positions(self.token_position, self.embedding(tokens_BT))
        padding_BT = tokens_BT == PADDING if self.padding_mask else None
        return self.head(self.decoder(x_BTD, memory_BSD, padding_BT))

    def start(self, memory_BSD: torch.Tensor) -> list[tuple[Past, Past]]:
        """Return what `following` needs before the first token."""
        return self.decoder.start(memory_BSD)

    def following(self, token_B: torch.Tensor, place: int, pasts: list[tuple[Past, Past]]) -> torch.Tensor:
        """Return logits (B, 13) for the token after this one, which stands at `place`; the pasts learn of it."""
        x_B1D = add_positions(self.token_position, self.embedding(token_B[:, None]), place)
        return self.head(self.decoder.step(x_B1D, pasts)).squeeze(1)

    @torch.no_grad()
    def read(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Read: int64 (B, digits + 1), digits, then END, then PADDING; equal to `tokens[:, 1:]` when right."""
        return self.read_memory(self.encode(images_B1HW))

    @torch.no_grad()
    def read_memory(self, memory_BSD: torch.Tensor) -> torch.Tensor:
        """Read what was encoded already, as `read` does."""
        return DECODINGS[self.decoding](self, memory_BSD)


def block_options(config: SequenceConfig, position: Encoding) -> dict[str, Any]:
    """Return what a config says of every block of an encoder or a decoder."""
    return {
        "rotary": position if position.where == "attention" else None,
        "dropout": config.dropout,
        "attention": config.attention,
        "scores": config.scores,
    }


def add_positions(position: Encoding, x_BTD: torch.Tensor, start: int = 0) -> torch.Tensor:
    """Add an encoding that is added to embeddings; the others act elsewhere."""
    return position(x_BTD, start) if position.where == "embedding" else x_BTD
