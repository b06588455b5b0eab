"""`scotopic data`: what a folder of training pictures is, and what is wrong with it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from .failure import needs_train_extra
from .progress import Tally, screen
from .values import shown

if TYPE_CHECKING:
    from ..data.layouts import Part
    from ..data.survey import Exposure, Survey

LISTED = 5
"""Files that are named for each kind of trouble; --json names them all."""
BARS = " ▁▂▃▄▅▆▇█"


class Shares(click.ParamType):  # type: ignore[type-arg]
    """Shares of train, val and test: 70/20/10, in per cent or in any other unit."""

    name = "shares"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[float, ...]:
        if isinstance(value, tuple):
            return value
        try:
            shares = tuple(float(part) for part in str(value).split("/"))
        except ValueError:
            shares = ()
        if len(shares) != 3 or not all(0 <= share < float("inf") for share in shares) or not sum(shares):
            self.fail(
                f"{value!r} are no shares. Write three numbers like 70/20/10, for train, val and test.", param, ctx
            )
        return shares


@click.group(short_help="What a folder of training pictures is, and what is wrong with it.")
def data() -> None:
    """Look at data before it is trained on."""


@data.command(short_help="Recognise, count, find what is broken or there twice (needs scotopic[train]).")
@click.argument("folder", metavar="DIR", type=click.Path())
@click.option(
    "--splits", "file", metavar="FILE", type=click.Path(dir_okay=False), help="Draw splits by scene into FILE."
)
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="What --splits draws by.")
@click.option(
    "--shares", type=Shares(), metavar="A/B/C", default="70/20/10", show_default=True, help="Of train, val and test."
)
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Pictures at a time. [default: one a processor]")
@click.option("--json", "as_json", is_flag=True, help="All of it as JSON, every file named.")
def check(folder: str, file: str | None, seed: int, shares: tuple[float, ...], jobs: int | None, as_json: bool) -> None:
    """Say which data sets can read the pictures in DIR, and what is wrong with them.

    Counts pictures, pairs and scenes of each split. Finds files that are broken, pairs that are not of one size, files
    that are there twice, and pictures to validate or test on that look like one to train on. Shows how bright the
    pictures are. Exits with 1 if something is broken or does not fit.

    With --splits, scenes are drawn anew for training, validation and testing; those that look alike go the same way.
    Called splits.json and put into DIR, the file is found by itself; else data.splits names it.

    \b
    Examples:
      scotopic data check photos
      scotopic data check pairs --splits pairs/splits.json --seed 1 --shares 80/10/10
    """
    with needs_train_extra("Checking training data"):
        from ..data.draw_splits import draw_splits
        from ..data.layouts import recognise
        from ..data.survey import files_of, look_at_all, summarise

        layout = recognise(Path(folder))
        files = files_of(layout)
        tally, looks = Tally(total=len(files)), []
        with screen(False, as_json) as display:
            for look in look_at_all(files, jobs or os.cpu_count() or 1):
                looks.append(look)
                tally.failed += bool(look.error)
                tally.done += not look.error
                tally.megapixels += look.width * look.height / 1e6
                display.update(tally)
        kin = 0
        if file is not None:
            layout, kin = draw_splits(layout, looks, Path(file), seed, shares)
        survey = summarise(layout, looks)
    if as_json:
        click.echo(json.dumps(facts(survey, folder, file), indent=2))
    else:
        for line in lines(survey):
            click.echo(line)
        if file is not None:
            click.echo(f"{'written':<10}{shown(file)}, drawn by seed {seed}{_kin(kin)}")
    if not survey.sound:
        sys.exit(1)


def counts(part: Part) -> dict[str, dict[str, int]]:
    """Pairs, scenes and pictures of each split that has any."""
    split_of = {place.path: place.split for place in part.places}
    splits = [split for split in ("train", "val", "test") if split in split_of.values()]
    return {
        split: {
            "pairs": sum(split_of[low] == split for low, _ in part.pairs),
            "scenes": len({place.scene for place in part.places if place.split == split}),
            "pictures": sum(place.split == split for place in part.places),
        }
        for split in splits
    }


def lines(survey: Survey) -> Iterator[str]:
    """A survey for people."""
    for part in survey.layout.parts:
        yield f"{part.data_set}: {part.how}, in {shown(str(part.root))}"
        for split, numbers in counts(part).items():
            pairs = f"{_many(numbers['pairs'], 'pair')} of " if part.pairs else ""
            yield f"  {split:<8}{pairs}{_many(numbers['scenes'], 'scene')}, {_many(numbers['pictures'], 'picture')}"
    yield ""
    if survey.layout.left_out:
        yield f"{'left out':<10}{_many(survey.layout.left_out, 'picture')} that no pair or table names"
    for problem in survey.layout.problems:
        yield _red("problem", problem)
    yield from _trouble("broken", [look.error for look in survey.broken], "file", "cannot be read")
    uneven = [
        ", ".join(f"{shown(str(look.path))} ({look.width} × {look.height})" for look in pair) for pair in survey.uneven
    ]
    yield from _trouble("sizes", uneven, "pair", "not of one size")
    if survey.swapped:
        yield _yellow("swapped", f"{_many(survey.swapped, 'pair')} whose dark picture is not the darker one")
    copies = [" = ".join(shown(str(path)) for path in group) for group in survey.copies]
    yield from _trouble("copies", copies, "group", "of files that are the same", warn=True)
    for split, held_out in survey.held_out.items():
        twins = [twin for twin in survey.twins if twin.split == split]
        alike = len({twin.path for twin in twins})
        examples = [f"{shown(str(twin.path))} ~ {shown(str(twin.other))} ({twin.other_split})" for twin in twins]
        if alike:
            what = f"of {held_out:,} to {'validate' if split == 'val' else 'test'} on look like one of an earlier split"
            yield from _trouble("leaks", examples, "picture", what, count=alike, warn=True)
    if survey.sound and not survey.copies and not survey.twins:
        yield f"{'sound':<10}every file can be read; none is there twice, and no two splits show the same"
    yield ""
    yield f"{'exposure':<10}{'pictures':>10}{'mean':>7}{'in deep shadow':>16}{'blown out':>11}  dark to bright"
    for role, seen in survey.exposure.items():
        yield (
            f"  {role:<8}{seen.pictures:>10,}{seen.brightness:>7.0%}{seen.shadows:>16.0%}{seen.clipped:>11.1%}"
            f"  |{_bars(seen)}|"
        )


def facts(survey: Survey, folder: str, file: str | None) -> dict[str, Any]:
    """A survey for programs: everything that `lines` say, and every file."""
    return {
        "folder": folder,
        "sets": [
            {"data_set": part.data_set, "root": str(part.root), "layout": part.how, "splits": counts(part)}
            for part in survey.layout.parts
        ],
        "left_out": survey.layout.left_out,
        "problems": list(survey.layout.problems),
        "broken": [{"file": str(look.path), "error": look.error} for look in survey.broken],
        "mismatched": [
            {
                "low": str(low.path),
                "target": str(target.path),
                "low_size": [low.width, low.height],
                "target_size": [target.width, target.height],
            }
            for low, target in survey.uneven
        ],
        "swapped": survey.swapped,
        "copies": [[str(path) for path in group] for group in survey.copies],
        "held_out": survey.held_out,
        "leaks": [
            {
                "file": str(twin.path),
                "split": twin.split,
                "like": str(twin.other),
                "like_split": twin.other_split,
                "bits": twin.bits,
            }
            for twin in survey.twins
        ],
        "exposure": {
            role: {
                "pictures": seen.pictures,
                "mean_brightness": round(seen.brightness, 5),
                "shadows": round(seen.shadows, 5),
                "clipped": round(seen.clipped, 5),
                "histogram": [round(share, 5) for share in seen.histogram],
            }
            for role, seen in survey.exposure.items()
        },
        "splits_file": file,
        "sound": survey.sound,
    }


def _trouble(
    word: str, examples: list[str], thing: str, what: str, count: int | None = None, warn: bool = False
) -> Iterator[str]:
    if not examples:
        return
    text = f"{_many(len(examples) if count is None else count, thing)} {what}"
    yield (_yellow if warn else _red)(word, text)
    yield from (f"{'':<10}{example}" for example in examples[:LISTED])
    if len(examples) > LISTED:
        yield f"{'':<10}… (--json names them all)"


def _bars(seen: Exposure) -> str:
    """The histogram, a character for each tenth of brightness, the highest full."""
    most = max(seen.histogram)
    return "".join(BARS[-(-round(8 * 1000 * share / most) // 1000)] for share in seen.histogram)


def _kin(scenes: int) -> str:
    return f"; {_many(scenes, 'scene')} went the way of another that looks alike" if scenes else ""


def _many(count: int, thing: str) -> str:
    return f"{count:,} {thing}" + ("" if count == 1 else "s")


def _red(word: str, text: str) -> str:
    return click.style(f"{word:<10}{text}", fg="red")


def _yellow(word: str, text: str) -> str:
    return click.style(f"{word:<10}{text}", fg="yellow")
