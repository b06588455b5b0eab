"""How noisy a raw photo is, seen from itself.

The method is the usual one of single-image estimation (Foi et al., Practical Poissonian-Gaussian noise modeling and
fitting for single-image raw-data, IEEE TIP 2008): where a picture is smooth, its finest detail is noise; pairs of
brightness and variance from such places lie on a line. The finest detail is the diagonal one of Haar's wavelets on
quads of the same colour (as in Immerkaer, Fast Noise Variance Estimation, CVIU 1996, slopes cancel in it). Smooth
places are told by the other, coarser details: those are independent of the measured one, so choosing the smoothest does
not choose the least noisy.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from .mosaic import phase_of
from .noise_level import NoiseLevel
from .raw_frame import RawFrame

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

SAMPLED_PIXELS = 3_000_000
"""Of larger frames, every n-th band of rows is looked at."""
SIDE = 4
"""A block is SIDE x SIDE quads: 16 x 16 pixels of a Bayer mosaic, 12 x 12 of X-Trans."""
STEP = 0.25
"""Blocks are sorted into classes of brightness, this far apart in the natural log."""
LEAST = 8
"""A class of fewer blocks is not used."""
SMOOTH = (1.0, 0.3, 0.05)
"""Shares of a class's blocks that are tried, the smoothest first; the last is taken if none is free of texture."""
LEAST_SMOOTH = 24
"""But so many blocks at least."""
LEAK = 0.4
"""Texture in the finest detail, relative to noise, for each such unit of excess in the coarser ones."""
SPREAD = 0.04
"""Standard deviation of the log of a variance from so many blocks that chance plays no part."""
COUNTS = (20.0, 300_000.0)
"""Photo-electrons that a pixel holds at white: a small sensor at its highest gain, a large one at its lowest."""
LEAST_SIGMA_DN = 0.29
"""Rounding alone: 1 / sqrt(12)."""
MOST_COST = 2.0
"""What a pair far above the line costs; near the line it is n^2 / 2 for n deviations. Far below it, four times that."""
USUAL_RANGE_DN = 16383 - 512
USUAL = (1.2, 0.6, 1.2)
"""Of sensors of 14 bits: log read noise = 1.2 + 0.6 log gain (ELD's five cameras); how far log gain lies from it."""


def estimate_noise(frame: RawFrame) -> NoiseLevel:
    """Gain and read noise of a frame, from the frame alone.

    Row noise, which cancels in the measured detail, is not counted. Where a frame spans too little brightness to tell
    shot noise from read noise, the split leans on what sensors usually have; the sum at the brightness the frame does
    have is right all the same. A frame with nothing to measure (smaller than 16 x 16 pixels, white all over) gets the
    noise of an ordinary sensor. Noise reduction in the camera makes the result too small.
    """
    range_dn = frame.white_level_dn - float(frame.black_level_dn.mean())
    return _fit(*_pairs(frame, range_dn), range_dn)


def _quads(frame: RawFrame) -> tuple[Floats, float]:
    """Two by two neighbours of one colour, in DN above black, and the value at which the frame is cut off (or -inf).

    (planes, 4, rows, columns), both sides multiples of SIDE. Of a Bayer mosaic all four planes; of X-Trans the greens
    that meet at the corners of its 3x3 blocks.
    """
    if frame.is_xtrans:
        top, left = ((2 - first) % 3 for first in phase_of(frame.cfa))
        pitch, inner, band = 3, 1, 6 * SIDE
        starts = [(0, 0)]
    else:
        top, left, pitch, inner, band = 0, 0, 4, 2, 4 * SIDE
        starts = [(y, x) for y in (0, 1) for x in (0, 1)]
    mosaic = frame.mosaic[top:, left:]
    width = mosaic.shape[1] // (pitch * SIDE) * (pitch * SIDE)
    bands = len(mosaic) // band
    wanted = max(1, round(SAMPLED_PIXELS / (band * max(width, 1))))
    chosen = np.linspace(0, bands - 1, min(bands, wanted)).round().astype(np.intp)
    values = mosaic[: bands * band, :width].reshape(bands, band, width)[chosen].reshape(len(chosen) * band, width)
    black = np.roll(frame.black_level_dn, (-top, -left), (0, 1))
    black = np.tile(black, (2, 2))[: math.lcm(pitch, len(black)), : math.lcm(pitch, len(black))]
    quads = np.empty((len(starts), 4, len(values) // pitch, width // pitch), np.float32)
    for plane, (y, x) in zip(quads, starts, strict=True):
        for corner, (down, right) in zip(plane, ((0, 0), (0, inner), (inner, 0), (inner, inner)), strict=True):
            corner[...] = values[y + down :: pitch, x + right :: pitch]
            offsets = black[y + down :: pitch, x + right :: pitch]
            for row in range(offsets.shape[0]):
                for column in range(offsets.shape[1]):
                    corner[row :: offsets.shape[0], column :: offsets.shape[1]] -= offsets[row, column]
    return quads, _cut(values) - float(frame.black_level_dn.mean())


def _cut(values: NDArray[np.uint16]) -> float:
    """The DN below which the camera kept nothing: the lowest there is, if too frequent to be a tail's end, or -inf."""
    if not values.size:
        return -math.inf
    lowest = int(values.min())
    return float(lowest) if np.count_nonzero(values == lowest) > 1e-3 * values.size else -math.inf


def _pairs(frame: RawFrame, range_dn: float) -> tuple[Doubles, Doubles, Doubles]:
    """Signal (DN above black), variance (DN squared) and its uncertainty (of the log), for classes of brightness."""
    quads, cut = _quads(frame)
    mean, across, along, fine = _haar(quads)
    neighbours = np.stack([mean[:, y::2, x::2] for y in (0, 1) for x in (0, 1)], axis=1)
    _, coarse_across, coarse_along, coarse_fine = _haar(neighbours)
    variance = _block_means(fine**2, SIDE)
    coarse = _block_means(across**2 + along**2, SIDE)
    coarse += _block_means(coarse_across**2 + coarse_along**2 + coarse_fine**2, SIDE // 2)
    coarse /= 5
    signal = _block_means(mean, SIDE) / 2
    held = signal + 4 * np.sqrt(variance) < 0.98 * range_dn
    signals, variances, uncertainties = _smooth(signal[held], variance[held], coarse[held]).T
    if math.isfinite(cut):
        signals, variances = _uncut(signals, variances, cut)
    return np.maximum(signals, 0), np.maximum(variances, LEAST_SIGMA_DN**2), uncertainties


def _haar(quads: NDArray[np.float32]) -> tuple[Floats, Floats, Floats, Floats]:
    """Haar's wavelet transform of quads (planes, 4, h, w): twice the mean, then three details, each with the noise of
    one pixel.
    """
    upper_left, upper_right, lower_left, lower_right = (quads[:, corner] * np.float32(0.5) for corner in range(4))
    upper, lower = upper_left + upper_right, lower_left + lower_right
    upper_step, lower_step = upper_left - upper_right, lower_left - lower_right
    return upper + lower, upper_step + lower_step, upper - lower, upper_step - lower_step


def _block_means(values: Floats, side: int) -> Doubles:
    planes, height, width = values.shape
    blocks = values.reshape(planes, height // side, side, width // side, side)
    return np.asarray(blocks.mean((2, 4)).ravel(), np.float64)


def _smooth(signal: Doubles, variance: Doubles, coarse: Doubles) -> Doubles:
    """Signal, variance and the uncertainty of the variance's log of each class of brightness, from its smooth blocks.

    As many blocks as look like noise alone: as varied as chance makes them, and no more energy in the coarser details.
    Else the smoothest few, and what texture they seem to hold is taken off.
    """
    if not len(signal):
        return np.empty((0, 3))
    rows = []
    dark_sigma = math.sqrt(float(np.median(variance[coarse <= np.quantile(coarse, 0.25)])) + 0.5)
    place = np.log(np.maximum(signal, 0) + 3 * dark_sigma)
    which = ((place - place.min()) / STEP).astype(np.intp)
    order = np.lexsort((coarse, which))
    by_chance = 2 / SIDE**2  # the squared deviation of a block's energy relative to its mean, for Gaussian noise
    for members in np.split(order, np.flatnonzero(np.diff(which[order])) + 1):
        if len(members) < LEAST:
            continue
        for share in SMOOTH:
            chosen = members[: max(LEAST_SMOOTH, int(share * len(members)))]
            mean = max(float(variance[chosen].mean()), LEAST_SIGMA_DN**2)
            varied = float(np.var(variance[chosen])) / mean**2 / by_chance
            excess = float(coarse[chosen].mean()) / mean - 1
            if varied < 2.5 and excess < 0.15:
                break
        textured = np.clip((varied - 1.5) / 1.5, 0, 1) * np.clip(excess, 0, 3)
        uncertainty = math.sqrt(by_chance * max(varied, 1.0) / len(chosen) + SPREAD**2)
        rows.append((signal[chosen].mean(), mean / (1 + LEAK * textured), uncertainty))
    return np.array(rows, np.float64).reshape(-1, 3)


def _uncut(signal: Doubles, variance: Doubles, cut: float) -> tuple[Doubles, Doubles]:
    """Mean and variance as they would be had nothing been cut off below `cut`, the noise being Gaussian.

    The ratio of mean to deviation above the cut tells how much of the bell is missing (as in Foi, Clipped noisy images,
    Signal Processing 2009).
    """
    place = np.linspace(-0.5, 5, 111)  # of the true mean above the cut, in true deviations
    density = np.exp(-(place**2) / 2) / math.sqrt(2 * math.pi)
    kept = np.array([0.5 * (1 + math.erf(value / math.sqrt(2))) for value in place])
    mean = place * kept + density
    deviation = np.sqrt((place**2 + 1) * kept + place * density - mean**2)
    seen = np.sqrt(variance)
    true = np.interp((signal - cut) / seen, mean / deviation, place)
    whole = seen / np.interp(true, place, deviation)
    near = (signal - cut) / seen < 5
    return np.where(near, true * whole + cut, signal), np.where(near, whole**2, variance)


def _fit(signal: Doubles, variance: Doubles, uncertainty: Doubles, range_dn: float) -> NoiseLevel:
    """The line under the pairs, by search over the logs of gain and read noise, finer from round to round.

    What lies far above the line is texture and soon stops counting. Nothing should lie far below it, but for what the
    camera rounded away.
    """
    scale = range_dn / USUAL_RANGE_DN
    gains = np.linspace(math.log(range_dn / COUNTS[1]), math.log(range_dn / COUNTS[0]), 80)
    sigmas = np.linspace(math.log(LEAST_SIGMA_DN), math.log(max(0.05 * range_dn, 1.0)), 80)
    for _ in range(3):
        line = np.exp(gains)[:, None, None] * signal + np.exp(2 * sigmas)[None, :, None]
        off = (np.log(variance) - np.log(line)) / uncertainty
        above = MOST_COST * -np.expm1(-np.square(np.maximum(off, 0)) / (2 * MOST_COST))
        below = 4 * MOST_COST * -np.expm1(-np.square(np.minimum(off, 0)) / (8 * MOST_COST))
        usual = (gains[:, None] - math.log(scale) - (sigmas - math.log(scale) - USUAL[0]) / USUAL[1]) / USUAL[2]
        cost = (above + below).sum(2) + usual**2 / 2
        if not len(signal):  # nothing seen: the usual sensor
            cost = cost + (gains[:, None] - math.log(scale)) ** 2
        gain, sigma = np.unravel_index(int(cost.argmin()), cost.shape)
        best = float(gains[gain]), float(sigmas[sigma])
        gains, sigmas = (
            value + np.linspace(-1.5, 1.5, 31) * (values[1] - values[0])
            for value, values in zip(best, (gains, sigmas), strict=True)
        )
    return NoiseLevel(gain_dn=math.exp(best[0]), read_sigma_dn=math.exp(best[1]))
