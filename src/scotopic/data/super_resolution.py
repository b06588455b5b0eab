"""Photos, and the same made small or blurred: pairs for super-resolution from any folder of photos."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.utils.data import Dataset

from ..errors import DataError
from .decoded_cache import DecodedCache
from .degrade import DEGRADATIONS, MARGIN, Wear, degrade
from .folder import at_least, decoded, existing_folder, name_in, photos_of
from .pair_views import as_float
from .sample import Sample
from .sources import Split


class SuperResolution(Dataset[Sample]):
    """Sharp views of photos as targets, and the same views degraded as `low`.

    `degradation` is "same_size" (as large as the target, its detail lost), "bicubic" or "realistic" (`scale` times
    smaller): see `degrade`, and `Wear` for `blur`, `noise` and `quality`. `low` has 8 bits a channel, as files do.

    An epoch has `views` of every photo; a view of `size` x `size` target pixels is mirrored both ways at random
    (`flips`), and turned by any number of `quarter_turns`. Held-out items are the middle `held_out_size` x
    `held_out_size` pixels of each photo, and are degraded alike at every visit. Smaller photos are continued by their
    mirror image. An item is a function of (`seed`, epoch, index) alone.

    With a `SOURCES.csv` in `root` that table says which photos are for what, and at which scale each is sharp
    (rec_scale); `licences` (prefixes; none = all) may be used. Without, the file `splits`, or `splits.json` in `root`,
    says which scenes are for what, else 70, 20 and 10 % are for training, validation and testing. Decoded photos
    are kept in the folder `cache` ("" = not kept, and decoded for each view).
    """

    def __init__(
        self,
        root: str | Path,
        split: Split,
        seed: int = 0,
        *,
        size: int = 128,
        held_out_size: int = 256,
        scale: int = 2,
        degradation: str = "bicubic",
        views: int = 1,
        flips: bool = True,
        quarter_turns: bool = True,
        blur: Sequence[float] = (0.2, 3.0),
        noise: Sequence[float] = (1.0, 15.0),
        quality: Sequence[int] = (30, 95),
        licences: Sequence[str] = (),
        splits: str = "",
        cache: str = "",
    ) -> None:
        if degradation not in DEGRADATIONS:
            raise DataError(f"data.degradation must be one of {', '.join(DEGRADATIONS)}, got '{degradation}'.")
        if scale < 1 or views < 1:
            raise DataError(f"data.scale and data.views must be at least 1, got {scale} and {views}.")
        for name, side in (("size", size), ("held_out_size", held_out_size)):
            if side < scale or side % scale:
                raise DataError(f"data.{name} must be a multiple of data.scale ({scale}), got {side}.")
        for name, limits, least, most in (
            ("blur", blur, 0.01, 50),
            ("noise", noise, 0, 255),
            ("quality", quality, 1, 100),
        ):
            if len(limits) != 2 or not least <= limits[0] <= limits[1] <= most:
                raise DataError(
                    f"data.{name} must be two rising numbers between {least:g} and {most:g}, got {list(limits)}."
                )
        root = existing_folder(root, "sharp photos")
        self.photos = list(photos_of(root, split, licences, splits).items())
        self.files = [name_in(root, path) for path, _ in self.photos]
        self.learning = split == "train"
        self.size = size if self.learning else held_out_size
        self.views = views if self.learning else 1
        self.scale, self.degradation = scale, degradation
        self.flips, self.quarter_turns = flips, quarter_turns
        self.wear = Wear((blur[0], blur[1]), (noise[0], noise[1]), (quality[0], quality[1]))
        self.cache = DecodedCache(cache) if cache else None
        self.key = (seed, crc32(split.encode()))
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.photos) * self.views

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([*self.key, self.epoch if self.learning else 0, index])
        path, sharp_at = self.photos[index % len(self.photos)]
        photo = at_least(decoded(path, self.cache, scale=sharp_at), self.size)
        spare = [side - self.size for side in photo.shape[:2]]
        top, left = (int(rng.integers(room + 1)) if self.learning else room // 2 for room in spare)
        # What lies around the view has its part in the small pixels at its border.
        above, before = (self._margin(room) for room in (top, left))
        below, after = (self._margin(room - start) for room, start in zip(spare, (top, left), strict=True))
        part = photo[top - above : top + self.size + below, left - before : left + self.size + after]
        wide = torch.from_numpy(np.ascontiguousarray(as_float(part).transpose(2, 0, 1)))
        step = 1 if self.degradation == "same_size" else self.scale
        small = degrade(wide, self.scale, self.degradation, rng, self.wear)
        low = _cut(small, above // step, before // step, self.size // step)
        sides, turns = self._orientation(rng)
        low, target = (
            torch.rot90(picture.flip(sides), turns, (1, 2)).contiguous()
            for picture in ((low * 255).round() / 255, _cut(wide, above, before, self.size))
        )
        return Sample(low, target, 1.0, path.name)

    def _margin(self, room: int) -> int:
        """Of the pixels beside the view, those that are looked at: whole small ones."""
        return min(room // self.scale, MARGIN) * self.scale

    def _orientation(self, rng: Generator) -> tuple[list[int], int]:
        """The axes that are mirrored, and the number of quarter turns."""
        if not self.learning:
            return [], 0
        mirrored = [axis for axis in (1, 2) if self.flips and rng.random() < 0.5]
        return mirrored, int(rng.integers(4)) if self.quarter_turns else 0


def _cut(picture: Tensor, top: int, left: int, size: int) -> Tensor:
    return picture[:, top : top + size, left : left + size]
