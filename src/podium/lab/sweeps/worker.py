"""Worker: takes trial after trial of a sweep until none is left, here or in a process of its own with its own GPU."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Generator
from multiprocessing import parent_process
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial

from podium.lab.sweeps.job import Job, trial_name
from podium.lab.sweeps.judging import Hands
from podium.lab.sweeps.processes import Guard
from podium.lab.sweeps.search import ask, sampler
from podium.lab.sweeps.storage import open_storage
from podium.lab.sweeps.study import Study
from podium.lab.sweeps.trials import DeviceError, train_trials
from podium.lab.sweeps.watch import target_reached
from podium.spec import PodiumError

IDLE_SECONDS = 1.0
STOPPED, ERROR, NO_DEVICE = 130, 1, 3  # exit codes
DRIVERS = ("/dev/nvidiactl", "/dev/kfd", "/dev/dxg")  # of GPUs: NVIDIA's, AMD's, and Windows's for Linux

Look = Callable[[list[FrozenTrial], str], None]


def open_study(job: Job) -> Study:
    """Open the study of a sweep, or make it.

    Raises:
        PodiumError: for a storage that cannot be opened.
    """
    metric = job.configuration.metric
    storage = open_storage(job.storage, job.folder)
    direction = metric.goal if metric else "minimize"
    return Study(storage, job.study, sampler=sampler(job.configuration, job.sweep), direction=direction)


def work(
    job: Job, study: Study, *, look: Look = lambda *_: None, notify: Callable[[str], None] = lambda _: None
) -> None:
    """Run trials until the sweep is done: none is left, or its metric's target is reached.

    A worker stays while others still run, to take up their trials should they be killed.

    Args:
        job: the sweep.
        study: its trials.
        look: is called between trials, and while one trains.
        notify: is called with a sentence when a trial goes on after a kill.

    Raises:
        PodiumError: for what every further trial would meet too.
        KeyboardInterrupt: after the trial that ran is queued again.
    """

    def progress(name: str, moment: object) -> None:
        look(trials, f"{name}: {moment}")

    token = uuid.uuid4().hex
    guard = Guard(token) if job.experiment is None else None
    hands = Hands(job=job, study=study, guard=guard, token=token, progress=progress, notify=notify)
    try:
        while True:
            trials = study.trials()
            look(trials, "")
            if target_reached(trials, job.configuration.metric):
                return
            asked = study.take(lambda tables: ask(tables, job.configuration, job.sweep), total=job.total)
            if asked is not None:
                look(trials, trial_name(asked.index))
                train_trials(hands, [asked])
            elif not study.busy():
                return
            else:
                time.sleep(IDLE_SECONDS)
    finally:
        if guard is not None:
            guard.close()


def work_alone(job: Job, gpu: str, threads: int, line: Connection) -> None:
    """Run trials as a process of its own, telling the one that started it what should be said.

    Args:
        job: the sweep.
        gpu: the one that this worker gets; "" where there is none.
        threads: how many of the processor's threads its own trials may use.
        line: takes ("say", sentence) and ("error", sentence).
    """
    if gpu:
        os.environ["CUDA_VISIBLE_DEVICES"] = gpu
    elif job.experiment is not None:
        import torch

        torch.set_num_threads(threads)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        with terminated_like_ctrl_c(once=True), open_study(job) as study:
            work(job, study, notify=lambda sentence: line.send(("say", sentence)))
    except KeyboardInterrupt:
        os._exit(STOPPED)  # nothing is left to be done, and a second Ctrl-C shall not show a traceback
    except DeviceError as error:
        line.send(("say", str(error)))
        raise SystemExit(NO_DEVICE) from error  # it is replaced
    except PodiumError as error:
        line.send(("error", str(error)))
        raise SystemExit(ERROR) from error


def gpu_names() -> list[str]:
    """Name the GPUs that this process may see, as CUDA_VISIBLE_DEVICES names them."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name.strip() for name in visible.split(",") if name.strip()]
    if not any(Path(driver).exists() for driver in DRIVERS):
        return []  # so that torch, which is slow to import, is not asked
    import torch

    return [str(index) for index in range(torch.cuda.device_count())]


@contextlib.contextmanager
def terminated_like_ctrl_c(*, once: bool = False) -> Generator[None]:
    """Let SIGTERM, which schedulers send, end a sweep as Ctrl-C does: what runs is queued again.

    Args:
        once: pass over every further SIGTERM and Ctrl-C: a terminal sends it to a worker, and so does the one that
            started the worker.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGINT) if once else (signal.SIGTERM,)

    def interrupt(*_: Any) -> None:
        for number in numbers if once else ():
            signal.signal(number, signal.SIG_IGN)
        raise KeyboardInterrupt

    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end_with_parent() -> None:
    parent = parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
