"""`scotopic completion`: the script that makes a shell complete our commands, options, formats and models."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from . import main


@click.command(short_help="Make the Tab key complete commands, options, models.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Make the Tab key complete scotopic's commands, options, formats and models.

    \b
    Put the line for your shell into its start-up file:
      bash  (~/.bashrc)                    eval "$(scotopic completion bash)"
      zsh   (~/.zshrc, after compinit)     eval "$(scotopic completion zsh)"
      fish  (~/.config/fish/config.fish)   scotopic completion fish | source
    """
    script = get_completion_class(shell)
    assert script is not None
    click.echo(script(main, {}, "scotopic", "_SCOTOPIC_COMPLETE").source())
