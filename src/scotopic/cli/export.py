"""`scotopic export`: make a model folder of a training run."""

from __future__ import annotations

from pathlib import Path

import click

from .failure import needs_train_extra
from .values import shown


@click.command(short_help="Make a model of a training run (needs scotopic[train]).")
@click.argument("run", metavar="RUN", type=click.Path())
@click.argument("changes", nargs=-1, metavar="[export.KEY=VALUE]...")
@click.option(
    "-o", "--output", "folder", metavar="FOLDER", required=True, type=click.Path(file_okay=False), help="Model folder."
)
@click.option("--name", help="What the model is called. [default: as the folder]")
@click.option(
    "--denoiser", metavar="RUN", type=click.Path(), help="A denoiser's run or checkpoint, to follow a curve network."
)
def export(run: str, changes: tuple[str, ...], folder: str, name: str | None, denoiser: str | None) -> None:
    """Make a model folder, ready for 'scotopic enhance --model FOLDER', of a training run.

    RUN is a run folder (its best checkpoint is taken) or a checkpoint file. The exported graphs are checked against the
    trained network before anything is written. export.KEY=VALUE mends what the recipe said for the model's card.

    \b
    Examples:
      scotopic export runs/zero_dce_pp -o my_model
      scotopic export runs/scotopic --denoiser runs/scotopic_denoiser -o my_model
      scotopic export runs/zero_dce_pp/checkpoints/last.safetensors -o my_model export.licence=CC0-1.0
    """
    with needs_train_extra("Exporting a model"):
        from ..training import export as make

        card = make(run, folder, name or Path(folder).resolve().name, changes, denoiser)
    click.echo(f"{shown(folder)}  {card.name}, {card.parameters:,} parameters")
    photo = "night.dng" if card.raw else "night.jpg"
    click.echo(f"Next: scotopic enhance {photo} --model {shown(folder)}", err=True)
