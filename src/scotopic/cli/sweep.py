"""`scotopic sweep`: follow a grid of recipes."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from .failure import INTERRUPTED, needs_train_extra
from .progress import spoken
from .values import shown

if TYPE_CHECKING:
    from ..experiments.sweeping.sweep import Progress


@click.command(short_help="Train a grid of recipes and seeds; end in a table (needs scotopic[train]).")
@click.argument("grid", metavar="GRID", type=click.Path(dir_okay=False))
@click.argument("changes", nargs=-1, metavar="[KEY=VALUE]...")
@click.option(
    "-o", "--out", type=click.Path(file_okay=False), help="Folder of the sweep. [default: sweeps/ and the grid's name]"
)
@click.option("--seeds", metavar="N,N", help="These seeds instead of the grid's, like 0,1,2.")
@click.option(
    "--jobs",
    type=click.IntRange(min=1),
    help="Trials side by side. [default: 1; with --ray as many as there is room for]",
)
@click.option(
    "--threads",
    type=click.IntRange(min=1),
    help="Processor threads of each trial. [default: the cores, shared out; with --ray 1]",
)
@click.option(
    "--retries",
    type=click.IntRange(min=0),
    default=2,
    show_default=True,
    help="How often a trial whose process died is started again, from its last checkpoint.",
)
@click.option(
    "--ray",
    metavar="ADDRESS",
    default="",
    help="Hand the trials to Ray Tune: 'local', 'auto' or HOST:PORT of a cluster (needs scotopic[cluster]).",
)
@click.option("--fresh", is_flag=True, help="Start over: remove the trials that are there.")
def sweep(
    grid: str,
    changes: tuple[str, ...],
    out: str | None,
    seeds: str | None,
    jobs: int | None,
    threads: int | None,
    retries: int,
    ray: str,
    fresh: bool,
) -> None:
    """Train every row of a grid (a TOML file) with every seed, score the held-out pictures, and make a table.

    A row is a recipe with some settings changed; KEY=VALUE changes them all. Trials are ordinary run folders, each
    trained in a process of its own. What is done is not done again, so the same command goes on after any
    interruption. The table has mean and standard deviation over seeds: table.md, table.csv and table.json in the
    folder of the sweep, and on the screen.

    \b
    Examples:
      scotopic sweep recipes/sweeps/png_networks.toml data.root=pairs
      scotopic sweep recipes/sweeps/lol_gan_short.toml data.root=SICE --jobs 2 --seeds 0
      scotopic sweep my_grid.toml loop.steps=200 --ray local
    """
    with needs_train_extra("A sweep"):
        from ..experiments.sweeping.grid import read_grid
        from ..experiments.sweeping.sweep import sweep as follow

        plan = read_grid(grid, changes, _seeds(seeds))
        folder = Path(out) if out is not None else Path("sweeps") / plan.name
        click.echo(f"{len(plan.rows)} rows, {len(plan.trials)} trials, in {shown(str(folder))}", err=True)
        try:
            table = follow(
                plan,
                folder,
                jobs=jobs or (0 if ray else 1),
                threads=threads or 0,
                retries=retries,
                fresh=fresh,
                ray=ray,
                on_progress=_say,
            )
        except KeyboardInterrupt:
            click.echo("Interrupted. The same command (without --fresh) goes on where it stopped.", err=True)
            click.get_current_context().exit(INTERRUPTED)
    click.echo(table.to_markdown(), nl=False)
    if table.missing:
        click.echo(f"{table.missing} trials have no result. The same command tries them again.", err=True)
        click.get_current_context().exit(1)


def _seeds(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    if not re.fullmatch(r"\d+(,\d+)*", text.replace(" ", "")):
        raise click.BadParameter(f"{text!r} are no seeds. Write whole numbers with commas: 0,1,2", param_hint="--seeds")
    return tuple(map(int, text.split(",")))


def _say(progress: Progress) -> None:
    """A line when a trial ends; on one line of its own what was there already."""
    if progress.trial is None:
        if progress.done:
            click.echo(f"{progress.done} of {progress.total} are done already", err=True)
        return
    what = f"{progress.done + progress.failed}/{progress.total} {progress.trial.row}, seed {progress.trial.seed}: "
    if progress.result is None:
        click.secho(f"{what}{progress.error}", fg="red", err=True)
        return
    scores = progress.result.scores.get("", {})
    of = f"PSNR {scores['psnr']:.2f} dB, " if "psnr" in scores else ""
    click.echo(f"{what}{of}trained for {spoken(progress.result.training_s)}", err=True)
