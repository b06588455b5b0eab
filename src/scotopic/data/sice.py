"""SICE: series of exposures as pairs, each frame that is too dark with the reference, a fusion or the middle one."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scotopic.image import open_source
from scotopic.image.files import to_integers
from scotopic.metrics import luma

from ..errors import DataError, ImageError
from .decoded_cache import DecodedCache
from .folder import existing_folder, pictures_in
from .fusion import fuse
from .pair_views import PairViews
from .paired_folder import child, read_pairs
from .pairs import Pair, PairedPictures, Pairs, by_split, natural
from .sources import Split
from .splits import SPLITS_FILE, named, split_scenes, splits_of

LISTS = ("sice_pairs.json", "pairs.json")
TARGETS = ("label", "fusion", "middle")
LOOKED_AT = 64
"""How bright a frame is, is judged from a thumbnail of this long side."""


class SICE(PairedPictures):
    """SICE (Cai, Gu and Zhang, Learning a Deep Single Image Contrast Enhancer, IEEE TIP 27, 2018).

    `root` holds the published parts, or is one: numbered folders with the frames of a scene, and `Label` with a
    reference for each, `Label/<scene>.JPG`. `target` is that "label", the "fusion" of the whole series (Mertens et al.
    2007; it needs a `cache`), or the "middle" one of the exposures. Every frame with less than `under` times the mean
    brightness of its target is a pair with it. Frames of one scene are taken to lie on each other: nothing is aligned.

    Or `root` holds a list of pairs, `sice_pairs.json` or `pairs.json`, and beside it a folder with the files that it
    names (see `PairedFolder`); then the list decides what goes with what.

    Scenes are split as the file `splits` says (or `splits.json` in `root`), or drawn: 70 % to train, 20 % to validate,
    10 % to test. The other settings are those of `PairViews` and `PairedPictures`.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split,
        seed: int = 0,
        *,
        target: str = "label",
        under: float = 1.0,
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
        if target == "fusion" and not cache:
            raise DataError("Fusing a series takes seconds. Set data.cache to a folder where it is done once.")
        found = find_pairs(root, target, under, splits, cache)
        super().__init__(found, root, split, seed, views, held_out_size=held_out_size, resize=resize, cache=cache)


@dataclass(frozen=True)
class Series:
    """The frames of a scene by name, in the order people count, and the reference, if there is one."""

    scene: str
    frames: tuple[Path, ...]
    label: Path | None


def find_pairs(root: str | Path, target: str = "label", under: float = 1.0, splits: str = "", cache: str = "") -> Pairs:
    """The pairs of SICE in `root`, with the settings of `SICE`. Raises DataError where there are none."""
    if target not in TARGETS or not under > 0:
        raise DataError(
            f"data.target must be one of {', '.join(TARGETS)} and data.under above 0, got '{target}' and {under:g}."
        )
    root = existing_folder(root, "pairs")
    listing = next((root / name for name in LISTS if (root / name).is_file()), None)
    if listing:
        if target != "label" or under != 1:
            raise DataError(
                f"'{listing}' says what is a pair: leave out data.target and data.under, or take the list away."
            )
        pairs = read_pairs(listing)
        scenes = [pair.scene for pair in pairs]
        return Pairs(by_split(pairs, splits_of(root, scenes, splits)), f"SICE, as {listing.name} pairs its frames")
    series = find_series(root)
    without = [one.scene for one in series if one.label is None]
    if target == "label" and without:
        raise DataError(
            f"{len(without)} of {len(series)} series in '{root}' have no reference in Label: {named(without)}. "
            "Add them, or set data.target to 'fusion' or 'middle'."
        )
    with ThreadPoolExecutor() as pool:
        found = list(pool.map(lambda one: _pairs_of(one, target, under, cache), series))
    # Drawn among all series, so that the split does not hang on what counts as dark.
    drawn = {} if splits or (root / SPLITS_FILE).exists() else split_scenes([one.scene for one in series])
    pairs = [pair for pairs_of_one in found for pair in pairs_of_one]
    how = (
        f"SICE, {len(series)} series as they lie (nothing is aligned), frames darker than {under:g} x the {target}"
        + (f" ({found.count([])} series have none)" if [] in found else "")
    )
    return Pairs(by_split(pairs, drawn or splits_of(root, [pair.scene for pair in pairs], splits)), how)


def find_series(root: Path) -> list[Series]:
    """The series of the parts in `root`: numbered folders of frames, in it or up to two folders below."""
    below = sorted((path for path in root.iterdir() if path.is_dir()), key=natural)
    inner = [path for folder in below for path in sorted(folder.iterdir(), key=natural) if path.is_dir()]
    series = [one for part in (root, *below, *inner) for one in _series_of_part(part, root)]
    if not series:
        raise DataError(
            f"'{root}' does not hold SICE: wanted numbered folders of frames and a folder Label, or one of "
            f"{', '.join(LISTS)}. Set data.root to the folder they are in."
        )
    return series


def _series_of_part(part: Path, root: Path) -> list[Series]:
    folders = sorted((path for path in part.iterdir() if path.name.isdecimal() and path.is_dir()), key=natural)
    labels = child(part, ["label"])
    references = {path.stem: path for path in pictures_in(labels)} if labels else {}
    series = ((folder, sorted(pictures_in(folder), key=natural)) for folder in folders)
    return [
        Series(folder.relative_to(root).as_posix(), tuple(frames), references.get(folder.name))
        for folder, frames in series
        if frames
    ]


def _pairs_of(series: Series, target: str, under: float, cache: str) -> list[Pair]:
    """The frames that are darker than `under` times their target, each with it."""
    thumbnails = {path: _thumbnail(path, cache) for path in series.frames}
    brightness = {path: _brightness(thumbnail) for path, thumbnail in thumbnails.items()}
    fused: tuple[Path, ...] = ()
    if target == "fusion":
        truth, level = series.frames[0].parent, _brightness(_fused(series, thumbnails))
        fused = series.frames
    elif target == "middle":
        truth = sorted(series.frames, key=lambda path: brightness[path])[len(series.frames) // 2]
        level = brightness[truth]
    else:
        assert series.label is not None, "find_pairs has looked"
        truth, level = series.label, _brightness(_thumbnail(series.label, cache))
    lows = [path for path in series.frames if path != truth and brightness[path] < under * level]
    return [Pair(low, truth, series.scene, fused) for low in lows]


def _fused(series: Series, thumbnails: dict[Path, NDArray[np.uint8]]) -> NDArray[np.uint8]:
    if len({thumbnail.shape for thumbnail in thumbnails.values()}) > 1:
        raise DataError(
            f"The frames of the series '{series.scene}' are not of one size, so they cannot be fused. "
            "Take that folder out, or its frames that differ."
        )
    return fuse(list(thumbnails.values()))


def _thumbnail(path: Path, cache: str) -> NDArray[np.uint8]:
    def make() -> dict[str, NDArray[np.uint8]]:
        with open_source(path) as source:
            return {"thumbnail": to_integers(source.thumbnail(LOOKED_AT), 8)}

    try:
        return (DecodedCache(cache).get(path, f"thumbnail-{LOOKED_AT}", make) if cache else make())["thumbnail"]
    except ImageError as error:
        raise DataError(f"A frame of a series cannot be used: {error}") from error


def _brightness(picture: NDArray[np.uint8]) -> float:
    """Mean luma, in [0, 1]."""
    return float(luma(picture / np.float32(255)).mean())
