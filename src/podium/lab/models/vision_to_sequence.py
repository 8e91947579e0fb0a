"""VisionToSequence: an encoder-decoder transformer that reads a number off a picture, digit by digit."""

from __future__ import annotations

import torch

from podium.lab.models.patches import STEMS
from podium.lab.models.positions import POSITIONS
from podium.lab.models.token_reader import TokenReader, add_positions, block_options
from podium.lab.models.transformer import Encoder
from podium.lab.transcripts import SIDE
from podium.spec import VisionToSequenceConfig


class VisionToSequence(TokenReader):
    """An encoder over patches, a decoder over tokens; both have the positions that the config names.

    Attributes:
        position: the encoder's encoding; the decoder's is `token_position`.
    """

    def __init__(self, config: VisionToSequenceConfig) -> None:
        super().__init__(config)
        self.patches = STEMS[config.stem](SIDE, config.patch, config.dim)
        self.position = POSITIONS[config.position](self.patches.tokens, config.dim, config.heads)
        self.encoder = Encoder(
            config.dim, config.depth, config.heads, config.expansion, **block_options(config, self.position)
        )
        self.add_decoder(config)

    def encode(self, images_B1HW: torch.Tensor) -> torch.Tensor:
        """Return the memory (B, S, D), one vector a patch."""
        return self.encoder(add_positions(self.position, self.patches(images_B1HW)))
