"""What was there before networks, and what costs nothing: the rows that a network has to beat.

A baseline takes a picture `h w 3`, float32, sRGB in [0, 1], and gives one of the same kind and size. None has settings:
each is as its source has it.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.data.fusion import opencv
from scotopic.metrics import luma

from ...errors import MissingExtraError
from .lime import lime

Image = NDArray[np.float32]

CLIPPED = 0.005
"""Share of the samples that auto-levels gives up at each end."""
SURROUNDS = (15.0, 80.0, 250.0)
"""Sigmas in pixels (Jobson et al. 1997, table II)."""
BALANCED = 0.01
"""Share of the pixels that retinex clips at each end of each channel (Petro et al. 2014)."""


def gamma(low: Image) -> Image:
    """The picture to the power of 1 / 2.2: a display's curve, undone once more."""
    return np.asarray(low ** np.float32(1 / 2.2))


def histogram_equalisation(low: Image) -> Image:
    """Every brightness as frequent as any other: HSV's value through its cumulative histogram, colours kept."""
    exposure, color = _skimage()
    hsv = color.rgb2hsv(low)
    hsv[..., 2] = exposure.equalize_hist(hsv[..., 2])
    return np.asarray(color.hsv2rgb(hsv), np.float32)


def clahe(low: Image) -> Image:
    """Contrast-limited adaptive histogram equalisation of HSV's value (Zuiderveld, Graphics Gems IV, 1994).

    As scikit-image has it by default: 8 x 8 tiles, and no brightness takes more than 1 % of a tile.
    """
    exposure, _ = _skimage()
    return np.asarray(exposure.equalize_adapthist(low), np.float32)


def auto_levels(low: Image) -> Image:
    """What "auto-enhance" of a photo viewer does: levels stretched to black and white, then the middle made grey.

    The three channels share their levels, so that colours stay, and a gamma (at most 1 / 2.2) brings the mean of luma
    to 0.5, as ImageMagick's -normalize and -auto-gamma do.
    """
    black, white = np.quantile(low, (CLIPPED, 1 - CLIPPED))
    levels = np.clip((low - np.float32(black)) / np.float32(max(white - black, 1 / 255)), 0, 1)
    mean = float(luma(levels).mean())
    if not 0 < mean < 1:
        return np.asarray(levels)
    return np.asarray(levels ** np.float32(np.clip(math.log(0.5) / math.log(mean), 1 / 2.2, 2.2)))


def msrcr(low: Image) -> Image:
    """Multi-scale retinex with colour restoration (Jobson, Rahman and Woodell, IEEE TIP 6, 1997).

    R_i = log(125 I_i / sum I) * mean over n of [log I_i - log(F_n * I_i)], with I in levels of 255 and Gaussians F_n.
    The gain and offset that follow are the authors' own camera's. Here each channel is clipped by 1 % at both ends and
    stretched, the "simplest colour balance" of Petro, Sbert and Morel (Multiscale Retinex, IPOL 2014).
    """
    levels = low * np.float32(255) + np.float32(1)  # so that black has a logarithm
    retinex = np.mean([np.log(levels) - np.log(_blurred(levels, sigma)) for sigma in SURROUNDS], axis=0)
    restored = np.log(125 * levels / levels.sum(axis=2, keepdims=True)) * retinex
    black, white = np.quantile(restored, (BALANCED, 1 - BALANCED), axis=(0, 1))
    return np.asarray(np.clip((restored - black) / np.maximum(white - black, 1e-6), 0, 1), np.float32)


def _blurred(picture: Image, sigma: float) -> Image:
    """A Gaussian of `sigma` pixels, mirrored at the borders. A wide one is made of averages: it sees nothing finer."""
    cv2 = opencv("Retinex")
    height, width = picture.shape[:2]
    step = max(1, int(sigma / 8))
    small = cv2.resize(picture, (-(-width // step), -(-height // step)), interpolation=cv2.INTER_AREA)
    blurred = cv2.GaussianBlur(small, (0, 0), sigma / step, borderType=cv2.BORDER_REFLECT)
    return np.asarray(cv2.resize(blurred, (width, height), interpolation=cv2.INTER_LINEAR))


def _skimage() -> Any:
    try:
        from skimage import color, exposure
    except ImportError as error:
        raise MissingExtraError("Equalising histograms", "train") from error
    return exposure, color


BASELINES: dict[str, Callable[[Image], Image]] = {
    "input": lambda low: low,
    "gamma": gamma,
    "histogram_equalisation": histogram_equalisation,
    "clahe": clahe,
    "auto_levels": auto_levels,
    "lime": lime,
    "msrcr": msrcr,
}
