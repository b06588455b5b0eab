"""Pictures in files as a set to score on: pairs of a dark and a well-lit one, or dark ones alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np

from scotopic.data.folder import decoded
from scotopic.data.layouts import Part as Found
from scotopic.data.pair_views import as_float
from scotopic.data.pairs import Pair
from scotopic.data.sources import Split
from scotopic.data.splits import SPLITS

from .item import EvaluationSet, Image, Item, Part, chosen, counted, make_set, no_target, short_names, unique


def pairs_set(name: str, root: Path, split: Part, how: str, parts: Mapping[Split, Sequence[Pair]]) -> EvaluationSet:
    """Pairs of files; `how` they lie, in words. Raises DataError where the split has none."""
    pairs = chosen(parts, split, root, "pairs")
    called = short_names([pair.low for pair in pairs])
    names = unique(called[pair.low] for pair in pairs)
    items = [
        Item(name, pair.scene, "", None, partial(picture, pair.low), partial(picture, pair.target), called[pair.low])
        for pair, name in zip(pairs, names, strict=True)
    ]
    total = sum(len(some) for some in parts.values())
    how = f"{how}: {counted(items)}, split {split}; {total:,} pairs in all."
    return make_set(name, root, split, how, items, [path for pair in pairs for path in pair.files])


def pictures_set(name: str, found: Found, split: Part) -> EvaluationSet:
    """Pictures without truth: those that are not known to be well lit. Raises DataError where the split has none."""
    parts = {
        part: [place for place in found.places if place.split == part and place.role != "target"] for part in SPLITS
    }
    places = chosen(parts, split, found.root, "pictures")
    called = short_names([place.path for place in places])
    names = unique(called[place.path] for place in places)
    items = [
        Item(name, place.scene, "", None, partial(picture, place.path), no_target, called[place.path])
        for place, name in zip(places, names, strict=True)
    ]
    total = sum(len(some) for some in parts.values())
    how = f"Pictures without truth beside them: {counted(items)}, split {split}; {total:,} in all."
    return make_set(name, found.root, split, how, items, [place.path for place in places], paired=False)


def picture(path: Path) -> Image:
    """The picture in a file: upright sRGB in [0, 1], its profile followed, its alpha left out. Raises DataError."""
    pixels = as_float(decoded(path))
    return np.ascontiguousarray(np.repeat(pixels, 3, axis=2)) if pixels.shape[2] == 1 else pixels
