"""Models, one file a family; `build_model` makes one from a config, its weights a function of the seed."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from podium.lab import randomness
from podium.lab.models.cnn import CNN
from podium.lab.models.dropout import Dropout
from podium.lab.models.lines import LineByAttention, LineByCTC, build_line_reader
from podium.lab.models.own import build_own
from podium.lab.models.positions import POSITIONS
from podium.lab.models.token_reader import TokenReader
from podium.lab.models.vision_to_sequence import VisionToSequence
from podium.lab.models.vit import ViT
from podium.spec import Config, OwnConfig

__all__ = [
    "MODELS",
    "POSITIONS",
    "LineByAttention",
    "LineByCTC",
    "TokenReader",
    "ViT",
    "VisionToSequence",
    "build_model",
]

MODELS: dict[str, Any] = {
    "vit": ViT,
    "cnn": CNN,
    "vision_to_sequence": VisionToSequence,
    "lines": build_line_reader,
}


def build_model(config: Config) -> nn.Module:
    """Build the model that a config names, on the CPU, and leave torch's own randomness as it was.

    Each layer draws its weights from (seed, its name): layers that two variants share start equal.

    Raises:
        PodiumError: where the config's sizes do not fit together.
    """
    with torch.random.fork_rng(devices=[]):
        if isinstance(config, OwnConfig):
            return build_own(config)
        model: nn.Module = MODELS[config.model](config)
        for name, module in model.named_modules():
            if isinstance(module, Dropout):
                module.place = name
            reset = getattr(module, "reset_parameters", None)
            if reset is not None:
                torch.default_generator.manual_seed(randomness.key(config.seed, 0, f"weights {name}"))
                reset()
    return model
