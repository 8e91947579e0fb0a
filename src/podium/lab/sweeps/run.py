"""Run a sweep here: each trial is the baseline with some fields changed, and a run like any other."""

from __future__ import annotations

from podium.lab.sweeps.search import check_sweep, sweep_id, trial_count, trial_parameters
from podium.lab.training import train_all
from podium.runs import Record
from podium.runs.tracking import Mode
from podium.spec import Experiment, PodiumError, Profile, Project, Variant


def sweep_trials(
    experiment: Experiment, profile: Profile, *, settings: tuple[str, ...] = ()
) -> tuple[str, list[Variant]]:
    """List the trials of an experiment's sweep, and the sweep's id.

    Raises:
        PodiumError: where the experiment has no sweep, or its configuration is wrong.
    """
    if experiment.sweep is None:
        raise PodiumError(f"Experiment {experiment.name} has no sweep: add sweep=Sweep(config={{...}}) to its file.")
    config = experiment.sweep.config
    baseline = experiment.baseline_for(profile, settings)
    check_sweep(config, baseline)
    sweep = sweep_id(config, baseline)
    count = trial_count(config)
    if profile == "quick":
        count = min(count, experiment.sweep.quick_run_cap)
    return sweep, [
        Variant(f"trial-{trial + 1:03}", baseline.but(**trial_parameters(config, sweep, trial)))
        for trial in range(count)
    ]


def run_sweep(
    project: Project,
    experiment: Experiment,
    profile: Profile,
    *,
    settings: tuple[str, ...] = (),
    device: str = "auto",
    wandb: Mode = "auto",
) -> list[Record]:
    """Train every trial of an experiment's sweep that is not finished yet.

    Args:
        project: where the records go.
        experiment: the question whose `sweep` is searched.
        profile: "quick" lowers the number of trials to `quick_run_cap`.
        settings: `field=value` texts laid over the baseline.
        device: "auto", "cpu" or "cuda".
        wandb: see `podium.runs.tracking`.

    Returns:
        One record a trial, in the order of the trials.
    """
    sweep, trials = sweep_trials(experiment, profile, settings=settings)
    return train_all(project, experiment, trials, profile, device=device, wandb=wandb, sweep=sweep)
