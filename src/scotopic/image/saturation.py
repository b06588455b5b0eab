"""Where a sensor is full, as a frame with blown lights shows it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .mosaic import CFA, colour_map

BRIGHT, FULL = 0.6, 0.99
"""Shares of the range: what is cut off below the first is no full sensor; above the second, nobody sees a difference.
"""
WIDTH = 1 / 256
"""Of the range: how far values of a full sensor spread."""
LEAST = 10
"""So many pixels at least."""
PILED = 4
"""And so many times as many as in the next lower step: in a frame that nothing is cut off from, there are fewer."""


def saturation(mosaic: NDArray[np.uint16], cfa: CFA, black_dn: float, white_dn: float) -> float:
    """The value at which the first colour is full, if the frame shows that and it lies below `white_dn`; else that.

    Cameras often fill up below the value that their files, or LibRaw's tables, call white. White balance would make
    blown lights pink, as it raises red and blue.

    >>> values = np.random.default_rng(0).integers(600, 20000, (64, 64)).clip(0, 15000).astype(np.uint16)
    >>> saturation(values, ("RG", "GB"), 512, 16383), saturation(values // 2, ("RG", "GB"), 512, 16383)
    (15000.0, 16383)
    """
    span = white_dn - black_dn
    lowest, width = black_dn + BRIGHT * span, WIDTH * span
    if int(mosaic.max()) <= lowest:  # nearly every dark frame
        return white_dn
    full = [white_dn]
    period, colours = len(cfa), colour_map(cfa)
    for colour in range(3):
        planes = [mosaic[y::period, x::period] for y, x in np.argwhere(colours == colour)]
        top = max((int(plane.max()) for plane in planes if plane.size), default=0)
        if not lowest < top < black_dn + FULL * span:
            continue
        at_top = sum(np.count_nonzero(plane > top - width) for plane in planes)
        below = sum(np.count_nonzero(plane > top - 2 * width) for plane in planes) - at_top
        if at_top >= LEAST and at_top > PILED * below:
            full.append(float(top))
    return min(full)
