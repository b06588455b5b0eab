"""Run a convolutional graph over a picture in tiles, so that the result is what the whole picture would give."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from scotopic.image.pages import Pages

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
    finish: Callable[[NDArray[Made], NDArray[Samples]], NDArray[Any]] | None = None,
) -> Iterator[NDArray[Any]]:
    """The result of `run` over a picture, in strips from top to bottom, of about `tile` input rows each.

    `strips` are the rows of a picture `height` x `width`, `n w c`. `run` takes a part of it, `h w c` with sides that
    are multiples of `multiple`, to `scale * h`, `scale * w`, c, where a pixel depends on nothing further than `halo`
    from it. What comes out depends neither on `tile` (a side, or rows and columns) nor on how the strips were cut.
    `finish` does what needs no neighbours: it gets each part, and what it was made of, without their halos.

    Tiles begin at multiples of `multiple`, as a graph that halves its picture sees different pixels from elsewhere.
    At the picture's own borders there is no halo: what a graph does there (zeros, reflection) it does as on the whole.
    A size that is no multiple is made one by repeating the last row and column. All parts are of one size, with their
    halos: the memory that a graph took for one of them is right for the next.
    """
    high, wide = (tile, tile) if isinstance(tile, int) else tile
    halo = _round_up(halo, multiple)
    padded_height, padded_width = _round_up(height, multiple), _round_up(width, multiple)
    across = _lay(padded_width, rows_in_tile(wide, multiple), halo)
    window, pages = Window(strips, height, width, padded_width), Pages()
    for first, last, top, bottom in _lay(padded_height, rows_in_tile(high, multiple), halo):
        rows, bottom = window.take(first, last), min(bottom, height)
        out: NDArray[Any] | None = None
        for start, stop, left, right in across:
            right = min(right, width)
            part = run(rows[:, start:stop])
            assert part.shape[:2] == (scale * (last - first), scale * (stop - start)), "run changed the size"
            inner = part[
                scale * (top - first) : scale * (bottom - first), scale * (left - start) : scale * (right - start)
            ]
            given = rows[top - first : bottom - first, left:right]
            finished: NDArray[Any] = finish(inner, given) if finish else inner
            if out is None:
                out = pages.array((scale * (bottom - top), scale * width, finished.shape[2]), finished.dtype)
            out[:, scale * left : scale * right] = finished
            del part, inner, finished  # not held while the next is made
        assert out is not None
        yield out


def _lay(length: int, tile: int, halo: int) -> list[tuple[int, int, int, int]]:
    """Tiles that cover a length, all of one size: start and stop with the halos, and between them what each makes.

    >>> _lay(32, tile=8, halo=4)
    [(0, 16, 0, 12), (8, 24, 12, 20), (16, 32, 20, 32)]
    """
    size = min(tile + 2 * halo, length)
    starts = [*range(0, length - size, tile), length - size]
    edges = [0, *(start + halo for start in starts[1:]), length]
    return [(start, start + size, edges[at], edges[at + 1]) for at, start in enumerate(starts)]


def fit_tile(
    height: int, width: int, halo: int, multiple: int, area: int, encoding: float = ENCODING
) -> tuple[int, int]:
    """Rows and columns of the tile with which a picture is soonest done, if no tile may exceed `area` pixels, halo
    included.

    A halo is computed twice, so large tiles cost less; but the last row of tiles is encoded when nothing is left to
    compute, so low ones are done sooner: `encoding` is what that takes, relative to the network. A very far-reaching
    graph gets more than `area`: tiles that are twice as wide and high with their halos as without.

    >>> fit_tile(1500, 2000, halo=70, multiple=8, area=800_000)
    (456, 928)
    """
    halo = _round_up(halo, multiple)
    area = max(area, (4 * halo + multiple) ** 2)
    height, width = _round_up(height, multiple), _round_up(width, multiple)
    best, least = (multiple, multiple), float("inf")
    for count in range(1, min(width // multiple, MOST_ACROSS) + 1):
        columns = _shared(width, count, halo, multiple)
        most = (area // min(columns + 2 * halo, width) - 2 * halo) // multiple * multiple
        if most < multiple:
            continue
        for further in range(3):
            rows = _shared(height, len(_lay(height, most, halo)) + further, halo, multiple)
            down, across = _lay(height, rows, halo), _lay(width, columns, halo)
            work = len(down) * down[0][1] * len(across) * across[0][1] / (height * width)
            last = down[-1][3] - down[-1][2]
            time = work + encoding * last / height
            if time < least:
                best, least = (rows, columns), time
    return best


def _shared(length: int, count: int, halo: int, multiple: int) -> int:
    """The tile with which `count` of them cover a length."""
    return max(multiple, _round_up(-(-(length - 2 * halo) // count), multiple))


def rows_in_tile(tile: int = TILE, multiple: int = 1) -> int:
    """A tile's side as a multiple of `multiple`."""
    return _round_up(max(tile, 1), multiple)


class Window(Generic[Samples]):
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
