"""How much noise a finished picture shows, seen from itself."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from .pictures import Doubles, Image, check

T = TypeVar("T", bound=np.generic)

DB2 = np.array([1 - 3**0.5, 3**0.5 - 3, 3 + 3**0.5, -1 - 3**0.5]) / (4 * 2**0.5)
"""The high-pass filter of Daubechies' wavelet with two vanishing moments: slopes cancel in it."""

LEAST_NOISE_PX = len(DB2)

MEDIAN_OF_NORMAL = 0.6744897501960817
"""Half the values of a normal distribution lie within so many standard deviations."""

BLACK, WHITE = 0.5 / 255, 254.5 / 255
"""Beyond these a file of 8 bits is at its end."""


def noise(out: Image) -> float:
    """Standard deviation of the noise, as a share of the range, from the finest detail; lower is better, to a point.

    Median absolute deviation of the diagonal detail of Daubechies' wavelet db2 (Donoho and Johnstone, Ideal spatial
    adaptation by wavelet shrinkage, Biometrika 1994), of each channel where nothing is clipped; their mean. Texture
    over most of a picture counts as noise, and coarse grain (of a JPEG, of an enlarged picture) hardly does. A picture
    that is brighter shows more of the same noise. 0 where nothing can be measured: clipped all over.

    >>> round(noise(0.5 + 0.02 * np.random.default_rng(0).standard_normal((256, 256, 3))), 3)
    0.02
    """
    check(out, least_px=LEAST_NOISE_PX)
    sigmas = []
    for channel in np.moveaxis(out, 2, 0):
        clipped = (channel <= BLACK) | (channel >= WHITE)
        detail = _filtered(_filtered(channel.astype(np.float64)).T)
        kept = detail[~_any(_any(clipped).T)]
        sigmas.append(float(np.median(np.abs(kept))) / MEDIAN_OF_NORMAL if kept.size else 0.0)
    return float(np.mean(sigmas))


def _filtered(values: Doubles) -> Doubles:
    """DB2 down the columns, at every other row."""
    return np.asarray(sum(weight * row for weight, row in zip(DB2, _windows(values), strict=True)))


def _any(flags: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which windows of _filtered hold a flag."""
    first, second, third, last = _windows(flags)
    return first | second | third | last


def _windows(values: NDArray[T]) -> list[NDArray[T]]:
    """The first, second, third and last rows of all windows of four rows; one starts at every other row."""
    count = (len(values) - len(DB2)) // 2 + 1
    return [values[i : i + 2 * count - 1 : 2] for i in range(len(DB2))]
