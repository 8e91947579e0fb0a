"""Commands that take a built deck before people."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import click

from podium.cli.group import podium, runs_option
from podium.spec import PodiumError, deck_names, find_project


@podium.command()
@click.argument("deck", default="digits")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Leave out to take 3030 or a free one.")
@click.option("--remote", is_flag=True, help="Show it to the local network too, a phone for example, by password.")
@click.option("--password", default=None, help="Eight letters or more (or in PODIUM_PASSWORD); else one is made.")
@click.option("--edit", is_flag=True, help="Show every change as it is saved: templates, experiments, code, runs.")
@click.option("--follow", is_flag=True, help="While training runs, let the curves on the slides grow.")
@runs_option
def present(
    deck: str,
    port: int | None,
    *,
    remote: bool,
    password: str | None,
    edit: bool,
    follow: bool,
    runs: Literal["local", "frozen"],
) -> None:
    """Show a built deck until Ctrl-C; or, with --edit or --follow, one that changes before your eyes."""
    project = find_project(Path.cwd())
    if edit or follow:
        from podium.press.build.present.editing import edit as edit_deck

        if remote:
            raise PodiumError("--edit and --follow show a deck on this machine only; leave out --remote.")
        edit_deck(project, deck, port, runs=runs, follow=follow, sources=edit)
        return
    from podium.press.build.present.talk import present as present_deck

    if remote and password is None:
        password = os.environ.get("PODIUM_PASSWORD")
    present_deck(project, deck, port, remote=remote, password=password)


@podium.command()
@click.argument("decks", nargs=-1, metavar="[DECK or path/to/slides.md]...")
@runs_option
@click.pass_context
def check(context: click.Context, decks: tuple[str, ...], *, runs: Literal["local", "frozen"]) -> None:
    """Look at every slide and click in a browser: what cannot be read, is broken or reaches out; 1 where there is any.

    Takes decks of the project (all where none is named), any Slidev deck's Markdown file, or a built site's folder.
    """
    from podium.cli.progress import shown
    from podium.press.build.check.stranger import check as check_deck

    project = find_project(Path.cwd())
    with shown() as tell:
        reports = [check_deck(project, deck, runs=runs, tell=tell) for deck in decks or deck_names(project)]
    for report, page in reports:
        for finding in report.findings:
            click.echo(f"{finding.line} [{finding.severity}]")
        click.echo(f"{report.summary}: {page}")
    if any(report.errors for report, _ in reports):
        context.exit(1)


@podium.command()
@click.argument("deck")
@runs_option
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), default=None, help="The zip to write.")
def capsule(deck: str, *, runs: Literal["local", "frozen"], out: Path | None) -> None:
    """Write one zip with a deck and everything its numbers come from; `podium verify` checks it anywhere."""
    from podium.press.build.capsule.making import make_capsule

    made = make_capsule(find_project(Path.cwd()), deck, runs=runs, out=out)
    click.echo(f"{made.path}: {made.files} files, {made.numbers} numbers, all the same from what is inside")
    click.echo(f"SHA-256 {made.digest}")
    click.echo(f"The speaker notes are in its template.{'' if made.pdf else ' No browser was found: it holds no PDF.'}")
