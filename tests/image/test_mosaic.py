"""Mosaics pack into planes of one colour and come back; turned or cut, the pattern still says which pixel is which."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scotopic.image import CFA, flip_mosaic, pack, pack_bayer, unpack, xtrans_phase
from scotopic.image.mosaic import BAYER, RGGB, XTRANS, is_xtrans, phase_of, rolled_cfa

from .dngs import CFAS, FLAGS, XTRANS_PHASES

SIDES = st.integers(1, 23)
ALIGNED = [*BAYER, XTRANS, rolled_cfa(XTRANS, 0, 3)]


def colours(cfa: CFA, height: int, width: int) -> NDArray[np.str_]:
    """The letter of each pixel."""
    return np.array([[cfa[y % len(cfa)][x % len(cfa)] for x in range(width)] for y in range(height)])


def numbered(height: int, width: int) -> NDArray[np.uint16]:
    return np.arange(height * width, dtype=np.uint16).reshape(height, width)


@given(st.sampled_from(ALIGNED), SIDES, SIDES)
def test_unpacking_undoes_packing(cfa: CFA, height: int, width: int) -> None:
    mosaic = numbered(height, width)
    planes = pack(mosaic, cfa)
    scale = 3 if is_xtrans(cfa) else 2
    assert planes.shape == ({2: 4, 3: 9}[scale], -(-height // scale), -(-width // scale))
    assert np.array_equal(unpack(planes, cfa, (height, width)), mosaic)


@given(st.sampled_from(ALIGNED), st.integers(6, 23), st.integers(6, 23))
def test_a_plane_holds_one_colour_even_where_the_mosaic_ends(cfa: CFA, height: int, width: int) -> None:
    planes = pack(colours(cfa, height, width), cfa)
    assert [sorted(set(plane.ravel())) for plane in planes] == [
        [letter] for letter in ("RGGB", "RRGGGGGBB")[len(planes) > 4]
    ]


@pytest.mark.parametrize("cfa", BAYER)
def test_the_first_green_lies_in_the_rows_of_red(cfa: CFA) -> None:
    rows = pack_bayer(np.repeat(np.arange(8)[:, None], 8, 1), cfa)
    assert np.array_equal(rows[0], rows[1])
    assert np.array_equal(rows[2], rows[3])
    assert not np.array_equal(rows[0], rows[2])


def test_xtrans_planes_lie_where_their_names_say() -> None:
    y, x = (pack(numbers % 3, XTRANS) for numbers in np.mgrid[:12, :12])
    kind = xtrans_phase(XTRANS, 4, 4)
    beside, above = kind == 0, kind == 1
    assert beside.sum() == above.sum() == 8
    for block, names in ((beside, "R0 R1 B0 B1"), (above, "B0 B1 R0 R1")):
        left, right, top, bottom = ({"R0": 0, "R1": 1, "B0": 7, "B1": 8}[name] for name in names.split())
        for plane, place in ((left, (1, 0)), (right, (1, 2)), (top, (0, 1)), (bottom, (2, 1))):
            assert set(zip(y[plane][block], x[plane][block], strict=True)) == {place}
    for plane, place in zip(range(2, 7), ((0, 0), (0, 2), (1, 1), (2, 0), (2, 2)), strict=True):
        assert set(zip(y[plane].ravel(), x[plane].ravel(), strict=True)) == {place}


@given(CFAS, st.integers(12, 20), st.integers(12, 20), FLAGS, FLAGS, FLAGS)
def test_flipping_keeps_the_pattern(
    cfa: CFA, height: int, width: int, horizontally: bool, vertically: bool, transposed: bool
) -> None:
    how = horizontally, vertically, transposed
    letters = flip_mosaic(colours(cfa, height, width), cfa, *how)
    assert np.array_equal(letters, colours(cfa, *letters.shape))
    most = 1 if len(cfa) == 2 else 5
    full = (width, height) if transposed else (height, width)
    assert all(0 <= before - after <= most for before, after in zip(full, letters.shape, strict=True))


@given(st.sampled_from(BAYER), FLAGS, FLAGS, FLAGS)
def test_a_picture_is_flipped_like_the_mosaic_under_it(
    cfa: CFA, horizontally: bool, vertically: bool, transposed: bool
) -> None:
    mosaic = numbered(9, 12)
    picture = np.stack([mosaic] * 3, -1)
    flipped = flip_mosaic(mosaic, cfa, horizontally, vertically, transposed)
    assert np.array_equal(flip_mosaic(picture, cfa, horizontally, vertically, transposed)[..., 1], flipped)


@pytest.mark.parametrize("cfa", [("RG", "RG"), ("CY", "GM"), ("RGB",), ("GBGGRG",) * 6])
def test_other_patterns_are_refused(cfa: CFA) -> None:
    with pytest.raises(ValueError, match="pattern"):
        is_xtrans(cfa)


def test_planes_of_another_size_and_phase_are_refused() -> None:
    with pytest.raises(ValueError, match="shape"):
        unpack(np.zeros((4, 3, 3), np.uint16), RGGB, (8, 8))
    unaligned = next(cfa for cfa in XTRANS_PHASES if phase_of(cfa) != (0, 0))
    with pytest.raises(ValueError, match="corner"):
        pack(numbered(6, 6), unaligned)
