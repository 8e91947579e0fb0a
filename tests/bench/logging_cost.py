"""Measure what recording costs: `nox -s bench -- logging_cost` writes reports/bench/logging_cost.json.

A cohort of 64 trains as `podium train` trains it: a record, checkpoints and W&B's real client, offline, for each run.
What recording takes of an epoch is timed around its calls, without the calls inside that have a name of their own: by
the wall's clock where training waits for them, and where they run beside training, in threads of their own, by these
threads' CPU time, which is the most that they can take from it. As a cross-check two epochs record and two do not, by
turns, and the second ones are compared, checkpoints taken off: that sees what no timer around a call does, such as the
client's own threads; it stands in the record where the spread carries it.

An epoch has few pictures on a CPU, so the shares of a whole epoch are reckoned, and named so. Checkpoints are no
logging; the cohort saves them so seldom that they stay under a share of the time that it knows (`SAVING`).
"""

from __future__ import annotations

import resource
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from statistics import median
from typing import Any
from unittest.mock import patch

import torch

from bench.lab.machine import REPORTS, write
from bench.lab.turns import ratio, wait
from podium.lab.training import choose_device, recording
from podium.lab.training.cohort import entrant, train_together
from podium.lab.training.cohort.loop import SAVING, Cohort
from podium.lab.training.cohort.step import Step
from podium.lab.training.recording import Recorder
from podium.lab.training.usage import reset_peak
from podium.lab.training.watching import Gradients
from podium.runs.tracking import WandbTracker
from podium.spec import Experiment, Project, Variant, ViTConfig

RUNS = 64
CONFIGS = {
    "cpu": ViTConfig(dim=32, batch_size=32, augment=0.0, epochs=18, train_images=640, validation_images=250),
    "cuda": ViTConfig(depth=6, epochs=30, train_images=55_000),
}
WHOLE = 55_000  # pictures of an epoch of MNIST
RECKONED = 2.4  # seconds: an epoch of 64 ViT-64 on one H200, reckoned before any was measured

# By what it is called in the record: what is timed. Those of an epoch first, then those of a run.
LOGGING = {
    "the record's line": [(Recorder, "epoch"), (Recorder, "settle"), (recording, "append_event")],
    "W&B's client": [(WandbTracker, "log")],
}
LOOKING = {
    "gradients looked at": [(Cohort, "_look"), (Gradients, "told")],
    "pictures named": [(Step, "named")],
}
SAVED = {"checkpoints": [(Cohort, "_save")]}
ONCE = {
    "the model described": [(entrant, "describe")],
    "W&B's run opened": [(recording, "open_tracker")],
    "W&B's run closed": [(WandbTracker, "finish"), (WandbTracker, "__exit__")],
}


@dataclass
class Meter:
    """What calls took, epoch by epoch.

    Attributes:
        epochs: of each epoch its own seconds under "", and those of what was timed in it.
        beside: CPU seconds of each call in other threads.
        once: seconds of each call outside of epochs.
    """

    device: torch.device
    epochs: list[dict[str, float]] = field(default_factory=list)
    beside: dict[str, list[float]] = field(default_factory=dict)
    once: dict[str, list[float]] = field(default_factory=dict)
    _now: dict[str, float] | None = None
    _inside: list[float] = field(default_factory=list)  # what the calls inside took, of each call that is open

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Time what is named above; in every other epoch, record nothing."""
        with ExitStack() as patches:
            for name, calls in {**LOGGING, **LOOKING, **SAVED, **ONCE}.items():
                for owner, call in calls:
                    there = getattr(owner, call)
                    patches.enter_context(patch.object(owner, call, self._timed(there, name)))
            whole = Cohort._epoch
            patches.enter_context(patch.object(Cohort, "_epoch", self._epoch(whole)))
            yield

    @property
    def records(self) -> bool:
        """Whether the epoch that goes on now records."""
        return recording_epoch(len(self.epochs))

    @property
    def recorded(self) -> int:
        """How many epochs recorded."""
        return sum(map(recording_epoch, range(len(self.epochs))))

    def _timed(self, call: Callable[..., Any], name: str) -> Callable[..., Any]:
        @wraps(call)
        def timed(*args: Any, **kwargs: Any) -> Any:
            if threading.current_thread() is not threading.main_thread():
                began = time.thread_time()
                try:
                    return call(*args, **kwargs)
                finally:
                    self.beside.setdefault(name, []).append(time.thread_time() - began)
            if self._now is not None and not self.records and name not in SAVED:
                return instead(call, *args)
            self._inside.append(0.0)
            began = time.perf_counter()
            try:
                return call(*args, **kwargs)
            finally:
                took = time.perf_counter() - began
                own = took - self._inside.pop()
                if self._inside:
                    self._inside[-1] += took
                if self._now is None:
                    self.once.setdefault(name, []).append(own)
                else:
                    self._now[name] = self._now.get(name, 0.0) + own

        return timed

    def _epoch(self, whole: Callable[..., None]) -> Callable[..., None]:
        @wraps(whole)
        def epoch(*args: Any) -> None:
            wait(self.device)
            self._now, began = {}, time.perf_counter()
            whole(*args)
            wait(self.device)
            self._now[""] = time.perf_counter() - began
            self.epochs.append(self._now)
            self._now = None

        return epoch


def recording_epoch(number: int) -> bool:
    """Say whether an epoch, counted from 0, records: the first one, the warm-up, and two of every four after it."""
    return not number or (number - 1) % 4 < 2


def instead(call: Callable[..., Any], *args: Any) -> Any:
    """Do what an epoch that records nothing does: its history goes on in memory, where the run's end is made of it."""
    if call.__name__ == "epoch":
        recorder, metrics, watch = args
        recorder.history.append(metrics)
        recorder.watches.append({"epoch": metrics["epoch"], **watch})
    return {"told": [], "named": torch.zeros(RUNS, 0)}.get(call.__name__)


def main(reports: Path = REPORTS, runs: int = RUNS) -> dict[str, Any]:
    """Train a cohort, and write the record."""
    torch.set_num_threads(1)
    device = choose_device("auto")
    reset_peak(device)
    config = CONFIGS[device.type]
    meter = Meter(device)
    with tempfile.TemporaryDirectory() as folder:
        others = train(Path(folder), config, runs, meter)
    found = {"runs at once": runs, "config": config.as_dict(), **told(meter, config)}
    return write("logging_cost", device, {**found, "CPU seconds of W&B's own process": round(others, 2)}, reports)


def train(folder: Path, config: ViTConfig, runs: int, meter: Meter) -> float:
    """Train so many runs together, W&B offline; return the CPU seconds of the processes that this started."""
    import wandb

    question = Experiment(
        name="logging", question="What does recording cost?", expectation="Under 2 %.", baseline=config, variants={},
        metric="test_accuracy",
    )  # fmt: skip
    variants = [Variant(f"run {number}", config.but(seed=number)) for number in range(runs)]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with meter.watching():
        records = train_together(
            Project(folder), question, variants, "full", tracker_mode="offline", device=meter.device.type, mode="always"
        )
    wandb.teardown()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert [record.state for record in records] == ["finished"] * runs
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def told(meter: Meter, config: ViTConfig) -> dict[str, Any]:
    """Return what the epochs took, and which part of it was recording."""
    with_it, without = meter.epochs[2:-1:4], meter.epochs[4:-1:4]  # the last one, where all runs end, left out
    each = {name: median(epoch.get(name, 0.0) for epoch in with_it) for name in (*LOGGING, *LOOKING)}
    beside = {name: sum(meter.beside.get(name, [])) / meter.recorded for name in LOGGING}
    logging = sum(each[name] + beside[name] for name in LOGGING)
    plain = median(training(epoch) for epoch in with_it)
    whole = plain * WHOLE / config.train_images
    saved = [epoch["checkpoints"] for epoch in meter.epochs if epoch.get("checkpoints", 0.0) > 1e-3]
    shares = {
        "an epoch as it was here": logging / plain,
        "a whole epoch of MNIST here" + ("" if config.train_images == WHOLE else ", reckoned"): logging / whole,
        f"an epoch of {RECKONED:g} s, as one H200's was reckoned": logging / RECKONED,
    }
    return {
        "epochs": len(meter.epochs),
        "an epoch's training and validation, seconds, all runs": round(plain, 3),
        "an epoch's logging that training waits for, ms, all runs": {n: round(1e3 * each[n], 2) for n in LOGGING},
        "an epoch's logging beside training, CPU ms, all runs": {n: round(1e3 * beside[n], 2) for n in LOGGING},
        "an epoch's looking, ms, all runs": {name: round(1e3 * each[name], 2) for name in LOOKING},
        "logging's share of training time": {name: float(f"{share:.3g}") for name, share in shares.items()},
        "epochs that record over those that do not": ratio(
            [unsaved(epoch) for epoch in with_it[: len(without)]], [unsaved(epoch) for epoch in without]
        ),
        "checkpoints of all runs, seconds each time": round(median(saved), 3) if saved else 0.0,
        "checkpoints, the most that they may take of the time": SAVING,
        "once a run, ms": {name: round(1e3 * median(meter.once[name]), 2) for name in ONCE},
    }


def unsaved(epoch: dict[str, float]) -> float:
    """Return an epoch's seconds without those of its checkpoints."""
    return epoch[""] - sum(epoch.get(name, 0.0) for name in SAVED)


def training(epoch: dict[str, float]) -> float:
    """Return the seconds of an epoch that nothing was recorded in."""
    return unsaved(epoch) - sum(epoch.get(name, 0.0) for name in (*LOGGING, *LOOKING))


if __name__ == "__main__":
    main()
