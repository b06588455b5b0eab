"""Whole pictures in memory, from files and to files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .colour import linear_to_srgb
from .libvips import Image, vips
from .opening import ReadableFile
from .picture import Picture
from .sink import Target, encode
from .source import DEFAULT_MAX_PIXELS, open_source

_ROWS = 64


def read(source: ReadableFile, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str | None = None) -> Picture:
    """The picture in a file, upright, as float32 in memory: 12 bytes a pixel. Errors are those of `open_source`."""
    with open_source(source, max_pixels=max_pixels, name=name) as opened:
        pixels = np.empty((opened.height, opened.width, opened.bands), np.float32)
        top = 0
        for strip in opened.strips(_ROWS):
            np.divide(strip, np.float32(2**opened.bits - 1), out=pixels[top : top + len(strip)])
            top += len(strip)
        return Picture(pixels, "srgb", opened.alpha(), opened.bits, opened.metadata, opened.name)


def write(
    picture: Picture,
    target: Target,
    *,
    format: str | None = None,
    quality: int | None = None,
    bits: int | None = None,
    overwrite: bool = False,
) -> None:
    """Write a picture with its alpha and metadata. Options and errors are those of `write_strips`.

    `bits` defaults to those the picture came with. Linear pixels are encoded as sRGB.
    """
    if format is None and hasattr(target, "write"):
        format = "png" if picture.bits == 16 else "jpeg"
    depth = bits or picture.bits
    size = picture.width, picture.height, int(picture.pixels.shape[2])
    opener = (lambda bits: _alpha_image(picture, bits)) if picture.alpha is not None else None
    strips = _quantised(picture, depth)
    encode(
        target, strips, size, picture.metadata, opener, format=format, quality=quality, bits=depth, overwrite=overwrite
    )


def _quantised(picture: Picture, bits: int) -> Iterator[NDArray[Any]]:
    for top in range(0, picture.height, _ROWS):
        rows = picture.pixels[top : top + _ROWS]
        yield to_integers(linear_to_srgb(rows) if picture.light == "linear" else rows, bits)


def _alpha_image(picture: Picture, bits: int) -> Image:
    assert picture.alpha is not None
    return vips().Image.new_from_array(to_integers(picture.alpha, bits))


def to_integers(values: NDArray[np.float32], bits: int) -> NDArray[Any]:
    """[0, 1] as uint8 or uint16, rounded half up, what lies outside clipped.

    >>> to_integers(np.array([-1, 0, 0.5, 1, 2], np.float32), 8).tolist()
    [0, 0, 128, 255, 255]
    """
    white = np.float32(2**bits - 1)
    scaled = np.clip(values, np.float32(0), np.float32(1)) * white + np.float32(0.5)
    return scaled.astype(np.uint16 if bits == 16 else np.uint8)
