"""Turning, changing depth, and fetching rows: libvips images on their way to arrays."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .libvips import Image, vips
from .pages import Pages

PIECE = 130_000
"""Bytes that are fetched at once. libvips makes a new block for them: small, it stays in the cache, and from 128 KB on
the C library would ask the system for new pages each time."""


def fetch_rows(image: Image, rows: int) -> Iterator[NDArray[Any]]:
    """The image from top to bottom: arrays (n, width, bands) of its own depth, n = `rows`, the last may be lower."""
    region = vips().Region.new(image)
    dtype = np.dtype(np.uint16 if image.format == "ushort" else np.uint8)
    width, height, bands = int(image.width), int(image.height), int(image.bands)
    at_once = max(1, PIECE // (width * bands * dtype.itemsize))
    pages = Pages()
    for top in range(0, height, rows):
        strip = pages.array((min(rows, height - top), width, bands), dtype)
        for at in range(0, len(strip), at_once):
            piece = strip[at : at + at_once]
            piece[...] = np.frombuffer(region.fetch(0, top + at, width, len(piece)), dtype).reshape(piece.shape)
        yield strip


def to_depth(image: Image, bits: int) -> Image:
    """An 8- or 16-bit image with `bits` bits: 255 becomes 65535, and back, rounded."""
    if bits == 16:
        return (image * 257).cast("ushort") if image.format == "uchar" else image
    return ((image + 128) / 257).floor().cast("uchar") if image.format == "ushort" else image


def turned(image: Image, orientation: int) -> Image:
    """Upright, from Exif orientation 1 to 8."""
    if orientation in (2, 4, 5, 7):
        image = image.fliphor()
    if orientation in (3, 4):
        image = image.rot180()
    elif orientation in (6, 7):
        image = image.rot90()
    elif orientation in (5, 8):
        image = image.rot270()
    return image
