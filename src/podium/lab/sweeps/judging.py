"""Judging: what a trial's metric is, whether the trial should go on, and how it ended."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from podium.lab.sweeps.configuration import SweepConfiguration
from podium.lab.sweeps.hyperband import is_number
from podium.lab.sweeps.job import Job, trial_name
from podium.lab.sweeps.processes import Guard
from podium.lab.sweeps.study import Outcome, Study, counted
from podium.runs import Record
from podium.runs.provenance import provenance
from podium.runs.pull.offline import find_run_files, read_run_file

MOST_NAMES = 40  # of logged metrics, for the sentence that says that none is the sweep's


@dataclass(frozen=True, kw_only=True)
class Hands:
    """What a worker works with.

    Attributes:
        job: the sweep.
        study: its trials.
        guard: ends a program whose worker is killed.
        token: the mark of this worker's programs.
        progress: told of an own trial, a few times an epoch.
        notify: is called with a sentence when a trial goes on after a kill.
    """

    job: Job
    study: Study
    guard: Guard | None
    token: str
    progress: Callable[[str, object], None] = lambda *_: None
    notify: Callable[[str], None] = lambda _: None


class Judge:
    """Reports a trial's metric where others are compared with it, and says when the trial should stop."""

    def __init__(self, study: Study, number: int, configuration: SweepConfiguration) -> None:
        self._study, self._number, self._configuration = study, number, configuration
        band = configuration.early_terminate
        self._brackets = band.brackets() if band else []
        self._told = 0

    def reason(self, values: Sequence[Any]) -> str:
        """Return why a trial that has logged these values of the metric should stop; "" where it should go on.

        Raises:
            LostError: when the trial was given to another worker.
        """
        metric, band = self._configuration.metric, self._configuration.early_terminate
        if metric is None:
            return ""
        numbers = [value for value in values if is_number(value)]
        fresh = range(self._told + 1, len(numbers) + 1)
        self._told = len(numbers)
        telling = {*self._brackets, *self._instructive(fresh, numbers)}
        for step in fresh:
            if step in telling or metric.reached(numbers[step - 1]):
                self._study.report(self._number, step, numbers[step - 1])
        if band is None or not fresh:
            return ""
        trials = [trial for trial in counted(self._study.trials()) if trial.number != self._number]
        others = [_dense(trial.intermediate_values) for trial in trials]
        # A program is read now and then: every bracket that it passed meanwhile is judged as if it were just reached.
        for count in sorted({*(bracket for bracket in self._brackets if bracket in fresh), len(numbers)}):
            if band.should_stop(numbers[:count], others, maximize=metric.goal == "maximize"):
                bracket = max(bracket for bracket in self._brackets if bracket <= count)
                value = numbers[bracket - 1]
                return f"hyperband: {metric.name} {value:.4g} at {bracket} was not among the best 1/{band.eta:g}"
        return ""

    def _instructive(self, fresh: range, numbers: Sequence[float]) -> set[int]:
        """Name the steps that a bayes search learns from should the trial not end well: the best and the last."""
        if self._configuration.method != "bayes" or not fresh:
            return set()
        metric = self._configuration.metric
        best = max if metric is not None and metric.goal == "maximize" else min
        return {best(fresh, key=lambda step: numbers[step - 1]), fresh[-1]}


def _dense(sparse: Mapping[int, float]) -> list[float]:
    """Return values by step with the gaps filled: only brackets are ever compared, and these are all there."""
    return [sparse.get(step, 0.0) for step in range(1, max(sparse, default=0) + 1)]


def logged(rows: Iterable[Mapping[str, Any]], name: str) -> list[Any]:
    """Return a metric's values out of rows; the name of a nested one has points between its keys."""
    return [value for row in rows if (value := _inner(row, name)) is not None]


def _inner(row: Mapping[str, Any], name: str) -> Any:
    if name in row:
        return row[name]
    first, point, rest = name.partition(".")
    inner = row.get(first)
    return _inner(inner, rest) if point and isinstance(inner, Mapping) else None


def outcome_of_record(job: Job, record: Record) -> Outcome:
    """Say how a trial ended by its record: its value is the best that it logged, as W&B's search takes it."""
    metric = job.configuration.metric
    state = record.state if record.state in ("finished", "pruned") else "failed"
    if metric is None:
        return Outcome(state, record.reason, 0.0)
    rows: list[Mapping[str, Any]] = [*record.history, record.summary]
    if job.experiment is None:
        for path in find_run_files(record.folder):
            run = read_run_file(path)
            rows += [*run.history, run.summary]
    numbers = [value for value in logged(rows, metric.name) if is_number(value)]
    if numbers:
        return Outcome(state, record.reason, max(numbers) if metric.goal == "maximize" else min(numbers))
    if logged(rows, metric.name):
        return Outcome(state, record.reason or f"{metric.name} was never a finite number", None, (metric.name,))
    names = sorted({name for row in rows for name in row if not name.startswith("_")} - {"epoch"})
    return Outcome(state, record.reason, None, tuple(names[:MOST_NAMES]))


def start_of(job: Job, index: int, config: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a trial's record begins with."""
    return {
        "experiment": job.name,
        "variant": trial_name(index),
        "profile": job.profile,
        "sweep": job.sweep,
        "config": dict(config),
    }


def origin_of(job: Job, device: str) -> dict[str, Any]:
    """Return where a trial comes from: a program's code is that of its own folder."""
    if job.experiment is not None:
        return provenance(job.project.root, data="", device=device)
    return {**provenance(job.configuration.folder, data="", device="cpu"), "device": device}
