"""Pixels that glow by themselves, as those of a warm sensor do in a long exposure."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .mosaic import colour_map
from .noise_level import NoiseLevel
from .raw_frame import RawFrame

SIGMAS = 6.0
"""A hot pixel outshines its brightest neighbour by so many standard deviations of the noise there."""
ALONE = 0.5
"""And by so many times what that neighbour has more than the mean around it: a star lights its neighbours too."""
ROWS = 128
_AROUND = [(y, x) for y in range(-2, 3) for x in range(-2, 3) if (y, x) != (0, 0)]


def without_hot_pixels(frame: RawFrame, noise: NoiseLevel, *, in_place: bool = False) -> RawFrame:
    """The frame with each hot pixel replaced by the mean of the 24 around it, compared in white-balanced light.

    The two outermost rows and columns stay as they are. A point of light that falls on one pixel alone is taken for a
    hot pixel. With `in_place` the frame's own mosaic is written to: a large one is not held twice.
    """
    found = [
        (rows, columns, dn)
        for top in range(2, frame.height - 2, ROWS)
        for rows, columns, dn in [_hot(frame, noise, top, min(top + ROWS, frame.height - 2))]
        if len(rows)
    ]
    if not found or frame.width < 5:
        return frame
    mosaic = frame.mosaic if in_place else frame.mosaic.copy()
    for rows, columns, dn in found:
        mosaic[rows, columns] = dn
    return replace(frame, mosaic=mosaic)


def _hot(
    frame: RawFrame, noise: NoiseLevel, top: int, bottom: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.uint16]]:
    """Rows, columns and better values (DN) of the hot pixels in rows `top` to `bottom`."""
    period = len(frame.cfa)
    places = np.ix_(np.arange(top - 2, bottom + 2) % period, np.arange(frame.width) % period)
    gain = np.asarray(frame.white_balance, np.float32)[colour_map(frame.cfa)]
    black = frame.black_level_dn
    light = (frame.mosaic[top - 2 : bottom + 2] - black[places]) * gain[places]  # white-balanced, in DN of green
    middle = light[2:-2, 2:-2]
    beside = np.maximum(
        np.maximum(light[1:-3, 2:-2], light[3:-1, 2:-2]), np.maximum(light[2:-2, 1:-3], light[2:-2, 3:-1])
    )
    least = SIGMAS * noise.read_sigma_dn * float(gain.min())
    rows, columns = np.nonzero(middle > beside + least)  # few: the rest is looked at for these alone
    around = np.stack([light[rows + 2 + y, columns + 2 + x] for y, x in _AROUND])
    mean, brightest = around.mean(0), around.max(0)
    own = gain[(rows + top) % period, (columns + 2) % period]
    sigma = own * np.sqrt(noise.variance_dn(brightest / own))
    excess = middle[rows, columns] - brightest
    hot = (excess > SIGMAS * sigma) & (ALONE * excess > brightest - mean)
    rows, columns = rows[hot] + top, columns[hot] + 2
    dn = np.rint(mean[hot] / own[hot] + black[rows % period, columns % period])
    return rows, columns, np.clip(dn, 0, 65535).astype(np.uint16)
