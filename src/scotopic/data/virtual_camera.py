"""Raw pairs without end: a virtual camera looks at clean photos and into HDR panoramas, in too little light."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from zlib import crc32

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.nn.functional import interpolate
from torch.utils.data import Dataset

from scotopic.image import linear_to_srgb, open_source, srgb_to_linear
from scotopic.image.mosaic import RGGB, XTRANS, rolled_cfa
from scotopic.image.noise_level import NoiseLevel
from scotopic.image.packed import HEADROOM, planes_of
from scotopic.image.raw_frame import RawFrame
from scotopic.metrics import luma

from ..errors import DataError
from .folder import existing_folder, name_in
from .noise import CAMERAS, sample_noise
from .panorama import look, read_panorama
from .sample import Sample
from .sensor import XYZ_OF_SRGB, VirtualSensor, capture, sample_colours
from .sources import Split, sources

Light = NDArray[np.float32]
MIDDLE = 0.12
"""The log-average that a view into a panorama is exposed to, give or take; a daylight photo has 0.08 to 0.18."""


@dataclass(frozen=True)
class Picture:
    """A source of light: a photo (uint8 sRGB) or a panorama (float16 linear light), `h w 3`."""

    name: str
    pixels: NDArray[np.uint8] | NDArray[np.float16]


class VirtualCamera(Dataset[Sample]):
    """Packed raw taken in too little light, and the same view well exposed and without noise.

    `root` holds clean photos and, as .exr files, panoramas; with a `SOURCES.csv` that table says which are for what
    (columns file, kind, split, licence, rec_scale: the scale at which a photo is sharp). An item is a function of
    (`seed`, epoch, index) alone; an epoch has `views` of every picture.

    `size` is the side of a view in sensor pixels, `cfa` "bayer" or "xtrans". `ratio` is drawn log-evenly, or with a
    larger share of high ratios: `darker` is that share, a power (1 = even; 2 = as the larger of two draws). The sensor
    is drawn from `cameras`, at a gain within `gain_dn` (DN of 14 bits per electron). `normalisation` and `colour` say
    what the network takes and gives: "k-sigma" planes and "camera" (white-balanced camera RGB), or "ratio" planes and
    "srgb"; the target is sRGB-encoded in both. What the network is told of the noise is off by `misjudged` (a standard
    deviation of the log), as an estimate is.
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
        cfa: str = "bayer",
        normalisation: str = "k-sigma",
        colour: str = "camera",
        ratio: Sequence[float] = (1.0, 300.0),
        darker: float = 1.0,
        cameras: Sequence[str] = (*CAMERAS, "generic"),
        gain_dn: Sequence[float] = (0.1, 30.0),
        panoramas: float = 0.15,
        misjudged: float = 0.1,
        licences: Sequence[str] = (),
    ) -> None:
        for name, value, known in (
            ("cfa", cfa, ("bayer", "xtrans")),
            ("normalisation", normalisation, ("k-sigma", "ratio")),
            ("colour", colour, ("camera", "srgb")),
        ):
            if value not in known:
                raise DataError(f"data.{name} must be one of {', '.join(known)}, got '{value}'.")
        period = 4 if cfa == "bayer" else 6
        if size % period:
            raise DataError(f"data.size must be a multiple of {period} sensor pixels for {cfa}, got {size}.")
        self.size, self.views, self.cfa = size, views, cfa
        self.normalisation, self.colour = normalisation, colour
        if darker <= 0:
            raise DataError(f"data.darker must be above 0, got {darker}.")
        self.ratio, self.darker, self.cameras, self.gain_dn = ratio, darker, tuple(cameras), gain_dn
        self.share_of_panoramas, self.misjudged = panoramas, misjudged
        self.key = (seed, crc32(split.encode()))
        self.epoch = 0
        root = existing_folder(root, "clean photos")
        photos = sources(root, "photo", split, licences)
        skies = sources(root, "hdr", split, licences) if panoramas else {}
        self.files = [name_in(root, path) for path in (*photos, *skies)]
        with ThreadPoolExecutor() as pool:
            self.photos = list(pool.map(_photo, photos.keys(), photos.values()))
            self.panoramas = list(pool.map(_panorama, skies))

    def __len__(self) -> int:
        return len(self.photos) * self.views

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([*self.key, self.epoch, index])
        picture = self.photos[index % len(self.photos)]
        if self.panoramas and rng.random() < self.share_of_panoramas:
            picture = self.panoramas[rng.integers(len(self.panoramas))]
        light = view(picture, rng, self.size)
        least, most = np.log(self.ratio)
        ratio = float(np.exp(least + (most - least) * rng.random() ** (1 / self.darker)))
        camera = str(rng.choice(self.cameras))
        frame, target, noise = self.shoot(light, ratio, camera, rng)
        told = NoiseLevel(
            noise.gain_dn * float(np.exp(rng.normal(0, self.misjudged))),
            noise.read_sigma_dn * float(np.exp(rng.normal(0, self.misjudged))),
        )
        low = planes_of(frame, ratio, told, self.normalisation)
        return Sample(torch.from_numpy(low), self._encode(frame, target, ratio), ratio, f"{picture.name} x{ratio:.0f}")

    def shoot(self, light: Light, ratio: float, camera: str, rng: Generator) -> tuple[RawFrame, Light, NoiseLevel]:
        """A frame of `light` (linear sRGB, 1 = white) exposed `ratio` times too short, its truth and its noise."""
        white_balance, to_srgb = sample_colours(rng)
        noise = sample_noise(camera, rng, self.gain_dn)
        pattern = RGGB if self.cfa == "bayer" else XTRANS
        if self.cfa == "xtrans" and rng.random() < 0.5:  # either kind of block may come first
            pattern = rolled_cfa(pattern, 0, 3)
        sensor = VirtualSensor(pattern, white_balance, to_srgb, noise)
        frame, target = capture(light, ratio, sensor, rng)
        return frame, target, noise.level

    def _encode(self, frame: RawFrame, target: Light, ratio: float) -> torch.Tensor:
        if self.colour == "srgb":
            to_srgb = np.linalg.inv(XYZ_OF_SRGB) @ frame.camera_to_xyz
            target = np.clip(np.minimum(target, 1) @ to_srgb.T.astype(np.float32), 0, 1)
        return torch.from_numpy(np.ascontiguousarray(linear_to_srgb(np.minimum(target, HEADROOM)).transpose(2, 0, 1)))


def view(picture: Picture, rng: Generator, size: int) -> Light:
    """A square view, `size` pixels wide, as linear sRGB light in which 1 is the white of a good exposure."""
    if picture.pixels.dtype == np.float16:
        light = look(picture.pixels.astype(np.float16, copy=False), rng, size, size)
        average = float(np.exp(np.log(luma(light) + np.float32(1e-4)).mean()))
        light = light * np.float32(MIDDLE * 2 ** rng.normal(0, 0.7) / average)
    else:
        light = crop(picture.pixels.astype(np.uint8, copy=False), rng, size)
        # A photo ends at white, light does not: a brighter exposure leaves something above 1 to be clipped.
        light = light * np.float32(2 ** rng.uniform(-0.7, 1.0))
    if rng.random() < 0.3:
        light = blur(light, rng.uniform(0.3, 1.0))
    return np.ascontiguousarray(light, dtype=np.float32)


def crop(picture: NDArray[np.uint8], rng: Generator, size: int) -> Light:
    """A square part of a photo (sRGB) as linear light, `size size 3`: at half to full size, flipped, transposed."""
    shortest = min(picture.shape[:2])
    side = min(round(size * rng.choice([1.0, rng.uniform(1.0, 2.0)])), shortest)
    top, left = (int(rng.integers(0, picture.shape[axis] - side + 1)) for axis in (0, 1))
    part = picture[top : top + side, left : left + side]
    if rng.random() < 0.5:
        part = part[:, ::-1]
    if rng.random() < 0.5:
        part = part[::-1]
    if rng.random() < 0.5:
        part = part.transpose(1, 0, 2)
    light = unprocess_table(float(rng.uniform(0, 1)))[part]
    if side == size:
        return light
    tensor = torch.from_numpy(np.ascontiguousarray(light.transpose(2, 0, 1)))[None]
    resized = interpolate(tensor, size=(size, size), mode="bilinear", antialias=True)
    return resized[0].numpy().transpose(1, 2, 0)


def blur(light: Light, sigma: float) -> Light:
    """A lens out of focus, or a filter before the sensor: a Gaussian of `sigma` pixels."""
    radius = int(np.ceil(2.5 * sigma))
    kernel = np.exp(-(np.arange(-radius, radius + 1) ** 2) / (2 * sigma**2))
    kernel = (kernel / kernel.sum()).astype(np.float32)
    for axis in (0, 1):
        padding = [(radius, radius) if other == axis else (0, 0) for other in range(3)]
        padded = np.pad(light, padding, mode="reflect")
        length = light.shape[axis]
        light = np.zeros_like(light)
        for step, weight in enumerate(kernel):
            light += weight * (padded[step : step + length] if axis == 0 else padded[:, step : step + length])
    return light


def unprocess_table(tone: float) -> NDArray[np.float32]:
    """Linear light of each 8-bit sRGB code: the camera's tone curve undone by a share `tone`, then the sRGB curve.

    The tone curve is taken to be the smoothstep 3 x^2 - 2 x^3 (as by Brooks et al., CVPR 2019).

    >>> [round(float(light), 3) for light in unprocess_table(1.0)[[0, 51, 128, 255]]]
    [0.0, 0.067, 0.215, 1.0]
    """
    code = np.arange(256) / 255
    undone = 0.5 - np.sin(np.arcsin(1 - 2 * code) / 3)
    return srgb_to_linear((1 - tone) * code + tone * undone)


def _photo(path: Path, scale: float) -> Picture:
    with open_source(path) as source:
        pixels = source.thumbnail(max(1, round(max(source.width, source.height) * scale)))
    return Picture(path.name, np.round(pixels * 255).astype(np.uint8))


def _panorama(path: Path) -> Picture:
    return Picture(path.name, read_panorama(path))
