"""How much brighter a raw photo should be."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .mosaic import colour_map
from .raw_frame import RawFrame

Doubles = NDArray[np.float64]

LARGEST_RATIO = 300.0
"""As in See-in-the-Dark: beyond it there is hardly a picture left."""
LEVEL = 0.23
"""The mean light of a well-exposed picture. Daylight photos have 0.26 in the median (0.34 EV: median distance from it,
0.94 EV: 90th percentile); nights are left a little darker."""
SHOULDER = 0.8
"""Light that counts at most, so that lamps and windows count by their area and not by their brightness."""
WEIGHTS = (0.3, 0.6, 0.1)
"""Of white-balanced red, green and blue in light."""
GRID, COARSE = 256, 4
"""Blocks along the long side in which highlights are looked for; so many of them, squared, make one for the light."""
HIGHLIGHTS = 99.5
"""The percentile that must not be clipped by amplification."""
NEAR_WHITE = 0.72
"""Highlights that count as white: well-exposed photos leave up to half a stop of the range unused."""
WELL_EXPOSED, NIGHT = 4.5, 16.0
"""A frame whose highlights reach white is left alone if it seems to want less than the first: such photos are dark
because what they show is. If it wants more than the second it is a night with lamps, and lamps may be clipped."""


def estimate_ratio(frame: RawFrame) -> float:
    """The factor on a frame's exposure that makes it well exposed, 1 to 300; 1 for a frame that needs nothing.

    The mean light of the finished picture, in which lamps are clipped, is to be LEVEL: a mean, unlike an average of
    logs, is not upset by noise or by a black level that is a little off. Highlights decide where the mean cannot: see
    WELL_EXPOSED.
    """
    fine = _light(frame)
    wanted = _amplification(_means(fine, COARSE).ravel())
    if wanted <= 1:
        return 1.0
    white = max(float(np.percentile(fine, HIGHLIGHTS)), 1e-6)
    without_clipping = min(wanted, max(1.0, NEAR_WHITE / white))
    share = (np.log(wanted) - np.log(WELL_EXPOSED)) / (np.log(NIGHT) - np.log(WELL_EXPOSED))
    regardless = wanted ** float(np.clip(share, 0, 1))
    return float(np.clip(max(without_clipping, regardless), 1, LARGEST_RATIO))


def _light(frame: RawFrame) -> Doubles:
    """White-balanced light on a grid of blocks, GRID along the long side or as many as there are: `rows columns`."""
    period = len(frame.cfa)
    side = max(1, round(max(frame.height, frame.width) / GRID / period))  # in periods
    rows, columns = (max(1, size // (side * period)) for size in frame.mosaic.shape)
    light, weight = np.zeros((rows, columns)), 0.0
    colours = colour_map(frame.cfa)
    for y in range(period):
        for x in range(period):
            colour = colours[y, x]
            plane = frame.mosaic[y::period, x::period][: rows * side, : columns * side]
            if not plane.size:  # a frame smaller than its pattern
                continue
            share = WEIGHTS[colour] / np.count_nonzero(colours == colour)
            black = frame.black_level_dn[y, x]
            gain = frame.white_balance[colour] / (frame.white_level_dn - black)
            light += share * gain * (_means(plane, side) - black)
            weight += share
    return light / weight


def _means(plane: NDArray[np.uint16] | Doubles, side: int) -> Doubles:
    """Means of blocks `side` x `side`; of what there is, if that is less than one block."""
    height, width = plane.shape
    down, across = min(side, height), min(side, width)
    cut = plane[: height // down * down, : width // across * across]
    blocks = cut.reshape(height // down, down, width // across, across)
    return np.asarray(blocks.mean((1, 3), dtype=np.float64))


def _amplification(light: Doubles) -> float:
    """The factor with which the mean of min(factor * light, SHOULDER) is LEVEL, found by halving; at most 2^10."""
    low, high = -10.0, 10.0
    for _ in range(30):
        middle = (low + high) / 2
        if np.minimum(light * 2**middle, SHOULDER).mean() < LEVEL:
            low = middle
        else:
            high = middle
    return float(2 ** ((low + high) / 2))
