"""The command line: each command parses, calls one library function, and prints what was written."""

from __future__ import annotations

import errno
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import click

from podium.runs.tracking import Mode
from podium.spec import PodiumError, Profile, Project, experiment_names, find_project, load_experiment, unknown


class Commands(click.Group):
    """A group that names the nearest command when one does not exist."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which ones there are."""
        if args and not args[0].startswith("-") and args[0] not in self.commands:
            raise unknown("command", args[0], self.commands, owner="podium")
        return super().resolve_command(ctx, args)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.version_option(package_name="podium")
@click.pass_context
def podium(context: click.Context, *, debug: bool) -> None:
    """From training runs to the talk about them."""
    context.obj = {"debug": debug}


profile_option = click.option(
    "--profile", type=click.Choice(["quick", "full"]), default="quick", show_default=True, help="How much to train."
)
set_option = click.option("--set", "settings", multiple=True, metavar="FIELD=VALUE", help="Change a field everywhere.")
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu or cuda: where to compute.")
wandb_option = click.option(
    "--wandb",
    type=click.Choice(["auto", "online", "offline", "off"]),
    default="auto",
    show_default=True,
    help="auto is online where you are logged in to W&B, else offline.",
)


@podium.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...")
@profile_option
@click.option("--only", multiple=True, metavar="VARIANT", help="Train this variant; may be repeated.")
@set_option
@device_option
@wandb_option
def train(
    experiments: tuple[str, ...],
    *,
    profile: Profile,
    only: tuple[str, ...],
    settings: tuple[str, ...],
    device: str,
    wandb: Mode,
) -> None:
    """Train every run of the experiments (all where none is named) that is not finished yet."""
    from podium.lab.training import train_experiment

    project = find_project(Path.cwd())
    for name in chosen_experiments(project, experiments):
        experiment = load_experiment(name, project.experiments)
        records = train_experiment(
            project, experiment, profile, only=only, settings=settings, device=device, wandb=wandb
        )
        print_ended(name, [record.state for record in records], project)


@podium.command()
@click.argument("experiment")
@profile_option
@set_option
@device_option
@wandb_option
def sweep(experiment: str, *, profile: Profile, settings: tuple[str, ...], device: str, wandb: Mode) -> None:
    """Run an experiment's W&B sweep here, each trial a run of its own; what is finished is not run again."""
    from podium.lab.sweeps import run_sweep

    project = find_project(Path.cwd())
    asked = load_experiment(experiment, project.experiments)
    records = run_sweep(project, asked, profile, settings=settings, device=device, wandb=wandb)
    print_ended(f"{experiment} sweep", [record.state for record in records], project)


@podium.command()
@click.argument("experiments", nargs=-1, metavar="[EXPERIMENT]...")
@click.option("--profile", type=click.Choice(["quick", "full"]), default=None, help="Only runs of this profile.")
def freeze(experiments: tuple[str, ...], *, profile: Profile | None) -> None:
    """Write the results of experiments beside their files, to be committed."""
    from podium.press.results import freeze as freeze_results

    project = find_project(Path.cwd())
    for name in chosen_experiments(project, experiments):
        for path in freeze_results(project, name, profile):
            click.echo(path.relative_to(project.root))


@podium.command()
@click.argument("decks", nargs=-1, metavar="[DECK]...")
@click.option(
    "--runs",
    type=click.Choice(["local", "frozen"]),
    default="local",
    show_default=True,
    help="Draw from the runs made here, or from the committed results.",
)
@click.option("--format", "formats", default="site", show_default=True, help="site, or site,pdf.")
def slides(decks: tuple[str, ...], *, runs: Literal["local", "frozen"], formats: str) -> None:
    """Render and build decks (all where none is named); print where they are."""
    from podium.press.build import build_deck
    from podium.press.pages import deck_names

    project = find_project(Path.cwd())
    for name in decks or deck_names(project):
        for path in build_deck(project, name, runs=runs, formats=formats.split(",")):
            click.echo(path.relative_to(project.root))
        click.echo(f"Show it with: nox -s present -- {name}")


@podium.command()
@click.argument("deck", default="digits")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Leave out to take 3030 or a free one.")
@click.option("--edit", is_flag=True, help="Open the deck in Slidev's own server, for writing.")
def present(deck: str, port: int | None, *, edit: bool) -> None:
    """Serve a built deck on this machine until Ctrl-C."""
    from podium.press.build import present as present_deck

    present_deck(find_project(Path.cwd()), deck, port, edit=edit)


@podium.command(name="list")
def list_all() -> None:
    """List the experiments with their questions, and the decks."""
    from podium.press.pages import deck_names

    project = find_project(Path.cwd())
    for name in experiment_names(project.experiments):
        experiment = load_experiment(name, project.experiments)
        click.echo(f"experiment {name}: {experiment.question} ({', '.join(experiment.variants)})")
    for name in deck_names(project):
        click.echo(f"deck {name}")


@podium.command()
def doctor() -> None:
    """Say what this machine has, what it lacks, and how to get it."""
    for name, check in CHECKS.items():
        good, said = check()
        click.echo(f"{'ok     ' if good else 'missing'}  {name}: {said}")


def chosen_experiments(project: Project, names: tuple[str, ...]) -> list[str]:
    """Return the experiments that were asked for, or all; every name is checked before the first one starts."""
    there = experiment_names(project.experiments)
    for name in names:
        if name not in there:
            raise unknown("experiment", name, there)
    return list(names) or there


def print_ended(name: str, states: list[str], project: Project) -> None:
    """Print how many runs ended how, and where their records are."""
    counts = ", ".join(f"{states.count(state)} {state}" for state in sorted(set(states)))
    click.echo(f"{name}: {counts}; records under {project.runs.relative_to(project.root)}")


def check_project() -> tuple[bool, str]:
    """Find the project."""
    try:
        return True, f"{find_project(Path.cwd()).root}"
    except PodiumError as error:
        return False, str(error)


def check_lab() -> tuple[bool, str]:
    """Find torch, and what it computes on."""
    if importlib.util.find_spec("torch") is None:
        return False, "torch is not installed; `pip install 'podium[lab]'` brings it (slides need none)."
    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU here, so the CPU"
    return True, f"torch {torch.__version__} on {device}"


def check_wandb() -> tuple[bool, str]:
    """Say whether runs go to W&B."""
    if importlib.util.find_spec("wandb") is None:
        return False, "wandb is not installed; `pip install 'podium[lab]'` brings it."
    from podium.runs.tracking import resolve_mode

    return True, f"runs are logged {resolve_mode('auto')} (`wandb login` changes that)"


def check_node() -> tuple[bool, str]:
    """Find the Node that builds decks."""
    from podium.press.build.node import node_executable

    try:
        return True, str(node_executable())
    except PodiumError as error:
        return False, str(error)


def check_browser() -> tuple[bool, str]:
    """Find a browser for PDF and checks."""
    from podium.press.build.browser import NO_BROWSER, find_browser

    found = find_browser()
    return (True, str(found)) if found else (False, NO_BROWSER)


CHECKS: dict[str, Callable[[], tuple[bool, str]]] = {
    "project": check_project,
    "lab": check_lab,
    "W&B": check_wandb,
    "node": check_node,
    "browser": check_browser,
}


def main() -> None:
    """Run a command; an error for people is one sentence and exit code 1, Ctrl-C is 130."""
    debug = "--debug" in sys.argv
    try:
        podium.main(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Stopped. What was finished is kept; the same command goes on from there.", err=True)
        sys.exit(130)
    except PodiumError as error:
        if debug:
            raise
        click.echo(f"podium: {error}", err=True)
        sys.exit(1)
    except OSError as error:
        if debug or error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        click.echo(f"podium: {error.filename or 'a file'} cannot be written: {error.strerror}. Make room.", err=True)
        sys.exit(1)
