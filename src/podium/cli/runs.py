"""Commands that make runs, fetch them and keep them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import click

from podium.cli.group import device_option, podium, profile_option, set_option, wandb_option
from podium.runs.tracking import Mode
from podium.spec import (
    Cohorts,
    PodiumError,
    Profile,
    Project,
    Pulled,
    experiment_names,
    find_project,
    load_experiment,
    load_question,
    shown_experiments,
    unknown,
)

if TYPE_CHECKING:
    from podium.lab.training.overfitting import Overfit


@podium.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...")
@profile_option
@click.option("--shown", is_flag=True, help="Of all experiments, only those that a deck shows.")
@click.option("--only", multiple=True, metavar="VARIANT", help="Train this variant; may be repeated.")
@set_option
@device_option
@wandb_option
@click.option(
    "--cohort",
    type=click.Choice(["auto", "always", "never"]),
    default="auto",
    show_default=True,
    help="Train runs together on the device: where that gains, always, or never.",
)
@click.option("--overfit-one-batch", is_flag=True, help="Only see whether each variant can learn one batch by heart.")
def train(
    experiments: tuple[str, ...],
    *,
    profile: Profile,
    shown: bool,
    only: tuple[str, ...],
    settings: tuple[str, ...],
    device: str,
    wandb: Mode,
    cohort: Cohorts,
    overfit_one_batch: bool,
) -> None:
    """Train every run of the experiments (all where none is named) that is not finished yet."""
    from podium.lab.training import overfit_variants, train_experiment

    project = find_project(Path.cwd())
    for name in chosen_experiments(project, experiments, shown=shown):
        if not experiments and isinstance(load_question(name, project.experiments), Pulled):
            continue  # trained elsewhere
        experiment = load_experiment(name, project.experiments)
        if overfit_one_batch:
            print_overfits(name, overfit_variants(experiment, profile, only=only, settings=settings, device=device))
            continue
        records = train_experiment(
            project, experiment, profile, only=only, settings=settings, device=device, wandb=wandb, cohort=cohort
        )
        print_ended(name, [record.state for record in records], project)


@podium.command()
@click.argument("target", metavar="EXPERIMENT|FILE.yaml")
@profile_option
@set_option
@device_option
@wandb_option
@click.option("--workers", type=click.IntRange(1), default=1, show_default=True, help="Processes, one GPU each.")
@click.option("--storage", default="", metavar="URL", help="postgresql://...: share the sweep with other machines.")
@click.option("--online", is_flag=True, help="Create the sweep at W&B and run its agents here.")
def sweep(
    target: str,
    *,
    profile: Profile,
    settings: tuple[str, ...],
    device: str,
    wandb: Mode,
    workers: int,
    storage: str,
    online: bool,
) -> None:
    """Run a sweep: an experiment's own, or any W&B sweep file; what is finished is not run again."""
    from podium.lab.sweeps import find_target, run_online, run_sweep

    if online and storage:
        raise PodiumError("--online lets W&B's server hand out the trials, --storage a database: name one of the two.")
    project = find_project(Path.cwd())
    found = find_target(project, target)
    if online:
        runs = run_online(project, found, profile, settings=settings, device=device, workers=workers)
        print_states(f"{found.name} sweep", [run.state for run in runs])
        for path in dict.fromkeys(f"{run.entity}/{run.project}/sweeps/{run.sweep}" for run in runs):
            click.echo(f"Get the results with: podium pull {path}")
        return
    records = run_sweep(
        project, found, profile, settings=settings, device=device, wandb=wandb, workers=workers, storage=storage
    )
    print_ended(f"{found.name} sweep", [record.state for record in records], project)


@podium.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@click.option("--name", default="", help="What the results are called here; made from the source where left out.")
@click.option("--filters", default="", metavar="JSON", help='W&B\'s own filters, such as \'{"state": "finished"}\'.')
@click.option("--tag", "tags", multiple=True, help="Only runs with this tag; may be repeated.")
def pull(sources: tuple[str, ...], *, name: str, filters: str, tags: tuple[str, ...]) -> None:
    """Pull runs whole: entity/project, entity/project/sweeps/ID, single runs, or a folder of offline runs."""
    from podium.runs.pull import pull_source

    click.echo(pull_source(find_project(Path.cwd()), sources, name=name, filters=filters, tags=tags))


@podium.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...")
@click.option("--profile", type=click.Choice(["quick", "full"]), default=None, help="Only runs of this profile.")
def freeze(experiments: tuple[str, ...], *, profile: Profile | None) -> None:
    """Write the results of experiments beside their files, to be committed."""
    from podium.press.results import freeze as freeze_results
    from podium.press.results import freeze_pulled

    project = find_project(Path.cwd())
    for name in chosen_experiments(project, experiments):
        pulled = isinstance(load_question(name, project.experiments), Pulled)
        for path in freeze_pulled(project, name) if pulled else freeze_results(project, name, profile):
            click.echo(path.relative_to(project.root))


def chosen_experiments(project: Project, names: tuple[str, ...], *, shown: bool = False) -> list[str]:
    """Return the experiments that were asked for, or all; every name is checked before the first one starts.

    Args:
        project: whose experiments these are.
        names: as they stand on the command line.
        shown: whether, where none is named, only those are meant that a deck shows.
    """
    there = experiment_names(project.experiments)
    for name in names:
        if name not in there:
            raise unknown("experiment", name, there)
    return list(names) or (shown_experiments(project, there) if shown else there)


def print_overfits(name: str, found: Mapping[str, Overfit]) -> None:
    """Print what became of each variant's batch.

    Raises:
        PodiumError: where a variant did not learn it.
    """
    for variant, overfit in found.items():
        click.echo(f"{name}: {variant}: {overfit}")
    weak = [variant for variant, overfit in found.items() if not overfit.reached]
    if weak:
        raise PodiumError(
            f"{', '.join(weak)} did not learn one batch by heart: look for the fault in the model, the loss or the "
            "learning rate before you train longer."
        )


def print_ended(name: str, states: list[str], project: Project) -> None:
    """Print how many runs ended how, and where their records are."""
    print_states(name, states, f"; records under {project.runs.relative_to(project.root)}")


def print_states(name: str, states: list[str], where: str = "") -> None:
    """Print how many runs ended how."""
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    click.echo(f"{name}: {counts or 'no runs'}{where}")
