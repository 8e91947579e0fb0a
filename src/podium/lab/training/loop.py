"""The loop: train one config, write its record, and go on after a kill as if nothing had happened.

Every random number is a function of (seed, step, place), so a checkpoint needs no generator's state.
"""

from __future__ import annotations

import gc
import math
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import nn
from torch.optim import Optimizer

from podium.lab.models import build_model
from podium.lab.randomness import generator
from podium.lab.training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from podium.lab.training.describe import describe
from podium.lab.training.optimizers import build_optimizer, clip_gradients, learning_rate_at, set_learning_rate
from podium.lab.training.stages import Batch, Stage, pipeline, run_stages
from podium.lab.training.tasks import Task, build_task, encoding_sample
from podium.runs import Record, append_event, read_record, run_folder
from podium.runs.provenance import provenance
from podium.runs.tracking import Mode, Tracker, open_tracker
from podium.spec import Config, Experiment, PodiumError, Profile, Project, Variant

T = TypeVar("T")

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
        The record as it lies on the disk; `state` is "finished", "pruned" where `stop` gave a reason, or "failed" when
        the loss was no number or the memory did not suffice.

    Raises:
        PodiumError: no such device, no disk space, damaged record.
        KeyboardInterrupt: after the record says "interrupted"; the next call resumes.
    """
    chosen = choose_device(device)
    try:
        return _train(
            project,
            experiment,
            variant,
            profile,
            tracker_mode=tracker_mode,
            device=chosen,
            progress=progress,
            notify=notify,
            stop=stop,
            sweep=sweep,
        )
    except (MemoryError, RuntimeError) as error:  # torch tells of memory by either
        if not is_memory(error):
            raise
        reason = f"{OUT_OF_MEMORY}: {str(error).strip().partition(chr(10))[0] or type(error).__name__}"
    gc.collect()  # the model is gone with the error's frames: give its memory to the next run
    if chosen.type == "cuda":
        torch.cuda.empty_cache()
    folder = run_folder(project.runs, experiment.name, variant.name, variant.config)
    origin = provenance(project.root, data="", device=device_name(chosen))
    return fail_run(
        folder,
        reason,
        experiment=experiment.name,
        variant=variant.name,
        profile=profile,
        sweep=sweep,
        config=variant.config.as_dict(),
        provenance=origin,
    )


def is_memory(error: BaseException) -> bool:
    """Say whether an error tells that memory ran out, the GPU's or the machine's."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or bool(MEMORY.search(str(error)))


def fail_run(folder: Path, reason: str, **start: Any) -> Record:
    """Write into a run's record that it failed; `start` says what it was, where the record does not say it yet."""
    if read_record(folder) is None:
        append_event(folder, "start", **start)
    append_event(folder, "end", state="failed", reason=reason, summary={}, samples={})
    return _must(read_record(folder))


def _train(
    project: Project,
    experiment: Experiment,
    variant: Variant,
    profile: Profile,
    *,
    tracker_mode: Mode,
    device: torch.device,
    progress: Callable[[Moment], None],
    notify: Callable[[str], None],
    stop: Stop,
    sweep: str,
) -> Record:
    config = variant.config
    folder = run_folder(project.runs, experiment.name, variant.name, config)
    record = read_record(folder)
    model = build_model(config).to(device)
    task = build_task(config, model, device)
    optimizer = build_optimizer(config, model.parameters())
    origin = provenance(project.root, data=task.sets.data, device=device_name(device))
    reached = _resume(folder, record, config, device, notify=notify, origin=origin)
    if reached is not None:
        model.load_state_dict(reached.model)
        optimizer.load_state_dict(reached.optimizer)
    stages = (*task.stages, _update_stage(config, model, optimizer, task))
    if record is None:
        append_event(
            folder,
            "start",
            experiment=experiment.name,
            variant=variant.name,
            profile=profile,
            sweep=sweep,
            config=config.as_dict(),
            provenance=origin,
        )
    if record is None or not record.model:
        append_event(folder, "model", model=_description(task, model, stages))
    try:
        with open_tracker(
            tracker_mode,
            folder,
            name=folder.name,
            config=config.as_dict(),
            group=experiment.name,
            tags=(profile,),
            sweep=sweep,
        ) as tracker:
            if tracker.link:
                append_event(folder, "online", link=tracker.link)
            run = _Run(config, folder, model, optimizer, task, stages, tracker, progress, stop)
            run.train(reached, record)
    except NotFiniteError as error:
        append_event(folder, "end", state="failed", reason=str(error), summary={}, samples={})
    except KeyboardInterrupt:
        append_event(folder, "end", state="interrupted", reason="Ctrl-C", summary={}, samples={})
        raise
    return _must(read_record(folder))


@dataclass(frozen=True)
class _Run:
    """What the epochs of one run share."""

    config: Config
    folder: Path
    model: nn.Module
    optimizer: Optimizer
    task: Task
    stages: tuple[Stage, ...]
    tracker: Tracker
    progress: Callable[[Moment], None]
    stop: Stop

    def train(self, reached: Checkpoint | None, record: Record | None) -> None:
        done, before = (reached.epoch, reached.seconds) if reached else (0, 0.0)
        history = record.history[:done] if record else []
        for metrics in history:
            self.tracker.log(metrics, metrics["epoch"])  # a resumed run is a whole one for the tracker too
        started = time.perf_counter()
        for epoch in range(done + 1, self.config.epochs + 1):
            reason = self.stop(history) if history else ""
            if reason:
                self.prune(reason, history[-1], before + time.perf_counter() - started)
                return
            metrics = self.epoch(epoch)
            history.append(metrics)
            append_event(self.folder, "epoch", metrics=metrics)
            self.tracker.log(metrics, epoch)
            save_checkpoint(
                self.folder,
                epoch=epoch,
                digest=self.config.digest(),
                seconds=before + time.perf_counter() - started,
                model=self.model,
                optimizer=self.optimizer,
            )
        self.finish(before + time.perf_counter() - started)

    def prune(self, reason: str, last: Mapping[str, Any], seconds: float) -> None:
        """End the run early: its summary is the last epoch's, and the test set stays unread."""
        summary = {name: value for name, value in last.items() if name not in ("epoch", "seconds")}
        summary["seconds"] = seconds
        self.tracker.finish(summary)
        append_event(self.folder, "end", state="pruned", reason=reason, summary=summary, samples={})

    def epoch(self, number: int) -> dict[str, float]:
        """Train one epoch, counted from 1, and validate; return its metrics."""
        began = time.perf_counter()
        self.model.train()
        split = self.task.epoch_data(number)
        images, targets = split.images, split.targets
        order = torch.randperm(
            len(images),
            generator=generator(self.config.seed, number, "order", images.device),
            device=images.device,
        )
        batches = order.split(self.config.batch_size)
        reads = {round(len(batches) * part / READS_PER_EPOCH) for part in range(1, READS_PER_EPOCH + 1)}
        sums = torch.zeros(2, device=images.device)  # of loss and accuracy, pictures counted
        seen = 0
        means = [math.nan, math.nan]
        for index, chosen in enumerate(batches, start=1):
            step = (number - 1) * len(batches) + index - 1
            batch = run_stages(self.stages, Batch(chosen, images, targets, self.config.seed, step))
            sums += len(chosen) * torch.stack([_must(batch.loss).detach().float(), self.task.correct(batch)])
            seen += len(chosen)
            if index in reads:
                means = (sums / seen).tolist()
                _check_finite(means[0], number)
                self.progress(Moment(number - 1 + index / len(batches), *means))
        measured = self.task.measure(self.task.sets.validation)
        _check_finite(measured["loss"], number)
        return {
            "epoch": number,
            "train_loss": means[0],
            "train_accuracy": means[1],
            **{f"val_{name}": value for name, value in measured.items()},
            "seconds": time.perf_counter() - began,
        }

    def finish(self, seconds: float) -> None:
        """Read the test set once, and write how the run ended."""
        test = self.task.sets.test
        last = _must(read_record(self.folder)).history[-1]
        summary: dict[str, Any] = {name: value for name, value in last.items() if name not in ("epoch", "seconds")}
        summary |= {f"test_{name}": value for name, value in self.task.measure(test).items()}
        summary |= {
            "test_images": len(test.images),
            "parameters": sum(p.numel() for p in self.model.parameters()),
            "seconds": seconds,
        }
        samples: dict[str, Any] = self.task.samples()
        encoding = encoding_sample(self.config, self.model)
        if encoding is not None:
            samples["encoding"] = encoding
        self.tracker.finish(summary)
        append_event(self.folder, "end", state="finished", reason="", summary=summary, samples=samples)


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


def device_name(device: torch.device) -> str:
    """Return a GPU's own name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def _resume(
    folder: Path,
    record: Record | None,
    config: Config,
    device: torch.device,
    *,
    notify: Callable[[str], None],
    origin: dict[str, Any],
) -> Checkpoint | None:
    """Return the checkpoint to go on from, and note in the record that the run goes on or starts again."""
    if record is None:
        return None
    reached = load_checkpoint(folder, config.digest(), device)
    if reached is not None and [row["epoch"] for row in record.history[: reached.epoch]] != [
        *range(1, reached.epoch + 1)
    ]:
        reached = None  # epochs are missing in the record: train them again
    notice = f"after epoch {reached.epoch}" if reached else "from the beginning: it has no whole checkpoint"
    notify(f"{folder.name} goes on {notice}.")
    append_event(folder, "resume", notice=notice, commit=origin["commit"], dirty=origin["dirty"])
    return reached


def _update_stage(config: Config, model: nn.Module, optimizer: Optimizer, task: Task) -> Stage:
    total = config.epochs * math.ceil(task.epoch_images / config.batch_size)

    def update(batch: Batch) -> Batch:
        set_learning_rate(optimizer, learning_rate_at(config, batch.step, total))
        optimizer.zero_grad(set_to_none=True)
        _must(batch.loss).backward()
        clip_gradients(config, model)
        optimizer.step()
        return batch

    detail = f"{config.learning_rate:g} after {config.warmup:.0%} warm-up, then cosine"
    return Stage("code", type(optimizer).__name__, detail, update)


def _description(task: Task, model: nn.Module, stages: tuple[Stage, ...]) -> dict[str, Any]:
    """Describe the model as one forward pass shows it, and the steps of its training."""
    return {**describe(model, task.example()), "pipeline": pipeline(stages)}


def _check_finite(loss: float, epoch: int) -> None:
    if not math.isfinite(loss):
        raise NotFiniteError(f"the loss became {loss} in epoch {epoch}; a lower learning rate may help.")


def _must(value: T | None) -> T:
    assert value is not None  # noqa: S101 - written just before
    return value
