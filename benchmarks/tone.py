"""What one curve for a whole picture can do at best: Zero-DCE's, ours with amounts that rise, and amplified light.

    python benchmarks/tone.py PICTURES [--pairs PAIRS.json FOLDER]

Of each family the curve is found that gives a dark picture the mean of its truth, and PSNR says how far the result then
is from it: an error of shape, as brightness is right by construction. PICTURES is a folder of well-exposed photos and a
SOURCES.csv; those held out for validation are darkened as by a shorter exposure and kept in 8 bits. PAIRS.json and
FOLDER are real pairs as for quality.py. All are shrunk to a long side of 128, since grain is not what is asked about.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

import scotopic
from quality import eight_bits
from scotopic.data.sources import sources
from scotopic.image import linear_to_srgb, srgb_to_linear
from scotopic.metrics import psnr
from scotopic.networks.curves import apply_curves
from scotopic.networks.scotopic import with_contrast
from scotopic.runtime.thumbnail import shrink

Image = NDArray[np.float32]
Curve = Callable[[Image, float], Image]

LONG_SIDE = 128
DARKER_EV = (2, 3, 4, 5)
CONTRASTS = (0.0, 0.4, 0.6, 0.8, 1.0)
HALVINGS = 14
MOST_EV = 10.0


def rising(low: Image, amount: float, contrast: float) -> Image:
    """Eight iterations of Zero-DCE's curve; `amount`, from 0 to 1, is far enough for any picture."""
    maps = with_contrast(torch.full((1, 3, 1, 1), 3 * amount), contrast)
    with torch.no_grad():
        return apply_curves(torch.from_numpy(low.transpose(2, 0, 1)[None]), maps)[0].numpy().transpose(1, 2, 0)


def amplified(low: Image, amount: float) -> Image:
    return linear_to_srgb(np.clip(srgb_to_linear(low) * 2 ** (MOST_EV * amount), 0, 1))


def half_way(low: Image, amount: float) -> Image:
    """The mean of amplified light and of Zero-DCE's curve for as many stops, at middle brightness."""
    by_curve = low
    for _ in range(8):
        by_curve = by_curve + np.float32(2**amount - 1) * (by_curve - by_curve * by_curve)
    return np.asarray((by_curve + amplified(low, amount)) / 2)


FAMILIES: dict[str, Curve] = {
    **{f"amounts that rise, contrast {contrast:g}": partial(rising, contrast=contrast) for contrast in CONTRASTS},
    "half way to amplified light": half_way,
    "amplified light": amplified,
}


def best_db(curve: Curve, low: Image, truth: Image) -> float:
    """PSNR of the picture whose mean is that of the truth."""
    least, most = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (least + most) / 2
        least, most = (middle, most) if curve(low, middle).mean() < truth.mean() else (least, middle)
    return psnr(np.clip(curve(low, (least + most) / 2), 0, 1).astype(np.float32), truth)


def small(path: Path) -> Image:
    return np.asarray(shrink(scotopic.read(path).pixels, LONG_SIDE))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--pairs", nargs=2, type=Path, metavar=("PAIRS.json", "FOLDER"))
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    photos = [small(path) for path in sources(arguments.pictures, "photo", "val", ())]
    columns = {
        f"{ev} EV": [(eight_bits(linear_to_srgb(srgb_to_linear(photo) / 2**ev)), photo) for photo in photos]
        for ev in DARKER_EV
    }
    if arguments.pairs:
        listed, folder = arguments.pairs
        columns["real pairs"] = [
            (small(folder / pair["low"]), small(folder / pair["target"])) for pair in json.loads(listed.read_text())
        ]
    counts = ", ".join(
        f"{len(pairs)} at {name}" if "EV" in name else f"{len(pairs)} {name}" for name, pairs in columns.items()
    )
    print(f"{counts}\n\n| curve | {' | '.join(columns)} |\n|---|{'---:|' * len(columns)}")
    for name, curve in FAMILIES.items():
        means = [np.mean([best_db(curve, low, truth) for low, truth in pairs]) for pairs in columns.values()]
        print(f"| {name} | {' | '.join(f'{mean:.2f}' for mean in means)} |", flush=True)


if __name__ == "__main__":
    main()
