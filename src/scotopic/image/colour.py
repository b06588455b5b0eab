"""The sRGB transfer curve and brightness."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)  # Rec. 709, the primaries of sRGB


def srgb_to_linear(x: NDArray[Any]) -> NDArray[np.float32]:
    """Light from sRGB-encoded values (IEC 61966-2-1), any shape, [0, 1] to [0, 1], float32.

    >>> srgb_to_linear(np.array([0.0, 0.5, 1.0])).round(4).tolist()
    [0.0, 0.21400000154972076, 1.0]
    """
    x = np.asarray(x, np.float32)
    return np.where(
        x <= 0.04045, x / np.float32(12.92), ((x + np.float32(0.055)) / np.float32(1.055)) ** np.float32(2.4)
    )


def linear_to_srgb(x: NDArray[Any]) -> NDArray[np.float32]:
    """sRGB-encoded values from light, any shape, [0, 1] to [0, 1], float32; below zero counts as zero.

    >>> linear_to_srgb(np.array([0.0, 0.214, 1.0])).round(3).tolist()
    [0.0, 0.5, 1.0]
    """
    x = np.maximum(np.asarray(x, np.float32), np.float32(0))
    power = np.float32(1.055) * x ** np.float32(1 / 2.4) - np.float32(0.055)
    return np.where(x <= 0.0031308, x * np.float32(12.92), power)


def luma(srgb: NDArray[np.float32]) -> NDArray[np.float32]:
    """Brightness as the eye weighs it: sRGB (h, w, 3) in [0, 1] to (h, w), encoded like its input.

    >>> luma(np.full((1, 1, 3), 0.5, np.float32)).round(3).tolist()
    [[0.5]]
    """
    brightness: NDArray[np.float32] = srgb @ LUMA
    return brightness
