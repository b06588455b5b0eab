"""Views of a raw frame and of a developed picture that lies on it, pixel by pixel: both are cut and turned alike."""

from __future__ import annotations

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from scotopic.image.mosaic import phase_of, turn
from scotopic.image.raw_frame import RawFrame

from ..errors import DataError

Picture = NDArray[np.uint16]


def in_phase(frame: RawFrame) -> RawFrame:
    """The frame without the rows and columns before the phase that networks see, and without incomplete packed pixels.

    (`mirrored_around` puts some before it instead, of which a developed picture would know nothing.)
    """
    return frame.crop(*phase_window(frame))


def phase_window(frame: RawFrame) -> tuple[int, int, int, int]:
    """Top, left, height and width of what `in_phase` leaves."""
    scale = 3 if frame.is_xtrans else 2
    top, left = (-offset % scale for offset in phase_of(frame.cfa))
    return top, left, (frame.height - top) // scale * scale, (frame.width - left) // scale * scale


def random_view(frame: RawFrame, picture: Picture, size: int, rng: Generator) -> tuple[RawFrame, Picture]:
    """`size` x `size` packed pixels of a frame in phase and of the picture on it, mirrored and transposed at random.

    A mirrored view of a Bayer mosaic begins a pixel later, where mirroring puts red first: the pattern stays, and
    planes and picture stay on each other, pixel by pixel. X-Trans' 3x3 blocks are their own mirror images.
    """
    scale = 3 if frame.is_xtrans else 2
    side = scale * size
    _refuse_small(frame, side)
    shift = 0 if frame.is_xtrans else 1
    vertically, horizontally = (bool(rng.integers(2)) and length >= side + shift for length in frame.mosaic.shape)
    transposed = bool(rng.integers(2))
    top, left = (
        shift * mirrored + scale * int(rng.integers((length - side - shift * mirrored) // scale + 1))
        for length, mirrored in zip(frame.mosaic.shape, (vertically, horizontally), strict=True)
    )
    mirrored = frame.crop(top, left, side, side).turned(horizontally, vertically, False)
    part = turn(picture[top : top + side, left : left + side], horizontally, vertically, False)
    return mirrored.turned(False, False, transposed), turn(part, False, False, transposed)


def middle(frame: RawFrame, picture: Picture, size: int) -> tuple[RawFrame, Picture]:
    """The `size` x `size` packed pixels in the middle of a frame in phase and of the picture on it; 0: all of them."""
    if not size:
        return frame, picture
    scale = 3 if frame.is_xtrans else 2
    side = scale * size
    _refuse_small(frame, side)
    top, left = ((length - side) // (2 * scale) * scale for length in (frame.height, frame.width))
    return frame.crop(top, left, side, side), picture[top : top + side, left : left + side]


def _refuse_small(frame: RawFrame, side: int) -> None:
    if side > min(frame.height, frame.width):
        raise DataError(
            f"'{frame.name}' has {frame.width} x {frame.height} pixels, too few for a view of {side} x {side}. "
            "Lower data.size and data.held_out_size (they count packed pixels)."
        )
