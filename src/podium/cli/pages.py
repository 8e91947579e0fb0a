"""Commands that make pages out of runs, and say how they stand."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click

from podium.cli.group import podium, runs_option
from podium.spec import PodiumError, deck_names, find_project, report_names


@podium.group()
def new() -> None:
    """Begin something that you will edit."""


@new.command(name="deck")
@click.argument("name")
@click.option("--from", "sources", multiple=True, required=True, metavar="SOURCE", help="What `podium pull` takes.")
@click.option("--seed", default=None, metavar="FIELD", help="The field that tells repeats apart; '' for none.")
@click.option("--metric", default=None, help="The metric that answers the question.")
@click.option("--better", type=click.Choice(["higher", "lower"]), default=None, help="Which way that metric is better.")
def new_deck(name: str, *, sources: tuple[str, ...], seed: str | None, metric: str | None, better: str | None) -> None:
    """Pull anybody's runs and write a deck about them."""
    from podium.press.pages.new import new_deck as write_deck
    from podium.press.results import read_pulled
    from podium.runs.pull import pull_source

    project = find_project(Path.cwd())
    click.echo(pull_source(project, sources, name=name))
    given = {key: value for key, value in (("seed", seed), ("metric", metric), ("better", better)) if value is not None}
    tables = read_pulled(project, name)
    for path in write_deck(project, name, tables, sources, ask=ask, given=given, notify=click.echo):
        click.echo(path.relative_to(project.root))
    click.echo(f"Build it with: podium slides {name}")


@podium.command()
@click.argument("decks", nargs=-1, metavar="[DECK]...")
@runs_option
@click.option("--format", "formats", default="site", show_default=True, help="Any of site,pdf,png,pptx,md.")
@click.option("--with-clicks", is_flag=True, help="A page of the PDF and a PNG for every click.")
@click.option("--with-notes", is_flag=True, help="Put the speaker notes into the site and the Markdown, for everybody.")
@click.option("--base", default="./", show_default=True, help="The path it will be served under, such as /talks/.")
@click.option("--no-check", is_flag=True, help="Do not look at every slide and click for faults.")
def slides(decks: tuple[str, ...], *, runs: Literal["local", "frozen"], formats: str, **options: Any) -> None:
    """Render, build and check decks (all where none is named); print where they are."""
    from podium.cli.progress import shown
    from podium.press.build.deck import build_decks
    from podium.press.build.wanted import Wanted

    project = find_project(Path.cwd())
    check = not options.pop("no_check")
    wanted = Wanted(tuple(formats.split(",")), check=check, **options)
    with shown() as tell:
        built = build_decks(project, decks or deck_names(project), wanted, runs=runs, tell=tell)
    for name, paths in built.items():
        for path in paths:
            click.echo(path.relative_to(project.root))
        click.echo(f"Show it with: nox -s present -- {name}")


@podium.command()
@click.argument("names", nargs=-1, metavar="[REPORT]...")
@runs_option
@click.option("--format", "formats", default="html,pdf", show_default=True, help="html, pdf, or both.")
def report(names: tuple[str, ...], *, runs: Literal["local", "frozen"], formats: str) -> None:
    """Build reports (all where none is named) as one HTML file and a PDF; print where they are."""
    from podium.press.build.report import build_report

    project = find_project(Path.cwd())
    for name in names or report_names(project):
        for path in build_report(project, name, runs=runs, formats=formats.split(",")):
            click.echo(path.relative_to(project.root))


@podium.command()
@click.argument("decks", nargs=-1, metavar="[DECK]...")
@runs_option
@click.pass_context
def status(context: click.Context, decks: tuple[str, ...], *, runs: Literal["local", "frozen"]) -> None:
    """Say which decks are stale and why, and which numbers were typed by hand; exit code 1 where one is stale."""
    from podium.press.pages.status import status as status_of

    project = find_project(Path.cwd())
    found = [status_of(project, name, runs) for name in decks or deck_names(project)]
    for deck in found:
        click.echo(f"{deck.deck}: {'fresh' if deck.fresh else 'stale' if deck.built else 'never built'}")
        for line in (*deck.changes.why, *deck.changes.what):
            click.echo(f"  {line}")
        for number, sentence in deck.typed:
            click.echo(f"  line {number} has a typed number: {sentence}")
    if not all(deck.fresh for deck in found):
        context.exit(1)


@podium.command()
@click.argument("experiment")
@click.option("--metric", "metrics", multiple=True, required=True, help="A results column; may be repeated.")
@click.option("--format", "form", type=click.Choice(["latex", "csv"]), default="csv", show_default=True)
@runs_option
def table(experiment: str, *, metrics: tuple[str, ...], form: str, runs: Literal["local", "frozen"]) -> None:
    """Print an experiment's table, as LaTeX for a paper or as CSV with every number unrounded."""
    from podium.press.pages.export import table_text
    from podium.press.results import load_results

    results = load_results(find_project(Path.cwd()), experiment, runs)
    click.echo(table_text(results, metrics, form), nl=False)


@podium.command()
@click.argument("figure")
def why(figure: str) -> None:
    """Say why a figure of a built deck was drawn when it was drawn last."""
    from podium.press.pages.drawn import why as why_drawn

    for deck, reasons in why_drawn(find_project(Path.cwd()), figure):
        for reason in reasons:
            click.echo(f"{deck}: {reason}")


@podium.command()
@click.argument("deck", metavar="DECK|CAPSULE.zip")
@click.pass_context
def verify(context: click.Context, deck: str) -> None:
    """Compute every number of a deck again from the frozen results, or of a capsule from what is in it.

    Exit code 1 where one differs.
    """
    if deck.endswith(".zip"):
        from podium.press.build.capsule.recomputing import verify_capsule

        capsule = verify_capsule(Path(deck))
        found, other = list(capsule.found), "recomputed"
        click.echo(f"{capsule.deck}: every file is what the manifest says; SHA-256 of the zip {capsule.digest}")
    else:
        from podium.press.pages.status import verify as verify_deck

        found, other = verify_deck(find_project(Path.cwd()), deck), "frozen"
    for one in found:
        click.echo(
            f"{'same     ' if one.same else 'DIFFERENT'}  {one.asked}: {one.built}"
            + ("" if one.same else f", {other}: {one.frozen}")
        )
    if not all(one.same for one in found):
        context.exit(1)


def ask(option: str, question: str, choices: Sequence[str]) -> str:
    """Ask the person at the terminal; where there is none, say which option answers.

    Raises:
        PodiumError: where nobody can be asked.
    """
    if not sys.stdin.isatty():
        raise PodiumError(f"{question} Say so with --{option}; there are: {', '.join(choices)}.")
    return click.prompt(question, type=click.Choice(list(choices)))
