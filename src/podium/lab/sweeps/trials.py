"""Trials: run some, and say how each ended. One function takes a list of them: there cohorts will train together."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence

from podium.lab.sweeps.foreign import run_program
from podium.lab.sweeps.job import trial_name
from podium.lab.sweeps.judging import Hands, Judge, outcome_of_record
from podium.lab.sweeps.study import Asked, LostError, Outcome
from podium.runs import read_record
from podium.spec import PodiumError

DONE = ("finished", "failed", "pruned")
BROKEN_DEVICE = "CUDA error"  # torch's words for all but want of memory; every later call in the process fails too


class DeviceError(PodiumError):
    """This process has lost its GPU; another one has not."""


def train_trials(hands: Hands, asked: Sequence[Asked]) -> None:
    """Run trials to their end, and write into the study how each ended.

    Raises:
        DeviceError: when this process has lost its GPU.
        PodiumError: for what no other trial would be spared: no disk space, no device, a refused W&B key.
        KeyboardInterrupt: after the trials that did not end are queued again.
    """
    for one in asked:
        try:
            with hands.study.signs_of_life([one.trial.number]) as lost:
                outcome = _train(hands, one, lost)
        except LostError as error:
            hands.notify(f"{trial_name(one.index)}: {error}")
            continue
        except (KeyboardInterrupt, PodiumError):
            with contextlib.suppress(LostError):
                hands.study.give_back(one)
            raise
        if outcome is None:
            continue  # queued again
        with contextlib.suppress(LostError):
            hands.study.finish(one.trial.number, outcome)
        if hands.job.experiment is not None and BROKEN_DEVICE in outcome.reason:
            raise DeviceError(
                f"{trial_name(one.index)} failed: {outcome.reason.rstrip('.')}. This process can compute no more after "
                "that: run the same command again, it goes on with the next trial."
            )


def _train(hands: Hands, asked: Asked, lost: threading.Event) -> Outcome | None:
    job = hands.job
    folder = job.trial_folder(asked.index, asked.parameters)
    record = read_record(folder)
    done = record is not None and record.state in DONE and record.sweep == job.sweep
    if record is not None and done and not asked.trial.user_attrs.get("again"):
        return outcome_of_record(job, record)  # its worker was killed between the record's end and the study's
    judge = Judge(hands.study, asked.trial.number, job.configuration)
    if job.experiment is None:
        return run_program(hands, asked, folder, judge, again=record is not None, lost=lost)
    from podium.lab.sweeps.own import train_own  # brings torch, which a program's worker does without

    return train_own(hands, asked, folder, judge)
