"""Pictures that do not belong together in pairs: for learning without a reference, or against a critic."""

from __future__ import annotations

from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from ..errors import DataError
from .decoded_cache import DecodedCache
from .folder import at_least, decoded, existing_folder, name_in, pictures_in, refuse_several_sizes, scenes_of, sizes_of
from .fusion import Picture
from .pair_views import PairViews, as_float
from .sample import Sample
from .sources import Split
from .splits import splits_of

NORMAL = ("normal", "high")
"""What the folder of well-lit pictures is called, beside `low`."""


class UnpairedFolder(Dataset[Sample]):
    """Dark pictures, and, as targets, well-lit ones that show something else; or the pictures of one folder.

    `low` and `normal` name two folders in `root`. Left empty, they are `low` and `normal` (or `high`) if `root` has
    these, else every picture in `root` is both `low` and `target`: a folder of exposure series, as Zero-DCE (Guo et
    al., CVPR 2020) trains on, is one. A picture of any exposure will do there.

    An epoch has `views` of every dark picture; a view has `size` x `size` pixels (0 = the whole picture) and is
    mirrored in both directions at random (`flips`). Pictures are first made small enough for a longer side of
    `long_side` (0 = as they are; Zero-DCE: 512). Held-out items are the middle `held_out_size` x `held_out_size`
    pixels (0 = the whole picture), each with a target that stays. An item is a function of (`seed`, epoch, index).

    Splits go by scene: a sub-folder of at most 20 pictures is one, else each picture; of the same name in both folders
    they are of one scene. The file `splits`, or `splits.json` in `root`, says which is for what, else 70, 20 and 10 %
    are for training, validation and testing. Decoded pictures are kept in the folder `cache` ("" = not kept).
    """

    paired = False

    def __init__(
        self,
        root: str | Path,
        split: Split,
        seed: int = 0,
        *,
        size: int = 256,
        held_out_size: int = 0,
        views: int = 1,
        flips: bool = True,
        long_side: int = 0,
        low: str = "",
        normal: str = "",
        splits: str = "",
        cache: str = "",
    ) -> None:
        if min(size, held_out_size, long_side) < 0 or views < 1:
            raise DataError(
                "data.size, data.held_out_size and data.long_side must be at least 0 and data.views 1, "
                f"got {size}, {held_out_size}, {long_side} and {views}."
            )
        root = existing_folder(root, "pictures, or of the folders low and normal")
        dark, lit = folders_of(root, low, normal)
        scenes = {
            path: scene for folder in {dark, lit} for path, scene in scenes_of(folder, pictures_in(folder)).items()
        }
        side = splits_of(root, scenes.values(), splits)
        chosen = sorted(path for path, scene in scenes.items() if side[scene] == split)
        self.one_folder = dark == lit
        self.paths, self.targets = ([path for path in chosen if path.is_relative_to(place)] for place in (dark, lit))
        for folder, paths in ((dark, self.paths), (lit, self.targets)):
            if not paths:
                raise DataError(
                    f"No pictures for the {split} split in '{folder}'. Put more of them there, or set data.splits to a "
                    "file that says which are for what."
                )
        self.files = [name_in(root, path) for path in chosen]
        self.learning = split == "train"
        self.views = views if self.learning else 1
        self.long_side, self.held_out_size = long_side, held_out_size
        self.look = PairViews(size=size, flips=flips)
        self.cache = DecodedCache(cache) if cache else None
        self.key = (seed, crc32(split.encode()))
        self.epoch = 0
        if self.learning and not size:
            for paths in (self.paths, self.targets):
                seen = sizes_of(paths, root).values()
                refuse_several_sizes([_shrunk(height, width, long_side) for height, width in seen])

    def __len__(self) -> int:
        return len(self.paths) * self.views

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([*self.key, self.epoch if self.learning else 0, index])
        path = self.paths[index % len(self.paths)]
        low = self._picture(path)
        target = low if self.one_folder else self._picture(self.targets[rng.integers(len(self.targets))])
        if self.learning:
            low_view = self.look.apply(low, low, rng)[0]
            target_view = low_view if self.one_folder else self.look.apply(target, target, rng)[0]
        else:
            low_view = centre(low, *(min(self.held_out_size or side, side) for side in low.shape[:2]))
            target_view = centre(target, *low_view.shape[:2])
        return Sample(_tensor(low_view), _tensor(target_view), 1.0, path.name)

    def _picture(self, path: Path) -> Picture:
        return at_least(decoded(path, self.cache, long_side=self.long_side), self.look.size if self.learning else 0)


def centre(picture: Picture, height: int, width: int) -> NDArray[np.float32]:
    """The middle of a picture, float32 in [0, 1]; of a smaller one, with its mirror image beside it."""
    picture = at_least(picture, max(height, width))
    top, left = (picture.shape[0] - height) // 2, (picture.shape[1] - width) // 2
    return as_float(picture[top : top + height, left : left + width])


def folders_of(root: Path, low: str = "", normal: str = "") -> tuple[Path, Path]:
    """The folders of dark and of well-lit pictures: as named, as found, or `root` twice. Raises DataError."""
    if bool(low) != bool(normal):
        raise DataError(f"Set both data.low and data.normal, or neither; got '{low}' and '{normal}'.")
    if not low:
        found = [root / name for name in NORMAL if (root / name).is_dir()]
        return (root / "low", found[0]) if found and (root / "low").is_dir() else (root, root)
    for folder in (root / low, root / normal):
        existing_folder(folder, f"the folders '{low}' and '{normal}', or set data.low and data.normal")
    return root / low, root / normal


def _shrunk(height: int, width: int, long_side: int) -> tuple[int, int]:
    """The height and width that `decoded` leaves."""
    scale = min(1.0, long_side / max(height, width)) if long_side else 1.0
    return max(1, round(height * scale)), max(1, round(width * scale))


def _tensor(image: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))
