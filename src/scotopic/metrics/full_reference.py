"""Errors of each pixel: how far a finished picture is from the truth.

All take `out` and `target` as float arrays `h w c`, RGB in [0, 1], of the same shape: nothing is resized, cropped or
converted silently.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from .pictures import Doubles, Image, check_pair

BAND_PX = 1 << 16
"""Pixels in double precision at a time: a photo of 24 MP would take over 2 GB at once."""


def mae(out: Image, target: Image) -> float:
    """Mean absolute error, in [0, 1]; lower is better."""
    check_pair(out, target)
    return sum(float(np.abs(a - b).sum()) for a, b in _bands(out, target)) / out.size


def mse(out: Image, target: Image) -> float:
    """Mean squared error, in [0, 1]; lower is better."""
    check_pair(out, target)
    return sum(float(np.square(a - b).sum()) for a, b in _bands(out, target)) / out.size


def psnr(out: Image, target: Image) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 1; higher is better, infinite for equal pictures.

    >>> round(psnr(np.full((4, 4, 3), 0.5), np.full((4, 4, 3), 0.6)), 2)
    20.0
    """
    error = mse(out, target)
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def brightness_error(out: Image, target: Image) -> float:
    """Mean brightness of `out` less that of `target`, in [-1, 1]: above 0 too bright, below 0 too dark.

    Brightness is the mean of the grey picture (Rec. 601), what GT-mean equalises.

    >>> round(brightness_error(np.full((4, 4, 3), 0.5), np.full((4, 4, 3), 0.6)), 2)
    -0.1
    """
    check_pair(out, target)
    return _brightness(out) - _brightness(target)


def gt_mean(out: Image, target: Image) -> NDArray[np.float64]:
    """`out` times the one gain that gives it the mean brightness of `target`, clipped to [0, 1].

    Scores after GT-mean (Zhang et al., KinD, ACM MM 2019) say how good a picture is apart from its exposure. A table
    that shows them shows the plain scores too. Brightness is the mean of the grey picture (Rec. 601).
    """
    check_pair(out, target)
    equal = out.astype(np.float64)
    equal *= _brightness(target) / max(_brightness(out), 1e-6)
    return np.clip(equal, 0, 1, out=equal)


def luma(image: Image) -> Image:
    """Rec. 601 luma of an sRGB picture `h w 3` (or `h w 1`, as it is): `h w`."""
    if image.shape[-1] == 1:
        return image[..., 0]
    return image @ np.array([0.299, 0.587, 0.114], dtype=image.dtype)


def _brightness(image: Image) -> float:
    return sum(float(luma(band).sum()) for (band,) in _bands(image)) / image[..., 0].size


def _bands(*images: Image) -> Iterator[tuple[Doubles, ...]]:
    """Some rows at a time of pictures of one shape, in double precision."""
    height, width = images[0].shape[:2]
    rows = max(1, BAND_PX // width)
    for top in range(0, height, rows):
        yield tuple(image[top : top + rows].astype(np.float64) for image in images)
