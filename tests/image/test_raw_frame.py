"""A raw frame keeps its pattern, its levels and its light when it is cut and turned."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scotopic.image import CFA, RawFrame, pack_bayer
from scotopic.image.mosaic import RGGB
from scotopic.image.packed import ratio_planes

from .dngs import CFAS, raw_frame

SIDES = st.integers(12, 20)


def uneven(cfa: CFA, height: int, width: int, orientation: int = 1) -> RawFrame:
    """Every place of the pattern has its own black level, so that light tells whether it is the right one."""
    period = len(cfa)
    black = np.arange(period**2, dtype=np.float32).reshape(period, period) * 10
    return raw_frame(cfa, (height, width), black=black, orientation=orientation)


def letters(frame: RawFrame) -> list[str]:
    """Rows of the colours of the pixels."""
    period = len(frame.cfa)
    return ["".join(frame.cfa[y % period][x % period] for x in range(frame.width)) for y in range(frame.height)]


@given(CFAS, SIDES, SIDES, st.integers(0, 7), st.integers(0, 7))
def test_a_crop_is_a_part_of_the_frame(cfa: CFA, height: int, width: int, top: int, left: int) -> None:
    frame = uneven(cfa, height, width)
    part = frame.crop(top, left, height - top - 1, width - left - 2)
    assert np.array_equal(part.light(), frame.light()[top:-1, left:-2])
    assert letters(part) == [row[left:-2] for row in letters(frame)[top:-1]]


@given(CFAS, SIDES, SIDES, st.integers(1, 8))
def test_upright_turns_pixels_pattern_and_black_alike(cfa: CFA, height: int, width: int, orientation: int) -> None:
    frame = uneven(cfa, height, width, orientation)
    upright = frame.upright()
    # Exif 2.3, orientation: where the upright picture's first row and first column are in the stored one.
    colours = np.array([list(row) for row in letters(frame)])
    values = {"light": frame.light(), "colours": colours}
    turns = {
        1: lambda a: a,
        2: np.fliplr,
        3: lambda a: np.rot90(a, 2),
        4: np.flipud,
        5: np.transpose,
        6: lambda a: np.rot90(a, -1),
        7: lambda a: np.rot90(np.transpose(a), 2),
        8: np.rot90,
    }
    assert upright.orientation == 1
    assert np.array_equal(upright.light(), turns[orientation](values["light"]))
    assert letters(upright) == ["".join(row) for row in turns[orientation](values["colours"])]


@given(CFAS, st.integers(0, 11), st.integers(0, 13))
def test_light_of_some_rows_is_that_of_all(cfa: CFA, start: int, stop: int) -> None:
    frame = uneven(cfa, 12, 15)
    assert np.array_equal(frame.light(slice(start, stop)), frame.light()[start:stop])


def test_light_is_not_clipped() -> None:
    frame = raw_frame(mosaic=np.array([[0, 512], [16383, 65535]], np.uint16))
    expected = np.array([[-512 / 15871, 0], [1, (65535 - 512) / 15871]])
    assert frame.light() == pytest.approx(expected, abs=1e-6)
    assert frame.light().dtype == np.float32


@given(st.integers(100, 300))
def test_see_in_the_dark_packs_and_normalises_so(ratio: int) -> None:
    """The published formula for Sony: max(raw - 512, 0) / (16383 - 512), planes R G B G, times ratio, at most 1."""
    frame = raw_frame(RGGB, (10, 12))
    raw = np.maximum(frame.mosaic.astype(np.float32) - 512, 0) / (16383 - 512)
    published = np.stack([raw[0::2, 0::2], raw[0::2, 1::2], raw[1::2, 1::2], raw[1::2, 0::2]])
    ours = ratio_planes(pack_bayer(frame.light(), frame.cfa), ratio)
    assert ours[[0, 1, 3, 2]] == pytest.approx(np.minimum(published * ratio, 1), abs=1e-4)


@pytest.mark.parametrize("place", [(-1, 0, 4, 4), (0, 0, 0, 4), (0, 61, 4, 4), (45, 0, 4, 4)])
def test_crops_beyond_the_frame_are_refused(place: tuple[int, int, int, int]) -> None:
    with pytest.raises(ValueError, match="do not lie"):
        raw_frame().crop(*place)


def test_frames_that_contradict_themselves_are_refused() -> None:
    with pytest.raises(ValueError, match="uint16"):
        raw_frame(mosaic=np.zeros((4, 4), np.int32))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="not above black"):
        raw_frame(black=600, white=600)
    with pytest.raises(ValueError, match="not above black"):
        raw_frame(white=np.inf, mosaic=np.zeros((4, 4), np.uint16))
    with pytest.raises(ValueError, match="numpy array"):
        raw_frame(mosaic=[[1, 2], [3, 4]])  # type: ignore[arg-type]
    for balance in ((0.0, 1.0, 1.0), (2.0, 1.0, np.nan), (2.0, 1.0, 1.5, 1.0), (-2.0, 1.0, 1.5)):
        with pytest.raises(ValueError, match="white balance"):
            raw_frame(white_balance=balance)  # type: ignore[arg-type]
    for matrix in (np.zeros((3, 3), np.float32), np.full((3, 3), np.nan, np.float32)):
        with pytest.raises(ValueError, match="colour matrix"):
            replace(raw_frame(), camera_to_xyz=matrix)
    with pytest.raises(ValueError, match="orientation"):
        raw_frame(orientation=9)
    with pytest.raises(ValueError, match="without a step"):
        raw_frame().light(slice(None, None, 2))
