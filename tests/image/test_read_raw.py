"""A raw file gives the sensor's values and what the camera says about them, or one of our errors."""

from __future__ import annotations

import io
import struct
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rawpy
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from scotopic.data.dng import write_dng
from scotopic.errors import ImageError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from scotopic.image import CFA, RawFrame, describe, read, read_raw
from scotopic.image.exif import read_exif
from scotopic.image.mosaic import BAYER, RGGB, XTRANS
from scotopic.image.spaces import SPACES

from .dngs import CFAS, XTRANS_PHASES, dng_bytes, patches, raw_frame
from .pictures import encoded, scene

MATRIX = (10000, 10000, 0, 10000, 0, 10000, 0, 10000, 10000, 10000, 0, 10000, 0, 10000, 0, 10000, 10000, 10000)

WHOLE = dng_bytes(raw_frame(size=(24, 32)))


def same(a: RawFrame, b: RawFrame) -> bool:
    """In all that a file can hold."""
    return (
        np.array_equal(a.mosaic, b.mosaic)
        and a.cfa == b.cfa
        and np.array_equal(a.black_level_dn, b.black_level_dn)
        and (a.white_level_dn, a.iso, a.orientation, a.camera) == (b.white_level_dn, b.iso, b.orientation, b.camera)
        and a.exposure_s == pytest.approx(b.exposure_s)
        and a.white_balance == pytest.approx(b.white_balance, rel=1e-4)
        and a.camera_to_xyz == pytest.approx(b.camera_to_xyz, abs=5e-4)
    )


def dng(data: np.ndarray[Any, Any], photometric: int, *tags: tuple[int, int, int, Any, bool]) -> bytes:
    """A DNG with no more than its version, a name and `tags`."""
    some = [(50706, 1, 4, bytes((1, 4, 0, 0)), True), (271, 2, 0, "Cam", True), (272, 2, 0, "One", True), *tags]
    file = io.BytesIO()
    planar = {"planarconfig": 1} if data.ndim == 3 else {}
    tifffile.imwrite(file, data, photometric=photometric, extratags=some, metadata=None, **planar)
    return file.getvalue()


def mosaic_tags(colours: bytes, side: int = 2, names: bytes = b"\0\1\2") -> list[tuple[int, int, int, Any, bool]]:
    return [
        (33421, 3, 2, (side, side), True),
        (33422, 1, side**2, colours, True),
        (50710, 1, len(names), names, True),
    ]


@settings(max_examples=40)
@given(CFAS, st.integers(24, 40), st.integers(24, 40), st.integers(1, 8))
def test_what_is_written_is_read(cfa: CFA, height: int, width: int, orientation: int) -> None:
    frame = raw_frame(cfa, (height, width), orientation=orientation)
    data = dng_bytes(frame)
    assert same(read_raw(data), frame)
    with rawpy.imread(io.BytesIO(data)) as other:
        assert np.array_equal(other.raw_image_visible, frame.mosaic)
        letters = other.color_desc.decode()
        assert frame.cfa[0][:2] == "".join(letters[colour] for colour in other.raw_colors_visible[0, :2])


@pytest.mark.parametrize("cfa", [*BAYER, XTRANS, XTRANS_PHASES[8]])
@pytest.mark.parametrize("fraction", [0, 0.25])
def test_black_levels_of_every_place_come_back(cfa: CFA, fraction: float) -> None:
    period = len(cfa)
    black = 500 + fraction + np.arange(period**2, dtype=np.float32).reshape(period, period)
    frame = raw_frame(cfa, black=black)
    assert np.array_equal(read_raw(dng_bytes(frame)).black_level_dn, black)


@pytest.mark.parametrize("cfa", [RGGB, XTRANS])
@pytest.mark.parametrize("first", [(0, 0), (1, 0), (0, 1), (3, 5)])
def test_colours_and_black_levels_follow_the_active_area(cfa: CFA, first: tuple[int, int]) -> None:
    """Every pixel's value says which place of the pattern it is, counted from the active area's first pixel."""
    period, (top, left) = len(cfa), first
    y, x = np.mgrid[:61, :75]
    places = ((y - top) % period * period + (x - left) % period).astype(np.uint16)
    data = dng(
        1000 + places,
        32803,
        *mosaic_tags(bytes("RGB".index(letter) for row in cfa for letter in row), period),
        (50713, 3, 2, (period, period), True),
        (50714, 3, period**2, tuple(range(500, 500 + period**2)), True),
        (50717, 3, 1, 16383, True),
        (50829, 3, 4, (top, left, 60, 74), True),
    )
    frame = read_raw(data)
    seen = (frame.mosaic[:period, :period] - 1000).astype(int)
    assert frame.cfa == tuple("".join(cfa[place // period][place % period] for place in row) for row in seen)
    assert np.array_equal(frame.black_level_dn, 500 + seen)


def test_levels_of_the_camera_of_see_in_the_dark() -> None:
    frame = read_raw(dng_bytes(raw_frame(black=512, white=16383)))
    assert (set(frame.black_level_dn.ravel()), frame.white_level_dn) == ({512}, 16383)


@pytest.mark.parametrize("iso", [100, 65535, 409600])
def test_iso_beyond_16_bits(tmp_path: Path, iso: int) -> None:
    write_dng(tmp_path / "a.dng", replace(raw_frame(), iso=iso))
    assert read_raw(tmp_path / "a.dng").iso == iso


def test_what_a_file_does_not_say() -> None:
    data = dng(raw_frame().mosaic, 32803, *mosaic_tags(b"\0\1\1\2"), (50717, 3, 1, 16383, True))
    frame = read_raw(data)
    assert (frame.cfa, frame.white_balance, frame.iso) == (RGGB, (1, 1, 1), None)
    assert frame.camera_to_xyz == pytest.approx(SPACES["srgb"].to_xyz, abs=1e-3)


@pytest.mark.parametrize("cfa", [RGGB, ("GB", "RG"), XTRANS])
@pytest.mark.parametrize(
    ("profile", "space"),
    [
        ("srgb", rawpy.ColorSpace.sRGB),
        ("display-p3", rawpy.ColorSpace.P3D65),
        ("prophoto", rawpy.ColorSpace.ProPhoto),
    ],
)
def test_colours_are_those_of_libraw(cfa: CFA, profile: str, space: rawpy.ColorSpace) -> None:
    colours = np.random.default_rng(3).uniform(0.02, 0.3, (8, 3))
    colours[0] = 0.2 / np.array((2.0, 1.0, 1.5))  # grey
    mosaic = np.rint(512 + patches(cfa, colours) * (16383 - 512)).astype(np.uint16)
    data = dng_bytes(raw_frame(cfa, mosaic=mosaic))
    with rawpy.imread(io.BytesIO(data)) as raw:
        developed = raw.postprocess(
            use_camera_wb=True,
            output_color=space,
            output_bps=16,
            gamma=(1, 1),
            no_auto_bright=True,
            demosaic_algorithm=rawpy.DemosaicAlgorithm.LINEAR,
        )
    middles = developed[12, 12::24].astype(np.float32) / 65535
    frame = read_raw(data)
    ours = (colours * frame.white_balance) @ SPACES[profile].from_camera(frame.camera_to_xyz).T
    levels = [SPACES[profile].encode(np.clip(light, 0, 1)) * 255 for light in (middles, ours)]
    assert np.abs(levels[0] - levels[1]).max() < 1.5
    assert np.ptp(levels[1][0]) < 0.1  # grey stays grey


@pytest.mark.parametrize("orientation", range(1, 9))
def test_upright_is_what_libraw_calls_upright(orientation: int) -> None:
    frame = raw_frame(size=(40, 54), orientation=orientation)

    def developed(data: bytes) -> np.ndarray[Any, Any]:
        with rawpy.imread(io.BytesIO(data)) as raw:
            return raw.postprocess(
                no_auto_bright=True, use_camera_wb=True, demosaic_algorithm=rawpy.DemosaicAlgorithm.LINEAR
            )[2:-2, 2:-2].astype(int)

    theirs, ours = developed(dng_bytes(frame)), developed(dng_bytes(frame.upright()))
    assert theirs.shape == ours.shape
    assert np.abs(theirs - ours).max() <= 1


def test_raws_are_known_by_content_and_by_suffix(tmp_path: Path) -> None:
    frame = raw_frame()
    data = dng_bytes(frame)
    for name in ("a.dng", "a.DNG", "a.arw", "a.tif", "a"):
        (tmp_path / name).write_bytes(data)
        assert same(read_raw(tmp_path / name), frame)
    assert same(read_raw(io.BytesIO(data), name="from a pipe"), frame)


def test_a_raw_without_a_beginning_of_its_own_is_known_by_its_suffix(tmp_path: Path) -> None:
    """8-bit values and nothing else: LibRaw knows this camera (an AVT F-080C) by the file's size alone."""
    values = np.random.default_rng(0).integers(0, 256, (768, 1024)).astype(np.uint8)
    path = tmp_path / "a.raw"
    path.write_bytes(values.tobytes())
    assert np.array_equal(read_raw(path).mosaic, values)
    assert read(path).pixels.shape == (768, 1024, 3)
    seen = describe(path)
    assert seen.format == "raw"
    assert seen.sensor is not None
    path.write_bytes(values.tobytes()[:1000])
    for opening in (read_raw, read, describe):
        with pytest.raises(UnreadableImageError, match="not a picture that scotopic knows"):
            opening(path)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_ordinary_pictures_are_no_raws(tmp_path: Path, format: str) -> None:
    with pytest.raises(UnreadableImageError, match=f"{format} file, not a camera raw"):
        read_raw(encoded(scene(32, 32), format))
    path = tmp_path / "a.dng"
    path.write_bytes(encoded(scene(32, 32), format))
    with pytest.raises(UnreadableImageError, match=r"a\.dng"):
        read_raw(path)


def test_other_sensors_are_refused_with_a_sentence_and_still_developed() -> None:
    values = np.random.default_rng(0).integers(0, 4000, (48, 64)).astype(np.uint16)
    grey = dng(values, 1, (50717, 3, 1, 4095, True)).replace(  # tifffile would not write it so
        struct.pack("<HHIHH", 262, 3, 1, 1, 0), struct.pack("<HHIHH", 262, 3, 1, 34892, 0)
    )
    files = {
        "all colours at every pixel": dng(np.stack([values] * 3, -1), 34892, (50721, 10, 9, MATRIX, True)),
        "without colour filters": grey,
        "filters of the colours": dng(values, 32803, *mosaic_tags(b"\3\4\5\1", names=b"\3\4\5\1")),
        "arranged in another way": dng(values, 32803, *mosaic_tags(b"\0\1\0\2"), (50721, 10, 9, MATRIX, True)),
    }
    for words, data in files.items():
        with pytest.raises(UnsupportedImageError, match=words):
            read_raw(data)
        assert read(data).pixels.shape[:2] == (48, 64)
        assert describe(data).sensor is None


@pytest.mark.parametrize("cfa", [RGGB, XTRANS])
def test_a_cut_raw_is_incomplete(cfa: CFA, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.dng"
    # As cameras do it, and unlike `write_dng`: the tables come before the pixels.
    pattern = bytes("RGB".index(letter) for row in cfa for letter in row)
    whole = dng(raw_frame().mosaic, 32803, *mosaic_tags(pattern, len(cfa)), (50717, 3, 1, 16383, True))
    path.write_bytes(whole)
    assert read_raw(path).height == 48
    for size in (len(whole) - 1, len(whole) // 2, 200, 9):
        path.write_bytes(whole[:size])
        for opening in (read_raw, read):
            with pytest.raises(UnreadableImageError, match=r"damaged|incomplete"):
                opening(path)
    assert capfd.readouterr() == ("", "")  # LibRaw says nothing on its own


@settings(max_examples=150)
@given(st.lists(st.tuples(st.integers(0, 1100), st.integers(0, 255)), min_size=1, max_size=4))
def test_damage_gives_our_errors_or_a_frame(changes: list[tuple[int, int]]) -> None:
    data = bytearray(WHOLE)
    for place, value in changes:
        # The tables: those of tifffile at the beginning, and those that we put at the end.
        data[place if place < 700 else place - 1101] = value
    try:
        frame = read_raw(bytes(data))
    except ImageError:
        return
    assert frame.light().shape == frame.mosaic.shape
    assert np.isfinite(frame.camera_to_xyz).all()
    assert np.isfinite(frame.white_balance).all()


def test_the_cap() -> None:
    with pytest.raises(ImageTooLargeError, match="64 x 48"):
        read_raw(dng_bytes(raw_frame()), max_pixels=64 * 48 - 1)


def test_notes_of_the_camera_are_ready_for_the_upright_picture() -> None:
    frame = read_raw(dng_bytes(raw_frame(orientation=6)))
    assert frame.metadata.exif is not None
    exif = read_exif(frame.metadata.exif)
    assert (exif.photo[0x0110].value, exif.photo[0x0112].value, exif.shot[0x8827].value) == ("One", 1, 3200)


def test_describe_says_what_the_sensor_is() -> None:
    seen = describe(dng_bytes(raw_frame(XTRANS, black=1024)))
    assert seen.sensor is not None
    assert (seen.sensor.cfa, seen.sensor.black_level_dn, seen.sensor.white_level_dn) == (XTRANS, (1024,) * 3, 16383)
    assert seen.sensor.white_balance == pytest.approx((2, 1, 1.5), rel=1e-4)
    assert describe(encoded(scene(32, 32), "PNG")).sensor is None
