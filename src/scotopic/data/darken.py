"""A well-exposed picture, as it would have come out in too little light.

The picture is undone to light (Brooks et al., Unprocessing Images for Learned Raw Denoising, CVPR 2019: inverse tone
curve, then linear light), the light is lowered evenly and unevenly, noise is added, and a camera's own tone curve,
white-balance error and 8-bit file come on top.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..image import linear_to_srgb, srgb_to_linear
from ..metrics import luma

Image = NDArray[np.float32]
EV_OF_CURVE = 10.0
"""Stops by which a curve of eight iterations with amount 1 brightens (runtime/decision.py)."""


@dataclass(frozen=True)
class Night:
    """How dark it may get. Ranges are drawn from evenly; stops of exposure are in EV, positive = darker."""

    darker_ev: tuple[float, float] = (0.7, 5.0)
    retouched: float = 0.0
    """Share of pictures darkened not as by a shorter exposure, but so that one curve brings the target back: pictures
    that were made bright by a retoucher or by fusing exposures have lifted shadows and held lights."""
    relit: float = 0.25
    """Share of pictures that are lit unevenly: a light, a window, a back-lit subject."""
    relit_ev: tuple[float, float] = (1.0, 4.0)
    """Difference between the best and the worst lit part."""
    cast: float = 0.04
    """Standard deviation of the natural log of the red and blue gain: white-balance error."""
    contrast: tuple[float, float] = (-0.1, 0.3)
    """Strength of the camera's own S-curve against plain sRGB; negative is flatter."""
    read_noise: tuple[float, float] = (0.0002, 0.003)
    """Standard deviation in linear light at thumbnail size, drawn log-evenly; most of it is averaged away there."""
    shot_noise: tuple[float, float] = (0.00002, 0.0006)
    """Variance per unit of linear light at thumbnail size, drawn log-evenly."""


def s_curve(x: Image, strength: float) -> Image:
    """A tone curve through 0 and 1 around 0.45: contrast rises for `strength` > 0 and falls below; |strength| < 1.

    >>> s_curve(np.array([0.0, 1.0], np.float32), 0.5).tolist()
    [0.0, 1.0]
    """
    smooth = x * x * (3 - 2 * x)
    return np.asarray(x + np.float32(strength) * (smooth - x))


def smooth_field(rng: Generator, height: int, width: int) -> Image:
    """A smooth random field in [0, 1], `h w`: a slope, or one to three soft spots (inverted half the time)."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    y, x = y / max(height - 1, 1), x / max(width - 1, 1)
    if rng.random() < 0.4:
        angle = rng.uniform(0, 2 * np.pi)
        slope = (x - 0.5) * np.cos(angle) + (y - 0.5) * np.sin(angle)
        field = (1 / (1 + np.exp(-slope * rng.uniform(3, 14)))).astype(np.float32)
    else:
        field = np.zeros((height, width), np.float32)
        for _ in range(rng.integers(1, 4)):
            cy, cx = rng.uniform(0, 1, 2)
            ry, rx = rng.uniform(0.12, 0.5, 2)
            spot = np.exp(-(((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2))
            field = np.maximum(field, spot.astype(np.float32))
        if rng.random() < 0.5:
            field = 1 - field
    low, high = field.min(), field.max()
    return np.asarray((field - low) / np.maximum(high - low, 1e-6), dtype=np.float32)


def expose(image: Image, level: float = 0.45, evened: float = 1.0) -> Image:
    """The picture with its mean brightness moved towards `level` by one curve; `evened` is the share of the way.

    `image` is sRGB in [0, 1], `h w 3`. The curve is Zero-DCE's, so 0, 1 and the order of values stay.

    >>> dim = np.full((8, 8, 3), 0.2, np.float32)
    >>> bool(abs(expose(dim, level=0.5).mean() - 0.5) < 1e-3)
    True
    """
    some = luma(image)[1::4, 1::4, None] if min(image.shape[:2]) >= 32 else luma(image)[..., None]
    mean = float(some.mean())
    goal = mean + evened * (level - mean)
    low, high = -0.6, 0.6
    for _ in range(12):
        middle = (low + high) / 2
        if float(curve(some, middle).mean()) < goal:
            low = middle
        else:
            high = middle
    return curve(image, (low + high) / 2)


def curve(image: Image, amount: float, iterations: int = 8) -> Image:
    """Zero-DCE's curve with one amount for all pixels (eq. 3)."""
    a = np.float32(amount)
    for _ in range(iterations):
        image = np.asarray(image + a * (image - image * image))
    return image


def uncurve(image: Image, amount: float | Image, iterations: int = 8) -> Image:
    """What `curve` with this amount, in (0, 1], makes `image` of; the amount may be another at each place, `h w 1`.

    >>> dim = np.linspace(0, 1, 5, dtype=np.float32)
    >>> bool(np.abs(uncurve(curve(dim, 0.4), 0.4) - dim).max() < 1e-5)
    True
    """
    a = np.asarray(amount, np.float32)
    for _ in range(iterations):
        image = np.asarray(2 * image / (1 + a + np.sqrt((1 + a) ** 2 - 4 * a * image)))
    return image


def darken(target: Image, rng: Generator, night: Night, need: bool = True) -> tuple[Image, float]:
    """The picture in too little light, and the ratio of exposures by which its best-lit part is darker.

    `target` is sRGB in [0, 1], `h w 3`; so is the result, quantised to 8 bits. Without `need` the picture is within a
    quarter of a stop of the target: what must come out as it went in.
    """
    height, width = target.shape[:2]
    contrast = rng.uniform(*night.contrast)
    # Drawn only where it can be, so that data sets without it stay what they were.
    retouched = need and night.retouched > 0 and rng.random() < night.retouched
    field_ev: Image | float = 0.0
    if not need:
        ev = rng.uniform(-0.25, 0.25)
        contrast = 0.3 * contrast
    else:
        ev = rng.uniform(*night.darker_ev)
        if rng.random() < night.relit:
            # The best-lit part may be nearly right: that is what a window or a lamp does to the exposure.
            field_ev = smooth_field(rng, height, width)[..., None] * np.float32(rng.uniform(*night.relit_ev))
            ev = max(ev - float(np.max(field_ev)), rng.uniform(0, 0.5))
    if retouched:
        # A stop of light as `Controls.exposure_ev` counts it, from the shadows to middle grey.
        light = srgb_to_linear(uncurve(target, np.exp2((np.float32(ev) + field_ev) / EV_OF_CURVE) - 1))
        contrast = 0.3 * contrast
    else:
        light = srgb_to_linear(target) * np.exp2(-np.float32(ev) - field_ev)
    gains = np.exp(rng.normal(0, night.cast, 3)).astype(np.float32)
    light = light * (gains / gains[1])
    read = np.exp(rng.uniform(*np.log(night.read_noise)))
    shot = np.exp(rng.uniform(*np.log(night.shot_noise)))
    light = light + rng.standard_normal(light.shape, np.float32) * np.sqrt(read**2 + shot * light).astype(np.float32)
    low = s_curve(linear_to_srgb(np.clip(light, 0, 1)), contrast)
    return (np.round(np.clip(low, 0, 1) * 255) / 255).astype(np.float32), float(2.0**ev)
