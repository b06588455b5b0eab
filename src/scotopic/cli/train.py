"""`scotopic train`: follow a recipe."""

from __future__ import annotations

from pathlib import Path

import click

from .failure import INTERRUPTED, needs_train_extra
from .values import shown


@click.command(short_help="Train a network by a recipe (needs scotopic[train]).")
@click.argument("recipe", metavar="RECIPE", type=click.Path(dir_okay=False))
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "--run-dir", type=click.Path(file_okay=False), help="Folder of the run. [default: runs/ and the recipe's name]"
)
@click.option("--fresh", is_flag=True, help="Start over instead of going on from the last checkpoint.")
def train(recipe: str, changes: tuple[str, ...], run_dir: str | None, fresh: bool) -> None:
    """Train a network as a recipe (a TOML file) says.

    KEY=VALUE changes the recipe for this run. Checkpoints, curves and pictures go to the run folder; a run that was
    interrupted goes on from its last checkpoint when the same command is given again.

    \b
    Examples:
      scotopic train recipes/zero_dce_pp.toml
      scotopic train recipes/zero_dce_pp.toml loop.steps=500 data.root=photos --run-dir runs/short
    """
    with needs_train_extra("Training"):
        from ..training import read_recipe
        from ..training import train as follow

        plan = read_recipe(recipe, changes)
        folder = Path(run_dir) if run_dir is not None else Path("runs") / plan.name
        try:
            summary = follow(plan, run_dir=folder, resume=not fresh)
        except KeyboardInterrupt:
            click.echo("Interrupted. The same command (without --fresh) goes on from the last checkpoint.", err=True)
            click.get_current_context().exit(INTERRUPTED)
    click.echo(f"{summary.best_checkpoint}  best of {summary.steps:,} steps: step {summary.best_step:,}")
    click.echo(f"Next: scotopic export {shown(str(folder))} -o {plan.name}", err=True)
