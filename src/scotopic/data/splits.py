"""Which scenes are for training, validation and testing: drawn once by a seed, or read from a file.

A split goes by scene, never by file: two takes of one scene on both sides would let a network be scored on what it saw.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import get_args

from ..errors import DataError
from .sources import Split

SPLITS: tuple[Split, ...] = get_args(Split)
SPLITS_FILE = "splits.json"
NAMED = 5
"""How many files or scenes an error names."""


def split_scenes(scenes: Iterable[str], seed: int = 0, shares: Sequence[float] = (0.7, 0.2, 0.1)) -> dict[str, Split]:
    """The split of each scene, by `seed` and the names alone; `shares` are those of train, val and test.

    Every share above 0 gets a scene, as long as there are scenes. Raises DataError for shares that are none.

    >>> sorted(split_scenes("abcdefghij").values())
    ['test', 'train', 'train', 'train', 'train', 'train', 'train', 'train', 'val', 'val']
    """
    if len(shares) != len(SPLITS) or min(shares) < 0 or not sum(shares) > 0:
        raise DataError(
            f"Shares are three numbers of at least 0, for {', '.join(SPLITS)}, like 0.7, 0.2, 0.1; got {list(shares)}."
        )
    order = sorted(set(scenes), key=lambda scene: hashlib.sha256(f"{seed}/{scene}".encode()).digest())
    wanted = [share / sum(shares) * len(order) for share in shares]
    counts = [0 for _ in SPLITS]
    for _ in order:
        # First whoever has none yet, then whoever lacks the most.
        lacking = [(wanted[i] > 0 and not counts[i], wanted[i] - counts[i], -i) for i in range(len(SPLITS))]
        counts[-max(lacking)[2]] += 1
    allotted = [split for split, count in zip(SPLITS, counts, strict=True) for _ in range(count)]
    return dict(zip(order, allotted, strict=True))


def write_splits(path: str | Path, splits: Mapping[str, Split], seed: int) -> None:
    """Write the split of each scene, and the `seed` it was drawn with, as JSON. Raises DataError if it cannot be."""
    text = json.dumps({"seed": seed, "scenes": dict(sorted(splits.items()))}, indent=1, ensure_ascii=False)
    try:
        Path(path).write_text(text + "\n", encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"The splits cannot be written to '{path}' ({error.strerror or error}). Choose another place for the file."
        ) from error


def read_splits(path: str | Path) -> dict[str, Split]:
    """The split of each scene in a file that `write_splits` wrote. Raises DataError."""
    what_to_do = 'It reads like {"seed": 0, "scenes": {"a scene": "train"}}: mend it, or make it anew.'
    try:
        scenes = json.loads(Path(path).read_text(encoding="utf-8"))["scenes"]
        wrong = [scene for scene, split in scenes.items() if split not in SPLITS]
    except OSError as error:
        raise DataError(
            f"The splits '{path}' cannot be read ({error.strerror or error}). Check data.splits."
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise DataError(f"'{path}' holds no splits ({error}). {what_to_do}") from error
    if wrong:
        raise DataError(
            f"In '{path}' {named(wrong)} should be one of {', '.join(SPLITS)}, got {scenes[wrong[0]]!r}. {what_to_do}"
        )
    return dict(scenes)


def splits_of(root: str | Path, scenes: Iterable[str], path: str | Path = "") -> dict[str, Split]:
    """The split of each of `scenes`: as the file `path` or, without one, `splits.json` in `root` says, else drawn.

    A relative `path` starts at the current folder. Raises DataError for scenes that the file does not name.
    """
    scenes = sorted(set(scenes))
    file = Path(path or Path(root) / SPLITS_FILE)
    if not path and not file.exists():
        return split_scenes(scenes)
    splits = read_splits(file)
    unknown = [scene for scene in scenes if scene not in splits]
    if unknown:
        raise DataError(
            f"'{file}' does not say which split {len(unknown)} of {len(scenes)} scenes are in: {named(unknown)}. "
            "Add them, or make the file anew."
        )
    return {scene: splits[scene] for scene in scenes}


def named(things: Sequence[object]) -> str:
    """The first few of many, in words.

    >>> named(["a.png", "b.png"]), named(range(9))
    ("'a.png', 'b.png'", "'0', '1', '2', '3', '4', …")
    """
    return ", ".join(f"'{thing}'" for thing in things[:NAMED]) + (", …" if len(things) > NAMED else "")
