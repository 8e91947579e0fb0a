"""Feeding: which pictures stand in which batch of an epoch, and how many old ones are mixed in.

Replay: a share of each batch is of the data that a fine-tuned model learnt from first, lest it forget (Robins 1995,
Catastrophic Forgetting, Rehearsal and Pseudorehearsal).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from podium.lab.data.sets import Split
from podium.lab.randomness import generator
from podium.lab.training.tasks import Task
from podium.spec import Config, PodiumError, SequenceConfig


@dataclass(frozen=True)
class Feed:
    """What the steps of a run are fed.

    Attributes:
        task: the run's own.
        first: the task that its start learnt from, where some of its pictures are replayed.
    """

    config: Config
    task: Task
    first: Task | None = None

    @property
    def replayed(self) -> int:
        """How many pictures of a batch are old ones: at least one, and never all."""
        return 0 if self.first is None else replayed(self.config)

    @property
    def steps(self) -> int:
        """How many steps an epoch has."""
        return math.ceil(self.task.epoch_images / (self.config.batch_size - self.replayed))

    def epoch(self, number: int) -> tuple[Split, list[Tensor]]:
        """Return the pictures of one epoch, counted from 1, and which of them stand in each batch: (B,) indices."""
        split = self.task.epoch_data(number)
        order = self._order(len(split), number, "order", split)
        batches = list(order.split(self.config.batch_size - self.replayed))
        if self.first is None:
            return split, batches
        old = self.first.epoch_data(number)
        if (old.images.shape[1:], old.targets.shape[1:]) != (split.images.shape[1:], split.targets.shape[1:]):
            raise PodiumError(
                f"replay mixes pictures of one shape: {self.config.start_from} learnt from "
                f"{_shape(old)}, this run from {_shape(split)}. Set replay=0."
            )
        rounds = math.ceil(len(batches) * self.replayed / len(old))
        again = torch.cat([self._order(len(old), number, f"replay {turn}", split) for turn in range(rounds)])
        olds = (again + len(split)).split(self.replayed)
        both = Split(torch.cat((split.images, old.images)), torch.cat((split.targets, old.targets)))
        return both, [torch.cat(pair) for pair in zip(batches, olds, strict=False)]

    def _order(self, count: int, number: int, place: str, split: Split) -> Tensor:
        device = split.images.device
        return torch.randperm(count, generator=generator(self.config.seed, number, place, device), device=device)


def replayed(config: Config) -> int:
    """Return how many pictures of a batch are old ones where a run replays any."""
    return min(max(1, round(config.replay * config.batch_size)), config.batch_size - 1)


def to_replay(config: Config, learnt: Config, epoch_images: int) -> Config:
    """Return what describes the old pictures of a run: numbers that are new each epoch are as many as it mixes in.

    Args:
        config: the run's own.
        learnt: of the run that it starts from.
        epoch_images: how many of its own pictures an epoch has.
    """
    if not isinstance(learnt, SequenceConfig):
        return learnt.but(seed=config.seed)
    changes: dict[str, Any] = {"curriculum": 0.0}  # what is replayed is whole
    if learnt.fresh:
        old = replayed(config)
        changes["train_images"] = old * math.ceil(epoch_images / (config.batch_size - old))
    return learnt.but(seed=config.seed, **changes)


def _shape(split: Split) -> str:
    return " by ".join(map(str, (*split.images.shape[1:], *split.targets.shape[1:])))
