"""Trial: the program that W&B's own agent starts to train one trial of an experiment.

`python -m podium.lab.sweeps.trial EXPERIMENT` reads the parameters where W&B's agent puts them for W&B's client, and
leaves a Podium record like every other run.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import yaml

from podium.runs import Record, append_event, read_record, run_folder
from podium.runs.agents import stopped_by_server
from podium.runs.tracking import Mode
from podium.spec import PodiumError, Profile, Project, Variant, find_project, load_experiment

ALARM_SECONDS = 20  # from the agent's SIGTERM on; after 30 it kills
STOPPED = "W&B's sweep stopped it"


@click.command()
@click.argument("experiment")
@click.option("--profile", type=click.Choice(["quick", "full"]), default="full")
@click.option("--set", "settings", multiple=True)
@click.option("--device", default="auto")
@click.option("--wandb", type=click.Choice(["online", "offline", "off"]), default="online")
def main(experiment: str, *, profile: Profile, settings: tuple[str, ...], device: str, wandb: Mode) -> None:
    """Train the one trial that W&B's agent asks for; exit code 1 where it failed."""
    project = find_project(Path.cwd())
    try:
        record = train_trial(project, experiment, profile, settings=settings, device=device, wandb=wandb)
    except PodiumError as error:
        print(f"podium: {error}", file=sys.stderr)
        sys.exit(1)
    if record.state == "failed":
        print(f"podium: {record.id} failed: {record.reason}", file=sys.stderr)
        sys.exit(1)


def train_trial(
    project: Project,
    name: str,
    profile: Profile,
    *,
    settings: tuple[str, ...] = (),
    device: str = "auto",
    wandb: Mode = "online",
    environment: Mapping[str, str] = os.environ,
) -> Record:
    """Train the trial that the environment describes.

    SIGTERM, which the agent sends when W&B stops a run, ends it after its epoch, or after some seconds, with the state
    "pruned"; where it was not W&B that wanted it, as after Ctrl-C, with "interrupted".

    Args:
        project: where the record goes.
        name: the experiment.
        profile: "quick" or "full".
        settings: `field=value` texts laid over the baseline, under the sweep's parameters.
        device: "auto", "cpu" or "cuda".
        wandb: see `podium.runs.tracking`.
        environment: where W&B's agent says which run this is.

    Raises:
        PodiumError: outside of an agent, or for values that the experiment's config cannot hold.
    """
    from podium.lab.training import train_run

    experiment = load_experiment(name, project.experiments)
    config = experiment.baseline_for(profile, settings).but(**read_parameters(environment))
    variant = Variant(f"trial-{environment['WANDB_RUN_ID']}", config)
    stopped = False

    def terminated(*_: Any) -> None:
        nonlocal stopped
        stopped = True
        signal.alarm(ALARM_SECONDS)

    def stop(_: Sequence[Mapping[str, Any]]) -> str:
        if stopped and not stopped_by_server():
            raise KeyboardInterrupt
        return STOPPED if stopped else ""

    before = {
        signal.SIGTERM: signal.signal(signal.SIGTERM, terminated),
        signal.SIGINT: signal.signal(signal.SIGINT, terminated),  # which W&B's client sends on W&B's behalf
        signal.SIGALRM: signal.signal(signal.SIGALRM, signal.default_int_handler),
    }
    try:
        return train_run(
            project,
            experiment,
            variant,
            profile,
            tracker_mode=wandb,
            device=device,
            stop=stop,
            sweep=environment["WANDB_SWEEP_ID"],
        )
    except KeyboardInterrupt:
        if not stopped_by_server():
            raise
        return _pruned(run_folder(project.runs, experiment.name, variant.name, config))
    finally:
        signal.alarm(0)
        for number, handler in before.items():
            signal.signal(number, handler)


def _pruned(folder: Path) -> Record:
    """Write that W&B stopped a run in the middle of an epoch."""
    record = read_record(folder)
    assert record is not None  # noqa: S101 - it was interrupted
    last = record.history[-1] if record.history else {}
    summary = {name: value for name, value in last.items() if name not in ("epoch", "seconds")}
    append_event(folder, "end", state="pruned", reason=STOPPED, summary=summary, samples={})
    return replace(record, state="pruned", reason=STOPPED, summary=summary)


def read_parameters(environment: Mapping[str, str]) -> dict[str, Any]:
    """Return the values that W&B's agent wrote for this run.

    Raises:
        PodiumError: outside of an agent.
    """
    path = environment.get("WANDB_SWEEP_PARAM_PATH", "")
    if not path or "WANDB_RUN_ID" not in environment or "WANDB_SWEEP_ID" not in environment:
        raise PodiumError(
            "podium.lab.sweeps.trial is started by W&B's agent, which says what to train. Run `podium sweep --online`."
        )
    found = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
    return {name: entry["value"] for name, entry in found.items() if name != "wandb_version"}


if __name__ == "__main__":
    main()
