"""The loop: train one config, write its record, and go on after a kill as if nothing had happened.

Every random number is a function of (seed, step, place), so a checkpoint needs no generator's state.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from podium.lab.models import build_model
from podium.lab.training.activations import checkpoint_activations
from podium.lab.training.averaging import Average
from podium.lab.training.checkpoint import Checkpoint, save_checkpoint
from podium.lab.training.describe import describe
from podium.lab.training.feeding import Feed, to_replay
from podium.lab.training.finetuning import NO_START, NoStartError, Start, find_start, freeze, take_weights
from podium.lab.training.hidden import drawn_at, drawn_here
from podium.lab.training.layout import laid_out
from podium.lab.training.optimizers import build_optimizer
from podium.lab.training.recording import (
    Assignment,
    Recorder,
    begin,
    device_name,
    end_run,
    fail_run,
    resume,
    track,
    written,
)
from podium.lab.training.stages import Batch, run_stages
from podium.lab.training.stopping import best_epoch, stop_reason
from podium.lab.training.tasks import build_task
from podium.lab.training.updating import Update, judging_stages
from podium.lab.training.usage import device_peak, make_room, memory_now, reset_peak
from podium.lab.training.watching import PICTURES, Gradients, total_norm
from podium.runs import Record, read_record
from podium.runs.tracking import Mode
from podium.spec import Experiment, PodiumError, Profile, Project, Variant

__all__ = ["Moment", "NotFiniteError", "choose_device", "device_name", "fail_run", "is_memory", "train_run"]

READS_PER_EPOCH = 4  # how often an epoch the device is asked for loss and accuracy
OUT_OF_MEMORY = "out of memory"
MEMORY = re.compile(r"out of memory|can't allocate memory|cannot allocate memory", re.IGNORECASE)

Stop = Callable[[Sequence[Mapping[str, Any]]], str]


@dataclass(frozen=True)
class Moment:
    """Where a run stands.

    Attributes:
        epochs_done: whole and part epochs since the run's beginning.
        loss: mean over the epoch so far, in nats.
        accuracy: mean over the epoch so far, in [0, 1].
    """

    epochs_done: float
    loss: float
    accuracy: float

    def __str__(self) -> str:
        """Return the numbers of a progress line."""
        return f"loss {self.loss:.3f}, accuracy {self.accuracy:.3f}"


class NotFiniteError(Exception):
    """The loss stopped being a number: the run has failed, the others go on."""


def train_run(
    project: Project,
    experiment: Experiment,
    variant: Variant,
    profile: Profile,
    *,
    tracker_mode: Mode = "auto",
    device: str = "auto",
    progress: Callable[[Moment], None] = lambda _: None,
    notify: Callable[[str], None] = lambda _: None,
    stop: Stop = lambda _: "",
    sweep: str = "",
) -> Record:
    """Train one config to its end, from its checkpoint where it has one.

    Args:
        project: where the record goes.
        experiment: the question the run belongs to.
        variant: the name and the config.
        profile: "quick" or "full".
        tracker_mode: see `podium.runs.tracking`.
        device: "auto", "cpu" or "cuda".
        progress: called a few times an epoch.
        notify: called with a sentence when the run goes on, or starts again for want of a whole checkpoint.
        stop: called after every epoch but the last with the metrics of all epochs so far; a reason ends the run.
        sweep: the id of the sweep that asks for the run.

    Returns:
        The record as it lies on the disk; `state` is "finished" (`reason` says where it stopped early), "pruned" where
        `stop` gave a reason, or "failed" when the loss was no number, the memory did not suffice, or the run that it
        starts from is not there.

    Raises:
        PodiumError: no such device, no disk space, damaged record.
        KeyboardInterrupt: after the record says "interrupted"; the next call resumes.
    """
    assignment = Assignment(
        project=project,
        experiment=experiment,
        variant=variant,
        profile=profile,
        device=choose_device(device),
        tracker_mode=tracker_mode,
        sweep=sweep,
        notify=notify,
    )
    try:
        with drawn_here(variant.config, assignment.device):
            return _train(assignment, progress, stop)
    except NoStartError as error:
        reason = str(error)
    except (MemoryError, RuntimeError) as error:  # torch tells of memory by either
        if not is_memory(error):
            raise
        reason = out_of_memory(error)
    finally:
        make_room(assignment.device)  # for the next run
    return fail_run(assignment.folder, reason, **assignment.start(assignment.origin(data="")))


def is_memory(error: BaseException) -> bool:
    """Say whether an error tells that memory ran out, the GPU's or the machine's."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or bool(MEMORY.search(str(error)))


def out_of_memory(error: BaseException) -> str:
    """Return the reason of a run that failed for want of memory: the error's first line."""
    return f"{OUT_OF_MEMORY}: {str(error).strip().partition(chr(10))[0] or type(error).__name__}"


def may_succeed(reason: str) -> bool:
    """Say whether a run that failed for this reason may end otherwise another time: on another machine, or later."""
    return reason.startswith((OUT_OF_MEMORY, NO_START))


def choose_device(name: str) -> torch.device:
    """Return the device to train on.

    Raises:
        PodiumError: for a name that is none of auto, cpu, cuda, or for cuda where there is none.
    """
    if name not in ("auto", "cpu", "cuda"):
        raise PodiumError(f"--device must be auto, cpu or cuda; not {name!r}.")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise PodiumError("A GPU was asked for, and torch finds none here. Leave --device out to train on the CPU.")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def _train(assignment: Assignment, progress: Callable[[Moment], None], stop: Stop) -> Record:
    config, device, folder = assignment.config, assignment.device, assignment.folder
    reset_peak(device)
    record = read_record(folder)
    model = laid_out(build_model(config).to(device))
    task = build_task(config, model, device)
    origin = assignment.origin(task.sets.data)
    reached = resume(assignment, record, origin)
    start = _start(assignment, record, reached)
    if start is not None and reached is None:
        fresh = take_weights(model, start.weights)
        origin |= {"start": start.name, "start_fresh": ", ".join(fresh)}
        assignment.notify(f"{folder.name} starts from {start.name}{_but(fresh)}.")
    learnt = start.config if start is not None else None
    first = build_task(to_replay(config, learnt, task.epoch_images), model, device) if learnt is not None else None
    run = _Run(assignment, model, Feed(config, task, first), progress, stop)
    if reached is not None:
        run.load(reached)
    begin(assignment, record, origin, stages=run.stages, describe=lambda: describe(model, task.example()))
    if config.checkpoint_activations:
        checkpoint_activations(model)
    try:
        with track(assignment) as tracker:
            recorder = Recorder(assignment, tracker)
            recorder.go_on(record, reached)
            run.train(recorder, reached.seconds if reached else 0.0)
    except NotFiniteError as error:
        end_run(folder, "failed", str(error))
    except KeyboardInterrupt:
        end_run(folder, "interrupted", "Ctrl-C")
        raise
    return written(folder)


class _Run:
    """What the epochs of one run share."""

    def __init__(
        self, assignment: Assignment, model: nn.Module, feed: Feed, progress: Callable[[Moment], None], stop: Stop
    ) -> None:
        config = assignment.config
        self.config = config
        self.assignment = assignment
        self.model = model
        self.feed = feed
        self.task = feed.task
        self.progress = progress
        self.stop = stop
        self.frozen = freeze(config, model)
        self.optimizer = build_optimizer(config, [p for p in model.parameters() if p.requires_grad])
        self.average = Average(model, config.average) if config.average else None
        self.gradients = Gradients(model, feed.steps)
        self.best: dict[str, Tensor] | None = None
        total = config.epochs * feed.steps
        update = Update(config, model, self.optimizer, total, self.average, self.gradients)
        self.stages = update.stages(self.task) if config.epochs else judging_stages(self.task)

    def load(self, reached: Checkpoint) -> None:
        """Go on from a checkpoint."""
        self.model.load_state_dict(reached.model)
        self.optimizer.load_state_dict(reached.optimizer)
        if self.average is not None and reached.average is not None:
            self.average.load(reached.average)
        self.best = reached.best

    def judged(self) -> AbstractContextManager[None]:
        """Let the model have the weights that it is judged by."""
        return self.average.in_place() if self.average is not None else nullcontext()

    def train(self, recorder: Recorder, before: float) -> None:
        """Train the epochs that are missing, and end the record; `before` is the training time so far."""
        config = self.config
        started = time.perf_counter() - before
        early = ""
        for epoch in range(len(recorder.history) + 1, config.epochs + 1):
            reason = self.stop(recorder.history) if recorder.history else ""
            if reason:
                recorder.prune(reason, time.perf_counter() - started)
                return
            early = stop_reason(recorder.history, self.assignment.experiment.metric, config.patience)
            if early:
                break
            recorder.epoch(*self.epoch(epoch, recorder.history))
            self.save(epoch, time.perf_counter() - started)
        if not config.epochs:
            self.save(0, 0.0)  # another run may start from what was measured here
        if self.best is not None:
            self.model.load_state_dict(self.best)
            recorder.finish(self.task, self.model, time.perf_counter() - started, early)
            return
        with self.judged():
            recorder.finish(self.task, self.model, time.perf_counter() - started, early)

    def save(self, epoch: int, seconds: float) -> None:
        """Write a checkpoint after an epoch."""
        save_checkpoint(
            self.assignment.folder,
            epoch=epoch,
            digest=self.config.digest(),
            seconds=seconds,
            model=self.model,
            optimizer=self.optimizer,
            average=self.average.values if self.average is not None else None,
            best=self.best,
        )

    def epoch(self, number: int, history: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
        """Train one epoch, counted from 1, and validate; return its metrics and what was watched."""
        began = time.perf_counter()
        device = self.assignment.device
        self.model.train()
        for module in self.frozen:
            module.eval()
        split, batches = self.feed.epoch(number)
        reads = {round(len(batches) * part / READS_PER_EPOCH) for part in range(1, READS_PER_EPOCH + 1)}
        sums = torch.zeros(2, device=split.images.device)  # of loss and accuracy, pictures counted
        seen = 0
        means = [math.nan, math.nan]
        for index, chosen in enumerate(batches, start=1):
            step = (number - 1) * len(batches) + index - 1
            drawn_at(self.config, step)
            batch = run_stages(self.stages, Batch(chosen, split.images, split.targets, self.config.seed, step))
            assert batch.loss is not None  # noqa: S101 - a stage set it
            sums += len(chosen) * torch.stack([batch.loss.detach().float(), self.task.correct(batch)])
            seen += len(chosen)
            if index in reads:
                means = (sums / seen).tolist()
                _check_finite(means[0], number)
                self.progress(Moment(number - 1 + index / len(batches), *means))
        trained = time.perf_counter() - began
        gradients = self.gradients.told()
        with self.judged():
            measured = self.task.measure(self.task.sets.validation)
            _check_finite(measured["loss"], number)
            predicted = self.task.predict(self.task.sets.validation.images[:PICTURES])
            metrics = {
                "epoch": number,
                "train_loss": means[0],
                "train_accuracy": means[1],
                **{f"val_{name}": value for name, value in measured.items()},
                "gradient_norm": total_norm(gradients),
                "images_per_second": round(seen / trained, 1),
                "memory": memory_now(),
                **device_peak(device, "device_memory"),
                "seconds": time.perf_counter() - began,
            }
            self.keep_best([*history, metrics])
        return metrics, {"gradients": gradients, "predicted": predicted}

    def keep_best(self, history: list[dict[str, Any]]) -> None:
        """Keep the weights that were just judged, where a run that may stop early has no better ones."""
        metric = self.assignment.experiment.metric
        if self.config.patience is not None and best_epoch(history, metric) == len(history):
            self.best = {name: value.clone() for name, value in self.model.state_dict().items()}


def _start(assignment: Assignment, record: Record | None, reached: Checkpoint | None) -> Start | None:
    """Return where the run begins, where that is still needed: without a checkpoint, or for the data it replays."""
    config = assignment.config
    if reached is not None and not config.replay:
        return None
    earlier = str(record.provenance.get("start", "")) if record else ""
    return find_start(assignment.project, config, assignment.profile, earlier)


def _but(fresh: list[str]) -> str:
    return f"; {', '.join(fresh)} begin{'s' * (len(fresh) == 1)} fresh" if fresh else ""


def _check_finite(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise NotFiniteError(f"the loss became {loss} in epoch {epoch}; a lower learning rate may help.")
