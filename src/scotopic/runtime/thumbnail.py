"""A small picture of a large one that is already in memory."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BAND_ROWS = 256


def shrink(pixels: NDArray[np.generic], long_side: int) -> NDArray[np.float32]:
    """The picture `h w c` as float32, its longest side at most `long_side`: each pixel the mean of the area it covers.

    Values are averaged as they are: sRGB in gives sRGB out, levels in give levels out. It is never enlarged.

    >>> shrink(np.array([[[0], [1], [2]]], np.uint8), 2)[0, :, 0]  # two areas of one and a half pixels
    array([0.33333334, 1.6666666 ], dtype=float32)
    """
    height, width = pixels.shape[:2]
    ratio = long_side / max(height, width)
    if ratio >= 1:
        return pixels.astype(np.float32)
    # In bands, so that a large picture is never in memory as float32.
    bands = (pixels[top : top + BAND_ROWS].astype(np.float32) for top in range(0, height, BAND_ROWS))
    wide = np.concatenate([_area_means(band, 1, max(1, round(width * ratio))) for band in bands])
    return _area_means(wide, 0, max(1, round(height * ratio)))


def _area_means(pixels: NDArray[np.float32], axis: int, cells: int) -> NDArray[np.float32]:
    """Means over `cells` equal parts of an axis; a pixel on a border counts for both sides, by its share in each."""
    length = pixels.shape[axis]
    edges = np.arange(cells + 1) * (length / cells)
    whole = np.minimum(edges.astype(np.intp), length - 1)
    share = (edges - whole).astype(np.float32)
    share[-1] = 0  # the last cell of `reduceat` runs to the end and needs no share of what follows
    border = np.moveaxis(np.moveaxis(np.take(pixels, whole, axis), axis, -1) * share, -1, axis)
    before, after = np.delete(border, -1, axis), np.delete(border, 0, axis)
    sums: NDArray[np.float32] = np.add.reduceat(pixels, whole[:-1], axis, dtype=np.float32) - before + after
    return sums / np.float32(length / cells)
