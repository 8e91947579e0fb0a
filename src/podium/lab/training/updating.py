"""Updating: from the loss of a batch, whole or in parts, to the next weights.

Where a batch is computed in parts, their gradients add up to the whole batch's: each part's mean loss counts with its
share of the terms, and random layers draw what they would have drawn in the whole batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import nn
from torch.optim import Optimizer

from podium.lab.training.averaging import Average
from podium.lab.training.optimizers import clip_gradients, learning_rate_at, set_learning_rate
from podium.lab.training.stages import Batch, Stage, run_stages
from podium.lab.training.tasks import Task
from podium.lab.training.tasks.parts import size_of
from podium.lab.training.watching import Gradients
from podium.spec import Config


def judging_stages(task: Task) -> tuple[Stage, ...]:
    """Return what a run does that only measures: its data, then those stages of a step that judge."""
    *before, data = (stage for stage in task.stages if stage.kind == "data")
    counts = f"{len(task.sets.validation):,} validation and {len(task.sets.test):,} test pictures"
    said = replace(data, detail=f"{counts}, {size_of(task.sets.test)}")
    return (*before, said, *(stage for stage in task.stages if stage.judges))


@dataclass(frozen=True)
class Update:
    """What the last stage of every step works on.

    Attributes:
        total: updates of the whole run.
        average: the averaged weights, where the config asks for them.
        gradients: what is looked at before they are clipped, at some steps.
    """

    config: Config
    model: nn.Module
    optimizer: Optimizer
    total: int
    average: Average | None
    gradients: Gradients

    def after(self, batch: Batch) -> Batch:
        """Turn gradients that are there into the next weights."""
        self.gradients.look(batch.step)
        set_learning_rate(self.optimizer, learning_rate_at(self.config, batch.step, self.total))
        clip_gradients(self.config, self.model)
        self.optimizer.step()
        if self.average is not None:
            self.average.update(batch.step)
        return batch

    def whole(self, batch: Batch) -> Batch:
        """Compute the gradients of a whole batch, then the next weights."""
        assert batch.loss is not None  # noqa: S101 - the stage before this one sets it
        self.optimizer.zero_grad(set_to_none=True)
        batch.loss.backward()
        return self.after(batch)

    def stages(self, task: Task) -> tuple[Stage, ...]:
        """Return a step's stages: the task's, then ours."""
        rate = f"{self.config.learning_rate:g} after {self.config.warmup:.0%} warm-up, then cosine"
        if self.config.average:
            rate += f"; weights averaged, {self.config.average:g}"
        last = Stage("code", type(self.optimizer).__name__, rate, self.whole)
        if self.config.accumulate == 1:
            return (*task.stages, last)
        inputs = [stage for stage in task.stages if not stage.parts]
        parts = [stage for stage in task.stages if stage.parts]
        through = Stage(
            "code",
            f"In {self.config.accumulate} parts",
            "whose gradients add up",
            lambda batch: self.in_parts(task, parts, batch),
        )
        shown = [replace(stage, run=None) for stage in parts]
        return (*inputs, through, *shown, replace(last, run=self.after))

    def in_parts(self, task: Task, stages: Sequence[Stage], batch: Batch) -> Batch:
        """Send a batch through forward and loss in parts; its gradients are then there."""
        self.optimizer.zero_grad(set_to_none=True)
        terms = task.terms(batch.targets)
        parts = batch.chosen.split(-(-len(batch.chosen) // self.config.accumulate))
        first = 0
        logits = []
        losses = []
        for chosen in parts:
            rows = slice(first, first + len(chosen))
            part = replace(batch, chosen=chosen, images=batch.images[rows], targets=batch.targets[rows], first=first)
            done = run_stages(stages, part)
            assert done.loss is not None and done.logits is not None  # noqa: S101, PT018 - those stages set them
            loss = done.loss * (task.terms(part.targets) / terms)
            loss.backward()
            logits.append(done.logits.detach())
            losses.append(loss.detach())
            first += len(chosen)
        return batch.but(logits=torch.cat(logits), loss=torch.stack(losses).sum())
