"""Pictures that any other program has made, scored as they lie in a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from scotopic.data.folder import WHOLE, pictures_in
from scotopic.image import open_source

from ...errors import DataError
from .method import digest_of

if TYPE_CHECKING:
    from ..sets.item import Item
    from .method import Image, Opened

OWN_MARK = "_scotopic"
"""What `scotopic enhance` puts behind the name of a picture that it leaves beside its source."""


def open_pictures(folder: Path) -> Opened:
    """The finished pictures in a folder and its sub-folders. Raises DataError where there are none.

    An item's is the one whose path from the folder on, without suffix, is `item.picture`; or else whose name is, if
    there is one such only.
    """
    files = pictures_in(folder)
    if not files:
        raise DataError(
            f"There are no pictures in '{folder}'. Give a folder of finished pictures named like the dark ones; or, if "
            "it was meant as a model or a run: a model folder has a card.toml, a run folder has checkpoints."
        )
    by_path = _by_name((path.relative_to(folder).with_suffix("").as_posix(), path) for path in files)
    by_stem = _by_name((path.stem, path) for path in files)

    def enhance(item: Item) -> Image:
        wanted = item.picture or item.name
        names = (wanted, wanted + OWN_MARK)
        found = next((some for name in names for index in (by_path, by_stem) if (some := index.get(name))), [])
        if len(found) != 1:
            got = ", ".join(path.relative_to(folder).as_posix() for path in found[:5]) or "none"
            raise DataError(
                f"One picture called '{wanted}' (any suffix) is wanted in '{folder}', got {got}. Name finished "
                "pictures like the dark ones they were made of, in the same sub-folders if there are any."
            )
        return _read(found[0])

    # By their bytes: a .bmp made anew, or a .tif, is as large as before.
    contents = [f"{path.relative_to(folder).as_posix()} {digest_of(path)}" for path in files]
    digest = hashlib.sha256("\n".join(contents).encode()).hexdigest()[:16]
    return {"files": len(files), "sha256": digest}, enhance


def _by_name(pairs: Iterable[tuple[str, Path]]) -> dict[str, list[Path]]:
    found: dict[str, list[Path]] = {}
    for name, path in pairs:
        found.setdefault(name, []).append(path)
    return found


def _read(path: Path) -> Image:
    """Upright sRGB, its profile followed. Raises DataError where parts of it are see-through: on what, nobody said."""
    with open_source(path) as source:
        alpha = source.alpha()
        if alpha is not None and float(alpha.min()) < 1:
            raise DataError(f"'{path}' is see-through in parts. Save it without transparency and score it again.")
        return np.asarray(source.thumbnail(WHOLE), np.float32)
