"""Stages: a training step as a list of plain functions, run in order, and drawn on a slide from the same list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from typing import Literal, Self

import torch
from torch import Tensor

from podium.lab import randomness


@dataclass(frozen=True)
class Batch:
    """What passes from stage to stage.

    Attributes:
        chosen: (B,) which pictures of the epoch.
        images: (N, H, W) bytes of the whole epoch, then (B, H, W), then (B, 1, H, W) floats.
        targets: (N,) or (N, T), then (B,) labels or (B, T) tokens.
        seed: of the run.
        step: updates done before this one.
        first: the place of its first picture in the whole batch, where it is a part of one.
        logits: (B, classes) or (B, T - 1, tokens), from the model.
        columns: (B, columns, 11), from the model where an auxiliary CTC loss is asked for.
        loss: scalar in nats.
    """

    chosen: Tensor
    images: Tensor
    targets: Tensor
    seed: int
    step: int
    logits: Tensor | None = None
    columns: Tensor | None = None
    loss: Tensor | None = None
    first: int = 0

    def but(self, **changes: Tensor) -> Self:
        """Return the batch with some fields changed."""
        return replace(self, **changes)

    def at(self) -> AbstractContextManager[None]:
        """Tell random layers which run, step and pictures these are: a batch in parts draws what the whole one does."""
        return randomness.at(self.seed, self.step, self.first)


@dataclass(frozen=True)
class Stage:
    """One function of the step, and how a slide names it.

    Attributes:
        kind: "data" for what lies there, "code" for what computes.
        label: two or three words.
        detail: the values that decide what it does.
        run: the function itself; None for data that lies there before the first step.
        parts: whether it may see a batch in parts (forward and loss), or sees it whole (what the pictures become).
        judges: whether pictures pass it when the model is judged, too.
    """

    kind: Literal["data", "code"]
    label: str
    detail: str
    run: Callable[[Batch], Batch] | None = None
    parts: bool = False
    judges: bool = False


def run_stages(stages: Iterable[Stage], batch: Batch) -> Batch:
    """Send a batch through every stage that is a function, in order."""
    for stage in stages:
        if stage.run is not None:
            batch = stage.run(batch)
    return batch


def pipeline(stages: Iterable[Stage]) -> list[dict[str, str]]:
    """Return the stages as a record keeps them."""
    return [{"kind": stage.kind, "label": stage.label, "detail": stage.detail} for stage in stages]


def take(batch: Batch) -> Batch:
    """Pick the batch's pictures out of the epoch, on the device."""
    return batch.but(
        images=torch.index_select(batch.images, 0, batch.chosen),
        targets=torch.index_select(batch.targets, 0, batch.chosen),
    )
