"""Own trials: the baseline of an experiment with some fields changed, trained in this process."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from podium.lab.models import build_model
from podium.lab.sweeps.job import trial_name
from podium.lab.sweeps.judging import Hands, Judge, origin_of, outcome_of_record, start_of
from podium.lab.sweeps.study import Asked, Outcome
from podium.lab.training import choose_device, train_run
from podium.lab.training.loop import OUT_OF_MEMORY, Moment, device_name, fail_run, is_memory
from podium.spec import PodiumError


def train_own(hands: Hands, asked: Asked, folder: Path, judge: Judge) -> Outcome:
    """Train one trial; whatever goes wrong in it is its outcome.

    Raises:
        PodiumError: for what no other trial would be spared: no disk space, no device, a refused W&B key.
        LostError: when the trial was given to another worker.
        KeyboardInterrupt: after the record says "interrupted".
    """
    job = hands.job
    assert job.experiment is not None  # noqa: S101 - asked before
    metric = job.configuration.metric

    def stop(history: Sequence[Mapping[str, Any]]) -> str:
        return judge.reason([row.get(metric.name) for row in history]) if metric else ""

    def progress(moment: Moment) -> None:
        hands.progress(trial_name(asked.index), moment)

    possible = False
    try:
        variant = job.variant(asked.index, asked.parameters)
        build_model(variant.config)  # sizes that do not fit together are this trial's fault alone
        possible = True
        record = train_run(
            job.project,
            job.experiment,
            variant,
            job.profile,
            tracker_mode=job.wandb,
            device=job.device,
            progress=progress,
            notify=hands.notify,
            stop=stop,
            sweep=job.sweep,
        )
        return outcome_of_record(job, record)
    except PodiumError as error:
        if possible:
            raise
        reason = str(error)
    except Exception as error:  # noqa: BLE001 - whatever it is, the other trials go on, and its row says it
        reason = f"{OUT_OF_MEMORY}: {error}" if is_memory(error) else f"{type(error).__name__}: {error}"
    assert job.baseline is not None  # noqa: S101 - an own experiment has one
    config = job.baseline.as_dict() | asked.parameters
    record = fail_run(
        folder,
        reason,
        **start_of(job, asked.index, config),
        provenance=origin_of(job, device_name(choose_device(job.device))),
    )
    return replace(outcome_of_record(job, record), impossible=not possible)
