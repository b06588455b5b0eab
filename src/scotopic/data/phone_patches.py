"""Noisy patches of too dark pictures, brightened, and the same without noise: what a denoiser after a curve learns."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.utils.data import Dataset

from scotopic.image import linear_to_srgb, srgb_to_linear
from scotopic.metrics import luma

from ..errors import DataError
from .darken import EV_OF_CURVE
from .phone import UNPROCESSED, Image, sample_phone, take
from .sample import Sample
from .sources import Split
from .virtual_camera import Picture, VirtualCamera, view

ITERATIONS = 8
MARGIN = 16
"""Pixels beside a patch that the camera saw too: at the edge of a picture, filters and JPEG do something else."""


class PhonePatches(Dataset[Sample]):
    """Patches of too dark pictures as a virtual phone's file has them, brightened by a curve; the target has no noise.

    `low` is `6 size size`: the patch as it is in the file, and brightened; both sRGB in [0, 1]. The target, `3 size
    size`, is the patch without noise under the same curve. So what is learned is to take away what a camera adds,
    whoever decides how bright a picture gets.

    `root`, `views`, `panoramas` and `licences` are as for `VirtualCamera`; an item is a function of (`seed`, epoch,
    index) alone. `darker_ev` (stops, drawn evenly) is how much too short the exposure is, `off_ev` the standard
    deviation of how far from a good exposure the curve ends. `unprocessed` is the share of files in which the camera
    did nothing against noise; `amplified` the most that plain amplification of light has in the curve (see
    `brightened`), drawn evenly from 0 on.
    """

    in_memory = True

    def __init__(
        self,
        root: str | Path,
        split: Split,
        seed: int = 0,
        *,
        size: int = 160,
        views: int = 1,
        darker_ev: Sequence[float] = (0.0, 6.0),
        off_ev: float = 0.3,
        panoramas: float = 0.15,
        licences: Sequence[str] = (),
        unprocessed: float = 0.0,
        amplified: float = 0.0,
    ) -> None:
        if size % 2:
            raise DataError(f"data.size must be even, got {size}.")
        self.size, self.darker_ev, self.off_ev = size, (darker_ev[0], darker_ev[1]), off_ev
        self.unprocessed, self.amplified = unprocessed, amplified
        self.pictures = VirtualCamera(root, split, seed, views=views, panoramas=panoramas, licences=licences)
        self.files = self.pictures.files
        self.key = (seed, crc32(split.encode()))
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.pictures)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([*self.key, self.epoch, index])
        picture = self._picture(index, rng)
        phone = sample_phone(rng)
        if self.unprocessed and rng.random() < self.unprocessed:
            phone = replace(UNPROCESSED, contrast=phone.contrast, mosaic=phone.mosaic)
        side = self._side(phone.shrink)
        if picture.pixels.dtype == np.uint8 and side > min(picture.pixels.shape[:2]):
            phone = replace(phone, shrink=1.0)
            side = self._side(1.0)
        ratio = float(2 ** rng.uniform(*self.darker_ev))
        light = view(picture, rng, side)
        noisy, clean = take(light, ratio, phone, rng)
        top, left = (int(rng.integers(0, length - self.size + 1)) for length in clean.shape[:2])
        noisy, clean = (image[top : top + self.size, left : left + self.size] for image in (noisy, clean))
        well_exposed = float(luma(linear_to_srgb(np.clip(light[::4, ::4], 0, 1))).mean())
        share = float(rng.uniform(0, self.amplified)) if self.amplified else 0.0
        amount = self._amount(clean, well_exposed, share, rng)
        low = np.concatenate([noisy, brightened(noisy, amount, share)], 2)
        name = f"{picture.name} -{np.log2(ratio):.1f} EV"
        return Sample(_tensor(low), _tensor(brightened(clean, amount, share)), ratio, name)

    def _picture(self, index: int, rng: Generator) -> Picture:
        pictures = self.pictures
        if pictures.panoramas and rng.random() < pictures.share_of_panoramas:
            return pictures.panoramas[rng.integers(len(pictures.panoramas))]
        return pictures.photos[index % len(pictures.photos)]

    def _side(self, shrink: float) -> int:
        """Sensor pixels of a view that the phone makes a patch and its margin of."""
        return int(np.ceil((self.size + MARGIN) / shrink / 2)) * 2

    def _amount(self, clean: Image, well_exposed: float, share: float, rng: Generator) -> NDArray[np.float32]:
        """The curve amount, `h w 3`, that brings the patch near to where a good exposure has it.

        It is a little other for each channel and place, as decisions are.
        """
        goal = np.clip(well_exposed * 2 ** rng.normal(0, self.off_ev), 0.02, 0.8)
        some = luma(clean)[2::4, 2::4, None]
        low, high = 0.0, 1.0
        for _ in range(10):
            middle = (low + high) / 2
            if float(brightened(some, np.float32(middle), share).mean()) < goal:
                low = middle
            else:
                high = middle
        y, x = np.mgrid[-1 : 1 : clean.shape[0] * 1j, -1 : 1 : clean.shape[1] * 1j].astype(np.float32)
        down, across = rng.normal(0, 0.05, 2)
        field = (down * y + across * x)[..., None] + rng.normal(0, 0.03, 3)
        return np.asarray(np.clip(low * (1 + field), 0, 1), np.float32)


def brightened(picture: Image, amount: NDArray[np.float32] | np.float32, amplified: float = 0.0) -> Image:
    """Zero-DCE's curve (eq. 3) with an amount for all, or for each pixel and channel.

    `amplified` is the share, from 0 to 1, of the same picture with its light amplified by as many stops and clipped:
    a curve lifts shadows and holds highlights more than an exposure does, and what a decision does may lie between.
    """
    bright = picture
    for _ in range(ITERATIONS):
        bright = np.asarray(bright + amount * (bright - bright * bright), np.float32)
    if not amplified:
        return bright
    gain = (1 + np.asarray(amount, np.float32)) ** np.float32(EV_OF_CURVE)
    exposed = linear_to_srgb(np.clip(srgb_to_linear(picture) * gain, 0, 1))
    return np.asarray(bright + np.float32(amplified) * (exposed - bright), np.float32)


def _tensor(image: Image) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1), np.float32))
