"""Looking at every picture of a folder: what is broken, what does not fit, what is there twice, how bright it is."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scotopic.image import linear_to_srgb, open_source, read_raw
from scotopic.image.describe import CLIPPED, SHADOW
from scotopic.metrics import luma

from ..errors import MissingExtraError, ScotopicError
from .duplicates import fingerprint, nearest
from .layouts import Layout, Place, Role
from .sources import Split
from .splits import SPLITS

LOOKED_AT = 128
"""The long side of the thumbnails that pictures are judged by: a JPEG is decoded at an eighth of its size for it."""
BINS = 10
AT_ONCE = 256
"""Pictures that wait for a thread. All of 100,000 would take more memory than what is known of them."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen of a file. `error` says why nothing was. Brightness is mean luma (sRGB in [0, 1]); `shadows` and
    `clipped` are shares of the thumbnail; `hash` is its `fingerprint`."""

    path: Path
    error: str = ""
    width: int = 0
    height: int = 0
    bytes: int = 0
    hash: int = 0
    brightness: float = 0.0
    shadows: float = 0.0
    clipped: float = 0.0


@dataclass(frozen=True)
class Twin:
    """A held-out picture that looks like one of an earlier split: `bits` of the 64 of their hashes differ."""

    path: Path
    split: Split
    other: Path
    other_split: Split
    bits: int


@dataclass(frozen=True)
class Exposure:
    """Pictures of one role: means of the numbers of `Look`, and the share of pictures in each tenth of brightness."""

    pictures: int
    brightness: float
    shadows: float
    clipped: float
    histogram: tuple[float, ...]


@dataclass(frozen=True)
class Survey:
    """All that is known of a folder.

    `uneven` are the pairs of different size, `swapped` those whose first picture is not the darker one. `copies` are
    groups of files that are the same, byte by byte. `held_out` counts the pictures that `twins` are among.
    """

    layout: Layout
    broken: tuple[Look, ...]
    uneven: tuple[tuple[Look, Look], ...]
    swapped: int
    copies: tuple[tuple[Path, ...], ...]
    twins: tuple[Twin, ...]
    held_out: dict[Split, int]
    exposure: dict[Role, Exposure]

    @property
    def sound(self) -> bool:
        return not (self.broken or self.uneven or self.layout.problems)


def look_at(path: Path) -> Look:
    """One picture, from a thumbnail. Whatever is wrong with the file is in `error`; never raises for it."""
    try:
        size = path.stat().st_size
        with open_source(path) as source:
            width, height = source.width, source.height
            small = raw_thumbnail(path) if source.format == "raw" else source.thumbnail(LOOKED_AT)
        mark = fingerprint(small)
    except MissingExtraError:
        raise
    except (ScotopicError, OSError) as error:
        return Look(path, str(error))
    except Exception as error:  # a file that nobody thought of must not end the round
        return Look(path, f"'{path}' cannot be read: {type(error).__name__}: {error}")
    grey = luma(small)
    return Look(
        path,
        width=width,
        height=height,
        bytes=size,
        hash=mark,
        brightness=float(grey.mean()),
        shadows=float((grey < SHADOW).mean()),
        clipped=float((small >= CLIPPED).any(axis=2).mean()),
    )


def raw_thumbnail(path: Path) -> NDArray[np.float32]:
    """A raw as dark as it was taken: the mean of each cell of its mosaic, without colour, sRGB `h w 3`."""
    frame = read_raw(path)
    height, width = frame.mosaic.shape
    cell = 6 * max(1, max(height, width) // (6 * LOOKED_AT))  # whole patterns, of Bayer and of X-Trans
    rows, columns = max(1, height // cell), max(1, width // cell)
    cells = frame.mosaic[: rows * cell, : columns * cell].reshape(rows, min(cell, height), columns, min(cell, width))
    black = float(frame.black_level_dn.mean())
    light = (cells.mean(axis=(1, 3), dtype=np.float32) - black) / (frame.white_level_dn - black)
    grey = linear_to_srgb(np.clip(light, 0, 1).astype(np.float32))
    return np.repeat(grey[..., None], 3, axis=2)


def look_at_all(paths: Sequence[Path], jobs: int) -> Iterator[Look]:
    """`look_at` for every file, in this order, by `jobs` threads."""
    with ThreadPoolExecutor(jobs) as pool:
        for start in range(0, len(paths), AT_ONCE):
            yield from pool.map(look_at, paths[start : start + AT_ONCE])


def files_of(layout: Layout) -> list[Path]:
    """Every file that some data set of `layout` would read, once."""
    return list(dict.fromkeys(place.path for part in layout.parts for place in part.places))


def summarise(layout: Layout, looks: Iterable[Look]) -> Survey:
    """What the looks at `files_of(layout)` come to."""
    seen = {look.path: look for look in looks}
    sound = {path: look for path, look in seen.items() if not look.error}
    places = [place for part in layout.parts for place in part.places if place.path in sound]
    pairs = [
        (part.series, sound[low], sound[target])
        for part in layout.parts
        for low, target in part.pairs
        if low in sound and target in sound
    ]
    return Survey(
        layout=layout,
        broken=tuple(look for look in seen.values() if look.error),
        uneven=tuple(
            (low, target) for _, low, target in pairs if (low.width, low.height) != (target.width, target.height)
        ),
        swapped=sum(not series and low.brightness >= target.brightness for series, low, target in pairs),
        copies=tuple(copies(list(sound.values()))),
        twins=tuple(twins(places, sound)),
        held_out=dict(Counter(place.split for place in places if place.split != "train")),
        exposure={
            role: exposure(some) for role in ("low", "target", "picture") if (some := _of_role(places, sound, role))
        },
    )


def copies(looks: Sequence[Look]) -> Iterator[tuple[Path, ...]]:
    """Groups of files with the same bytes. Only files of one size that look alike are read for it."""
    for alike in _groups(looks, lambda look: (look.bytes, look.hash, look.brightness)):
        for same in _groups(alike, lambda look: _digest(look.path)):
            yield tuple(look.path for look in same)


def twins(places: Sequence[Place], looks: dict[Path, Look]) -> Iterator[Twin]:
    """Pictures to test or validate on that look like one to train on, or one to test on like one to validate on."""
    of_split = {
        split: [place.path for place in places if place.split == split and looks[place.path].hash] for split in SPLITS
    }
    hashes = {split: np.array([looks[path].hash for path in paths], np.uint64) for split, paths in of_split.items()}
    for split in SPLITS[1:]:
        for earlier in SPLITS[: SPLITS.index(split)]:
            near, bits = nearest(hashes[split], hashes[earlier])
            for i in np.flatnonzero(near >= 0):
                yield Twin(of_split[split][i], split, of_split[earlier][near[i]], earlier, int(bits[i]))


def exposure(looks: Sequence[Look]) -> Exposure:
    brightness = np.array([look.brightness for look in looks])
    counts, _ = np.histogram(brightness, bins=BINS, range=(0, 1))
    return Exposure(
        pictures=len(looks),
        brightness=float(brightness.mean()),
        shadows=float(np.mean([look.shadows for look in looks])),
        clipped=float(np.mean([look.clipped for look in looks])),
        histogram=tuple((counts / len(looks)).tolist()),
    )


def _of_role(places: Sequence[Place], looks: dict[Path, Look], role: str) -> list[Look]:
    return [looks[place.path] for place in places if place.role == role]


def _groups(looks: Iterable[Look], key: Callable[[Look], object]) -> Iterator[list[Look]]:
    groups: defaultdict[object, list[Look]] = defaultdict(list)
    for look in looks:
        groups[key(look)].append(look)
    return (group for group in groups.values() if len(group) > 1)


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError:  # gone in the meantime: like no other
        return str(path).encode()
