"""`scotopic models`: the networks to choose from, as their cards describe them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from ..runtime import Card

HEAD = ("MODEL", "FOR", "WHAT IT IS", "PARAMETERS", "LICENCE", "PSNR dB", "GT-MEAN", "SSIM", "GT-MEAN", "SCORED ON")
NUMBERS = (3, 5, 6, 7, 8)

KINDS = {None: "photos", "bayer": "Bayer raws", "xtrans": "X-Trans raws"}


@click.command(short_help="List the networks to choose from.")
@click.argument("folders", nargs=-1, metavar="[FOLDER]...", type=click.Path(file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="The whole cards as JSON, one a line.")
def models(folders: tuple[str, ...], as_json: bool) -> None:
    """List the networks that come with scotopic: what for, size, licence, scores. Also model folders of your own.

    Where PARAMETERS has two numbers, the second are those of a denoiser, which the best tier runs as well.

    Each kind of picture has a default: photos (JPEG, PNG …), raws of Bayer sensors (most) and of X-Trans (Fuji).

    PSNR and SSIM say how close results come to well-exposed photos of the same scenes (more is better): as they are,
    and after one gain that makes the brightness equal (GT-mean).

    \b
    Examples:
      scotopic models
      scotopic models my_model --json
    """
    from ..runtime import DEFAULT_MODEL, DEFAULT_RAW_MODELS, list_models, read_card
    from ..runtime.zoo import zoo_folder

    cards = [read_card(folder) for folder in folders or [zoo_folder() / name for name in list_models()]]
    defaults = () if folders else (DEFAULT_MODEL, *DEFAULT_RAW_MODELS.values())
    if as_json:
        for card in cards:
            click.echo(json.dumps({**asdict(card), "default": card.name in defaults}))
        return
    for line in align([HEAD, *(row for card in cards for row in rows(card, card.name in defaults))], NUMBERS):
        click.echo(line)


def rows(card: Card, is_default: bool) -> list[tuple[str, ...]]:
    """A row per score; the card's own columns stand in the first only."""
    scores = [
        (
            f"{score.psnr_db:.2f}",
            f"{score.psnr_gt_mean_db:.2f}",
            f"{score.ssim:.3f}",
            f"{score.ssim_gt_mean:.3f}",
            f"{score.data} ({score.images} {'raws' if card.raw else 'photos'})",
        )
        for score in card.scores
    ] or [("", "", "", "", "not scored")]
    name = card.name + (" (default)" if is_default else "")
    parameters = f"{card.parameters:,}" + (f" + {card.denoise.parameters:,}" if card.denoise else "")
    first = (name, KINDS[card.raw.cfa if card.raw else None], card.title, parameters, card.licence)
    return [(*(first if i == 0 else ("",) * len(first)), *score) for i, score in enumerate(scores)]


def align(table: Sequence[Sequence[str]], numbers: Sequence[int] = ()) -> list[str]:
    """Lines with columns two spaces apart; the columns in `numbers` are flush right.

    >>> align([("a", "12"), ("bcd", "3")], numbers=[1])
    ['a    12', 'bcd   3']
    """
    widths = [max(len(row[i]) for row in table) for i in range(len(table[0]))]
    return [
        "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in table
    ]
