"""Two folders of pictures matched by name, or a file that lists pairs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from ..errors import DataError
from .folder import existing_folder, pictures_in
from .pair_views import PairViews
from .pairs import Pair, PairedPictures, Pairs, by_split, natural
from .sources import Split
from .splits import named, split_scenes, splits_of

LOW_NAMES = ("low", "input", "dark")
TARGET_NAMES = ("high", "normal", "target", "bright", "gt")
PART_NAMES: dict[Split, tuple[str, ...]] = {
    "train": ("train", "training"),
    "val": ("val", "valid", "validation"),
    "test": ("test", "testing", "eval"),
}
LOL_V1 = "our485"
"""LOL's folder of pictures to train on, which wants more care than names can give: see lol.py."""
HELD_OUT = (0.9, 0.1, 0.0)
"""Where a folder has its own part for training and none for validation: what stays, and what is held out."""

Roles = tuple[Path, Path]


class PairedFolder(PairedPictures):
    """Any two folders under `root` that hold the same pictures, dark and well lit, under the same names.

    The folders are known by their names (low, input or dark; high, normal, target, bright or gt), or named by the
    settings `low` and `target`. Suffixes may differ, and names may begin with the word for their folder (low1.png and
    normal1.png). Folders for train, val (or valid) and test (or eval), above or below the two, decide what is for what;
    without val, a tenth of the scenes to train on is held out. Without such folders scenes are split as the file
    `splits` says (or `splits.json` in `root`), or drawn: 70 % to train, 20 % to validate, 10 % to test.

    The scene of a picture is its sub-folder or, without one, its name up to `scene_separator` ("" = all of it).

    Instead of folders, `pairs` may name a JSON file (in `root`, or a path) with a list of {"scene", "low", "target"};
    the pictures lie beside it, or in a folder beside it. The other settings are those of `PairViews` and
    `PairedPictures`.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split,
        seed: int = 0,
        *,
        low: str = "",
        target: str = "",
        pairs: str = "",
        scene_separator: str = "",
        splits: str = "",
        size: int = 0,
        held_out_size: int = 0,
        flips: bool = True,
        quarter_turns: bool = False,
        rotate: float = 0.0,
        translate: float = 0.0,
        zoom: Sequence[float] = (1.0, 1.0),
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
        jitter: str = "both",
        resize: float = 1.0,
        cache: str = "",
    ) -> None:
        views = PairViews(
            size=size,
            flips=flips,
            quarter_turns=quarter_turns,
            rotate=rotate,
            translate=translate,
            zoom=zoom,
            brightness=brightness,
            contrast=contrast,
            saturation=saturation,
            hue=hue,
            jitter=jitter,
        )
        found = find_pairs(root, low, target, pairs, scene_separator, splits)
        super().__init__(found, root, split, seed, views, held_out_size=held_out_size, resize=resize, cache=cache)


def find_pairs(
    root: str | Path, low: str = "", target: str = "", pairs: str = "", scene_separator: str = "", splits: str = ""
) -> Pairs:
    """The pairs in `root`, with the settings of `PairedFolder`. Raises DataError where there are none, or not only."""
    root = existing_folder(root, "pairs")
    if pairs:
        if low or target or scene_separator:
            raise DataError("data.pairs names files and scenes itself. Leave out data.low, target and scene_separator.")
        listed = read_pairs(root / pairs)
        return Pairs(
            by_split(listed, splits_of(root, [pair.scene for pair in listed], splits)), f"the pairs of {pairs}"
        )
    own = _own_parts(root, low, target)
    if own:
        if splits:
            raise DataError(
                f"'{root}' has folders of its own for {' and '.join(own)}, so data.splits has nothing to decide. "
                "Leave it out."
            )
        parts = {
            part: [Pair(pair.low, pair.target, f"{part}/{pair.scene}") for pair in match(*roles, scene_separator)]
            for part, roles in own.items()
        }
        how = "; ".join(f"{part}: {_in_words(roles, root)}" for part, roles in own.items())
        return Pairs(with_held_out(parts), how)
    roles = _roles(root, low, target)
    if roles is None:
        if child(root, [LOL_V1]):
            raise DataError(
                f"'{root}' is LOL v1, where neighbours show one scene and no name says so. Set data.name to 'lol', "
                "which holds them out together."
            )
        inside = sorted(path.name for path in root.iterdir() if path.is_dir())
        raise DataError(
            f"No folders of pairs in '{root}': wanted one called {' or '.join(_names(low, LOW_NAMES))} and one called "
            f"{' or '.join(_names(target, TARGET_NAMES))}, got {named(inside) if inside else 'no folders'}. "
            "Set data.low and data.target to their names, or data.root to the folder they are in."
        )
    matched = match(*roles, scene_separator)
    return Pairs(by_split(matched, splits_of(root, [pair.scene for pair in matched], splits)), _in_words(roles, root))


def with_held_out(parts: dict[Split, list[Pair]]) -> dict[Split, list[Pair]]:
    """The parts, with scenes to validate on taken from those to train on, if there are none yet."""
    if parts.get("val") or not parts.get("train"):
        return parts
    drawn = by_split(parts["train"], split_scenes([pair.scene for pair in parts["train"]], shares=HELD_OUT))
    return {**parts, "train": drawn["train"], "val": drawn["val"]}


def match(low: Path, target: Path, scene_separator: str = "") -> list[Pair]:
    """The pairs in two folders: pictures of one name, in the order people count. Raises DataError for those left over.

    Names are compared without suffix and, where they differ otherwise, without a first word of LOW_NAMES or
    TARGET_NAMES.
    """
    exact = _by_name(low), _by_name(target)
    bare = tuple({_bare(name): path for name, path in names.items()} for names in exact)
    shared = [len(names[0].keys() & names[1].keys()) for names in (exact, bare)]
    told_apart = all(len(one) == len(other) for one, other in zip(exact, bare, strict=True))
    lows, targets = bare if told_apart and shared[1] > shared[0] else exact
    alone = [lows[name] for name in lows if name not in targets] + [
        targets[name] for name in targets if name not in lows
    ]
    if alone or not lows:
        what = (
            f"{len(alone)} pictures have no counterpart, among them {named(alone)}"
            if alone
            else "There are no pictures"
        )
        raise DataError(
            f"The pictures of '{low}' and '{target}' do not match by name. {what}. "
            "Give both of a pair the same name, and take out what is alone."
        )
    return [Pair(lows[name], targets[name], _scene(name, scene_separator)) for name in sorted(lows, key=natural)]


def read_pairs(path: Path) -> list[Pair]:
    """The pairs of a JSON list of {"scene", "low", "target"}, pictures beside the file or in one folder beside it."""
    try:
        table: list[Any] = json.loads(path.read_text(encoding="utf-8"))
        rows = [(str(row["scene"]), str(row["low"]), str(row["target"])) for row in table]
    except OSError as error:
        raise DataError(
            f"'{path}' cannot be read ({error.strerror or error}). Check data.root and data.pairs."
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"'{path}' is no list of pairs ({type(error).__name__}: {error}). It reads like "
            '[{"scene": 6, "low": "18.jpg", "target": "25.jpg"}].'
        ) from error
    files = sorted({name for _, *pair in rows for name in pair})
    folders = [path.parent, *sorted(child for child in path.parent.iterdir() if child.is_dir())]
    missing = min(([name for name in files if not (folder / name).is_file()] for folder in folders), key=len)
    if missing or not rows:
        raise DataError(
            f"{len(missing)} of {len(files)} pictures that '{path}' names are neither beside it nor in one folder "
            f"beside it: {named(missing)}. Put them there."
            if rows
            else f"'{path}' lists no pairs."
        )
    folder = next(folder for folder in folders if all((folder / name).is_file() for name in files))
    return [Pair(folder / low, folder / target, scene) for scene, low, target in rows]


def child(folder: Path, names: Iterable[str]) -> Path | None:
    """The one folder in `folder` that is called one of `names`, in capitals or not."""
    wanted = {name.lower() for name in names}
    found = sorted(path for path in folder.iterdir() if path.name.lower() in wanted and path.is_dir())
    if len(found) > 1:
        raise DataError(
            f"'{folder}' has several folders that could be meant: {named([path.name for path in found])}. "
            "Say which with data.low and data.target, or take one away."
        )
    return found[0] if found else None


def _own_parts(root: Path, low: str, target: str) -> dict[Split, Roles]:
    """The two folders of each part that the tree itself has: train/low, or low/train."""
    roles = _roles(root, low, target)
    own: dict[Split, Roles] = {}
    for part, names in PART_NAMES.items():
        if roles is not None:
            below = child(roles[0], names), child(roles[1], names)
            if below[0] and below[1]:
                own[part] = below[0], below[1]
        else:
            folder = child(root, names)
            inside = _roles(folder, low, target) if folder else None
            if inside:
                own[part] = inside
    return own


def _roles(folder: Path, low: str, target: str) -> Roles | None:
    found = [
        (folder / name if (folder / name).is_dir() else None) if name else child(folder, names)
        for name, names in ((low, LOW_NAMES), (target, TARGET_NAMES))
    ]
    return (found[0], found[1]) if found[0] and found[1] else None


def _names(name: str, names: tuple[str, ...]) -> tuple[str, ...]:
    return (name,) if name else names


def _by_name(folder: Path) -> dict[str, Path]:
    """The pictures in a folder and its sub-folders by their names without suffix."""
    paths = pictures_in(folder)
    names = {path.relative_to(folder).with_suffix("").as_posix(): path for path in paths}
    twice = sorted({*paths} - {*names.values()})
    if twice:
        raise DataError(
            f"In '{folder}' {len(twice)} pictures have the name of another with another suffix, like "
            f"{named([path.name for path in twice])}. Leave one of each."
        )
    return names


def _bare(name: str) -> str:
    """A name without the word for its folder.

    >>> _bare("low00001"), _bare("a/normal_7"), _bare("lower")
    ('00001', 'a/7', 'lower')
    """
    words = "|".join(LOW_NAMES + TARGET_NAMES)
    return re.sub(rf"(^|/)(?:{words})(?:[_-]|(?=\d))(?=[^/]+$)", r"\1", name, flags=re.IGNORECASE)


def _scene(name: str, separator: str) -> str:
    folder, _, stem = name.rpartition("/")
    return folder or (stem.split(separator, 1)[0] if separator else stem)


def _in_words(roles: Roles, root: Path) -> str:
    return " -> ".join(role.relative_to(root).as_posix() for role in roles)
