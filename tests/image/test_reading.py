"""Whatever a file holds, it comes out upright, as grey or RGB of 8 or 16 bits, and as often as asked."""

from __future__ import annotations

import errno
import io
import struct
import tempfile
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from numpy.typing import NDArray
from PIL import Image, ImageOps

from scotopic.errors import UnreadableImageError
from scotopic.image import FORMATS, Source, describe, is_picture_path, open_source, read, turning

from .pictures import camera_exif, encoded, scene


def whole(source: Source, rows: int = 16) -> NDArray[np.generic]:
    return np.concatenate(list(source.strips(rows)))


def png16(pixels: NDArray[np.uint16]) -> bytes:
    """A 16-bit PNG by hand: Pillow writes and reads RGB with 8 bits only."""
    height, width, bands = pixels.shape

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 16, {1: 0, 2: 4, 3: 2, 4: 6}[bands], 0, 0, 0)
    rows = b"".join(b"\0" + row.astype(">u2").tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("format", "bands"), [(f, b) for f in ("PNG", "TIFF") for b in (1, 3)] + [("WEBP", 3)])
def test_lossless_pixels_are_those_pillow_reads(format: str, bands: int) -> None:
    pixels = scene(37, 53, bands)
    options = {"lossless": True} if format == "WEBP" else {}
    with open_source(encoded(pixels, format, **options)) as source:
        assert (source.width, source.height, source.bands, source.bits) == (53, 37, bands, 8)
        assert not source.has_alpha
        assert np.array_equal(whole(source).squeeze(), pixels)


@pytest.mark.parametrize("format", ["JPEG", "AVIF", "WEBP"])
def test_lossy_pixels_are_close_to_those_pillow_reads(format: str) -> None:
    data = encoded(scene(64, 96), format, quality=90)
    with Image.open(io.BytesIO(data)) as image:
        expected = np.asarray(image.convert("RGB")).astype(int)
    with open_source(data) as source:
        assert source.format == format.lower()
        assert np.abs(whole(source).astype(int) - expected).mean() < 1.5


def test_grey_jpeg_stays_grey() -> None:
    with open_source(encoded(scene(20, 30, 1), "JPEG")) as source:
        assert source.bands == 1
        assert next(source.strips(7)).shape == (7, 30, 1)


@pytest.mark.parametrize("bands", [1, 2, 3, 4])
@pytest.mark.parametrize("format", ["png", "tiff"])
def test_sixteen_bits_stay_sixteen(format: str, bands: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 65536, (21, 34, bands)).astype(np.uint16)
    buffer = io.BytesIO()
    extra = {"extrasamples": ["unassalpha"]} if bands in (2, 4) else {}
    extra |= {"planarconfig": "contig"} if bands > 1 else {}
    tifffile.imwrite(buffer, pixels.squeeze(), photometric="rgb" if bands >= 3 else "minisblack", **extra)
    data = png16(pixels) if format == "png" else buffer.getvalue()
    colours = 1 if bands <= 2 else 3
    with open_source(data) as source:
        assert (source.bits, source.bands, source.has_alpha) == (16, colours, bands in (2, 4))
        assert np.array_equal(whole(source), pixels[..., :colours])
        if source.has_alpha:
            assert source.alpha() == pytest.approx(pixels[..., -1] / 65535)


def test_palette_becomes_rgb_and_one_bit_becomes_eight() -> None:
    pixels = scene(16, 16)
    palette = Image.fromarray(pixels).quantize(17)
    with open_source(encoded(palette, "PNG")) as source:
        assert (source.bands, source.bits) == (3, 8)
        assert np.array_equal(whole(source), np.asarray(palette.convert("RGB")))
    bilevel = Image.fromarray(pixels).convert("1")
    for format in ("PNG", "TIFF"):
        with open_source(encoded(bilevel, format)) as source:
            assert np.array_equal(whole(source)[..., 0], np.asarray(bilevel).astype(np.uint8) * 255)


def test_cmyk_becomes_rgb() -> None:
    inks = np.zeros((8, 8, 4), np.uint8)
    inks[:4, :, 0] = 255  # cyan above, white paper below
    for format in ("JPEG", "TIFF"):
        picture = read(encoded(Image.fromarray(inks, "CMYK"), format))
        assert picture.pixels.shape == (8, 8, 3)
        red, green, blue = picture.pixels[1, 4]
        assert red < 0.3 < green < blue
        assert picture.pixels[6].min() > 0.95
        assert picture.metadata.icc is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_every_orientation_comes_upright(format: str, orientation: int) -> None:
    pixels = scene(24, 40)
    image = Image.fromarray(pixels)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"lossless": True} if format == "WEBP" else {"quality": 100, "subsampling": 0} if format == "JPEG" else {}
    data = encoded(image, format, exif=exif, **options)
    image.getexif()[0x0112] = orientation
    expected = np.asarray(ImageOps.exif_transpose(image)).astype(int)
    with open_source(data) as source:
        assert source.orientation == orientation
        assert (source.height, source.width) == expected.shape[:2]
        assert np.abs(whole(source).astype(int) - expected).max() <= (8 if format == "JPEG" else 0)
        small = source.thumbnail(20)
        assert small.shape == ((20, 12, 3) if orientation >= 5 else (12, 20, 3))
        shrunk = expected.reshape(expected.shape[0] // 2, 2, expected.shape[1] // 2, 2, 3).mean((1, 3)) / 255
        assert np.abs(small - shrunk).mean() < 0.02


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("at_once", [1, 4000, 1 << 20])
def test_what_is_too_large_to_turn_in_memory_is_turned_in_a_file(
    orientation: int, deep: bool, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pixels = scene(50, 71, 1 if deep else 3)
    pixels = pixels.astype(np.uint16) * 257 if deep else pixels
    file = io.BytesIO()
    tags = [(274, 3, 1, orientation, True)]
    tifffile.imwrite(file, pixels, photometric="minisblack" if deep else "rgb", extratags=tags)
    with open_source(file.getvalue()) as source:
        in_memory = whole(source, 7)
        monkeypatch.setattr(turning, "IN_MEMORY", 0)
        monkeypatch.setattr(turning, "AT_ONCE", at_once)
        strips = list(source.strips(7))
        assert [len(strip) for strip in strips[:-1]] == [7] * (len(strips) - 1)
        assert all(strip.flags.c_contiguous for strip in strips)
        assert np.array_equal(np.concatenate(strips), in_memory)


def test_no_room_to_turn_a_picture_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object, **options: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(turning, "IN_MEMORY", 0)
    monkeypatch.setattr(tempfile, "TemporaryFile", full)
    exif = Image.Exif()
    exif[0x0112] = 6
    with (
        open_source(encoded(scene(8, 8), "PNG", exif=exif)) as source,
        pytest.raises(UnreadableImageError, match="No space left on device, in the folder for temporary files"),
    ):
        list(source.strips(4))


def test_avif_is_turned_once() -> None:
    pixels = scene(24, 40)
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(pixels, "AVIF", exif=exif, quality=100)
    with open_source(data) as source:
        assert (source.width, source.height) == (24, 40)
        assert np.abs(whole(source).astype(int) - np.rot90(pixels, -1)).mean() < 3


def test_strips_start_anew_each_time_and_cover_every_row() -> None:
    with open_source(encoded(scene(50, 30), "PNG")) as source:
        strips = list(source.strips(16))
        assert [len(strip) for strip in strips] == [16, 16, 16, 2]
        assert all(strip.flags.c_contiguous for strip in strips)
        assert np.array_equal(whole(source, 1), np.concatenate(strips))
        assert np.array_equal(whole(source, 1000), np.concatenate(strips))


def test_very_wide_pictures_are_put_together_from_pieces() -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (40, 20_000, 3)).astype(np.uint8)
    with open_source(encoded(pixels, "TIFF")) as source:
        assert np.array_equal(whole(source, 17), pixels)


@pytest.mark.parametrize(("height", "width"), [(1, 1), (1, 97), (97, 1), (2, 3)])
@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_the_smallest_pictures_work(format: str, height: int, width: int) -> None:
    with open_source(encoded(np.full((height, width, 3), 77, np.uint8), format)) as source:
        assert np.abs(whole(source).astype(int) - 77).max() <= 2
        assert source.thumbnail(512).shape == (height, width, 3)
        assert source.thumbnail(8).shape == (min(height, 8), min(width, 8), 3)


def test_thumbnail_keeps_brightness_never_enlarges_and_is_always_rgb() -> None:
    pixels = scene(300, 200, 1)
    for format in ("JPEG", "PNG", "WEBP"):
        with open_source(encoded(pixels, format)) as source:
            small = source.thumbnail(64)
            assert small.dtype == np.float32
            assert small.shape == (64, 43, 3)
            assert small.mean() == pytest.approx(pixels.mean() / 255, abs=0.005)
            assert source.thumbnail(1000).shape == (300, 200, 3)


def test_content_decides_not_the_name(tmp_path: Path) -> None:
    for name in ("lies.jpg", "brackets[1].png", "no suffix", "ünï©ode.tif"):
        path = tmp_path / name
        path.write_bytes(encoded(scene(9, 9), "PNG"))
        with open_source(path) as source:
            assert source.format == "png"
            assert source.name == str(path)


def test_bytes_and_unseekable_streams_are_read_too() -> None:
    class Pipe(io.RawIOBase):
        def __init__(self, data: bytes) -> None:
            self.data = io.BytesIO(data)

        def readable(self) -> bool:
            return True

        def readinto(self, buffer: bytearray) -> int:  # type: ignore[override]
            return self.data.readinto(buffer)

    data = encoded(scene(9, 9), "PNG")
    expected = read(data).pixels
    assert np.array_equal(read(Pipe(data), name="stdin").pixels, expected)  # type: ignore[arg-type]
    assert read(io.BytesIO(data), name="stdin").name == "stdin"


def test_of_several_pages_the_first_is_taken() -> None:
    pages = [Image.fromarray(np.full((8, 8, 3), value, np.uint8)) for value in (10, 200)]
    for format in ("TIFF", "WEBP", "PNG"):
        options = {"lossless": True} if format == "WEBP" else {}
        data = encoded(pages[0], format, save_all=True, append_images=pages[1:], **options)
        with open_source(data) as source:
            assert (source.height, int(whole(source).max())) == (8, 10)


def test_suffixes() -> None:
    assert all(is_picture_path(f"a{suffix}") for form in FORMATS.values() for suffix in form.suffixes)
    assert not any(is_picture_path(name) for name in ("a", "jpg", "a.txt", "a.pdf"))


def test_description_tells_what_the_camera_wrote_and_how_dark_it_is(tmp_path: Path) -> None:
    path = tmp_path / "night.jpg"
    path.write_bytes(encoded(scene(80, 120) // 12, "JPEG", quality=95, exif=camera_exif(6)))
    seen = describe(path)
    assert (seen.format, seen.width, seen.height, seen.bits, seen.bands) == ("jpeg", 80, 120, 8, 3)
    assert (seen.make, seen.model, seen.iso, seen.f_number) == ("Cam", "Model X", 3200, 2.8)
    assert seen.exposure_s == pytest.approx(1 / 30)
    assert (seen.taken, seen.orientation, seen.alpha) == ("2024:01:02 03:04:05", 6, False)
    assert seen.how_dark == "very dark"
    assert seen.shadows > 0.9
    assert seen.clipped == 0
    bright = describe(encoded(np.full((64, 64, 3), 255, np.uint8), "PNG"))
    assert (bright.how_dark, bright.clipped, bright.make) == ("well exposed", 1.0, None)


def test_more_noise_is_seen_as_more_noise() -> None:
    rng = np.random.default_rng(0)
    flat = [np.clip(128 + rng.normal(0, sigma, (600, 600, 1)), 0, 255).astype(np.uint8) for sigma in (2, 8)]
    seen = [describe(encoded(pixels[..., 0], "PNG")).noise_sigma_8bit for pixels in flat]
    assert seen == pytest.approx([2, 8], rel=0.15)
