"""Task: what the training of any model family answers to."""

from __future__ import annotations

from typing import Any, Protocol

from torch import Tensor

from podium.lab.data.sets import Sets, Split
from podium.lab.training.stages import Batch, Stage


class Task(Protocol):
    """One model family's training: `stages` is the step, `measure` the metrics, `samples` what a page may show.

    `epoch_images` is how many pictures an epoch has: the schedule's length follows from it. A task whose metrics are
    sums over pictures has `tally`, `metrics` and `named` too, of which the others are made (see `Classify`).
    """

    sets: Sets
    stages: tuple[Stage, ...]
    epoch_images: int

    def example(self) -> tuple[Tensor, ...]:
        """Return what the model takes, for one picture: its shapes are described from it."""

    def epoch_data(self, epoch: int) -> Split:
        """Return the pictures of one epoch, counted from 1."""

    def terms(self, targets: Tensor) -> Tensor:
        """Return over how much the loss of a batch with these targets is a mean, as a float scalar on the device."""

    def correct(self, batch: Batch) -> Tensor:
        """Return the share of right answers in a batch, as a scalar on the device."""

    def measure(self, split: Split) -> dict[str, float]:
        """Return loss, accuracy and what else the family has, over a whole split."""

    def answers(self, targets: Tensor) -> list[str]:
        """Write targets, or what was predicted in their place, as texts."""

    def predict(self, images: Tensor) -> list[str]:
        """Return the model's answers to pictures of bytes (B, H, W), as texts."""

    def examine(self) -> tuple[dict[str, float], dict[str, Any]]:
        """Read the test set: return its metrics, as `measure` does, and what a page may show of single answers.

        Of these, `predictions` are pictures with the correct and the predicted answer; a classifier adds `confusion`,
        a model with attention `attention` (see `podium.lab.training.looks`).
        """
