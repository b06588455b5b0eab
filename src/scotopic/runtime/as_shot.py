"""What the camera saw at its own exposure: a plain development, for the left half of a comparison."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from scotopic.image import RawFrame
from scotopic.image.mosaic import colour_map


def as_shot(frame: RawFrame, first: int, last: int) -> NDArray[np.float32]:
    """Rows `first` to `last` of an upright frame: white-balanced camera RGB `n w 3`, 1 is white, in [0, 1].

    Every colour of a pixel is the weighted mean of those of that colour around it (normalised convolution: Knutsson,
    Westin, CVPR 1993), 3x3 pixels for Bayer and 5x5 for X-Trans, the middle weighing most.
    """
    reach = 2 if frame.is_xtrans else 1
    top, bottom = max(0, first - reach), min(last + reach, frame.height)
    light = np.clip(frame.light(slice(top, bottom)), 0, 1)
    period = len(frame.cfa)
    rows, columns = np.arange(top, bottom) % period, np.arange(frame.width) % period
    colours = colour_map(frame.cfa)[rows[:, None], columns]
    out = np.empty((last - first, frame.width, 3), np.float32)
    inner = slice(first - top, last - top)
    for colour, gain in enumerate(frame.white_balance):
        there = (colours == colour).astype(np.float32)
        weights = np.maximum(_spread(there, reach), np.float32(1e-6))  # a frame of a few pixels may lack a colour
        mean = (_spread(light * there, reach) / weights)[inner]
        np.minimum(mean * np.float32(gain), 1, out=out[..., colour])
    return out


def _spread(image: NDArray[np.float32], reach: int) -> NDArray[np.float32]:
    """Sums of what is at most `reach` away each way, weighing less the further it is; beyond the border is nothing."""
    for _ in ("down", "across"):
        padded = np.pad(image, ((reach, reach), (0, 0)))
        parts = [padded[at : at + len(image)] * np.float32(reach + 1 - abs(at - reach)) for at in range(2 * reach + 1)]
        image = np.ascontiguousarray(sum(parts[1:], parts[0]).T)
    return image
