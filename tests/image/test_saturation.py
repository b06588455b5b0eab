"""Lights that fill the sensor are white, though the file calls a higher value white."""

from __future__ import annotations

import numpy as np
import pytest

from scotopic.image import CFA, read_raw
from scotopic.image.mosaic import BAYER, RGGB, XTRANS, colour_map
from scotopic.image.saturation import saturation

from .dngs import dng_bytes, raw_frame

RNG = np.random.default_rng(0)


def frame_of_lamps(cfa: CFA, full: tuple[int, int, int], blown: int = 40) -> np.ndarray:
    """A dark frame of 120 x 120 pixels with a lamp that is cut off where each colour is full."""
    period = len(cfa)
    y, x = np.mgrid[:120, :120]
    light = 600 + 60_000 * np.exp(-((y - 50) ** 2 + (x - 60) ** 2) / (2 * (blown / 4) ** 2))
    noisy = light + RNG.normal(0, 1, light.shape) * np.sqrt(light)
    return np.clip(noisy, 0, np.array(full)[colour_map(cfa)[y % period, x % period]]).astype(np.uint16)


@pytest.mark.parametrize("cfa", [*BAYER, XTRANS])
@pytest.mark.parametrize("full", [(15000,) * 3, (12000,) * 3, (15900, 13500, 15000), (16383, 14000, 16383)])
def test_the_white_level_is_where_the_first_colour_is_full(cfa: CFA, full: tuple[int, int, int]) -> None:
    frame = read_raw(dng_bytes(raw_frame(cfa, mosaic=frame_of_lamps(cfa, full))))
    assert frame.white_level_dn == min(full)


@pytest.mark.parametrize(
    "mosaic",
    [
        frame_of_lamps(RGGB, (16383,) * 3),
        frame_of_lamps(RGGB, (15000,) * 3) // 4 + 384,
        np.clip(RNG.normal(12000, 100, (200, 200)), 0, 16383).astype(np.uint16),  # a wall, bright but not blown
        RNG.integers(500, 14000, (200, 200)).astype(np.uint16),
        np.where(RNG.random((200, 200)) < 1e-4, 15000, 520).astype(np.uint16),  # a few hot pixels
    ],
)
def test_what_is_not_cut_off_leaves_it_alone(mosaic: np.ndarray) -> None:
    assert saturation(mosaic, RGGB, 512, 16383) == 16383
