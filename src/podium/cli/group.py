"""The group that every command belongs to, the options they share, and how an error is said."""

from __future__ import annotations

import errno
import sys

import click

from podium.spec import PodiumError, unknown


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
runs_option = click.option(
    "--runs",
    type=click.Choice(["local", "frozen"]),
    default="local",
    show_default=True,
    help="Draw from the runs made here, or from the committed results.",
)


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
