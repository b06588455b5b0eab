"""The sets that methods are scored on: folders and lists of pairs, SID, raw scenes, a recipe's held-out pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from scotopic.data import sice
from scotopic.data.layouts import Part as Found
from scotopic.data.layouts import recognise
from scotopic.data.paired_folder import read_pairs
from scotopic.data.pairs import Pair, by_split
from scotopic.data.splits import SPLITS, splits_of

from ...errors import DataError
from .item import PARTS, PROTOCOL, EvaluationSet, Image, Item, Part, some_of
from .pairs_set import pairs_set, pictures_set
from .raw_scenes import raw_scenes
from .recipe_set import recipe_set
from .sid_set import sid_set

__all__ = [
    "PARTS",
    "PROTOCOL",
    "EvaluationSet",
    "Image",
    "Item",
    "Part",
    "open_set",
    "raw_scenes",
    "recipe_set",
    "some_of",
]

PAIRED = ("paired_folder", "lol", "sice", "sid")


def open_set(
    data: str | Path,
    split: Part = "test",
    *,
    camera: str = "",
    frames: Literal["first", "all"] = "first",
    misaligned: bool = True,
) -> EvaluationSet:
    """The pictures of one split (or "all") in a folder, or in a .json list of {"scene", "low", "target"}.

    A folder is what `recognise` finds in it: two folders of pairs, LOL, SICE, SID or, where there are no pairs at all,
    pictures without truth. Splits are the official ones, those of `splits.json` beside the pictures, or drawn by scene.
    `camera`, `frames` and `misaligned` are for SID (see `sid_set`). Raises DataError.
    """
    path = Path(data)
    if split not in PARTS:
        raise DataError(f"A split is one of {', '.join(PARTS)}, got '{split}'.")
    if path.suffix.lower() == ".json" and path.is_file():
        pairs = read_pairs(path)
        parts = by_split(pairs, splits_of(path.parent, [pair.scene for pair in pairs]))
        return pairs_set(path.stem, path.parent, split, f"The pairs of {path.name}", parts)
    found = _choose(path, camera)
    if found.data_set == "sid":
        return sid_set(found.root, split, camera=_camera(found), frames=frames, misaligned=misaligned)
    if frames != "first" or not misaligned:
        raise DataError(
            f"'{found.root}' is not SID, so it has no choice of frames or of misaligned scenes. Leave it out."
        )
    name = path.resolve().name
    if found.data_set not in PAIRED:
        return pictures_set(name, found, split)
    if found.series:  # which frames are the dark ones is seen in their pixels
        series = sice.find_pairs(found.root)
        return pairs_set(name, found.root, split, series.how, series.parts)
    place_of = {place.path: place for place in found.places}
    pairs = [Pair(low, target, place_of[low].scene) for low, target in found.pairs]
    parts = {part: [pair for pair in pairs if place_of[pair.low].split == part] for part in SPLITS}
    return pairs_set(name, found.root, split, found.how, parts)


def _choose(root: Path, camera: str) -> Found:
    """The one data set in a folder: of pairs, if there are any."""
    layout = recognise(root)
    parts = [part for part in layout.parts if part.data_set in PAIRED]
    if camera:
        parts = [part for part in parts if part.data_set == "sid" and _camera(part) == camera]
        if not parts:
            raise DataError(
                f"There are no lists of SID {camera} ({camera}_test_list.txt) in '{root}' or up to two folders below. "
                "Give the folder that holds them, or leave the camera out."
            )
    if not parts and layout.problems:
        raise DataError(f"There are no pairs to score by in '{root}'. {layout.problems[0]}")
    parts = parts or list(layout.parts)
    if len(parts) > 1:
        listing = "; ".join(f"{part.how} in '{part.root}'" for part in parts)
        raise DataError(
            f"There are {len(parts)} data sets in '{root}': {listing}. Give the folder of one of them"
            + (" or, of SID, the camera." if any(part.data_set == "sid" for part in parts) else ".")
        )
    return parts[0]


def _camera(sid: Found) -> str:
    """The camera of a SID set: how its folder is called, and its lists begin."""
    return sid.how.removeprefix("SID ").partition(",")[0]
