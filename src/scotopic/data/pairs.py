"""Pairs of picture files as a data set: what the folders of paired_folder.py, lol.py and sice.py have in common."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from torch.utils.data import Dataset

from ..errors import DataError
from .decoded_cache import DecodedCache
from .folder import decoded, name_in, refuse_several_sizes, sizes_of
from .fusion import Picture, fuse, smaller
from .pair_views import PairViews, middle
from .sample import Sample
from .sources import Split
from .splits import SPLITS, named


@dataclass(frozen=True)
class Pair:
    """A dark picture and the same one well lit, of `scene`.

    With a `series` the well-lit one is the fusion of these files, and `target` is the folder they lie in.
    """

    low: Path
    target: Path
    scene: str
    series: tuple[Path, ...] = ()

    @property
    def files(self) -> tuple[Path, ...]:
        return (self.low, *(self.series or (self.target,)))


@dataclass(frozen=True)
class Pairs:
    """What was found in a folder: the pairs of each split, and how they lie there, in words."""

    parts: Mapping[Split, Sequence[Pair]]
    how: str

    @property
    def layout(self) -> str:
        """One sentence: how they lie, and how many they are.

        >>> Pairs({"train": [Pair(Path("low/1.png"), Path("high/1.png"), "1")]}, "low -> high").layout
        'low -> high: 1 pair of 1 scene to train, 0 to validate, 0 to test.'
        """
        counts = []
        for split, purpose in zip(SPLITS, ("train", "validate", "test"), strict=True):
            pairs = self.parts.get(split, ())
            scenes = len({pair.scene for pair in pairs})
            of = f" pair{'s' * (len(pairs) != 1)} of {scenes} scene{'s' * (scenes != 1)}" if pairs else ""
            counts.append(f"{len(pairs)}{of} to {purpose}")
        return f"{self.how}: {', '.join(counts)}."


def by_split(pairs: Iterable[Pair], splits: Mapping[str, Split]) -> dict[Split, list[Pair]]:
    """The pairs of each split, scene by scene."""
    parts: dict[Split, list[Pair]] = {split: [] for split in SPLITS}
    for pair in pairs:
        parts[splits[pair.scene]].append(pair)
    return parts


def natural(path: Path | str) -> list[tuple[int, str]]:
    """A key that sorts names as people count: 2 before 10.

    >>> sorted(["10.png", "2.png"], key=natural)
    ['2.png', '10.png']
    """
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", str(path))]


class PairedPictures(Dataset[Sample]):
    """One item for each pair. In training a view of it (`PairViews`), else its middle: `held_out_size` pixels, 0 = all.

    An item is a function of (`seed`, epoch, index) alone. `resize` (at most 1) makes the pictures smaller first, by
    averaging areas. With the folder `cache` every file is decoded once and then only what comes into view is read: 3
    bytes a pixel on disk, 6 of files with 16 bits. `layout` says in words what was found. The ratio of exposures is
    not known, and stands at 1.

    Raises DataError where there are no pairs for the split, where files are missing, broken or do not fit.
    """

    def __init__(
        self,
        found: Pairs,
        root: str | Path,
        split: Split,
        seed: int,
        views: PairViews,
        *,
        held_out_size: int,
        resize: float,
        cache: str,
    ) -> None:
        self.root, self.layout, self.pairs = Path(root), found.layout, list(found.parts.get(split, ()))
        if not self.pairs:
            raise DataError(f"There are no pairs for the {split} split in '{root}' ({found.layout}) Check data.root.")
        if held_out_size < 0 or not 0 < resize <= 1:
            raise DataError(
                "data.held_out_size must be at least 0 and data.resize above 0 and at most 1, "
                f"got {held_out_size} and {resize:g}."
            )
        self.files = [name_in(self.root, path) for pair in self.pairs for path in pair.files]
        self.views, self.resize = views, resize
        self.learning, self.held_out_size = split == "train", held_out_size
        self.cache = DecodedCache(cache) if cache else None
        self.key = (seed, crc32(split.encode()))
        self.epoch = 0
        self._check_sizes()

    def __len__(self) -> int:
        return len(self.pairs)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Sample:
        pair = self.pairs[index]
        low, target = self._decoded(pair.low), self._target(pair)
        if self.learning:
            seen = self.views.apply(low, target, np.random.default_rng([*self.key, self.epoch, index]))
        else:
            seen = middle(low, target, self.held_out_size)
        low_seen, target_seen = (torch.from_numpy(np.ascontiguousarray(view.transpose(2, 0, 1))) for view in seen)
        return Sample(low_seen, target_seen, 1.0, name_in(self.root, pair.low))

    def _target(self, pair: Pair) -> Picture:
        if not pair.series:
            return self._decoded(pair.target)
        if self.cache is None:
            return self._fused(pair)
        facts = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in pair.series]
        kind = f"fusion-{hashlib.sha256(repr(facts).encode()).hexdigest()[:16]}"
        kind = kind if self.resize == 1 else f"{kind}-{self.resize!r}"
        return self.cache.get(pair.series[0], kind, lambda: {"picture": self._fused(pair)})["picture"]

    def _fused(self, pair: Pair) -> Picture:
        return fuse([decoded(path, resize=self.resize) for path in pair.series])

    def _decoded(self, path: Path) -> Picture:
        return decoded(path, self.cache, resize=self.resize)

    def _check_sizes(self) -> None:
        """Look at every header now: hours into a run would be too late."""
        sizes = sizes_of((path for pair in self.pairs for path in pair.files), self.root)
        uneven = [pair for pair in self.pairs if len({sizes[path] for path in pair.files}) > 1]
        if uneven:
            got = ", ".join(f"{width} x {height}" for height, width in sorted({sizes[p] for p in uneven[0].files}))
            raise DataError(
                f"{len(uneven)} of {len(self.pairs)} pairs are not of one size: "
                f"{named([name_in(self.root, pair.low) for pair in uneven])} and what belongs to them; the first has "
                f"{got} pixels. Take these files out, or replace them by ones that lie on each other."
            )
        small = {
            pair.low: (smaller(sizes[pair.low][0], self.resize), smaller(sizes[pair.low][1], self.resize))
            for pair in self.pairs
        }
        least = min(small, key=lambda path: min(small[path]))
        size = self.views.size if self.learning else self.held_out_size
        if size > min(small[least]):
            setting = "size" if self.learning else "held_out_size"
            raise DataError(
                f"data.{setting} is {size}, but '{name_in(self.root, least)}' has only {small[least][1]} x "
                f"{small[least][0]} pixels. Set it to {min(small[least])} at most, or take the small pictures out."
            )
        if self.learning and not size:
            refuse_several_sizes(small.values())
