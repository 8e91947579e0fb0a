"""Train an experiment: every run its profile asks for, what is finished skipped, what was cut off resumed."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from podium.lab.training.cohort import train_together
from podium.lab.training.loop import Moment, choose_device, may_succeed
from podium.runs import Record, read_record, run_folder
from podium.runs.tracking import Mode
from podium.spec import Cohorts, Experiment, Profile, Project, Variant

LINE_SECONDS = 60.0  # between two lines of progress where no terminal shows a bar: in a log, in CI
SPEED_SECONDS = 600.0  # that the time left is reckoned from: an epoch's few reports may be minutes apart


def train_experiment(
    project: Project,
    experiment: Experiment,
    profile: Profile,
    *,
    only: tuple[str, ...] = (),
    settings: tuple[str, ...] = (),
    device: str = "auto",
    wandb: Mode = "auto",
    cohort: Cohorts = "auto",
) -> list[Record]:
    """Train the runs of an experiment that are not done yet.

    Args:
        project: where the records go.
        experiment: as `load_experiment` gives it.
        profile: "quick" or "full".
        only: names of variants; all when empty.
        settings: `field=value` texts laid over every variant.
        device: "auto", "cpu" or "cuda".
        wandb: see `podium.runs.tracking`.
        cohort: see `train_all`.

    Returns:
        One record a run, in the experiment's order; a failed one says why in `reason`.

    Raises:
        PodiumError: for an unknown variant or field, no such device, no disk space, a refused W&B key.
    """
    variants = experiment.runs(profile, only=only, settings=settings)
    return train_all(project, experiment, variants, profile, device=device, wandb=wandb, cohort=cohort)


def train_all(
    project: Project,
    experiment: Experiment,
    variants: Sequence[Variant],
    profile: Profile,
    *,
    device: str = "auto",
    wandb: Mode = "auto",
    sweep: str = "",
    cohort: Cohorts = "auto",
    console: Console | None = None,
) -> list[Record]:
    """Train a list of runs under one progress line, together where that gains; a failed run does not stop the others.

    Args:
        project: where the records go.
        experiment: the question the runs belong to.
        variants: the runs; one that is finished, or that failed by its own numbers, is not trained again.
        profile: "quick" or "full".
        device: "auto", "cpu" or "cuda".
        wandb: see `podium.runs.tracking`.
        sweep: the id of the sweep that asks for the runs.
        cohort: whether runs are trained together: "auto" where that gains, "always", "never".
        console: where the progress goes; standard error when None.

    Returns:
        One record a run, in the order of `variants`.
    """
    choose_device(device)  # a GPU that is not there is said even when every run is done
    console = console or Console(stderr=True)

    def say(sentence: str) -> None:
        console.print(sentence, markup=False, highlight=False, soft_wrap=True)

    records = [read_record(run_folder(project.runs, experiment.name, v.name, v.config)) for v in variants]
    waiting = [v for v, record in zip(variants, records, strict=True) if not is_done(record)]
    skipped = len(variants) - len(waiting)
    if skipped:
        say(f"{experiment.name}: {skipped} of {len(variants)} runs are done already.")
    trained: dict[Variant, Record] = {}

    left = TimeRemainingColumn(compact=True)
    bar = Progress(
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[now]}", markup=False),
        left,
        console=console,
        disable=not console.is_terminal,
        speed_estimate_period=SPEED_SECONDS,
    )
    with bar:
        runs = bar.add_task(f"{experiment.name}: runs", total=len(variants), completed=skipped, now="")
        epochs = bar.add_task("  epochs", total=sum(v.config.epochs for v in waiting), now="")
        reached: dict[Variant, float] = {}
        spoken = time.monotonic()

        def show(variant: Variant, moment: Moment) -> None:
            nonlocal spoken
            reached[variant] = moment.epochs_done
            text = f"{variant.name} seed {variant.config.seed}: {moment}"
            bar.update(epochs, completed=sum(reached.values()), now=text)
            if bar.disable and time.monotonic() - spoken >= LINE_SECONDS:
                spoken = time.monotonic()
                task = bar.tasks[epochs]
                say(f"{experiment.name}: {task.completed:.1f} of {task.total} epochs, {left.render(task)} left; {text}")

        def ended(variant: Variant, record: Record) -> None:
            reached[variant] = variant.config.epochs
            trained[variant] = record
            bar.update(runs, advance=1)
            bar.update(epochs, completed=sum(reached.values()))
            say(outcome(record, experiment.metric))

        for wave in waves(experiment.name, waiting):
            train_together(
                project,
                experiment,
                wave,
                profile,
                tracker_mode=wandb,
                device=device,
                progress=show,
                ended=ended,
                notify=say,
                sweep=sweep,
                mode=cohort,
            )
    return [
        record if record is not None and is_done(record) else trained[variant]
        for variant, record in zip(variants, records, strict=True)
    ]


def waves(name: str, variants: Sequence[Variant]) -> list[list[Variant]]:
    """Put the runs that others start from before those: each list needs nothing of itself or of a later one.

    Args:
        name: of the experiment.
        variants: to train, in any order, which is kept within a list.
    """
    left = list(variants)
    found: list[list[Variant]] = []
    while left:
        names = {variant.name for variant in left}
        free = [v for v in left if v.config.start_from.removeprefix(f"{name}/") not in names]
        found.append(free or left)  # a circle: what is missing is said when it is looked for
        left = [v for v in left if v not in found[-1]]
    return found


def is_done(record: Record | None) -> bool:
    """Say whether training a run again could tell nothing new: it is finished, or failed by its own numbers.

    Want of memory is the machine's fault, and want of a run to start from another run's: both may train later.
    """
    if record is None:
        return False
    return record.state == "finished" or (record.state == "failed" and not may_succeed(record.reason))


def outcome(record: Record, metric: str) -> str:
    """Return one line on how a run ended."""
    name = f"{record.experiment}: {record.variant} seed {record.config['seed']}"
    if record.state == "failed":
        return f"{name} failed: {record.reason}"
    value = record.summary.get(metric)
    shown = f"{metric} {value:.4f}" if isinstance(value, float) else record.state
    return f"{name}: {shown} ({record.summary.get('seconds', 0):.0f} s)"
