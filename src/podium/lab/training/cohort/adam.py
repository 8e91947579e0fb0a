"""One update of all variants at once: Adam and AdamW as torch has them, every constant a variant's own.

Adam: Kingma and Ba 2015, Adam: A Method for Stochastic Optimization; AdamW: Loshchilov and Hutter 2019, Decoupled
Weight Decay Regularization. Our shrink is AdamW's 1 - eta * lambda, our rate and root are alpha / (1 - beta_1^t) and
sqrt(1 - beta_2^t), our blend is 1 - decay of the averaged weights: they need the step alone, so that a table of them is
made for each epoch, and a step reads one row.

Shapes: K variants, P weights of one, S steps of an epoch.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from podium.lab.randomness import step_key
from podium.lab.training.averaging import decay_at
from podium.lab.training.cohort.stacking import BLOCK, Weights
from podium.lab.training.optimizers import learning_rate_at
from podium.spec import Config

EPSILON = 1e-8  # torch's


@dataclass(frozen=True)
class Constants:
    """What does not change from step to step: (K, 1) each.

    Attributes:
        keep1, keep2: the papers' 1 - beta_1 and 1 - beta_2.
        beta2: the papers' beta_2.
        pull: Adam's weight decay, an L2 term in the gradient; 0 for AdamW.
        clip: the largest norm of a gradient; infinite where there is none.
    """

    keep1: Tensor
    keep2: Tensor
    beta2: Tensor
    pull: Tensor
    clip: Tensor

    def keep(self, slots: Sequence[int]) -> Constants:
        """Return those of some variants, in this order."""
        index = torch.tensor(slots, device=self.clip.device)
        return Constants(*(getattr(self, name).index_select(0, index) for name in self.__dataclass_fields__))


@dataclass(frozen=True)
class Table:
    """What changes from step to step, for one epoch.

    Attributes:
        numbers_S4K: shrink, rate, root and blend.
        keys_SK: what every random number of the step is counted from, see `podium.lab.randomness.step_key`.
    """

    numbers_S4K: Tensor
    keys_SK: Tensor


def constants(configs: Sequence[Config], like: Tensor) -> Constants:
    """Return the constants of some variants, in the kind of number and on the device of `like`."""

    def column(values: list[float]) -> Tensor:
        return torch.tensor(values, dtype=torch.float64)[:, None].to(like)

    return Constants(
        keep1=column([1 - config.beta1 for config in configs]),
        keep2=column([1 - config.beta2 for config in configs]),
        beta2=column([config.beta2 for config in configs]),
        pull=column([config.weight_decay if config.optimizer == "adam" else 0.0 for config in configs]),
        clip=column([math.inf if config.clip is None else config.clip for config in configs]),
    )


def table(configs: Sequence[Config], done: Sequence[int], steps: int, like: Tensor) -> Table:
    """Return the rates of the next epoch, each variant at its own place of its own course.

    Args:
        configs: a variant each.
        done: whole epochs that each has behind it.
        steps: updates an epoch.
        like: gives the kind of number and the device.
    """
    numbers: list[list[list[float]]] = []
    keys: list[list[int]] = []
    for row in range(steps):
        shrinks, rates, roots, blends, bases = [], [], [], [], []
        for config, epochs in zip(configs, done, strict=True):
            step = epochs * steps + row
            rate = learning_rate_at(config, step, config.epochs * steps)
            shrinks.append(1 - rate * config.weight_decay if config.optimizer == "adamw" else 1.0)
            rates.append(rate / (1 - config.beta1 ** (step + 1)))
            roots.append(math.sqrt(1 - config.beta2 ** (step + 1)))
            blends.append(1 - decay_at(config.average, step))
            bases.append(step_key(config.seed, step))
        numbers.append([shrinks, rates, roots, blends])
        keys.append(bases)
    numbers_S4K = torch.tensor(numbers, dtype=torch.float64).to(like)
    return Table(numbers_S4K, torch.tensor(keys, dtype=torch.int64, device=like.device))


def update(weights: Weights, fixed: Constants, numbers_4K: Tensor, gradients_KP: Tensor, goes_K: Tensor) -> Tensor:
    """Clip and step every variant in place, and return the norms of the gradients before clipping, (K,).

    A variant whose `goes_K` is False keeps every bit that it has; where a gradient is not finite, it becomes False.
    """
    if weights.learns_KP is not None:
        gradients_KP = torch.where(weights.learns_KP, gradients_KP, 0)
    norm_K = gradients_KP.square().unflatten(1, (-1, BLOCK)).sum(-1).sum(-1).sqrt()
    shrink_K1, rate_K1, root_K1, blend_K1 = numbers_4K.unsqueeze(-1)
    gradients_KP = gradients_KP * (fixed.clip / (norm_K[:, None] + 1e-6)).clamp(max=1)
    gradients_KP = gradients_KP + fixed.pull * weights.values_KP
    first_KP = weights.first_KP.lerp(gradients_KP, fixed.keep1)
    second_KP = weights.second_KP * fixed.beta2 + gradients_KP.square() * fixed.keep2
    values_KP = weights.values_KP * shrink_K1 - rate_K1 * first_KP / (second_KP.sqrt() / root_K1 + EPSILON)
    moves = goes_K.logical_and_(norm_K.isfinite())[:, None]
    if weights.learns_KP is not None:
        moves = moves & weights.learns_KP
    arrays = [(weights.values_KP, values_KP), (weights.first_KP, first_KP), (weights.second_KP, second_KP)]
    if weights.average_KP is not None:
        arrays.append((weights.average_KP, weights.average_KP.lerp(values_KP, blend_K1)))
    chosen = [torch.where(moves, new, old) for old, new in arrays]
    for (old, _), new in zip(arrays, chosen, strict=True):
        old.copy_(new)  # nothing is written before everything is there: memory may run out above
    return norm_K
