"""Strips of a picture on their way: measured as they pass, laid side by side."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .curves import PEAKS

Strip = NDArray[Any]
"""Some rows of a picture, `n w c`: uint8, uint16 or float32 in [0, 1]."""

BLOCK = 65_536
"""Samples that are rounded at once: as float32 they stay in a second-level cache."""

GAP = 16
"""Columns between the two halves of a comparison."""


def as_samples(srgb: NDArray[np.float32], dtype: DTypeLike) -> Strip:
    """sRGB in [0, 1] (clipped to it) as samples of a type, rounded half up.

    >>> as_samples(np.array([[[0.25, 0.5, 1.5]]], np.float32), np.uint8)
    array([[[ 64, 128, 255]]], dtype=uint8)
    """
    samples: Strip = np.empty(srgb.shape, dtype)
    half = np.float32(0.5 if samples.dtype != np.float32 else 0)  # truncation after adding it rounds half up
    rows = max(1, BLOCK // max(1, srgb[:1].size))
    for top in range(0, len(srgb), rows):
        x = np.clip(srgb[top : top + rows], 0, 1)
        x *= np.float32(PEAKS[samples.dtype])
        x += half
        samples[top : top + rows] = x
    return samples


class Mean:
    """The mean of a picture whose strips pass by, in [0, 1], from every eighth pixel each way."""

    def __init__(self) -> None:
        self._sum, self._count = 0.0, 0

    def watch(self, strips: Iterable[Strip]) -> Iterator[Strip]:
        for strip in strips:
            self.add(strip[::8, ::8])
            yield strip

    def add(self, some: Strip) -> None:
        """Some pixels more."""
        self._sum += float(some.sum(dtype=np.float64)) / PEAKS[some.dtype]
        self._count += some.size

    @property
    def value(self) -> float:
        return self._sum / self._count


def checked(strips: Iterable[Strip], check: Callable[[], None] | None) -> Iterator[Strip]:
    """The same strips; `check` is called before each, and may raise what ends them."""
    for strip in strips:
        if check is not None:
            check()
        yield strip


def side_by_side(pairs: Iterable[tuple[Strip, Strip]], scale: int) -> Generator[Strip, None, None]:
    """Input left, output right, a white gap between; an input that is smaller is enlarged by repeating its pixels."""
    for low, out in pairs:
        left = low.repeat(scale, axis=0).repeat(scale, axis=1)
        gap = np.full((len(out), GAP, out.shape[2]), np.iinfo(out.dtype).max, out.dtype)
        yield np.concatenate([left, gap, out], axis=1)
