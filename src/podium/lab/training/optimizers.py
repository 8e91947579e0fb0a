"""Optimisers and the learning rate's course: linear warm-up, then a cosine to zero.

Symbols: step counts updates from 0, total is the number of updates of the whole run.
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from torch import Tensor, nn
from torch.optim import Adam, AdamW, Optimizer

from podium.spec import Config

# Adam: Kingma and Ba 2015, Adam: A Method for Stochastic Optimization; its weight_decay is an L2 term in the gradient.
# AdamW: Loshchilov and Hutter 2019, Decoupled Weight Decay Regularization; it shrinks the weights beside the update.
# Our learning_rate, beta1, beta2, weight_decay are alpha, beta_1, beta_2 and lambda (AdamW's) in the papers.
OPTIMIZERS: dict[str, type[Adam | AdamW]] = {"adam": Adam, "adamw": AdamW}


def build_optimizer(config: Config, parameters: Iterable[Tensor]) -> Optimizer:
    """Return torch's own optimiser over the parameters, fused into one kernel a step.

    Args:
        config: names the optimiser and its constants; the peak learning rate is in `learning_rate`.
        parameters: floating-point tensors, all on one device.
    """
    return OPTIMIZERS[config.optimizer](
        parameters,
        lr=config.learning_rate,
        betas=(config.beta1, config.beta2),
        weight_decay=config.weight_decay,
        fused=True,
    )


def learning_rate_at(config: Config, step: int, total: int) -> float:
    """Return the learning rate of one update: up a line for `warmup * total` updates, then down a half cosine.

    The cosine is that of Loshchilov and Hutter 2017, SGDR, without restarts.

    Args:
        config: gives the peak and the warm-up's share.
        step: the update, from 0.
        total: updates of the whole run.

    >>> from podium.spec import ViTConfig
    >>> config = ViTConfig(learning_rate=1.0, warmup=0.2)
    >>> [round(learning_rate_at(config, step, 10), 2) for step in (0, 1, 2, 6, 9)]
    [0.5, 1.0, 1.0, 0.5, 0.04]
    """
    rising = round(config.warmup * total)
    if step < rising:
        return config.learning_rate * (step + 1) / rising
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, total - rising)))


def set_learning_rate(optimizer: Optimizer, rate: float) -> None:
    """Give every parameter group one learning rate."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def clip_gradients(config: Config, model: nn.Module) -> None:
    """Scale the gradients so that their global norm is at most `clip`; the device is never asked to report."""
    if config.clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), config.clip)
