"""Commands that take a built deck before people."""

from __future__ import annotations

from pathlib import Path

import click

from podium.cli.group import podium
from podium.spec import find_project


@podium.command()
@click.argument("deck", default="digits")
@click.option("--port", type=click.IntRange(1, 65535), default=None, help="Leave out to take 3030 or a free one.")
@click.option("--edit", is_flag=True, help="Open the deck in Slidev's own server, for writing.")
def present(deck: str, port: int | None, *, edit: bool) -> None:
    """Serve a built deck on this machine until Ctrl-C."""
    from podium.press.build.serve import present as present_deck

    present_deck(find_project(Path.cwd()), deck, port, edit=edit)
