"""Recording: what is written of a run and told to its tracker, whoever trains it, alone or in a cohort.

`begin` opens a run's record or goes on with it, `track` its tracker, and a `Recorder` writes each epoch and the end.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor, Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from podium.lab.training.checkpoint import Checkpoint, load_checkpoint
from podium.lab.training.stages import Stage, pipeline
from podium.lab.training.stopping import best_epoch
from podium.lab.training.tasks import Task, encoding_sample
from podium.lab.training.usage import device_peak, memory_peak
from podium.lab.training.watching import watched
from podium.runs import Record, append_event, read_record, run_folder
from podium.runs.provenance import provenance
from podium.runs.tracking import Mode, Tracker, open_tracker
from podium.spec import Config, Experiment, Profile, Project, Variant

CLOCKED = ("epoch", "seconds", "images_per_second", "memory", "device_memory")  # an epoch's own, not the run's


@dataclass(frozen=True, kw_only=True)
class Assignment:
    """One run that is asked for, and where it is made.

    Attributes:
        project: where the record goes.
        experiment: the question the run belongs to.
        variant: the name and the config.
        profile: "quick" or "full".
        device: where it is trained.
        tracker_mode: see `podium.runs.tracking`.
        sweep: the id of the sweep that asks for the run.
        notify: called with a sentence when the run goes on, or starts again for want of a whole checkpoint.
    """

    project: Project
    experiment: Experiment
    variant: Variant
    profile: Profile
    device: torch.device
    tracker_mode: Mode = "auto"
    sweep: str = ""
    notify: Callable[[str], None] = lambda _: None

    @property
    def config(self) -> Config:
        """The variant's config."""
        return self.variant.config

    @property
    def folder(self) -> Path:
        """Where the record lies."""
        return run_folder(self.project.runs, self.experiment.name, self.variant.name, self.config)

    def origin(self, data: str, **more: str) -> dict[str, Any]:
        """Return the provenance of a run that is made here and now."""
        return {**provenance(self.project.root, data=data, device=device_name(self.device)), **more}

    def start(self, origin: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a record's first line says."""
        return {
            "experiment": self.experiment.name,
            "variant": self.variant.name,
            "profile": self.profile,
            "sweep": self.sweep,
            "config": self.config.as_dict(),
            "provenance": origin,
        }


def device_name(device: torch.device) -> str:
    """Return a GPU's own name, or "cpu"."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "cpu"


def resume(assignment: Assignment, record: Record | None, origin: Mapping[str, Any]) -> Checkpoint | None:
    """Return the checkpoint to go on from, and note in the record that the run goes on or starts again."""
    if record is None:
        return None
    folder = assignment.folder
    reached = load_checkpoint(folder, assignment.config.digest(), assignment.device)
    if reached is not None and [row["epoch"] for row in record.history[: reached.epoch]] != [
        *range(1, reached.epoch + 1)
    ]:
        reached = None  # epochs are missing in the record: train them again
    notice = f"after epoch {reached.epoch}" if reached else "from the beginning: it has no whole checkpoint"
    assignment.notify(f"{folder.name} goes on {notice}.")
    append_event(folder, "resume", notice=notice, commit=origin["commit"], dirty=origin["dirty"])
    return reached


def begin(
    assignment: Assignment,
    record: Record | None,
    origin: Mapping[str, Any],
    *,
    stages: Sequence[Stage],
    describe: Callable[[], Mapping[str, Any]],
) -> None:
    """Write what a record begins with, where it does not say it yet: what was asked for, and the model as it runs."""
    if record is None:
        append_event(assignment.folder, "start", **assignment.start(origin))
    if record is None or not record.model:
        append_event(assignment.folder, "model", model={**describe(), "pipeline": pipeline(stages)})


@contextmanager
def track(assignment: Assignment) -> Generator[Tracker]:
    """Open a run's tracker, and note its address where it has one."""
    folder = assignment.folder
    with open_tracker(
        assignment.tracker_mode,
        folder,
        name=folder.name,
        config=assignment.config.as_dict(),
        group=assignment.experiment.name,
        tags=(assignment.profile,),
        sweep=assignment.sweep,
    ) as tracker:
        if tracker.link:
            append_event(folder, "online", link=tracker.link)
        yield tracker


@dataclass
class Recorder:
    """What a run's record and tracker are told as it goes on.

    Attributes:
        history: the epochs so far: of an earlier process, then of this one.
        watches: what was watched in them, see `podium.lab.training.watching`.
        later: writes epochs and tells the tracker while training goes on, where there is one: a disk confirms one
            run's line after the other, which dozens of runs would wait for.
    """

    assignment: Assignment
    tracker: Tracker
    history: list[dict[str, Any]] = field(default_factory=list)
    watches: list[dict[str, Any]] = field(default_factory=list)
    later: Executor | None = None
    _line: Future[None] | None = field(default=None, init=False, repr=False)

    def go_on(self, record: Record | None, reached: Checkpoint | None) -> None:
        """Take over the epochs that a checkpoint stands after; a resumed run is a whole one for the tracker too."""
        done = reached.epoch if reached else 0
        self.history = record.history[:done] if record else []
        self.watches = [watch for watch in record.watches if watch["epoch"] <= done] if record else []
        for metrics in self.history:
            self.tracker.log(metrics, metrics["epoch"])

    def epoch(self, metrics: dict[str, Any], watch: dict[str, Any] | None = None) -> None:
        """Write one epoch: its metrics, `epoch` among them, and what was watched. Save its checkpoint after `settle`.

        Raises:
            PodiumError: when the disk is full or refuses this line, or the last one that was written later.
        """
        self.settle()
        self.history.append(metrics)
        if watch is not None:
            self.watches.append({"epoch": metrics["epoch"], **watch})
        if self.later is None:
            self._write(metrics, watch)
        else:
            self._line = self.later.submit(self._write, metrics, watch)

    def _write(self, metrics: dict[str, Any], watch: dict[str, Any] | None) -> None:
        append_event(self.assignment.folder, "epoch", metrics=metrics, **({} if watch is None else {"watch": watch}))
        self.tracker.log(metrics, metrics["epoch"])

    def settle(self) -> None:
        """Wait until the last epoch's line is on the disk, and its tracker has heard of it.

        Raises:
            PodiumError: when the disk was full or refused it.
        """
        line, self._line = self._line, None
        if line is not None:
            line.result()

    def prune(self, reason: str, seconds: float) -> None:
        """End the run early: its summary is the last epoch's, and the test set stays unread."""
        summary = {**_of_epoch(self.history[-1]), "seconds": seconds}
        self.settle()
        self.tracker.finish(summary)
        self.end("pruned", reason, summary)

    def finish(self, task: Task, model: nn.Module, seconds: float, reason: str = "") -> None:
        """Read the test set once with the weights that are judged, and write how the run ended."""
        config, metric = self.assignment.config, self.assignment.experiment.metric
        if not self.history:  # without an epoch there is nothing to choose by, and all the more to report
            summary = {f"val_{name}": value for name, value in task.measure(task.sets.validation).items()}
        else:
            kept = best_epoch(self.history, metric) if config.patience is not None else self.history[-1]["epoch"]
            summary = _of_epoch(next(row for row in self.history if row["epoch"] == kept))
            if config.patience is not None:
                summary["best_epoch"] = kept
        tested, shown = task.examine()
        summary |= {f"test_{name}": value for name, value in tested.items()}
        summary |= {
            "test_images": len(task.sets.test.images),
            "parameters": sum(p.numel() for p in model.parameters()),
            "seconds": seconds,
            "peak_memory": memory_peak(),
            **device_peak(self.assignment.device, "peak_device_memory"),
        }
        rates = [row["images_per_second"] for row in self.history if "images_per_second" in row]
        if rates:
            summary["images_per_second"] = round(len(rates) / sum(1 / rate for rate in rates), 1)
        samples: dict[str, Any] = {**shown, **watched(task, self.watches)}
        encoding = encoding_sample(config, model)
        if encoding is not None:
            samples["encoding"] = encoding
        self.settle()
        self.tracker.finish(summary)
        self.end("finished", reason, summary, samples)

    def end(self, state: str, reason: str, summary: Any = None, samples: Any = None) -> None:
        """Write the last line."""
        self.settle()
        end_run(self.assignment.folder, state, reason, summary, samples)


def end_run(folder: Path, state: str, reason: str, summary: Any = None, samples: Any = None) -> None:
    """Write how a run ended: "finished", "pruned", "failed" or "interrupted", and why."""
    append_event(folder, "end", state=state, reason=reason, summary=summary or {}, samples=samples or {})


def fail_run(folder: Path, reason: str, **start: Any) -> Record:
    """Write into a run's record that it failed; `start` says what it was, where the record does not say it yet."""
    if read_record(folder) is None:
        append_event(folder, "start", **start)
    end_run(folder, "failed", reason)
    return written(folder)


def written(folder: Path) -> Record:
    """Read a record that was just written."""
    record = read_record(folder)
    assert record is not None  # noqa: S101 - its first line is there
    return record


def _of_epoch(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in CLOCKED}
