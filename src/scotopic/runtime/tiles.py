"""Run a convolutional graph over a picture in tiles, so that the result is what the whole picture would give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

Samples = TypeVar("Samples", bound=np.generic)

TILE = 512
"""Side of a tile in pixels, without its halo: large enough that a halo costs little, small enough for any memory."""


def run_in_tiles(
    strips: Iterable[NDArray[Samples]],
    run: Callable[[NDArray[Samples]], NDArray[Samples]],
    *,
    height: int,
    width: int,
    halo: int,
    multiple: int = 1,
    scale: int = 1,
    tile: int = TILE,
) -> Iterator[NDArray[Samples]]:
    """The result of `run` over a picture, in strips from top to bottom, `tile` (made a multiple) input rows each.

    `strips` are the rows of a picture `height` x `width`, `n w c`. `run` takes a part of it, `h w c` with sides that
    are multiples of `multiple`, to `scale * h`, `scale * w`, c, where a pixel depends on nothing further than `halo`
    from it. What comes out depends neither on `tile` nor on how the strips were cut.

    Tiles begin at multiples of `multiple`, as a graph that halves its picture sees different pixels from elsewhere.
    At the picture's own borders there is no halo: what a graph does there (zeros, reflection) it does as on the whole.
    A size that is no multiple is made one by repeating the last row and column.
    """
    tile, halo = rows_in_tile(tile, multiple), _round_up(halo, multiple)
    padded_height, padded_width = _round_up(height, multiple), _round_up(width, multiple)
    window = _Window(strips, height, width, padded_width)
    for top in range(0, height, tile):
        bottom = min(top + tile, height)
        first, last = max(0, top - halo), min(_round_up(bottom, multiple) + halo, padded_height)
        rows = window.take(first, last)
        out: NDArray[Samples] | None = None
        for left in range(0, width, tile):
            right = min(left + tile, width)
            start, stop = max(0, left - halo), min(_round_up(right, multiple) + halo, padded_width)
            part = run(rows[:, start:stop])
            assert part.shape[:2] == (scale * (last - first), scale * (stop - start)), "run changed the size"
            if out is None:
                out = np.empty((scale * (bottom - top), scale * width, part.shape[2]), part.dtype)
            out[:, scale * left : scale * right] = part[
                scale * (top - first) : scale * (bottom - first), scale * (left - start) : scale * (right - start)
            ]
        assert out is not None
        yield out


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
