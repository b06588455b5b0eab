"""What a folder of pictures is: which data sets can read it, and which file is for what in it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from ..errors import DataError
from . import lol, paired_folder, sice
from .folder import pictures_in, scenes_of
from .paired_folder import LOW_NAMES, TARGET_NAMES, match, read_pairs
from .pairs import Pair, Pairs, by_split
from .sid import read_pairs as read_sid_pairs
from .sources import Split, read_table, sources
from .splits import SPLITS, named, split_scenes, splits_of
from .unpaired_folder import folders_of

Role = Literal["low", "target", "picture"]
SID_CAMERAS = ("Sony", "Fuji")
NAMES = LOW_NAMES, TARGET_NAMES


@dataclass(frozen=True, slots=True)
class Place:
    """What a picture file is for: `role` is "picture" where nothing says whether it is dark or well lit."""

    path: Path
    role: Role
    split: Split
    scene: str


@dataclass(frozen=True)
class Part:
    """A data set that was found: the name of the class that reads it, where it begins, how it lies, its files.

    `pairs` are the files that belong together. In `series`, only those are pairs whose first is the darker one.
    """

    data_set: str
    root: Path
    how: str
    places: tuple[Place, ...]
    pairs: tuple[tuple[Path, Path], ...] = ()
    series: bool = False


@dataclass(frozen=True)
class Layout:
    """The data sets in a folder, what is wrong with how they lie, and how many pictures none of them would read."""

    parts: tuple[Part, ...]
    problems: tuple[str, ...]
    left_out: int


def recognise(root: Path) -> Layout:
    """The data sets in `root`, itself or up to two folders below.

    Pictures beside sets of pairs that begin further down, or without any, are one part more. Raises DataError where
    there are no pictures at all.
    """
    if not root.is_dir():
        raise DataError(f"There is no folder '{root}'. Give a folder of pictures.")
    parts: list[Part] = []
    problems: dict[str, None] = {}
    taken: set[Path] = set()
    for folder in _folders(root):
        for part in _sets_of_pairs(folder, problems):
            files = {place.path for place in part.places}
            if files and not files & taken:
                parts.append(part)
                taken |= files
    rest = [path for path in pictures_in(root) if path not in taken]
    if rest and not any(part.root == root for part in parts):
        alone = _pictures(root, rest, problems)
        parts.append(alone)
        rest = rest[: len(rest) - len(alone.places)]
    if not parts:
        raise DataError(
            f"There are no pictures in '{root}'. Give a folder of JPEG, PNG, TIFF, WebP or camera raw files."
        )
    return Layout(tuple(parts), tuple(problems), len(rest))


def _folders(root: Path) -> Iterator[Path]:
    """`root`, the folders in it, and the folders in those; without hidden ones."""
    level = [root]
    for _ in range(3):
        yield from level
        level = [path for folder in level for path in sorted(folder.iterdir()) if path.is_dir() and path.name[0] != "."]


def _sets_of_pairs(folder: Path, problems: dict[str, None]) -> Iterator[Part]:
    lists = [camera for camera in SID_CAMERAS if (folder / f"{camera}_train_list.txt").is_file()]
    for camera in lists:
        yield _sid(folder, camera)
    found = False
    for version in lol.VERSIONS:
        try:
            yield _of_pairs("lol", folder, lol.find_pairs(folder, version))
            found = True
        except DataError as error:
            if _has(folder, lol.VERSIONS[version][0] or lol.VERSIONS[version][1]["train"]):
                problems[str(error)] = None
    listing = next((folder / name for name in sice.LISTS if (folder / name).is_file()), None)
    if listing:
        yield from _drawn("sice", folder, f"SICE, the pairs of {listing.name}", lambda: read_pairs(listing), problems)
    elif _has(folder, "Label"):
        yield from _series(folder, problems)
    elif not found and not lists:
        yield from _two_folders(folder, problems)


def _two_folders(folder: Path, problems: dict[str, None]) -> Iterator[Part]:
    try:
        yield _of_pairs("paired_folder", folder, paired_folder.find_pairs(folder))
    except DataError as error:
        low, target = ([path for path in folder.iterdir() if path.name.lower() in names] for names in NAMES)
        if len(low) != 1 or len(target) != 1:
            return
        stems = [{path.stem for path in pictures_in(place)} for place in (low[0], target[0])]
        if stems[0] == stems[1]:  # then it is the file of splits that does not fit
            how = f"{low[0].name} -> {target[0].name}"
            yield from _drawn("paired_folder", folder, how, lambda: match(low[0], target[0]), problems)
        elif stems[0] & stems[1]:  # else they were never meant as pairs
            problems[str(error)] = None


def _drawn(
    data_set: str, folder: Path, how: str, find: Callable[[], list[Pair]], problems: dict[str, None]
) -> Iterator[Part]:
    """Pairs whose scenes are drawn or in a file of splits; a file that does not fit is a problem, and no more."""
    try:
        pairs = find()
    except DataError as error:
        problems[str(error)] = None
        return
    splits = _splits(folder, [pair.scene for pair in pairs], problems)
    yield _of_pairs(data_set, folder, Pairs(by_split(pairs, splits), how))


def _has(folder: Path, name: str) -> bool:
    return any(path.name.lower() == name.lower() and path.is_dir() for path in folder.iterdir())


def _of_pairs(data_set: str, root: Path, found: Pairs) -> Part:
    places: dict[Path, Place] = {}
    for split in SPLITS:
        for pair in found.parts.get(split, ()):
            for role, path in _roles(pair):
                places.setdefault(path, Place(path, role, split, pair.scene))
    pairs = [(pair.low, path) for some in found.parts.values() for pair in some for path in pair.files[1:]]
    return Part(data_set, root, found.how, tuple(places.values()), tuple(pairs))


def _roles(pair: Pair) -> list[tuple[Role, Path]]:
    return [("low", pair.low), *(("target", path) for path in pair.files[1:])]


def _series(root: Path, problems: dict[str, None]) -> Iterator[Part]:
    """Series of exposures with references. Which frames are dark is seen when they are looked at."""
    try:
        series = sice.find_series(root)
    except DataError:  # a folder called Label that means something else
        return
    without = [one.scene for one in series if one.label is None]
    if without:
        problems[
            f"{len(without)} of {len(series)} series in '{root}' have no reference in Label: {named(without)}. "
            "Add them, or train on 'fusion' or 'middle' as data.target."
        ] = None
    pairs = [Pair(frame, one.label, one.scene) for one in series if one.label for frame in one.frames]
    how = f"SICE, {len(series)} series with references"
    for part in _drawn("sice", root, how, lambda: pairs, problems):
        yield replace(part, series=True)


def _sid(root: Path, camera: str) -> Part:
    parts: dict[Split, list[Pair]] = {}
    for split in SPLITS:
        if (root / f"{camera}_{split}_list.txt").is_file():
            pairs = read_sid_pairs(root, camera, split)
            parts[split] = [Pair(pair.short, pair.long, pair.long.name.partition("_")[0]) for pair in pairs]
    return _of_pairs("sid", root, Pairs(parts, f"SID {camera}, as its lists say"))


def _pictures(root: Path, paths: Iterable[Path], problems: dict[str, None]) -> Part:
    """Pictures without pairs: as SOURCES.csv says, of two folders, or of one."""
    if (root / "SOURCES.csv").exists():
        return _listed(root)
    dark, lit = folders_of(root)
    roles: list[tuple[Path, Role]] = [(root, "picture")] if dark == lit else [(dark, "low"), (lit, "target")]
    inside = [(place, role, [path for path in paths if path.is_relative_to(place)]) for place, role in roles]
    scenes = {path: (scene, role) for place, role, some in inside for path, scene in scenes_of(place, some).items()}
    splits = _splits(root, [scene for scene, _ in scenes.values()], problems)
    places = [Place(path, role, splits[scene], scene) for path, (scene, role) in scenes.items()]
    how = "pictures without pairs" if dark == lit else f"{dark.name} and {lit.name}, not in pairs"
    return Part("unpaired_folder", root, how, tuple(places))


def _listed(root: Path) -> Part:
    places: list[Place] = []
    scenes = {root / row["file"]: row.get("scene") for row in read_table(root)}
    for split in SPLITS:
        try:
            found = sources(root, "photo", split)
            places += [Place(path, "picture", split, scenes[path] or path.stem) for path in found]
        except DataError:  # none of them are for this
            continue
    return Part("super_resolution", root, "photos, as SOURCES.csv says", tuple(places))


def _splits(root: Path, scenes: list[str], problems: dict[str, None]) -> dict[str, Split]:
    try:
        return splits_of(root, scenes)
    except DataError as error:
        problems[str(error)] = None
        return split_scenes(scenes)
