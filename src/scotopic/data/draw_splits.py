"""Splits drawn by scene for a folder that has none, where scenes that look alike go the same way."""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from ..errors import DataError
from . import paired_folder, sice
from .duplicates import alike
from .layouts import Layout, Part, recognise
from .sources import Split
from .splits import split_scenes, splits_of, write_splits
from .survey import Look


def draw_splits(
    layout: Layout, looks: Iterable[Look], file: Path, seed: int, shares: Sequence[float]
) -> tuple[Layout, int]:
    """Draw splits, write them to `file`, and give the folder as it is with them, and how many scenes have a twin.

    Raises DataError for a folder that holds several data sets, or one with splits of its own.
    """
    if len(layout.parts) > 1:
        sets = ", ".join(f"{part.data_set} in '{part.root}'" for part in layout.parts)
        raise DataError(
            f"Splits are of one data set, and here are {len(layout.parts)}: {sets}. Give the folder of one."
        )
    (part,) = layout.parts
    groups = groups_of(part, {look.path: look for look in looks})
    drawn = split_scenes(groups.values(), seed, shares)
    splits = {scene: drawn[group] for scene, group in groups.items()}
    _refuse_unreadable(part, splits, seed)
    write_splits(file, splits, seed)
    places = tuple(replace(place, split=splits[place.scene]) for place in part.places)
    problems = recognise(part.root).problems  # what was wrong with an earlier file is gone
    return replace(layout, parts=(replace(part, places=places),), problems=problems), len(groups) - len(drawn)


def groups_of(part: Part, looks: Mapping[Path, Look]) -> dict[str, str]:
    """For each scene the first, by name, of the scenes that it looks like, one by way of another."""
    places = [place for place in part.places if looks[place.path].hash]
    same: defaultdict[int, set[str]] = defaultdict(set)
    if places:
        numbers = alike(np.array([looks[place.path].hash for place in places], np.uint64))
        for place, number in zip(places, numbers.tolist(), strict=True):
            same[number].add(place.scene)
    first = {place.scene: place.scene for place in part.places}

    def find(scene: str) -> str:
        while first[scene] != scene:
            scene = first[scene]
        return scene

    for scenes in same.values():
        roots = {find(scene) for scene in scenes}
        for root in roots:
            first[root] = min(roots)
    return {scene: find(scene) for scene in first}


def _refuse_unreadable(part: Part, splits: Mapping[str, Split], seed: int) -> None:
    """DataError if the data set would not follow such a file."""
    readers: dict[str, Callable[[str], object]] = {
        "paired_folder": lambda path: paired_folder.find_pairs(part.root, splits=path),
        "sice": lambda path: (
            splits_of(part.root, splits, path) if part.series else sice.find_pairs(part.root, splits=path)
        ),
        "unpaired_folder": lambda path: splits_of(part.root, splits, path),
    }
    if part.data_set not in readers:
        raise DataError(f"'{part.root}' ({part.how}) has splits of its own, which its data set keeps to. Leave them.")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "splits.json"
        write_splits(path, splits, seed)
        readers[part.data_set](str(path))
