"""Pictures in a folder and its sub-folders: which are for what, and their pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.image import is_picture_path, open_source

from ..errors import DataError, ImageError
from .decoded_cache import DecodedCache
from .sources import Split, sources
from .splits import splits_of

LARGEST_SERIES = 20
"""Pictures in a sub-folder up to which they are taken for one scene: an exposure series has 3 to 18 of them."""
WHOLE = 1 << 30
"""A long side that no picture has."""


def pictures_in(folder: Path) -> list[Path]:
    """The pictures in a folder and its sub-folders, sorted; hidden files and folders are left out."""
    found = (path for path in folder.rglob("*") if is_picture_path(path) and path.is_file())
    return sorted(path for path in found if not any(part.startswith(".") for part in path.relative_to(folder).parts))


def scenes_of(root: Path, paths: Iterable[Path]) -> dict[Path, str]:
    """The scene of each picture: its sub-folder if that holds a series (at most 20 pictures), else its own name.

    >>> [*scenes_of(Path("a"), [Path("a/1/x.jpg"), Path("a/1/y.jpg"), Path("a/b.png")]).values()]
    ['1', '1', 'b']
    """
    paths = list(paths)
    sizes = Counter(path.parent for path in paths)
    series = {folder for folder, size in sizes.items() if folder != root and size <= LARGEST_SERIES}
    return {
        path: (path.parent if path.parent in series else path.with_suffix("")).relative_to(root).as_posix()
        for path in paths
    }


def photos_of(root: Path, split: Split, licences: Sequence[str] = (), splits: str = "") -> dict[Path, float]:
    """The photos of one split in a fixed order, each with the scale at which it is sharp.

    `SOURCES.csv` in `root` decides, and which `licences` may be used (see `sources`). Without one, or with a file
    `splits`, it goes by scene (`scenes_of`, `splits_of`), and the scale is 1. Raises DataError where there are none.
    """
    if not splits and (licences or (root / "SOURCES.csv").exists()):
        return sources(root, "photo", split, licences)
    scenes = scenes_of(root, pictures_in(root))
    side = splits_of(root, scenes.values(), splits)
    found = {path: 1.0 for path, scene in scenes.items() if side[scene] == split}
    if not found:
        raise DataError(
            f"No photos for the {split} split in '{root}' ({len(scenes)} pictures in all). Set data.root to a folder "
            "with more of them, or data.splits to a file that says which are for what."
        )
    return found


def refuse_missing_folder(root: Path, what: str) -> None:
    if not root.is_dir():
        raise DataError(f"There is no folder '{root}'. Set data.root to a folder of {what}.")


def decoded(path: Path, cache: DecodedCache | None, *, scale: float = 1.0, long_side: int = 0) -> NDArray[np.uint8]:
    """A picture as 8-bit sRGB, `h w 3`: at `scale`, and with a longer side of at most `long_side` (0 = any).

    Kept in `cache`, or decoded each time. Raises DataError for a file that cannot be read.
    """

    def make() -> dict[str, NDArray[Any]]:
        with open_source(path) as source:
            longest = max(1, round(max(source.width, source.height) * scale))
            return {"picture": np.round(source.thumbnail(min(longest, long_side or WHOLE)) * 255).astype(np.uint8)}

    try:
        kept = cache.get(path, f"photo-{scale:g}-{long_side}", make) if cache else make()
    except (ImageError, OSError) as error:
        raise DataError(f"A picture of the data set cannot be used: {error}") from error
    return kept["picture"]


def at_least(picture: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """The picture, continued by its mirror image to the right and below where a side is shorter than `size`.

    >>> at_least(np.array([[[1], [2]]], np.uint8), 3)[0, :, 0].tolist()
    [1, 2, 2]
    """
    height, width = picture.shape[:2]
    if min(height, width) >= size:
        return picture
    return np.pad(picture, ((0, max(0, size - height)), (0, max(0, size - width)), (0, 0)), mode="symmetric")
