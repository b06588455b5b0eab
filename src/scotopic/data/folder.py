"""Pictures in a folder and its sub-folders: which are for what, and their pixels."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.image import is_picture_path, open_source
from scotopic.image.files import to_integers

from ..errors import DataError, ImageError
from .decoded_cache import DecodedCache
from .fusion import Picture, area_averaged
from .sources import Split, sources
from .splits import named, splits_of

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


def existing_folder(root: str | Path, what: str) -> Path:
    """`root`. Raises DataError where it is no folder, saying of `what` one is wanted."""
    root = Path(root)
    if not root.is_dir():
        raise DataError(f"There is no folder '{root}'. Set data.root to a folder of {what}.")
    return root


def name_in(root: Path, path: Path) -> str:
    """What a file is called: its path from `root` on, or all of it where it lies elsewhere."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def decoded(
    path: Path, cache: DecodedCache | None = None, *, scale: float = 1.0, long_side: int = 0, resize: float = 1.0
) -> Picture:
    """The picture in a file: upright sRGB `h w 3`, uint8 or, as the file is, uint16; without alpha.

    It is shrunk while it is read, to `scale` and to a longer side of at most `long_side` (0 = any), and then to
    `resize`, by averaging areas. It is kept in `cache`, or decoded each time. Raises DataError where it cannot be read.
    """

    def make() -> dict[str, NDArray[Any]]:
        with open_source(path) as source:
            longest = max(1, round(max(source.width, source.height) * scale))
            pixels = source.thumbnail(min(longest, long_side or WHOLE))
            return {"picture": area_averaged(to_integers(pixels, source.bits), resize)}

    kind = "picture" if resize == 1 else f"picture-{resize!r}"
    if (scale, long_side) != (1, 0):
        kind += f"-at-{scale:g}-{long_side}"
    try:
        kept = cache.get(path, kind, make) if cache else make()
    except (ImageError, OSError) as error:
        raise DataError(f"A file of the data set cannot be used: {error}") from error
    return kept["picture"]


def sizes_of(files: Iterable[Path], root: Path) -> dict[Path, tuple[int, int]]:
    """Height and width of each picture, by its header. Raises DataError where some cannot be used."""
    files = sorted(set(files))
    with ThreadPoolExecutor() as pool:
        looked = dict(zip(files, pool.map(_size, files), strict=True))
    broken = [(path, size) for path, size in looked.items() if isinstance(size, ImageError)]
    if broken:
        raise DataError(
            f"{len(broken)} of {len(files)} files cannot be used, among them "
            f"{named([name_in(root, path) for path, _ in broken])}. The first: {broken[0][1]}"
        )
    return {path: size for path, size in looked.items() if not isinstance(size, ImageError)}


def refuse_several_sizes(sizes: Collection[tuple[int, int]]) -> None:
    """Raise DataError where pictures to be seen whole in training, of these heights and widths, are not of one size."""
    several = set(sizes)
    if len(several) > 1:
        raise DataError(
            f"The pictures to train on are of {len(several)} sizes, and those of a batch must be of one. Set data.size "
            f"to {min(map(min, several))} or less: the side of the views that are cut from them."
        )


def _size(path: Path) -> tuple[int, int] | ImageError:
    try:
        with open_source(path) as source:
            return source.height, source.width
    except ImageError as error:
        return error


def at_least(picture: Picture, size: int) -> Picture:
    """The picture, continued by its mirror image to the right and below where a side is shorter than `size`.

    >>> at_least(np.array([[[1], [2]]], np.uint8), 3)[0, :, 0].tolist()
    [1, 2, 2]
    """
    height, width = picture.shape[:2]
    if min(height, width) >= size:
        return picture
    more = (0, max(0, size - height)), (0, max(0, size - width)), (0, 0)
    larger: Picture = np.pad(picture, more, mode="symmetric")  # type: ignore[assignment]
    return larger
