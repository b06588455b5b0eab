"""Structural similarity, at one scale and at five.

Both look at each place through an 11 x 11 Gaussian window (sigma 1.5) that lies wholly inside the picture, in each
channel alone, with population covariance: scikit-image's numbers for gaussian_weights=True, sigma=1.5,
use_sample_covariance=False, data_range=1.
"""

from __future__ import annotations

from itertools import product
from typing import Literal

import numpy as np

from .pictures import Doubles, Image, check_pair

C1, C2 = 0.01**2, 0.03**2  # for a range of 1 (Wang et al. 2004, sec. III.B)
WINDOW, SIGMA = 11, 1.5
REACH = WINDOW - 1

GAUSSIAN: Doubles = np.exp(-((np.arange(WINDOW) - WINDOW // 2) ** 2) / (2 * SIGMA**2))
GAUSSIAN /= GAUSSIAN.sum()

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""How much each scale counts, the finest first (Wang et al. 2003, sec. 3.2)."""

LEAST_SSIM_PX = WINDOW
LEAST_MS_SSIM_PX = WINDOW << (len(SCALE_WEIGHTS) - 1)
"""The window still fits into the coarsest scale."""

TILE = 64
"""Pixels of a side that are worked on at a time: what is made of them stays in the processor's cache."""


def ssim(out: Image, target: Image) -> float:
    """Structural similarity (Wang et al., TIP 2004): 11 x 11 Gaussian, sigma 1.5, population covariance.

    Mean over pixels and channels, in [-1, 1]; higher is better. Wants at least 11 x 11 pixels.
    """
    check_pair(out, target, least_px=LEAST_SSIM_PX)
    similarity, _ = _means(out, target)
    return float(similarity.mean())


def ms_ssim(out: Image, target: Image) -> float:
    """Multi-scale SSIM (Wang, Simoncelli and Bovik, Asilomar 2003, eq. 7), in [0, 1]; higher is better.

    Contrast and structure at five scales, each the means of 2 x 2 pixels of the last (an odd last row or column is
    left out of those means), and brightness at the coarsest; means over the pixels of a scale, their product for each
    channel, the mean over channels. A scale whose mean is below 0 counts as 0. Wants at least 176 x 176 pixels:
    with fewer scales it would be another number.
    """
    check_pair(out, target, least_px=LEAST_MS_SSIM_PX)
    score = np.ones(out.shape[2])
    for scale, weight in enumerate(SCALE_WEIGHTS):
        if scale:
            out, target = halved(out), halved(target)
        similarity, contrast = _means(out, target)
        alike = similarity if scale == len(SCALE_WEIGHTS) - 1 else contrast
        score *= np.maximum(alike, 0) ** weight
    return float(score.mean())


def halved(image: Image) -> Doubles:
    """Means of 2 x 2 pixels; an odd last row or column is left out.

    >>> halved(np.arange(6.0).reshape(2, 3, 1)).tolist()
    [[[2.0]]]
    """
    height, width = (side // 2 * 2 for side in image.shape[:2])
    even = image[:height, :width].astype(np.float64)
    rows = even[::2] + even[1::2]
    return np.asarray((rows[:, ::2] + rows[:, 1::2]) / 4)


def _means(out: Image, target: Image) -> tuple[Doubles, Doubles]:
    """Means over pixels, for each channel: of SSIM, and of its part without brightness (contrast and structure)."""
    height, width, channels = out.shape[0] - REACH, out.shape[1] - REACH, out.shape[2]
    similarity, contrast = np.zeros(channels), np.zeros(channels)
    for y, x in product(range(0, height, TILE), range(0, width, TILE)):
        a, b = (image[y : y + TILE + REACH, x : x + TILE + REACH].astype(np.float64) for image in (out, target))
        mean_a, mean_b, squares, products = _blur(np.stack([a, b, a * a + b * b, a * b]))
        squared_means, product_of_means = mean_a * mean_a + mean_b * mean_b, mean_a * mean_b
        alike = (2 * (products - product_of_means) + C2) / (squares - squared_means + C2)
        contrast += alike.sum((0, 1))
        alike *= (2 * product_of_means + C1) / (squared_means + C1)
        similarity += alike.sum((0, 1))
    return similarity / (height * width), contrast / (height * width)


def _blur(pictures: Doubles) -> Doubles:
    """`n h w c` under the Gaussian, where it fits: `n h-10 w-10 c`."""
    count, height, width, channels = pictures.shape
    down = _blur_rows(pictures.reshape(count, height, width * channels), step=1, axis=1)
    return _blur_rows(down, step=channels, axis=2).reshape(count, height - REACH, width - REACH, channels)


def _blur_rows(values: Doubles, *, step: int, axis: Literal[1, 2]) -> Doubles:
    """Along one axis of three, on which neighbours lie `step` apart."""
    length = values.shape[axis] - REACH * step
    shifted = [
        values[:, i * step : i * step + length] if axis == 1 else values[:, :, i * step : i * step + length]
        for i in range(WINDOW)
    ]
    blurred = GAUSSIAN[WINDOW // 2] * shifted[WINDOW // 2]
    for i in range(WINDOW // 2):  # the window is symmetric: two pixels for one product
        both = shifted[i] + shifted[REACH - i]
        both *= GAUSSIAN[i]
        blurred += both
    return np.asarray(blurred)
