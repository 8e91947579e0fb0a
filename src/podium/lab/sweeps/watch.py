"""Watch: a sweep as its user sees it: how each trial ended, the best so far, time left, and when to give up."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self

from optuna.trial import FrozenTrial
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn

from podium.lab.sweeps.configuration import Metric
from podium.lab.sweeps.job import Job, trial_name
from podium.lab.sweeps.study import Outcome, counted, ended, outcome_of
from podium.spec import PodiumError, unknown

EARLY_SECONDS = 60.0
EARLY_FAILURES = 3  # in the first minute, as W&B's agent counts
FIRST_FAILURES = 5  # before anything worked, as W&B's agent counts
UNLOGGED = 2  # finished trials without the metric, before anything had it
WIDEST = 100  # characters of a trial's parameters on its line


class StopError(PodiumError):
    """Going on makes no sense. `trials` are the study's numbers of those to run again once that is mended."""

    def __init__(self, sentence: str, trials: Sequence[int]) -> None:
        super().__init__(sentence)
        self.trials = tuple(trials)


class Watch:
    """Follows a sweep's trials; a context in which the progress line stands on a terminal."""

    def __init__(self, job: Job, console: Console, *, before: Sequence[FrozenTrial]) -> None:
        """Begin with the trials as they were before this call."""
        self.job, self._console = job, console
        self._old = set(ended(before))
        self._known = set(self._old)
        self._began = time.monotonic()
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            TextColumn("{task.fields[text]}", markup=False),
            console=console,
            disable=not console.is_terminal,
        )
        self._task = self._bar.add_task(f"{job.name}: trials", total=None, text="")
        if self._old:
            self.say(f"{job.name}: {len(self._old)}{self._of()} trials are done already.")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def say(self, sentence: str) -> None:
        """Print one line above the progress."""
        self._console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    def look(self, trials: Sequence[FrozenTrial], *, now: str = "") -> None:
        """Show what has changed.

        Args:
            trials: all of the study.
            now: what to show of the trial that runs.

        Raises:
            StopError: where every trial fails, or none logs the sweep's metric.
        """
        done = ended(trials)
        fresh = [index for index in sorted(done) if index not in self._known]
        self._known |= set(fresh)
        for index in fresh:
            self.say(self._line(index, done[index]))
        total = None if math.isinf(self.job.total) else int(self.job.total)
        parts = [f"{len(done)}{self._of()}", self._best(done), self._left(len(done)), now]
        self._bar.update(self._task, completed=len(done), total=total, text="  ".join(part for part in parts if part))
        if fresh:
            self._bar.refresh()
            self._check(trials, done)

    def _check(self, trials: Sequence[FrozenTrial], done: Mapping[int, FrozenTrial]) -> None:
        mine = {index: outcome_of(done[index]) for index in sorted(done) if index not in self._old}
        numbers = [done[index].number for index in mine]
        failed = [outcome for outcome in mine.values() if outcome.state == "failed"]
        # A second failure tells nothing new, nor do values that do not fit together: a grid may begin with such.
        telling = [
            outcome
            for index, outcome in mine.items()
            if not done[index].user_attrs.get("again") and not outcome.impossible
        ]
        early = time.monotonic() - self._began < EARLY_SECONDS
        enough = EARLY_FAILURES if early else FIRST_FAILURES
        wanted = os.environ.get("WANDB_AGENT_DISABLE_FLAPPING") != "true"  # W&B's own switch
        if wanted and len(failed) == len(mine) and len(telling) >= enough:
            reasons = dict.fromkeys(outcome.reason for outcome in failed)
            said = "; ".join(list(reasons)[-2:])
            raise StopError(
                f"{self.job.name}: the first {len(failed)} trials all failed: {said.rstrip('.')}. "
                f"{self._where_output()}Mend it, then run the same command again: it tries them once more.",
                numbers,
            )
        metric = self.job.configuration.metric
        if metric is None:
            return
        without = [
            o for o in mine.values() if o.state == "finished" and o.value is None and metric.name not in o.logged
        ]
        if len(without) < min(UNLOGGED, self.job.total) or len(without) + len(failed) < len(mine):
            return
        if any(trial.intermediate_values or trial.values for trial in trials):
            return
        names = without[0].logged
        near = str(unknown("metric", metric.name, names, owner="No run of the sweep")) if names else ""
        raise StopError(
            f"{self.job.configuration.at('metric.name')}: {len(without)} trials have finished, and none logged "
            f"{metric.name!r}. {near or 'They logged nothing to W&B.'} Their records are kept.",
            numbers,
        )

    def _where_output(self) -> str:
        return "" if self.job.experiment is not None else f"Output: {self.job.project.runs / self.job.name}. "

    def _of(self) -> str:
        return "" if math.isinf(self.job.total) else f" of {int(self.job.total)}"

    def _best(self, done: Mapping[int, FrozenTrial]) -> str:
        metric = self.job.configuration.metric
        found = best_trial(done, metric)
        if metric is None or found is None:
            return ""
        index, value = found
        return f"best {metric.name} {value:.4g} ({trial_name(index)})"

    def _left(self, done: int) -> str:
        fresh = done - len(self._old)
        if not fresh or math.isinf(self.job.total):
            return ""
        seconds = (time.monotonic() - self._began) / fresh * (self.job.total - done)
        return f"{duration(seconds)} left" if seconds > 0 else ""

    def _line(self, index: int, trial: FrozenTrial) -> str:
        outcome = outcome_of(trial)
        name = f"{self.job.name}: {trial_name(index)} ({_short(trial.user_attrs.get('parameters', {}))})"
        if outcome.state != "finished":
            return f"{name} {'was pruned' if outcome.state == 'pruned' else 'failed'}: {outcome.reason}"
        return f"{name}: {self._shown(outcome)}"

    def _shown(self, outcome: Outcome) -> str:
        metric = self.job.configuration.metric
        if metric is None:
            return "finished"
        if outcome.reason:
            return outcome.reason
        return f"finished without {metric.name}" if outcome.value is None else f"{metric.name} {outcome.value:.4g}"


def best_trial(done: Mapping[int, FrozenTrial], metric: Metric | None) -> tuple[int, float] | None:
    """Return the best trial's index and value; None where no trial has one."""
    if metric is None:
        return None
    values = [(index, value) for index, trial in done.items() if (value := outcome_of(trial).value) is not None]
    best = max if metric.goal == "maximize" else min
    return best(values, key=lambda pair: pair[1], default=None)


def target_reached(trials: Sequence[FrozenTrial], metric: Metric | None) -> bool:
    """Say whether any trial, ended or not, has logged the metric's target or better."""
    if metric is None or metric.target is None:
        return False
    return any(
        metric.reached(value)
        for trial in counted(trials)
        for value in [*trial.intermediate_values.values(), *(trial.values or [])]
    )


def duration(seconds: float) -> str:
    """Return a duration in words.

    >>> duration(59), duration(3600), duration(90_000)
    ('59 s', '60 min', '25 h')
    """
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 2 * 3600 else f"{seconds / 3600:.0f} h"


def _short(parameters: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name}={value}" for name, value in parameters.items())
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 1]}…"
