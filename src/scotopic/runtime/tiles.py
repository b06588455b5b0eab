"""Run a convolutional graph over a picture in tiles, so that the result is what the whole picture would give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Samples = TypeVar("Samples", bound=np.generic)
Made = TypeVar("Made", bound=np.generic)

TILE = 512
"""Side of a tile in pixels, without its halo: large enough that a halo costs little, small enough for any memory."""
MOST_ACROSS = 64
"""Tiles side by side that `fit_tile` thinks of."""
ENCODING = 0.5
"""Time to encode a picture as 16-bit TIFF or PNG, relative to that of a small network on it: 0.3 to 1."""


def run_in_tiles(
    strips: Iterable[NDArray[Samples]],
    run: Callable[[NDArray[Samples]], NDArray[Made]],
    *,
    height: int,
    width: int,
    halo: int,
    multiple: int = 1,
    scale: int = 1,
    tile: int | tuple[int, int] = TILE,
    finish: Callable[[NDArray[Made]], NDArray[Any]] | None = None,
) -> Iterator[NDArray[Any]]:
    """The result of `run` over a picture, in strips from top to bottom, `tile` (made a multiple) input rows each.

    `strips` are the rows of a picture `height` x `width`, `n w c`. `run` takes a part of it, `h w c` with sides that
    are multiples of `multiple`, to `scale * h`, `scale * w`, c, where a pixel depends on nothing further than `halo`
    from it. What comes out depends neither on `tile` (a side, or rows and columns) nor on how the strips were cut.
    `finish` does what needs no neighbours: it gets each part without its halo.

    Tiles begin at multiples of `multiple`, as a graph that halves its picture sees different pixels from elsewhere.
    At the picture's own borders there is no halo: what a graph does there (zeros, reflection) it does as on the whole.
    A size that is no multiple is made one by repeating the last row and column.
    """
    rows_of_tile, columns_of_tile = (tile, tile) if isinstance(tile, int) else tile
    rows_of_tile, columns_of_tile = rows_in_tile(rows_of_tile, multiple), rows_in_tile(columns_of_tile, multiple)
    halo = _round_up(halo, multiple)
    padded_height, padded_width = _round_up(height, multiple), _round_up(width, multiple)
    window = _Window(strips, height, width, padded_width)
    for top in range(0, height, rows_of_tile):
        bottom = min(top + rows_of_tile, height)
        first, last = max(0, top - halo), min(_round_up(bottom, multiple) + halo, padded_height)
        rows = window.take(first, last)
        out: NDArray[Any] | None = None
        for left in range(0, width, columns_of_tile):
            right = min(left + columns_of_tile, width)
            start, stop = max(0, left - halo), min(_round_up(right, multiple) + halo, padded_width)
            part = run(rows[:, start:stop])
            assert part.shape[:2] == (scale * (last - first), scale * (stop - start)), "run changed the size"
            inner = part[
                scale * (top - first) : scale * (bottom - first), scale * (left - start) : scale * (right - start)
            ]
            finished: NDArray[Any] = finish(inner) if finish else inner
            if out is None:
                out = np.empty((scale * (bottom - top), scale * width, finished.shape[2]), finished.dtype)
            out[:, scale * left : scale * right] = finished
        assert out is not None
        yield out


def fit_tile(height: int, width: int, halo: int, multiple: int, area: int) -> tuple[int, int]:
    """Rows and columns of the tile with which a picture is soonest done, if no tile may exceed `area` pixels, halo
    included.

    A halo is computed twice, so large tiles cost less; but the last row of tiles is encoded when nothing is left to
    compute, so low ones are done sooner. A very far-reaching graph gets more than `area`: tiles that are twice as wide
    and high with their halos as without.

    >>> fit_tile(1500, 2000, halo=70, multiple=8, area=800_000)
    (504, 1000)
    """
    halo = _round_up(halo, multiple)
    area = max(area, (4 * halo + multiple) ** 2)
    best, least = (multiple, multiple), float("inf")
    for count in range(1, min(_round_up(width, multiple) // multiple, MOST_ACROSS) + 1):
        columns = _round_up(-(-width // count), multiple)
        most = (area // min(columns + 2 * halo, width) - 2 * halo) // multiple * multiple
        if most < multiple:
            continue
        for further in range(3):
            rows = _round_up(-(-height // (-(-height // most) + further)), multiple)
            work = _computed(height, rows, halo) * _computed(width, columns, halo) / (height * width)
            time = work + ENCODING * rows / height
            if time < least:
                best, least = (rows, columns), time
    return best


def _computed(length: int, tile: int, halo: int) -> int:
    """Pixels that are computed along an axis, halos included."""
    return sum(min(at + tile + halo, length) - max(0, at - halo) for at in range(0, length, tile))


def rows_in_tile(tile: int = TILE, multiple: int = 1) -> int:
    """Rows of the input behind each strip that `run_in_tiles` gives (the last may be lower)."""
    return _round_up(max(tile, 1), multiple)


class _Window(Generic[Samples]):
    """The rows of a picture that are needed now, taken from strips as they come; the last column is repeated.

    They are kept in one array for the whole way: a new one for every tile would be large enough to scatter the heap.
    """

    def __init__(self, strips: Iterable[NDArray[Samples]], height: int, width: int, padded_width: int) -> None:
        self._strips = iter(strips)
        self._height, self._width, self._padded_width = height, width, padded_width
        self._waiting: NDArray[Samples] = next(self._strips)  # of the last strip, what is not in `_rows` yet
        self._rows = np.empty((0, padded_width, self._waiting.shape[2]), self._waiting.dtype)
        self._top = self._bottom = 0  # the rows of the picture that `_rows` holds

    def take(self, first: int, last: int) -> NDArray[Samples]:
        """Rows `first` to `last`, valid until the next call; what is above is forgotten, below the last repeats."""
        kept = self._rows[first - self._top : self._bottom - self._top]
        if last - first > len(self._rows):
            self._rows = np.empty((last - first, *self._rows.shape[1:]), self._rows.dtype)
        self._rows[: len(kept)] = kept  # numpy minds the overlap
        self._top, self._bottom = first, first + len(kept)
        while self._bottom < min(last, self._height):
            if not len(self._waiting):
                self._waiting = next(self._strips)
            count = min(len(self._waiting), last - self._bottom)
            rows = self._rows[self._bottom - first : self._bottom - first + count]
            rows[:, : self._width] = self._waiting[:count]
            rows[:, self._width :] = rows[:, self._width - 1 : self._width]
            self._waiting = self._waiting[count:]
            self._bottom += count
        below = self._rows[self._bottom - first : last - first]
        below[:] = self._rows[self._bottom - first - 1]
        return self._rows[: last - first]


def _round_up(value: int, multiple: int) -> int:
    return -(-value // multiple) * multiple
