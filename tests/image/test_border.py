"""A frame mirrored around its border is still a frame of its sensor."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from scotopic.image import CFA
from scotopic.image.border import mirrored_around
from scotopic.image.mosaic import RGGB, colour_map, phase_of

from .dngs import CFAS, raw_frame


@given(CFAS, st.integers(1, 40), st.integers(1, 40), st.integers(0, 14))
def test_every_pixel_has_the_colour_of_its_place(cfa: CFA, height: int, width: int, margin: int) -> None:
    """A mosaic that holds its own colours: mirrored, it holds them still, if it has a whole period to take from."""
    period = len(cfa)
    colours = colour_map(cfa)
    inner = colours[np.arange(height)[:, None] % period, np.arange(width) % period].astype(np.uint16)
    frame = raw_frame(cfa, mosaic=inner, black=colours.astype(np.float32))
    around, top, left = mirrored_around(frame, margin)
    assert margin <= min(top, left) <= max(top, left) < margin + period
    assert (around.height, around.width) == (top + height + margin, left + width + margin)
    np.testing.assert_array_equal(around.mosaic[top : top + height, left : left + width], inner)
    assert phase_of(around.cfa) == (0, 0)
    np.testing.assert_array_equal(around.black_level_dn, colour_map(around.cfa))
    if min(height, width) >= period:
        rows, columns = np.arange(around.height) % period, np.arange(around.width) % period
        np.testing.assert_array_equal(around.mosaic, colour_map(around.cfa)[rows[:, None], columns])


def test_what_lies_beyond_is_near() -> None:
    mosaic = np.random.default_rng(0).integers(0, 1000, (30, 30)).astype(np.uint16)
    around, *_ = mirrored_around(raw_frame(RGGB, mosaic=mosaic), 8)
    np.testing.assert_array_equal(around.mosaic, np.pad(mosaic, 8, mode="reflect"))
