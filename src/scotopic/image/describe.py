"""What can be seen in a picture file: its form, its camera's notes, how dark and how noisy it is."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import UnsupportedImageError

from .colour import luma
from .exif import Entry, Exif, read_exif
from .exposure import estimate_ratio
from .mosaic import colour_map
from .noise_estimate import estimate_noise
from .opening import File, ReadableFile
from .raw import read_raw_file
from .source import DEFAULT_MAX_PIXELS, Source, open_file, recognise

SHADOW, CLIPPED = 0.05, 0.99
"""Luma below which a pixel counts as shadow, and channel value from which one counts as clipped (sRGB in [0, 1])."""
HOW_DARK = ((0.35, "well exposed"), (0.22, "a little dark"), (0.10, "dark"), (0.0, "very dark"))
HOW_SHORT = ((1.3, "well exposed"), (3.0, "a little dark"), (16.0, "dark"), (float("inf"), "very dark"))
"""The same by how many times a raw was exposed too short, at most."""
_CROP = 512


@dataclass(frozen=True)
class Sensor:
    """What a raw file says about the sensor: the rows of its filters' pattern, the values of no light (for red, green
    and blue) and of full light, and the camera's white balance (gains of red, green, blue; green = 1). And what can be
    seen in it: how much more light it wants (`estimate_ratio`), and how noisy it is (`estimate_noise`).
    """

    cfa: tuple[str, ...]
    black_level_dn: tuple[float, ...]
    white_level_dn: float
    white_balance: tuple[float, float, float]
    ratio: float
    gain_dn: float
    read_sigma_dn: float


@dataclass(frozen=True)
class Description:
    """A picture in words and numbers. What the file does not say is None.

    `width` and `height` are those of the upright picture, `orientation` is the Exif orientation (1 to 8) it was
    stored in. `mean_brightness` is mean luma, sRGB-encoded in [0, 1]; `shadows` and `clipped` are fractions of the
    picture; `noise_sigma_8bit` is the standard deviation of noise at full size, in steps of 255. Those of a camera
    raw are taken after LibRaw's development and an automatic exposure, but for `how_dark`. `sensor` is None for other
    files, and for raws that are no mosaic of filters.
    """

    name: str
    format: str
    width: int
    height: int
    megapixels: float
    bits: int
    bands: int
    alpha: bool
    profile: str | None
    orientation: int
    make: str | None
    model: str | None
    iso: int | None
    exposure_s: float | None
    f_number: float | None
    taken: str | None
    mean_brightness: float
    shadows: float
    clipped: float
    how_dark: str
    noise_sigma_8bit: float
    sensor: Sensor | None = None


def describe(path: ReadableFile, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str | None = None) -> Description:
    """Look at a picture file. Errors are those of `open_source`."""
    file, format = recognise(path, name)
    sensor = _sensor(file, max_pixels) if format == "raw" else None
    with open_file(file, format, max_pixels) as source:
        thumbnail = source.thumbnail(512)
        brightness = luma(thumbnail)
        mean = float(brightness.mean())
        exif = read_exif(source.metadata.exif) if source.metadata.exif else Exif()
        return Description(
            name=source.name,
            format=source.format,
            width=source.width,
            height=source.height,
            megapixels=source.width * source.height / 1e6,
            bits=source.bits,
            bands=source.bands,
            alpha=source.has_alpha,
            profile=source.profile,
            orientation=source.orientation,
            make=_text(exif.photo.get(0x010F)),
            model=_text(exif.photo.get(0x0110)),
            iso=_integer(exif.shot.get(0x8827)),
            exposure_s=_number(exif.shot.get(0x829A)),
            f_number=_number(exif.shot.get(0x829D)),
            taken=_text(exif.shot.get(0x9003)) or _text(exif.photo.get(0x0132)),
            mean_brightness=mean,
            shadows=float((brightness < SHADOW).mean()),
            clipped=float((thumbnail >= CLIPPED).any(axis=2).mean()),
            how_dark=(
                next(word for most, word in HOW_SHORT if sensor.ratio <= most)
                if sensor
                else next(word for least, word in HOW_DARK if mean >= least)
            ),
            noise_sigma_8bit=noise_sigma(_centre(source)) * 255,
            sensor=sensor,
        )


def noise_sigma(grey: NDArray[np.float32]) -> float:
    """Standard deviation of white noise in a grey picture (h, w), in the picture's own units.

    Immerkaer, "Fast noise variance estimation" (1996): a mask that answers neither to flat areas nor to straight
    slopes; with the median in place of the mean, so that texture counts less.

    >>> noise = np.random.default_rng(0).normal(0.5, 0.02, (256, 256)).astype(np.float32)
    >>> round(noise_sigma(noise), 3)
    0.02
    """
    if min(grey.shape) < 3:
        return 0.0
    rows = grey[:-2] - 2 * grey[1:-1] + grey[2:]
    answer = rows[:, :-2] - 2 * rows[:, 1:-1] + rows[:, 2:]
    return float(np.median(np.abs(answer))) / 0.6745 / 6  # 0.6745: median of |normal|; 6: root of the mask's squares


def _centre(source: Source) -> NDArray[np.float32]:
    """The luma of the middle of the picture at full size, at most 512 x 512, float32 in [0, 1]."""
    top, left = max(0, (source.height - _CROP) // 2), max(0, (source.width - _CROP) // 2)
    kept: list[NDArray[Any]] = []
    at = 0
    for strip in source.strips(64):
        piece = strip[max(0, top - at) : top + _CROP - at, left : left + _CROP]
        at += len(strip)
        if at > top:
            kept.append(piece)
        if at >= top + _CROP:
            break
    pixels = np.concatenate(kept).astype(np.float32) / np.float32(2**source.bits - 1)
    return luma(pixels) if source.bands == 3 else pixels[..., 0]


def _sensor(file: File, max_pixels: int) -> Sensor | None:
    try:
        frame = read_raw_file(file, max_pixels)
    except UnsupportedImageError:
        return None
    colours = colour_map(frame.cfa)
    black = tuple(float(frame.black_level_dn[colours == colour].mean()) for colour in range(3))
    noise = estimate_noise(frame)
    return Sensor(
        frame.cfa,
        black,
        frame.white_level_dn,
        frame.white_balance,
        ratio=estimate_ratio(frame),
        gain_dn=noise.gain_dn,
        read_sigma_dn=noise.read_sigma_dn,
    )


def _text(entry: Entry | None) -> str | None:
    return (entry.value or None) if entry and entry.type == 2 else None


def _number(entry: Entry | None) -> float | None:
    value = entry.value if entry else None
    return float(value) if isinstance(value, int | float) and 0 < value < math.inf else None  # 0: not known


def _integer(entry: Entry | None) -> int | None:
    value = entry.value if entry else None
    first = value[0] if isinstance(value, tuple) and value else value
    return int(first) if isinstance(first, int | float) and 0 < first < math.inf else None
