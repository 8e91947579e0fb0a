"""Job: one sweep made ready to run here: what is searched, what trains, and where everything of it lies.

A job is plain data, so that it travels to worker processes as it is.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from podium.lab.sweeps.command import not_macros
from podium.lab.sweeps.configuration import SweepConfiguration, configuration_from, read_configuration, sweep_id
from podium.lab.sweeps.search import trial_count
from podium.runs import run_folder
from podium.runs.tracking import Mode
from podium.spec import Config, Experiment, PodiumError, Profile, Project, Variant, load_experiment

SWEEP_FILES = (".yaml", ".yml", ".json")
LONGEST = 60  # characters of a folder's name


@dataclass(frozen=True, kw_only=True)
class Job:
    """A sweep to run here.

    Attributes:
        project: where everything goes.
        configuration: the search.
        sweep: its id.
        name: what its folders are called.
        experiment: Podium's own experiment, whose baseline the trials change; None for a foreign program.
        baseline: the config that they change.
        profile: of an own experiment; "full" for a program.
        device: see `podium.lab.training`.
        wandb: see `podium.runs.tracking`.
        storage: see `podium.lab.sweeps.storage`.
        total: the most trials.
    """

    project: Project
    configuration: SweepConfiguration
    sweep: str
    name: str
    experiment: Experiment | None = None
    baseline: Config | None = None
    profile: Profile = "full"
    device: str = "auto"
    wandb: Mode = "auto"
    storage: str = ""
    total: float = math.inf

    @property
    def folder(self) -> Path:
        """The sweep's own folder: its study."""
        return self.project.build / "sweeps" / self.study

    @property
    def study(self) -> str:
        """The study's name in the storage."""
        return f"{self.name}-{self.sweep}"

    def variant(self, index: int, parameters: Mapping[str, Any]) -> Variant:
        """Return a trial of an own experiment.

        Raises:
            PodiumError: for values that its config cannot hold.
        """
        assert self.baseline is not None  # noqa: S101 - an own experiment has one
        return Variant(trial_name(index), self.baseline.but(**dict(parameters)))

    def trial_folder(self, index: int, parameters: Mapping[str, Any]) -> Path:
        """Return where a trial's record lies."""
        if self.baseline is not None:
            try:
                variant = self.variant(index, parameters)
                return run_folder(self.project.runs, self.name, variant.name, variant.config)
            except PodiumError:  # values that no config holds: its record is kept all the same
                pass
        return self.project.runs / self.name / f"{trial_name(index)}-{self.digest(index, parameters)}"

    def digest(self, index: int, parameters: Mapping[str, Any]) -> str:
        """Return eight hexadecimal characters for a trial: what W&B calls its run's id."""
        text = json.dumps([self.sweep, index, dict(parameters)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def trial_name(index: int) -> str:
    """Return a trial's name by its index.

    >>> trial_name(0)
    'trial-001'
    """
    return f"trial-{index + 1:03}"


def find_target(project: Project, text: str) -> Experiment | SweepConfiguration:
    """Return what `podium sweep` is asked to run: a W&B sweep file, or an experiment by its name.

    Raises:
        PodiumError: for a file that is not there or is wrong, or a name that no experiment has.
    """
    path = Path(text)
    if path.is_file():
        return read_configuration(path, _say)
    if path.suffix in SWEEP_FILES:
        raise PodiumError(f"There is no file {text} here. Give a W&B sweep file, or an experiment's name.")
    return load_experiment(text, project.experiments)


def make_job(
    project: Project,
    target: Experiment | SweepConfiguration,
    profile: Profile,
    *,
    settings: tuple[str, ...] = (),
    device: str = "auto",
    wandb: Mode = "auto",
    storage: str = "",
    count: int | None = None,
    notify: Callable[[str], None] = lambda _: None,
) -> Job:
    """Check what is asked for, before the first trial.

    Args:
        project: where everything goes.
        target: an experiment with a sweep, or a sweep file that was read.
        profile: "quick" lowers an experiment's number of trials to `quick_run_cap`.
        settings: `field=value` texts laid over an experiment's baseline.
        device: "auto", "cpu" or "cuda", for an experiment.
        wandb: "off" is for experiments alone: a program is read through what it logs.
        storage: "" for SQLite, else a database's address.
        count: end after this many trials in all; None for no end but the sweep's own.
        notify: is called with what should be said.

    Raises:
        PodiumError: for what does not fit together, naming the place.
    """
    if count is not None and count < 1:
        raise PodiumError(f"--count must be a whole number above 0; not {count}.")
    if isinstance(target, Experiment):
        job = _own(project, target, profile, settings, notify)
    else:
        job = _foreign(project, target, settings, wandb, notify)
    total = min(job.total, math.inf if count is None else count)
    return replace(job, device=device, wandb=wandb, storage=storage, total=total)


def _own(
    project: Project,
    experiment: Experiment,
    profile: Profile,
    settings: tuple[str, ...],
    notify: Callable[[str], None],
) -> Job:
    if experiment.sweep is None:
        raise PodiumError(f"Experiment {experiment.name} has no sweep: add sweep=Sweep(config={{...}}) to its file.")
    baseline = experiment.baseline_for(profile, settings)
    where = f"The sweep of experiment {experiment.name}"
    configuration = configuration_from(experiment.sweep.config, name=experiment.name, where=where, notify=notify)
    for parameter in configuration.parameters:
        for value in parameter.examples():
            values = configuration.nested({parameter.path: value})
            try:
                baseline.but(**values)
            except PodiumError as error:
                place = configuration.at(".".join(("parameters", *parameter.path)))
                raise PodiumError(f"{place}: {error}") from error
    total = _total(configuration)
    return Job(
        project=project,
        configuration=configuration,
        sweep=sweep_id(configuration, baseline.as_dict()),
        name=experiment.name,
        experiment=experiment,
        baseline=baseline,
        profile=profile,
        total=min(total, experiment.sweep.quick_run_cap) if profile == "quick" else total,
    )


def _foreign(
    project: Project,
    configuration: SweepConfiguration,
    settings: tuple[str, ...],
    wandb: Mode,
    notify: Callable[[str], None],
) -> Job:
    if settings:
        raise PodiumError(f"--set changes an experiment's fields; {configuration.where} names a program.")
    if wandb not in ("auto", "offline"):
        raise PodiumError(
            f"--wandb {wandb} is for experiments: a program's results are read from the offline files that it writes."
        )
    if "${program}" in configuration.command:
        _check_program(configuration)
    for sentence in not_macros(configuration.command):
        notify(f"{configuration.at('command')}: {sentence}")
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", configuration.name).strip("-.")[:LONGEST] or "sweep"
    if (project.experiments / f"{name}.py").exists():
        name = f"{name}-sweep"  # its records are not that experiment's
    folder = configuration.folder.resolve()
    inside = folder.relative_to(project.root.resolve()).as_posix() if folder.is_relative_to(project.root) else ""
    return Job(
        project=project,
        configuration=configuration,
        sweep=sweep_id(configuration, inside or None),
        name=name,
        total=_total(configuration),
    )


def _check_program(configuration: SweepConfiguration) -> None:
    program = configuration.program
    if program is None:
        raise PodiumError(f"{configuration.where} names no program: add program: train.py, or a command without it.")
    if not (configuration.folder / program).exists() and "-m" not in configuration.command:
        raise PodiumError(
            f"{configuration.at('program')}: there is no {program} in {configuration.folder}. "
            "A program's path counts from the folder of its sweep file."
        )


def _total(configuration: SweepConfiguration) -> float:
    count = trial_count(configuration)
    return math.inf if count is None else count


def _say(sentence: str) -> None:
    print(sentence, file=sys.stderr)
