"""Strips of a picture turned upright, through a temporary file.

Where rows become columns, the first row can only be given when the last has been read. libvips would keep what it
decoded in memory, or in a file mapped into memory, which counts the same; here it lies in a file that is written and
read in pieces, so that a large portrait takes hardly more memory than a large landscape.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import UnreadableImageError

from .pages import Pages

AT_ONCE = 4 << 20
"""Bytes that are held in each direction."""
IN_MEMORY = 100 << 20
"""Bytes of pixels up to which libvips turns them in memory, which is a little faster than through a file."""


def turned_strips(
    strips: Iterator[NDArray[Any]], orientation: int, width: int, height: int, rows: int
) -> Iterator[NDArray[Any]]:
    """The upright picture of `width` x `height` pixels in strips of `rows` rows, from `strips` as they lie in the file.

    `orientation` is that of Exif, 3 to 8. UnreadableImageError if there is no room for the temporary file.

    >>> lying = np.array([[[1], [2], [3]], [[4], [5], [6]]])
    >>> [strip[..., 0].tolist() for strip in turned_strips(iter(np.split(lying, 2)), 6, width=2, height=3, rows=2)]
    [[[4, 1], [5, 2]], [[6, 3]]]
    """
    import tempfile  # seldom needed, and slow to import

    turn = _upside_down if orientation <= 4 else _across
    try:
        with tempfile.TemporaryFile(prefix="scotopic-") as file:
            yield from turn(file, strips, orientation, width, height, rows)
    except OSError as error:
        raise UnreadableImageError(
            f"The picture cannot be turned upright: {error.strerror or error}, in the folder for temporary files. "
            "Free some space there, or let TMPDIR name another folder."
        ) from error


def _upside_down(
    file: Any, strips: Iterator[NDArray[Any]], orientation: int, width: int, height: int, rows: int
) -> Iterator[NDArray[Any]]:
    bottom = height
    for strip in strips:
        bottom -= len(strip)
        file.seek(bottom * strip[0].nbytes)
        file.write(np.ascontiguousarray(strip[::-1, ::-1] if orientation == 3 else strip[::-1]))
        bands, dtype = strip.shape[2], strip.dtype
    file.seek(0)
    pages = Pages()
    for top in range(0, height, rows):
        block = pages.array((min(rows, height - top), width, bands), dtype)
        _fill(file, block)
        yield block


def _across(
    file: Any, strips: Iterator[NDArray[Any]], orientation: int, width: int, height: int, rows: int
) -> Iterator[NDArray[Any]]:
    """Rows become columns: of each block of the upright picture's rows, the file holds one piece per strip."""
    first = next(strips)
    bands, dtype = first.shape[2], first.dtype
    pixel = np.dtype(f"V{bands * dtype.itemsize}")  # moved as one
    high = rows * max(1, AT_ONCE // (width * pixel.itemsize * rows))
    mirrored = orientation in (6, 7)
    seams = [0]
    for strip in chain((first,), strips):
        columns = strip.view(pixel)[..., 0].T
        if orientation in (7, 8):
            columns = columns[::-1]
        if mirrored:
            columns = columns[:, ::-1]
        left = width - seams[-1] - len(strip) if mirrored else seams[-1]
        seams.append(seams[-1] + len(strip))
        for top in range(0, height, high):
            piece = columns[top : top + high]
            file.seek((top * width + len(piece) * left) * pixel.itemsize)
            file.write(np.ascontiguousarray(piece))
    if mirrored:
        seams = [width - seam for seam in reversed(seams)]
    pages, pieces = Pages(), np.empty(high * width, pixel)
    file.seek(0)
    for top in range(0, height, high):
        block = pages.array((min(high, height - top), width, bands), dtype)
        upright, n = block.view(pixel)[..., 0], len(block)
        _fill(file, pieces[: n * width])
        for left, right in pairwise(seams):
            upright[:, left:right] = pieces[n * left : n * right].reshape(n, right - left)
        for at in range(0, n, rows):
            yield block[at : at + rows]


def _fill(file: Any, array: NDArray[Any]) -> None:
    if file.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:
        raise OSError("the temporary file has been cut short")
