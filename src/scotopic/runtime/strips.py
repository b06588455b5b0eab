"""Strips of a picture on their way: measured as they pass, laid side by side."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from .blocks import in_blocks
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


def for_each_block(strip: Strip, threads: int, do: Callable[[slice], None]) -> None:
    """Calls `do(rows)` for some rows at a time, as many as a cache holds, in several threads."""
    rows = max(1, BLOCK // max(1, strip[:1].size))

    def do_rows(first: int, last: int) -> None:
        for top in range(first, last, rows):
            do(slice(top, min(top + rows, last)))

    in_blocks(do_rows, len(strip), threads)


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


def joined(strips: Iterator[Strip], height: int) -> Strip:
    """Strips that make a picture of `height` rows, in one array: never held twice, and one that is all of it as it is.

    >>> joined(iter([np.zeros((2, 1, 1)), np.ones((1, 1, 1))]), 3).ravel()
    array([0., 0., 1.])
    """
    first = next(strips)
    if len(first) == height:
        return first
    whole, top = np.empty((height, *first.shape[1:]), first.dtype), 0
    for strip in chain([first], strips):
        whole[top : top + len(strip)] = strip
        top += len(strip)
    return whole


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
