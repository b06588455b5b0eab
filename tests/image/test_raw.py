"""Camera raws come out upright, in camera white balance, exposed by a rule that leaves good exposures alone."""

from __future__ import annotations

import io
import itertools
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from scotopic.errors import ImageTooLargeError, UnreadableImageError
from scotopic.image import describe, linear_to_srgb, open_source, read
from scotopic.image.develop import KNEE, LARGEST_GAIN, MIDDLE, expose, exposure_gain, tone_table

BLACK, WHITE = 256, 4095


def dng(mosaic: NDArray[np.uint16], orientation: int = 1, neutral: tuple[int, int, int] = (1, 1, 1)) -> bytes:
    """A camera's raw file: RGGB, 12 bits, with the few tags that LibRaw needs."""
    rational = [value for part in neutral for value in (part, 1)]
    # XYZ (D65) to camera for a camera whose primaries are those of sRGB.
    matrix = [3.2404542, -1.5371385, -0.4985314, -0.9692660, 1.8760108, 0.0415560, 0.0556434, -0.2040259, 1.0572252]
    fractions = [part for value in matrix for part in (round(value * 10000), 10000)]
    tags: list[tuple[int, int, int, Any, bool]] = [
        (271, 2, 0, "Cam", True),
        (272, 2, 0, "Cam One", True),
        (274, 3, 1, orientation, True),
        (33421, 3, 2, (2, 2), True),
        (33422, 1, 4, bytes((0, 1, 1, 2)), True),
        (50706, 1, 4, bytes((1, 4, 0, 0)), True),
        (50708, 2, 0, "Cam One", True),
        (50714, 3, 1, BLACK, True),
        (50717, 3, 1, WHITE, True),
        (50721, 10, 9, fractions, True),
        (50728, 5, 3, rational, True),
        (50778, 3, 1, 21, True),
    ]
    file = io.BytesIO()
    tifffile.imwrite(file, mosaic, photometric=32803, extratags=tags, metadata=None, software=False)
    return file.getvalue()


def flat(light: float, height: int = 64, width: int = 96) -> NDArray[np.uint16]:
    return np.full((height, width), round(BLACK + light * (WHITE - BLACK)), np.uint16)


def test_a_well_exposed_raw_is_only_encoded() -> None:
    picture = read(dng(flat(0.3)))
    assert (picture.bits, picture.light, picture.pixels.shape) == (16, "srgb", (64, 96, 3))
    assert picture.pixels[8:-8, 8:-8] == pytest.approx(float(linear_to_srgb(np.array(0.3))), abs=0.01)


def test_a_dark_raw_is_brought_to_the_middle() -> None:
    picture = read(dng(flat(0.01)))
    assert picture.pixels.mean() == pytest.approx(float(linear_to_srgb(np.array(MIDDLE))), abs=0.02)


def test_more_light_never_comes_out_darker() -> None:
    means = [read(dng(flat(light))).pixels.mean() for light in (0.0, 0.0005, 0.004, 0.05, 0.2, 0.8, 1.0)]
    assert all(b >= a - 1e-3 for a, b in itertools.pairwise(means))


def test_the_camera_white_balance_is_applied() -> None:
    mosaic = flat(0.3)
    mosaic[0::2, 0::2] = (mosaic[0::2, 0::2] - BLACK) // 2 + BLACK  # the sensor sees half as much red
    pixels = read(dng(mosaic, neutral=(1, 2, 2))).pixels[16:-16, 16:-16]
    red, green, blue = pixels.mean((0, 1))
    assert red == pytest.approx(green, abs=0.01)
    assert blue == pytest.approx(green, abs=0.01)


@pytest.mark.parametrize(("orientation", "corner"), [(1, (0, 0)), (3, (-1, -1)), (6, (0, -1)), (8, (-1, 0))])
def test_raws_come_upright(orientation: int, corner: tuple[int, int]) -> None:
    mosaic = flat(0.2)
    mosaic[:16, :16] = WHITE  # where the sensor's first corner comes to lie
    with open_source(dng(mosaic, orientation), name="a.dng") as source:
        assert source.format == "raw"
        assert (source.width, source.height) == ((64, 96) if orientation >= 5 else (96, 64))
        small = source.thumbnail(48)
        pixels = np.concatenate(list(source.strips(10)))
    assert pixels[corner].min() > 60_000
    assert small[corner].min() > 0.9
    assert (pixels > 60_000).all(axis=2).mean() < 0.1


def test_raws_are_known_by_content_and_keep_what_the_camera_wrote(tmp_path: Path) -> None:
    path = tmp_path / "renamed.tif"
    path.write_bytes(dng(flat(0.3), orientation=6))
    seen = describe(path)
    assert (seen.format, seen.make, seen.model, seen.bits) == ("raw", "Cam", "Cam One", 16)
    with open_source(path) as source:
        assert source.orientation == 1


def test_an_ordinary_tiff_called_dng_is_a_tiff(tmp_path: Path) -> None:
    path = tmp_path / "a.dng"
    tifffile.imwrite(path, np.zeros((8, 8, 3), np.uint8), photometric="rgb")
    with open_source(path) as source:
        assert source.format == "tiff"


@pytest.mark.parametrize(("kind", "n", "value"), [(2, 8, "abcdefg"), (7, 8, b"abcdefgh"), (12, 1, 3.5), (5, 1, (7, 2))])
@pytest.mark.parametrize("tag", [330, 34665])
def test_tables_at_places_that_are_no_numbers_are_passed_over(tag: int, kind: int, n: int, value: object) -> None:
    file = io.BytesIO()
    tifffile.imwrite(file, np.zeros((8, 8, 3), np.uint8), photometric="rgb", extratags=[(65000, kind, n, value, True)])
    data = file.getvalue().replace(struct.pack("<HH", 65000, kind), struct.pack("<HH", tag, kind))
    with open_source(data) as source:
        assert source.format == "tiff"


def test_the_cap_and_damage(capfd: pytest.CaptureFixture[str]) -> None:
    data = dng(flat(0.3))
    with pytest.raises(ImageTooLargeError, match="96 x 64"):
        open_source(data, max_pixels=96 * 64 - 1)
    with pytest.raises(UnreadableImageError, match="damaged"):
        read(data[: len(data) // 2])
    capfd.readouterr()  # LibRaw itself says a word about it


@given(st.floats(1, LARGEST_GAIN))
def test_the_tone_curve_rises_to_white_and_never_darkens(gain: float) -> None:
    table = tone_table(gain).astype(int)
    assert (np.diff(table) >= 0).all()
    assert (table[0], table[-1]) == (0, 65535)
    assert (table >= tone_table(1.0)).all()
    below = np.arange(0, int(KNEE / gain * 65535), 97)
    plain = linear_to_srgb(below / 65535 * gain) * 65535
    assert np.abs(table[below] - plain).max() <= 1


@given(st.floats(0.0, 1.0), st.integers(0, 9))
def test_gain_is_never_below_one_and_reaches_the_middle(light: float, seed: int) -> None:
    frame = (np.random.default_rng(seed).random((40, 50, 3)) * light * 65535).astype(np.uint16)
    gain = exposure_gain(frame)
    assert 1 <= gain <= LARGEST_GAIN
    if gain == 1:
        assert np.array_equal(expose(frame.copy()), tone_table(1.0)[frame])
