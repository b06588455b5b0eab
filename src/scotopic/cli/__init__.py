"""The `scotopic` command. Each subcommand is a module of its own, imported when it is asked for."""

from __future__ import annotations

import errno
import os
from importlib import import_module
from typing import Any

import click

from ..errors import ControlError, ModelNotFoundError, ScotopicError
from .failure import INTERRUPTED, explain, show_trace

COMMANDS = (
    "enhance",
    "info",
    "models",
    "data",
    "train",
    "export",
    "evaluate",
    "compare",
    "sweep",
    "report",
    "completion",
)
"""Name of each command, of its module and of the function in it, in the order of the help text."""


class Commands(click.Group):
    """Finds the subcommands, and turns every error into one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        command = getattr(import_module(f".{cmd_name}", __name__), cmd_name)
        assert isinstance(command, click.Command)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        if "NO_COLOR" in os.environ:
            ctx.color = False
        try:
            return super().invoke(ctx)
        except ScotopicError as error:
            show_trace(error)
            click.secho(f"Error: {explain(error)}", fg="red", err=True)
            # A control out of range or a model nobody has is a slip on the command line, like a misspelt option.
            ctx.exit(2 if isinstance(error, ControlError | ModelNotFoundError) else 1)
        except KeyboardInterrupt as error:
            show_trace(error)
            click.secho("Interrupted.", err=True)
            ctx.exit(INTERRUPTED)
        except (click.ClickException, click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and error.errno == errno.EPIPE:
                raise  # somebody closed the pipe that we write to: click ends quietly
            show_trace(error)
            click.secho(f"Error: {explain(error)}", fg="red", err=True)
            ctx.exit(1)


def _show_version(ctx: click.Context, option: click.Parameter, asked: bool) -> None:
    if asked and not ctx.resilient_parsing:
        from .. import __version__

        click.echo(f"scotopic {__version__}")
        ctx.exit()


@click.command(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Exit codes: 0 all is well, 1 something failed, 2 the command line was not understood, 130 interrupted.",
)
@click.option(
    "--version",
    is_flag=True,
    expose_value=False,
    is_eager=True,
    callback=_show_version,
    help="Show the version and exit.",
)
@click.option(
    "--debug", is_flag=True, envvar="SCOTOPIC_DEBUG", help="Show where an error came from (or SCOTOPIC_DEBUG=1)."
)
def main(debug: bool) -> None:
    """See in the dark: turn photos taken in too little light into ones worth keeping.

    \b
    Examples:
      scotopic enhance night.jpg            make night_scotopic.jpg beside it
      scotopic enhance holiday -o brighter  a whole folder
      scotopic info night.jpg               how dark, how noisy, which profile

    'scotopic COMMAND --help' explains each command.
    """
