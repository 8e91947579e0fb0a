"""VisionToSequence: an encoder-decoder transformer that reads a number off a picture, digit by digit."""

from __future__ import annotations

import torch
from torch import nn

from podium.lab.models.patches import PatchEmbedding
from podium.lab.models.positions import POSITIONS, Encoding
from podium.lab.models.transformer import Decoder, Encoder
from podium.lab.transcripts import END, PADDING, SIDE, START
from podium.spec import VisionToSequenceConfig

VOCABULARY = 13


class VisionToSequence(nn.Module):
    """An encoder over patches, a decoder over tokens; both have the positions that the config names.

    Attributes:
        position: the encoder's encoding; the decoder's is `token_position`.
        digits: the most digits that `read` returns.
    """

    def __init__(self, config: VisionToSequenceConfig) -> None:
        super().__init__()
        sizes = (config.heads, config.expansion)
        self.digits = config.digits
        self.patches = PatchEmbedding(SIDE, config.patch, config.dim)
        self.position = POSITIONS[config.position](self.patches.tokens, config.dim, config.heads)
        self.encoder = Encoder(config.dim, config.depth, *sizes, rotary=_rotary(self.position), dropout=config.dropout)
        self.embedding = nn.Embedding(VOCABULARY, config.dim)
        self.token_position = POSITIONS[config.position](config.digits + 2, config.dim, config.heads)
        self.decoder = Decoder(
            config.dim, config.decoder_depth, *sizes, rotary=_rotary(self.token_position), dropout=config.dropout
        )
        self.head = nn.Linear(config.dim, VOCABULARY)

    def forward(self, images_B1HW: torch.Tensor, tokens_BT: torch.Tensor) -> torch.Tensor:
        """Return logits (B, T, 13): at each token, for the one after it.

        Args:
            images_B1HW: normalised pictures (B, 1, 84, 84).
            tokens_BT: int64, START first; during training `tokens[:, :-1]`, whose targets are `tokens[:, 1:]`.
        """
        return self.decode(tokens_BT, self.encode(images_B1HW))

    def encode(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return the memory (B, S, D), one vector a patch."""
        return self.encoder(_add(self.position, self.patches(images_B1HW)))

    def decode(self, tokens_BT: torch.Tensor, memory_BSD: torch.Tensor) -> torch.Tensor:
        """Return logits (B, T, 13) for tokens so far and a memory."""
        x_BTD = _add(self.token_position, self.embedding(tokens_BT))
        return self.head(self.decoder(x_BTD, memory_BSD))

    @torch.no_grad()
    def read(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Read greedily: int64 (B, digits + 1), digits, then END, then PADDING; equal to `tokens[:, 1:]` when right."""
        memory_BSD = self.encode(images_B1HW)
        batch = images_B1HW.shape[0]
        tokens_BT = torch.full((batch, 1), START, device=images_B1HW.device)
        done_B = torch.zeros(batch, dtype=torch.bool, device=images_B1HW.device)
        for _ in range(self.digits + 1):
            next_B = self.decode(tokens_BT, memory_BSD)[:, -1].argmax(dim=-1)
            next_B = next_B.masked_fill(done_B, PADDING)
            done_B = done_B | (next_B == END)
            tokens_BT = torch.cat((tokens_BT, next_B[:, None]), dim=1)
        return tokens_BT[:, 1:]


def _rotary(position: Encoding) -> Encoding | None:
    return position if position.where == "attention" else None


def _add(position: Encoding, x_BTD: torch.Tensor) -> torch.Tensor:
    return position(x_BTD) if position.where == "embedding" else x_BTD
