"""SID's pairs of raw exposures as a set to score on, by its own protocol (Chen et al., CVPR 2018)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

from scotopic.data.pair_views import as_float
from scotopic.data.sid import Pair, developed, read_pairs
from scotopic.data.sources import Split
from scotopic.data.splits import SPLITS
from scotopic.image import RawFrame, read_raw

from ...errors import DataError
from .item import EvaluationSet, Image, Item, Part, chosen, counted, make_set, unique

MISALIGNED = ("10034", "10045", "10172")
"""Test scenes whose long exposure does not lie on the short ones, as papers since ELD (Wei et al., 2020) leave out."""

PROTOCOL = (
    "Ratio = min(target exposure / input exposure, 300); truth: the long exposure by rawpy, postprocess(use_camera_wb="
    "True, half_size=False, no_auto_bright=True, output_bps=16), whose white balance the input is given too."
)


def sid_set(
    root: Path,
    split: Part,
    *,
    camera: str = "Sony",
    frames: Literal["first", "all"] = "first",
    misaligned: bool = True,
) -> EvaluationSet:
    """The pairs of SID's own lists: of Sony's test list 93 as its authors score, 598 with `frames` "all".

    `frames` "first" takes the first frame of each exposure alone. Without `misaligned` the three scenes are left out
    whose exposures do not lie on each other: then these are 88, and 562. Rows stand by ratio and by exposure.
    """
    if frames not in ("first", "all"):
        raise DataError(f"frames is 'first' or 'all', got '{frames}'.")
    listed = {part: read_pairs(root, camera, part) for part in SPLITS if (root / f"{camera}_{part}_list.txt").exists()}
    taken: dict[Split, list[Pair]] = {
        part: [
            pair
            for pair in pairs
            if (frames == "all" or pair.short.name.split("_")[1] == "00")
            and (misaligned or scene_of(pair) not in MISALIGNED)
        ]
        for part, pairs in listed.items()
    }
    pairs = chosen(taken, split, root, "pairs")
    items = [
        Item(
            name,
            scene_of(pair),
            groups_of(pair),
            pair.ratio,
            partial(short, pair),
            partial(long, pair),
            pair.short.stem,
        )
        for pair, name in zip(pairs, unique(pair.short.stem for pair in pairs), strict=True)
    ]
    total = sum(len(some) for part, some in listed.items() if split in (part, "all"))
    digits = ", ".join(sorted({scene_of(pair)[0] for pair in pairs}))
    which = "the first frame of each exposure" if frames == "first" else "every frame"
    without = "" if misaligned else f", without the misaligned scenes {', '.join(MISALIGNED)}"
    how = (
        f"SID {camera}, split {split} (scenes that begin with {digits}): {len(pairs)} of its {total} pairs, "
        f"{which}{without}; {counted(items)}."
    )
    files = [path for pair in pairs for path in (pair.short, pair.long)]
    name = f"sid-{camera.lower()}-{len(pairs)}"
    return make_set(name, root, split, how, items, files, PROTOCOL)


def scene_of(pair: Pair) -> str:
    return pair.long.name.partition("_")[0]


def short(pair: Pair) -> RawFrame:
    """The short exposure, upright, in the white balance of the long one: it is its colours that are asked for."""
    frame = read_raw(pair.short)
    return replace(frame, white_balance=read_raw(pair.long).white_balance).upright()


def long(pair: Pair) -> Image:
    """The truth of a pair, upright."""
    return as_float(developed(pair.long, "srgb", upright=True))


def groups_of(pair: Pair) -> str:
    """The labels of the rows a pair is counted in: its ratio, and how long the short exposure is."""
    exposure = pair.short.name.rpartition("_")[2].partition("s.")[0]  # read_pairs has looked
    return f"x{pair.ratio:.0f}, {float(exposure):g} s"
