"""Foreign trials: a program as a process of its own, followed by what it writes to its offline run file."""

from __future__ import annotations

import shutil
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from podium.lab.sweeps.job import trial_name
from podium.lab.sweeps.judging import Hands, Judge, logged, origin_of, outcome_of_record, start_of
from podium.lab.sweeps.program import Ended, Program, prepare
from podium.lab.sweeps.study import Asked, LostError, Outcome
from podium.runs import append_event, read_record
from podium.runs.pull.offline import Follower, find_run_files, read_run_file

POLL_SECONDS = 0.5
CTRL_C_SECONDS = 10.0  # that a program has to end itself after Ctrl-C


def run_program(
    hands: Hands, asked: Asked, folder: Path, judge: Judge, *, again: bool, lost: threading.Event
) -> Outcome | None:
    """Run one trial's program to its end; None where it was killed and the trial is queued again.

    Args:
        hands: what the worker works with.
        asked: the trial.
        folder: its folder.
        judge: says when it should stop.
        again: whether an earlier try left a record.
        lost: is set when the trial was given to another worker.

    Raises:
        PodiumError: where the command does not start.
        LostError: when the trial was given to another worker.
        KeyboardInterrupt: after the program has ended.
    """
    job, configuration = hands.job, hands.job.configuration
    origin = origin_of(job, "")
    if not again:
        append_event(folder, "start", **start_of(job, asked.index, asked.parameters), provenance=origin)
    else:
        shutil.rmtree(folder / "wandb", ignore_errors=True)  # of a try that did not end
        append_event(folder, "resume", notice="from the beginning", commit=origin["commit"], dirty=origin["dirty"])
    launch = prepare(
        configuration.command,
        asked.parameters,
        program=configuration.program or "",
        cwd=configuration.folder,
        folder=folder,
        sweep=job.sweep,
        run=job.digest(asked.index, asked.parameters),
        project=configuration.project or "podium",
        entity=configuration.entity,
        token=f"{hands.token}.{asked.trial.number}",
    )
    program = Program(launch)
    if hands.guard is not None:
        hands.guard.watch(program.group)
    values = Values(folder, configuration.metric.name if configuration.metric else "")
    try:
        reason = _follow(program, judge, values, lost)
    except BaseException as error:
        program.stop(CTRL_C_SECONDS)
        if isinstance(error, KeyboardInterrupt):
            append_event(folder, "end", state="interrupted", reason="Ctrl-C", summary={}, samples={})
        raise
    finally:
        if hands.guard is not None:
            hands.guard.watch(0)
    ended = Ended("finished") if reason else program.ended()
    judge.reason(values.read())  # what it logged in its last moments counts for the others
    if ended.state == "killed" and hands.study.give_back(asked, killed=True):
        append_event(folder, "end", state="interrupted", reason=ended.reason, summary={}, samples={})
        hands.notify(f"{trial_name(asked.index)} was {ended.reason}. It is tried once more.")
        return None
    state = "pruned" if reason else "failed" if ended.state == "killed" else ended.state
    summary = values.summary()
    append_event(folder, "end", state=state, reason=reason or ended.reason, summary=summary, samples={})
    finished = read_record(folder)
    assert finished is not None  # noqa: S101 - written just before
    return outcome_of_record(job, finished)


def _follow(program: Program, judge: Judge, values: Values, lost: threading.Event) -> str:
    """Wait for a program's end, and end it where the sweep wants it; return the sweep's reason, "" for none."""
    while not program.wait(POLL_SECONDS):
        reason = judge.reason(values.read())
        if lost.is_set():
            raise LostError("The trial was given to another worker.")
        if reason:
            program.stop()
            return reason
    program.sweep_up()
    return ""


@dataclass
class Values:
    """What a program has logged of one metric, read while it runs.

    A program may open several run files, one a process of a distributed training: the longest history counts.
    """

    folder: Path
    metric: str
    _followed: dict[Path, tuple[Follower, list[Any]]] = field(default_factory=dict)

    def read(self) -> list[Any]:
        """Return the metric's values so far, in the order of logging."""
        for path in find_run_files(self.folder / "wandb"):
            follower, values = self._followed.setdefault(path, (Follower(path), []))
            values += logged(follower.rows(), self.metric)
        return max((values for _, values in self._followed.values()), key=len, default=[])

    def summary(self) -> dict[str, Any]:
        """Return the summary of the run that logged most."""
        runs = [read_run_file(path) for path in find_run_files(self.folder)]
        return dict(max(runs, key=lambda run: len(run.history)).summary) if runs else {}
