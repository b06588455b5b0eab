"""Well-exposed photos, darkened afresh at every visit: pairs without end from a folder of ordinary pictures."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.nn.functional import interpolate
from torch.utils.data import Dataset

from ..image import open_source
from .darken import Night, darken, expose
from .folder import existing_folder, name_in
from .sample import Sample
from .sources import Split, sources

CACHED_SIDE = 384
"""Photos are kept in memory as thumbnails of this long side, 0.3 MB each."""


class DarkenedPhotos(Dataset[Sample]):
    """Square views of photos as targets, and the same views darkened as `low`.

    An item is a function of (`seed`, epoch, index) alone. `views` is the number of views of each photo in an epoch. A
    target that is to be darkened is first brought most of the way (`evened`) to a mean brightness of `level`, since
    from a dark picture nobody can tell how bright its photographer meant it. Photos that need nothing
    (`exposed_well`) stay as they are. The other settings are those of `Night`.
    """

    in_memory = True

    def __init__(
        self,
        root: str | Path,
        split: Split,
        seed: int = 0,
        *,
        size: int = 256,
        views: int = 1,
        licences: Sequence[str] = (),
        level: float = 0.45,
        evened: float = 0.7,
        exposed_well: float = 0.2,
        darker_ev: Sequence[float] = (0.7, 5.0),
        relit: float = 0.25,
        cast: float = 0.04,
        contrast: Sequence[float] = (-0.1, 0.3),
        retouched: float = 0.0,
    ) -> None:
        self.size = size
        self.views = views
        self.level = level
        self.evened = evened
        self.exposed_well = exposed_well
        self.night = Night(
            darker_ev=(darker_ev[0], darker_ev[1]),
            retouched=retouched,
            relit=relit,
            cast=cast,
            contrast=(contrast[0], contrast[1]),
        )
        self.key = (seed, crc32(split.encode()))
        self.epoch = 0
        root = existing_folder(root, "well-exposed pictures")
        self.paths = list(sources(root, "photo", split, licences))
        self.files = [name_in(root, path) for path in self.paths]
        with ThreadPoolExecutor() as pool:
            self.pictures = list(pool.map(_thumbnail, self.paths))

    def __len__(self) -> int:
        return len(self.paths) * self.views

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Sample:
        photo = index % len(self.paths)
        rng = np.random.default_rng([*self.key, self.epoch, index])
        target = view(self.pictures[photo], self.size, rng)
        if rng.random() < self.exposed_well:
            low, ratio = darken(target, rng, self.night, need=False)
        else:
            target = expose(target, self.level, self.evened)
            low, ratio = darken(target, rng, self.night)
        return Sample(_tensor(low), _tensor(target), ratio, self.paths[photo].name)


def _thumbnail(path: Path) -> NDArray[np.uint8]:
    with open_source(path) as source:
        return np.round(source.thumbnail(CACHED_SIDE) * 255).astype(np.uint8)


def _tensor(image: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def view(picture: NDArray[np.uint8], size: int, rng: Generator) -> NDArray[np.float32]:
    """A square view of a picture (`h w 3`): 60 to 100 % of its short side, flipped half the time, `size` wide."""
    height, width = picture.shape[:2]
    side = max(1, int(rng.uniform(0.6, 1) * min(height, width)))
    top, left = rng.integers(0, height - side + 1), rng.integers(0, width - side + 1)
    crop = picture[top : top + side, left : left + side]
    if rng.random() < 0.5:
        crop = crop[:, ::-1]
    tensor = torch.from_numpy(np.ascontiguousarray(crop.transpose(2, 0, 1))).float()[None] / 255
    resized = interpolate(tensor, size=(size, size), mode="bilinear", antialias=True).clamp(0, 1)
    return np.ascontiguousarray(resized[0].numpy().transpose(1, 2, 0))
