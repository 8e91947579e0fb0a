"""Precision: products in bfloat16 where the config asks for them, sums, weights and losses in float32.

Micikevicius et al. 2018, Mixed Precision Training; bfloat16 has float32's range, so that no loss is scaled
(Kalamkar et al. 2019, A Study of BFLOAT16 for Deep Learning Training).
"""

from __future__ import annotations

import torch

from podium.spec import Config


def autocast(config: Config, device: torch.device) -> torch.autocast:
    """Return the context that forward passes run in, in training and evaluation alike.

    Args:
        config: `precision` is "float32", "bfloat16", or "auto": bfloat16 on a GPU, float32 on a CPU.
        device: where the model lies.

    >>> from podium.spec import ViTConfig
    >>> with autocast(ViTConfig(precision="bfloat16"), torch.device("cpu")):
    ...     (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    torch.bfloat16
    """
    half = config.precision == "bfloat16" or (config.precision == "auto" and device.type == "cuda")
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=half)
