"""Photos that need nothing, at full size: how much of them is changed all the same.

    python benchmarks/well_exposed.py PICTURES [MODEL ...] [--split train]

PICTURES is a folder of well-exposed photos and a SOURCES.csv; those held out for validation are taken, whatever their
licence. PSNR is to what went in. "pixels" are arrays of 8 bits; "JPEG" is the photo as a JPEG file (Q 92), which
`enhance_file` makes into another, decoded again: with strength 0 it shows what encoding alone costs. A photo that comes
out bit for bit counts as 100 dB. What leaves well-exposed pictures alone is `protect_highlights`; "not protected" is
without it.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pyvips
from numpy.typing import NDArray

import scotopic
from scotopic.data.sources import sources
from scotopic.metrics import luma, psnr
from scotopic.runtime import DEFAULT_MODEL, Controls

Codes = NDArray[np.uint8]
Change = Callable[[Codes], Codes]

POOR_DB = 30.0
UNCHANGED_DB = 100.0
WORST = 5
DEFAULT, UNPROTECTED = "pixels", "pixels, not protected"
HOW: dict[str, Controls] = {
    DEFAULT: Controls(),
    "pixels, fast tier": Controls(tier="fast"),
    UNPROTECTED: Controls(protect_highlights=False),
}


def decoded(path: Path) -> Codes:
    return np.round(scotopic.read(path).pixels * 255).astype(np.uint8)


def through_a_file(enhancer: scotopic.Enhancer, controls: Controls, folder: Path) -> tuple[Change, Change]:
    """What a photo is as a JPEG file, and what is made of that file."""
    source, target = folder / "source.jpg", folder / "target.jpg"

    def before(photo: Codes) -> Codes:
        pyvips.Image.new_from_array(photo).jpegsave(str(source), Q=92)
        return decoded(source)

    def after(_: Codes) -> Codes:
        enhancer.enhance_file(source, target, controls=controls, overwrite=True)
        return decoded(target)

    return before, after


def changes(model: str, folder: Path) -> dict[str, tuple[Change, Change]]:
    """By name: what a photo is compared with, and what is made of that."""
    enhancer = scotopic.Enhancer(model)

    def pixels(controls: Controls) -> Change:
        return lambda photo: enhancer.enhance(photo, controls)

    return {
        **{name: (lambda photo: photo, pixels(controls)) for name, controls in HOW.items()},
        "JPEG": through_a_file(enhancer, Controls(), folder),
        "JPEG, strength 0": through_a_file(enhancer, Controls(strength=0.0), folder),
    }


def change_db(change: tuple[Change, Change], photo: Codes) -> float:
    before, after = change
    given = before(photo)
    made = after(given)
    if np.array_equal(given, made):
        return UNCHANGED_DB
    return psnr(made.astype(np.float32) / 255, given.astype(np.float32) / 255)


def rows(name: str, found: dict[str, list[float]]) -> Sequence[str]:
    return [
        f"| {name} | {how} | {min(values):.1f} | {statistics.median(values):.1f} | "
        f"{sum(value < POOR_DB for value in values)} | {sum(value == UNCHANGED_DB for value in values)} |"
        for how, values in found.items()
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument(
        "models", nargs="*", default=[DEFAULT_MODEL], help=f"names or folders (default {DEFAULT_MODEL})"
    )
    parser.add_argument("--split", choices=("train", "val", "test"), default="val")
    arguments = parser.parse_intermixed_args()
    paths = list(sources(arguments.pictures, "photo", arguments.split))
    worst: list[str] = []
    print(f"{len(paths)} photos of the {arguments.split} split\n")
    print(
        f"| model | how | worst, dB | median, dB | below {POOR_DB:g} dB | bit for bit |\n|---|---|---:|---:|---:|---:|"
    )
    for model in arguments.models:
        with tempfile.TemporaryDirectory() as place:
            ways = changes(model, Path(place))
            found: dict[str, list[float]] = {how: [] for how in ways}
            brightness = []
            for path in paths:
                photo = decoded(path)
                brightness.append(float(luma(photo.astype(np.float32) / 255).mean()))
                for how, change in ways.items():
                    found[how].append(change_db(change, photo))
        name = Path(model).name
        print("\n".join(rows(name, found)), flush=True)
        # Where all come out bit for bit: those that would have been changed most.
        order = sorted(range(len(paths)), key=lambda index: (found[DEFAULT][index], found[UNPROTECTED][index]))
        for index in order[:WORST]:
            figures = " | ".join(f"{values[index]:.1f}" for values in found.values())
            worst.append(f"| {name} | {paths[index].name} | {brightness[index]:.2f} | {figures} |")
    print(f"\n| model | the worst {WORST} | mean luma | {', dB | '.join(found)}, dB |")
    print("\n".join(["|---|---|---:|" + "---:|" * len(found), *worst]))


if __name__ == "__main__":
    main()
