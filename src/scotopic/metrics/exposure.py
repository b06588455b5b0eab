"""What brightening does to a picture's light: what is cut off at either end, and which order of brightness is lost."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .grain import BLACK, WHITE
from .pictures import Image, check, check_pair

SAMPLES = 50
"""Of the short side at least, or each pixel if it is shorter (as in the programs of LOE's authors)."""

ROWS = 64
"""Pixels compared with all others at a time."""


def clipping(out: Image) -> float:
    """Share of pixels with a channel at either end of the range, in [0, 1]; lower is better.

    At the end is what a file of 8 bits would hold as 0 or 255. A night has true black in it, and lamps are white: this
    is to be compared with that of the input and of other methods.

    >>> clipping(np.array([[[0.0, 0.5, 0.5], [0.5, 0.5, 0.5]]]))
    0.5
    """
    check(out)
    return float(((out <= BLACK) | (out >= WHITE)).any(2).mean())


def loe(low: Image, out: Image) -> float:
    """Lightness order error (Wang et al., Naturalness preserved enhancement, IEEE TIP 2013, sec. V-B); lower is better.

    Share, in [0, 1], of pairs of pixels whose order of brightness (the brightest channel) is another in `out` than in
    `low`; a pair that is of one brightness in one of the two counts half, and dark pictures of 8 bits are full of them.
    Pixels are taken at every n-th row and column, 50 of the short side at least, unsmoothed, so grain counts. Published
    numbers are this share times the number of pixels taken (2,500 or more), as far as they take the same ones.

    >>> low = np.random.default_rng(0).random((60, 80, 3))
    >>> loe(low, low**0.4), loe(low, 1 - low.max(2, keepdims=True).repeat(3, 2)) > 0.99
    (0.0, True)
    """
    check_pair(low, out, ("low", "out"))
    step = max(min(low.shape[:2]) // SAMPLES, 1)
    before, after = (_ranks(image[step // 2 :: step, step // 2 :: step].max(2).ravel()) for image in (low, out))
    changed = 0
    for at in range(0, len(before), ROWS):
        here = slice(at, at + ROWS)
        changed += int(np.count_nonzero((before >= before[here, None]) != (after >= after[here, None])))
    return changed / len(before) ** 2


def _ranks(values: NDArray[np.floating]) -> NDArray[np.uint32]:
    """Small whole numbers in the same order: faster to compare."""
    _, ranks = np.unique(values, return_inverse=True)
    return np.asarray(ranks, np.uint32)
