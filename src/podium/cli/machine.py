"""Commands about this machine and this project."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import click

from podium.cli.group import podium
from podium.spec import PodiumError, Pulled, deck_names, experiment_names, find_project, load_question


@podium.command(name="list")
def list_all() -> None:
    """List the experiments with their questions, and the decks."""
    project = find_project(Path.cwd())
    for name in experiment_names(project.experiments):
        said = load_question(name, project.experiments)
        by = f"pulled, by {', '.join(said.variant)}" if isinstance(said, Pulled) else ", ".join(said.variants)
        click.echo(f"experiment {name}: {said.question} ({by})")
    for name in deck_names(project):
        click.echo(f"deck {name}")


@podium.command()
@click.argument("model", metavar="MODULE:CALLABLE")
@click.option("--input", "inputs", multiple=True, required=True, metavar="SHAPE", help="1x3x224x224, or 1x7:int64.")
@click.option(
    "--out", type=click.Path(path_type=Path), default=None, help="build/descriptions/NAME.json where left out."
)
def describe(model: str, *, inputs: tuple[str, ...], out: Path | None) -> None:
    """Describe any torch model in a file that diagrams, layer tables and module trees are drawn from."""
    from podium.lab.training.describe import describe_file

    named = model.rpartition(":")[2] or "model"
    path = out or find_project(Path.cwd()).build / "descriptions" / f"{named}.json"
    click.echo(describe_file(model, inputs, path))


@podium.command()
def doctor() -> None:
    """Say what this machine has, what it lacks, and how to get it."""
    for name, check in CHECKS.items():
        good, said = check()
        click.echo(f"{'ok     ' if good else 'missing'}  {name}: {said}")


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
