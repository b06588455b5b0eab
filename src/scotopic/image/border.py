"""A raw frame with more around it than there is, so that its outermost pixels have neighbours too."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from .mosaic import CFA, phase_of, rolled_cfa
from .raw_frame import RawFrame


def mirrored_around(frame: RawFrame, margin: int) -> tuple[RawFrame, int, int]:
    """The frame with at least `margin` rows and columns more on each side, and how many at its top and its left.

    They are mirrored in a row or column near the border about which the pattern is symmetric, so that it goes on; it
    begins at the phase that networks see (`phase_of`). Where a picture ends, a network sees zeros, which
    no light looks like, and guesses worse.
    """
    period = len(frame.cfa)
    top, left = (margin + (phase - margin) % period for phase in phase_of(frame.cfa))
    columns_of = tuple("".join(letters) for letters in zip(*frame.cfa, strict=True))
    rows = _places(frame.cfa, frame.height, top, margin)
    columns = _places(columns_of, frame.width, left, margin)
    mosaic = np.empty((len(rows), len(columns)), np.uint16)
    inner = slice(top, top + frame.height)
    mosaic[inner, left : left + frame.width] = frame.mosaic
    for beyond in (slice(0, left), slice(left + frame.width, None)):
        mosaic[inner, beyond] = frame.mosaic[:, columns[beyond]]
    for beyond in (slice(0, top), slice(top + frame.height, None)):
        mosaic[beyond] = frame.mosaic[rows[beyond]][:, columns]
    black = np.roll(frame.black_level_dn, (top, left), (0, 1))
    return replace(frame, mosaic=mosaic, cfa=rolled_cfa(frame.cfa, -top, -left), black_level_dn=black), top, left


def _places(pattern: CFA, size: int, before: int, after: int) -> NDArray[np.intp]:
    """Where in a mosaic of `size` rows each row is taken from, with some `before` it and `after` it."""
    period = len(pattern)
    axes = [a for a in range(period) if all(pattern[a - i] == pattern[(a + i) % period] for i in range(period))]
    first = axes[0]
    last = next((at for at in range(size - 1, -1, -1) if at % period in axes), 0)
    at = np.arange(-before, size + after)
    mirrored = np.where(at < 0, 2 * first - at, np.where(at >= size, 2 * last - at, at))
    # Of a mosaic too small to be mirrored: the place some whole periods away, or any if it has not even one.
    return np.where((mirrored >= 0) & (mirrored < size), mirrored, at % period % size)
