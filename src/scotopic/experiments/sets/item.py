"""What methods are scored on: a dark picture with its truth, and the sets that such pictures come in."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TypeVar, get_args

import numpy as np
from numpy.typing import NDArray

from scotopic.image import RawFrame

from ...errors import DataError

if TYPE_CHECKING:
    from torch import Tensor

    from scotopic.data.sources import Split

T = TypeVar("T")

Image = NDArray[np.float32]
"""`h w 3`, sRGB in [0, 1]."""

Part = Literal["train", "val", "test", "all"]
PARTS: tuple[Part, ...] = get_args(Part)
"""The splits, and all of them."""

PROTOCOL = (
    "RGB in [0, 1], rounded to 8 bits as a finished picture is, at its own size: nothing cropped or resized. Plain "
    "means over pictures; GT-mean: one gain equalises the mean brightness; 95 % intervals by bootstrap over scenes."
)


@dataclass(frozen=True)
class Item:
    """A dark picture and its truth, loaded when they are asked for.

    `name` is unique in its set and fit for a file. `scene`: items of one scene are not independent. `group`: the labels
    of the rows in which it is counted beside the row of all, separated by ", " ("x300, 0.1 s"). `ratio`: target
    exposure / input exposure, where it is known. `low` gives a picture, a raw frame (upright), or the packed planes
    (`c h w`) of a recipe's own data set; `target` the truth, upright; both raise ScotopicError. `picture`: what a
    folder of finished pictures calls it, without suffix. `scale`: sides of the truth by those of a picture in `low`.
    """

    name: str
    scene: str
    group: str
    ratio: float | None
    low: Callable[[], Image | RawFrame | Tensor]
    target: Callable[[], Image]
    picture: str = ""
    scale: int = 1

    @property
    def groups(self) -> tuple[str, ...]:
        return groups_in(self.group)


@dataclass(frozen=True)
class EvaluationSet:
    """Items that are scored together.

    `how` says in a sentence how they lie and how many they are, `protocol` how they are scored. Two sets are the same
    where their `digest` is. Without `paired` there is no truth: targets raise DataError.
    """

    name: str
    root: Path
    split: str
    how: str
    protocol: str
    items: Sequence[Item]
    digest: str
    paired: bool = True


def make_set(
    name: str,
    root: Path,
    split: str,
    how: str,
    items: Sequence[Item],
    files: Iterable[Path] = (),
    protocol: str = "",
    paired: bool = True,
    settings: str = "",
) -> EvaluationSet:
    """A set; `protocol` is added to PROTOCOL.

    Its digest is made of its items, of the names and sizes of `files`, and of the `settings` by which they are made.
    """
    identity = [settings, _identity(items), *(f"{path.name} {_size(path)}" for path in files)]
    return EvaluationSet(name, root, split, how, f"{PROTOCOL} {protocol}".strip(), items, _digest(identity), paired)


def some_of(data: EvaluationSet, every: int = 1, limit: int | None = None) -> EvaluationSet:
    """Every n-th item from the first on, and no more than `limit` of them; a set of another digest and name."""
    items = data.items[::every][:limit]
    if len(items) == len(data.items):
        return data
    name = data.name + (f"-every-{every}" if every > 1 else "") + (f"-first-{limit}" if limit is not None else "")
    how = f"{data.how} Of these {counted(items)}" + (f", one in {every}." if every > 1 else ", the first.")
    return replace(data, name=name, how=how, items=items, digest=_digest([data.digest, _identity(items)]))


def groups_in(group: str) -> tuple[str, ...]:
    """The labels in an item's `group`.

    >>> groups_in("x300, 0.1 s"), groups_in("")
    (('x300', '0.1 s'), ())
    """
    return tuple(group.split(", ")) if group else ()


def counted(items: Sequence[Item]) -> str:
    """How many they are, in words."""
    scenes = len({item.scene for item in items})
    return f"{len(items):,} picture{'s' * (len(items) != 1)} of {scenes:,} scene{'s' * (scenes != 1)}"


def unique(names: Iterable[str]) -> list[str]:
    """The names made fit for files, and numbered where several are the same.

    >>> unique(["a/1", "b/1", "a/1", "x: y"])
    ['a_1', 'b_1', 'a_1~2', 'x_ y']
    """
    made: dict[str, None] = {}
    for name in names:
        safe = re.sub(r'[\\/:*?"<>|\x00-\x1f]', "_", name).lstrip(".") or "_"
        numbered = (safe if number == 1 else f"{safe}~{number}" for number in count(1))
        made[next(each for each in numbered if each not in made)] = None
    return [*made]


def short_names(paths: Sequence[Path]) -> dict[Path, str]:
    """What to call files: their stems or, where some share one, their paths from the folder they have in common.

    >>> [*short_names([Path("a/1.jpg"), Path("a/2.jpg")]).values(), *short_names([Path("a/1"), Path("b/1")]).values()]
    ['1', '2', 'a/1', 'b/1']
    """
    if len({path.stem for path in paths}) == len(set(paths)):
        return {path: path.stem for path in paths}
    common = os.path.commonpath([path.parent for path in paths]) or "."
    return {path: path.relative_to(common).with_suffix("").as_posix() for path in paths}


def chosen(parts: Mapping[Split, Sequence[T]], split: str, root: Path, what: str) -> list[T]:
    """What lies in one split, or in all of them. Raises DataError where that is nothing."""
    found = [thing for part, things in parts.items() if split in (part, "all") for thing in things]
    if not found:
        counts = ", ".join(f"{len(things):,} {part}" for part, things in parts.items())
        raise DataError(
            f"There are no {what} in '{root}' for the split {split}; there are {counts}. Choose another split, or all."
        )
    return found


def no_target() -> Image:
    raise DataError("These pictures have no truth beside them. Choose metrics that look at the outcome alone.")


def _identity(items: Sequence[Item]) -> str:
    return "\n".join(repr((item.name, item.scene, item.group, item.ratio)) for item in items)


def _digest(parts: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:  # a picture that is not there is found out when it is its turn
        return -1
