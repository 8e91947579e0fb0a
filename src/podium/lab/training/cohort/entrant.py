"""Entrant: one variant of a cohort: its own run, with its own record, tracker, checkpoint, model and optimiser.

The cohort trains the stacked weights; an entrant takes its own out of the stack to be judged and saved, by the same
functions as a run that is trained alone.
"""

from __future__ import annotations

import math
import time
from concurrent.futures import Executor, Future
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor, nn
from torch.optim import Optimizer

from podium.lab.data.sets import Sets
from podium.lab.models import build_model
from podium.lab.training.averaging import floats
from podium.lab.training.checkpoint import Checkpoint, save_checkpoint
from podium.lab.training.cohort.encoding import with_shared_encoding
from podium.lab.training.cohort.stacking import Weights, give, give_moments, take
from podium.lab.training.cohort.step import Member
from podium.lab.training.describe import describe
from podium.lab.training.feeding import Feed
from podium.lab.training.loop import NotFiniteError
from podium.lab.training.optimizers import build_optimizer
from podium.lab.training.recording import Assignment, Recorder, begin, end_run, resume, track, written
from podium.lab.training.stopping import best_epoch, stop_reason
from podium.lab.training.tasks import Task, build_task
from podium.lab.training.updating import Update
from podium.lab.training.usage import device_peak, memory_now
from podium.lab.training.watching import PICTURES, Gradients, total_norm
from podium.runs import Record, read_record
from podium.spec import Config

Judged = tuple[dict[str, float], list[str]]  # metrics of the validation set, and what its first pictures were named


@dataclass
class Shared:
    """What the entrants of a cohort need not find out one by one.

    Attributes:
        company: how many enter; a record's provenance says so as `cohort`.
        sets: the data, on the device.
        origin: where the runs come from; asked of git once.
        models: what is said of a model, by its positions: in a cohort, nothing else that is described may differ.
    """

    company: int
    sets: Sets | None = None
    origin: dict[str, Any] | None = None
    models: dict[str, dict[str, Any]] = field(default_factory=dict)

    def describe(self, config: Config, model: nn.Module, task: Task) -> dict[str, Any]:
        """Describe a variant's model, or say what was said of the last one with its positions."""
        kind = str(getattr(config, "position", ""))
        if kind not in self.models:
            self.models[kind] = describe(model, task.example())
        return self.models[kind]


@dataclass
class Entrant:
    """One variant of a cohort.

    Attributes:
        model: the variant's own, as a run alone has it.
        gradients: what is seen of them in an epoch's last step.
        exits: closes the tracker.
        best: the weights after the best epoch, where the run may stop early.
        seconds: training time so far: the cohort's, shared out among its variants.
    """

    assignment: Assignment
    model: nn.Module
    task: Task
    optimizer: Optimizer
    feed: Feed
    gradients: Gradients
    recorder: Recorder
    exits: ExitStack
    reached: Checkpoint | None
    best: dict[str, Tensor] | None = None
    seconds: float = 0.0
    member: Member = field(init=False)

    def __post_init__(self) -> None:
        """Build what the cohort stacks."""
        config = self.assignment.config
        self.member = Member(config, with_shared_encoding(config, self.model).to(self.assignment.device))

    @property
    def done(self) -> int:
        """Epochs done."""
        return len(self.recorder.history)

    @property
    def over(self) -> bool:
        """Whether there is nothing left to train."""
        return self.done >= self.assignment.config.epochs or bool(self.early)

    @property
    def early(self) -> str:
        """Why the run stops early, or ""."""
        metric, patience = self.assignment.experiment.metric, self.assignment.config.patience
        return stop_reason(self.recorder.history, metric, patience)

    def load(self, weights: Weights, slot: int) -> None:
        """Put into the stack what a checkpoint kept, where there is one."""
        if self.reached is None:
            return
        take(weights, slot, self.model, self.reached.optimizer["state"])
        if weights.average_KP is not None:
            views = weights.views(weights.average_KP)
            for name, value in {**self.reached.model, **(self.reached.average or {})}.items():
                views[f"model.{name}"][slot].copy_(value)

    def judge(
        self,
        weights: Weights,
        slot: int,
        *,
        told: dict[str, float],
        judged: Judged | None,
        clock: dict[str, float],
    ) -> None:
        """Validate after an epoch where that is still to do, and write its row.

        Args:
            weights: of the cohort.
            slot: ours.
            told: loss and accuracy in training.
            judged: the metrics of the validation set and what its first pictures were named, where the cohort judged
                all at once.
            clock: what the machine took.

        Raises:
            NotFiniteError: where a loss is no number.
        """
        config, device, number = self.assignment.config, self.assignment.device, self.done + 1
        check_finite(told["train_loss"], number)
        began = time.perf_counter()
        if judged is None or config.patience is not None:
            give(weights, slot, self.model, weights.average_KP)
        if judged is None:
            split = self.task.sets.validation
            judged = self.task.measure(split), self.task.predict(split.images[:PICTURES])
        measured, predicted = judged
        check_finite(measured["loss"], number)
        seen = self.gradients.told()
        metrics: dict[str, Any] = {
            "epoch": number,
            **told,
            **{f"val_{name}": value for name, value in measured.items()},
            "gradient_norm": total_norm(seen),
            "memory": memory_now(),
            **device_peak(device, "device_memory"),
            **clock,
        }
        metrics["seconds"] += time.perf_counter() - began
        self.seconds += metrics["seconds"]
        history = [*self.recorder.history, metrics]
        if config.patience is not None and best_epoch(history, self.assignment.experiment.metric) == len(history):
            self.best = {name: value.clone() for name, value in self.model.state_dict().items()}
        self.recorder.epoch(metrics, {"epoch": number, "gradients": seen, "predicted": predicted})

    def save(self, weights: Weights, slot: int, writers: Executor) -> Future[Path]:
        """Let a checkpoint be saved after the epoch whose row was written last; the row is on the disk before it.

        The model must stay as it is until then.

        Raises:
            PodiumError: when the disk was full or refused the row.
        """
        config = self.assignment.config
        average: dict[str, Tensor] | None = None
        if config.average:
            give(weights, slot, self.model, weights.average_KP)
            average = {name: value.clone() for name, value in floats(self.model).items()}
        give(weights, slot, self.model)
        give_moments(weights, slot, self.model, self.optimizer, self.done * self.feed.steps)
        self.recorder.settle()
        return writers.submit(
            save_checkpoint,
            self.assignment.folder,
            epoch=self.done,
            digest=config.digest(),
            seconds=self.seconds,
            model=self.model,
            optimizer=self.optimizer,
            average=average,
            best=self.best,
        )

    def finish(self, weights: Weights, slot: int) -> Record:
        """Read the test set with the weights that are judged, and end the record."""
        give(weights, slot, self.model, weights.average_KP)
        if self.best is not None:
            self.model.load_state_dict(self.best)
        with self.exits:
            self.recorder.finish(self.task, self.model, self.seconds, self.early)
        return written(self.assignment.folder)

    def fail(self, reason: str) -> Record:
        """End the record, and tell the tracker that the run failed."""
        self.recorder.settle()
        end_run(self.assignment.folder, "failed", reason)
        with suppress(NotFiniteError), self.exits:
            raise NotFiniteError(reason)
        return written(self.assignment.folder)

    def interrupt(self) -> None:
        """End the record for now."""
        self.recorder.settle()
        end_run(self.assignment.folder, "interrupted", "Ctrl-C")
        with suppress(KeyboardInterrupt), self.exits:
            raise KeyboardInterrupt


def enter(assignment: Assignment, shared: Shared) -> Entrant:
    """Open a variant's run, or go on with it; what is found out is shared with those who enter after it."""
    config, device = assignment.config, assignment.device
    record = read_record(assignment.folder)
    model = build_model(config).to(device)
    task = build_task(config, model, device, shared.sets)
    shared.sets = task.sets
    origin = shared.origin = shared.origin or {**assignment.origin(task.sets.data), "cohort": shared.company}
    reached = resume(assignment, record, origin)
    optimizer = build_optimizer(config, [p for p in model.parameters() if p.requires_grad])
    if reached is not None:
        model.load_state_dict(reached.model)
    feed = Feed(config, task)
    gradients = Gradients(model, feed.steps)
    update = Update(config, model, optimizer, config.epochs * feed.steps, None, gradients)
    stages = update.stages(task)
    begin(assignment, record, origin, stages=stages, describe=lambda: shared.describe(config, model, task))
    exits = ExitStack()
    recorder = Recorder(assignment, exits.enter_context(track(assignment)))
    recorder.go_on(record, reached)
    entrant = Entrant(assignment, model, task, optimizer, feed, gradients, recorder, exits, reached)
    if reached is not None:
        entrant.best, entrant.seconds = reached.best, reached.seconds
    return entrant


def check_finite(loss: float, epoch: int) -> None:
    """Refuse a loss that is no number.

    Raises:
        NotFiniteError: in the words of a run alone.
    """
    if not math.isfinite(loss):
        raise NotFiniteError(f"the loss became {loss} in epoch {epoch}; a lower learning rate may help.")
