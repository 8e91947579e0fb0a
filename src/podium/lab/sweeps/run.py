"""Run a sweep here: in this process, or in several, one GPU each; what is finished is never run again."""

from __future__ import annotations

import multiprocessing
import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path

from optuna.trial import FrozenTrial
from rich.console import Console

from podium.lab.sweeps.configuration import SweepConfiguration
from podium.lab.sweeps.job import Job, make_job
from podium.lab.sweeps.search import index_of
from podium.lab.sweeps.study import Study, ended, outcome_of
from podium.lab.sweeps.watch import StopError, Watch, target_reached
from podium.lab.sweeps.worker import gpu_names, open_study, terminated_like_ctrl_c, work, work_alone
from podium.runs import Record, read_record
from podium.runs.tracking import Mode
from podium.spec import Experiment, PodiumError, Profile, Project

POLL_SECONDS = 0.5
LEAVE_SECONDS = 60.0  # for workers to end their trials after Ctrl-C
MOST_RESTARTS = 5  # of one worker that is killed
AGAIN = "run again"  # the study's attribute for trials that a mended program may run again


def run_sweep(
    project: Project,
    target: Experiment | SweepConfiguration,
    profile: Profile = "full",
    *,
    settings: tuple[str, ...] = (),
    device: str = "auto",
    wandb: Mode = "auto",
    workers: int = 1,
    storage: str = "",
    count: int | None = None,
    console: Console | None = None,
) -> list[Record]:
    """Run every trial of a sweep that has not ended yet, without a server.

    Args:
        project: where the records and the study go.
        target: an experiment with a sweep, or a W&B sweep file (see `find_target`).
        profile: "quick" lowers an experiment's number of trials to `quick_run_cap`.
        settings: `field=value` texts laid over an experiment's baseline.
        device: "auto", "cpu" or "cuda", for an experiment.
        wandb: see `podium.runs.tracking`; a program always writes offline files.
        workers: how many trials run at once, each worker a process with a GPU of its own where there are some.
        storage: "" for this machine alone, or `postgresql://...` to share the sweep with others.
        count: end after this many trials in all; None for no end but the sweep's own.
        console: where the progress goes; standard error when None.

    Returns:
        One record for each trial that ended and lies on this machine, in the order of the trials; failed and pruned
        ones say why in `reason`.

    Raises:
        PodiumError: for a wrong configuration, a storage that does not answer, a metric that no run logs, or when the
            first trials all fail.
        KeyboardInterrupt: after the trials that ran are queued again.
    """
    if workers < 1:
        raise PodiumError(f"--workers must be a whole number above 0; not {workers}.")
    console = console or Console(stderr=True)

    def say(sentence: str) -> None:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    job = make_job(
        project,
        target,
        profile,
        settings=settings,
        device=device,
        wandb=wandb,
        storage=storage,
        count=count,
        notify=say,
    )
    if job.experiment is not None:
        from podium.lab.training import choose_device  # brings torch

        choose_device(device)  # a GPU that is not there is said even when every trial is done
    with terminated_like_ctrl_c(), open_study(job) as study:
        _run_again(job, study)
        before = study.trials()
        with Watch(job, console, before=before) as watch:
            try:
                if workers == 1:
                    work(job, study, look=lambda trials, now: watch.look(trials, now=now), notify=watch.say)
                elif not _complete(job, before):
                    _Crew(job, study, watch, workers).run()
                watch.look(study.trials())
            except StopError as stop:
                study.optuna.set_user_attr(AGAIN, list(stop.trials))
                raise
        return _records(job, study.trials())


def _complete(job: Job, trials: list[FrozenTrial]) -> bool:
    return len(ended(trials)) >= job.total or target_reached(trials, job.configuration.metric)


def _records(job: Job, trials: list[FrozenTrial]) -> list[Record]:
    done = ended(trials)
    found = (read_record(_folder(job, index, done[index])) for index in sorted(done))
    return [record for record in found if record is not None]


def _folder(job: Job, index: int, trial: FrozenTrial) -> Path:
    return job.trial_folder(index, trial.user_attrs.get("parameters", {}))


def _run_again(job: Job, study: Study) -> None:
    """Queue trials again that told nothing: those before a program was mended, and those whose records were deleted."""
    if study.at_work():
        return
    trials = study.trials()
    done = ended(trials)
    again = set(study.optuna.user_attrs.get(AGAIN, []))
    if all(outcome_of(trial).state == "failed" for trial in done.values()):
        again |= {trial.number for trial in done.values()}
    if again:  # a worker may have been stopped between a failed trial's record and the study
        left = [trial for trial in trials if not trial.state.is_finished()]
        records = ((trial.number, read_record(_folder(job, index_of(trial, trials), trial))) for trial in left)
        again |= {number for number, record in records if record is not None and record.state == "failed"}
    if not job.storage:  # else their records may lie on another machine
        again |= {trial.number for index, trial in done.items() if read_record(_folder(job, index, trial)) is None}
    if again:
        study.run_again(again)
        study.optuna.set_user_attr(AGAIN, [])


@dataclass
class _Worker:
    process: SpawnProcess
    line: Connection
    restarts: int = 0


class _Crew:
    """Several workers, and the process that watches over them."""

    def __init__(self, job: Job, study: Study, watch: Watch, workers: int) -> None:
        self._job, self._study, self._watch, self._workers = job, study, watch, workers
        self._gpus = gpu_names()
        self._threads = max(1, (os.cpu_count() or 1) // workers)
        self._context = multiprocessing.get_context("spawn")  # CUDA does not live through a fork
        self._crew: dict[int, _Worker] = {}
        self._errors: list[str] = []

    def run(self) -> None:
        """Let them work until the sweep is done.

        Raises:
            PodiumError: when one of them met what the others would meet too, or all were killed again and again.
            KeyboardInterrupt: after all have ended.
        """
        try:
            for slot in range(self._workers):
                self._crew[slot] = self._start(slot)
            while self._crew:
                wait([worker.process.sentinel for worker in self._crew.values()], timeout=POLL_SECONDS)
                for slot, worker in list(self._crew.items()):
                    self._listen(worker)
                    if not worker.process.is_alive():
                        self._bury(slot, worker)
                if self._errors:
                    raise PodiumError(self._errors[0])
                self._watch.look(self._study.trials())
        finally:
            self._dismiss()

    def _start(self, slot: int) -> _Worker:
        gpu = self._gpus[slot % len(self._gpus)] if self._gpus else ""
        mine, its = self._context.Pipe(duplex=False)
        process = self._context.Process(
            target=work_alone, args=(self._job, gpu, self._threads, its), name=f"worker {slot}"
        )
        process.start()
        its.close()
        return _Worker(process, mine)

    def _listen(self, worker: _Worker) -> None:
        try:
            while worker.line.poll():
                kind, sentence = worker.line.recv()
                if kind == "error":
                    self._errors.append(sentence)
                else:
                    self._watch.say(sentence)
        except (EOFError, OSError):
            return

    def _bury(self, slot: int, worker: _Worker) -> None:
        worker.process.join()
        self._listen(worker)
        worker.line.close()
        code = worker.process.exitcode or 0
        del self._crew[slot]
        if code == 0 or self._errors:
            return
        how = f"was killed by signal {-code} ({signal.Signals(-code).name})" if code < 0 else f"ended with code {code}"
        if worker.restarts < MOST_RESTARTS:
            self._watch.say(f"Worker {slot + 1} {how}. Another one takes its place, and its trial.")
            self._crew[slot] = self._start(slot)
            self._crew[slot].restarts = worker.restarts + 1
        elif self._crew:
            self._watch.say(f"Worker {slot + 1} {how} {MOST_RESTARTS + 1} times. It is not started again.")
        else:
            raise PodiumError(
                f"Every worker {how} again and again; did the machine's memory run out? What is finished is kept: "
                "run the same command again, with fewer --workers."
            )

    def _dismiss(self) -> None:
        for worker in self._crew.values():
            worker.process.terminate()
        for worker in self._crew.values():
            worker.process.join(LEAVE_SECONDS)
            if worker.process.is_alive():
                worker.process.kill()
                worker.process.join()
            worker.line.close()
        self._crew.clear()
