"""`scotopic report`: one page of what was trained and scored."""

from __future__ import annotations

from pathlib import Path

import click

from .failure import needs_train_extra
from .values import shown


@click.command(short_help="Put runs and scores on one page (needs scotopic[train]).")
@click.argument("folders", metavar="FOLDER...", nargs=-1, required=True, type=click.Path())
@click.option(
    "-o",
    "--output",
    "page",
    metavar="FILE",
    default="report.html",
    show_default=True,
    type=click.Path(dir_okay=False),
    help="The page; the Markdown is put beside it.",
)
@click.option("--title", default="Report", show_default=True, help="What stands above it.")
@click.option(
    "--pictures",
    type=click.IntRange(0, 20),
    default=4,
    show_default=True,
    help="Scenes of each set of pictures that are shown, where evaluations kept their pictures; 0 for none.",
)
@click.option(
    "--measure",
    "methods",
    metavar="[NAME=]M",
    multiple=True,
    help="Measure time and peak memory of method M (as --model of evaluate takes it), called NAME on the page; "
    "repeatable.",
)
def report(folders: tuple[str, ...], page: str, title: str, pictures: int, methods: tuple[str, ...]) -> None:
    """Make one page of training runs, evaluations, comparisons and sweeps.

    FOLDER is what one of these commands left, or holds such folders: it is told by what is in it. The page is a single
    file that needs no network and no other file: sortable tables, learning curves, scores against cost, histograms,
    pictures with a slider between before and after, every recipe and environment. The same as Markdown, without plots
    and pictures, is put beside it. An earlier report of that name is replaced, any other file is not.

    \b
    Examples:
      scotopic report runs
      scotopic report evaluations/sice-test runs/zero_dce -o tables/july.html --title "July"
    """
    with needs_train_extra("A report"):
        from ..experiments.reporting.report import write_report

        made = write_report(folders, page, title=title, pictures=pictures, measured=dict(map(_named, methods)))
    for problem in made.problems:
        click.secho(f"Error: {problem}", fg="red", err=True)
    click.echo(f"{shown(str(made.html))}  {made.contents}; the same as Markdown: {shown(str(made.markdown))}")
    if made.problems:
        click.get_current_context().exit(1)


def _named(method: str) -> tuple[str, str]:
    """The name and the method in NAME=METHOD; without a name, what its evaluation is called by itself."""
    name, _, spec = method.partition("=") if "=" in method and not Path(method).exists() else ("", "", method)
    return name or Path(spec).name, spec
