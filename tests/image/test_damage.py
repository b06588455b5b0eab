"""Whatever is wrong with a file, we say so in a sentence; nothing crashes, hangs or prints."""

from __future__ import annotations

import base64
import io
import os
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from scotopic.errors import (
    ImageError,
    ImageTooLargeError,
    MissingExtraError,
    UnreadableImageError,
    UnsupportedImageError,
)
from scotopic.image import open_source, read

from .pictures import camera_exif, encoded, icc_profile, scene
from .test_reading import png16

FORMATS = {
    "jpeg": {"quality": 95},
    "progressive": {"format": "JPEG", "progressive": True},
    "png": {},
    "tiff": {},
    "deflated": {"format": "TIFF", "compression": "tiff_adobe_deflate"},
    "webp": {},
    "avif": {},
}


# A HEIC file of 32 x 16 pixels, red on the left and blue on the right: no encoder is at hand in the tests.
HEIC = zlib.decompress(
    base64.b85decode(
        b"c-"
        b"muNV30{GsVvAy%}izhg51nBLl8SRGck>Ufw3kxwIq=N0u(b+a*CjAhJwuG5(YG&l$nzcHpIn&fe{FSfN=qY27;YHtelydmj>p6L`8v|R3<1dqb"
        b"%7F#N;c;EXjo{`IA{tQ~;#!WELdn1L;zrGG|6+kkACMBDoI?fBydX!N9=JoB-4z;lRkl`2Rmh0W(MiGYHA;Vsc0XN@_YWGNQ>WP-tYG_G;a%XA"
        b"cw?9B5!*;AsE}w<G~ov$-%HEI!x?v_m*KKc^@!Ii~_B%FDn8RKg&VSzM3`^_T+`Yb56+f*hs*b-MtF{{R2~10c-"
        b"=q%VMIka$66MJ7liGY1C;kdnwO$c2S5FxXfdnV4Byfb4_0DT$yk-m1a4p7TWd#%-3$;r0K|XUqTBNMHE-Xr6Zc_q*QjADG|&zv{@p;PqeL-Ew("
        b"+_jp99vFY6Mg@ppHk$2vk>C|o7#P>9ZZ9%JA<}am|=`)Pum(SWcx99gOiSPCfhi$vHXFN6&{h07J{Q0`fhdBisHWg2|lu=w%Ys&55{)^$P#fyO"
        b"RJb5V$-4Bv4Eb_nVZ^9s*D}ScCCPdIzYL4!_)Z{rkPdwxmez|nreCdz%N@^jhN~VS<uC?@5006W!st*"
    )
)


def sample(key: str, **extra: object) -> bytes:
    options = dict(FORMATS[key])
    return encoded(scene(200, 300), str(options.pop("format", key.upper())), **options, **extra)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", FORMATS)
@pytest.mark.parametrize("kept", [0.02, 0.5, 0.95, -20])
def test_truncated_files_are_errors_not_grey_rows(key: str, kept: float) -> None:
    data = sample(key)
    cut = data[: int(len(data) * kept)] if kept > 0 else data[: int(kept)]
    with pytest.raises(UnreadableImageError, match=r"'cut' .*\."):
        read(cut, name="cut")
    with pytest.raises(UnreadableImageError), open_source(cut) as source:
        source.thumbnail(64)


def tiled(compression: str | None = None) -> bytes:
    file = io.BytesIO()
    extra = [(65000, 2, 8, "unknown", True)]
    pixels = scene(200, 300)
    tifffile.imwrite(file, pixels, photometric="rgb", tile=(64, 64), compression=compression, extratags=extra)
    return file.getvalue()


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("kept", [0.5, 0.95])
def test_truncated_tiles_are_errors_not_black(compression: str | None, kept: float) -> None:
    data = tiled(compression)
    assert np.array_equal(np.round(read(data).pixels * 255), scene(200, 300))
    with pytest.raises(UnreadableImageError, match="damaged"):
        read(data[: int(len(data) * kept)])


def test_a_corrupt_tile_is_an_error() -> None:
    data = bytearray(tiled("zlib"))
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        at = tiff.pages[0].dataoffsets[7]  # type: ignore[union-attr]
    data[at : at + 100] = b"\xff" * 100
    with pytest.raises(UnreadableImageError, match="damaged"):
        read(bytes(data))


def test_tiles_beside_odd_tags_are_no_damage() -> None:
    data = bytearray(tiled())
    at = data.find(struct.pack("<HH", 65000, 2))
    data[at : at + 2] = struct.pack("<H", 270)  # the tags are now out of order, as some programs leave them
    assert np.array_equal(np.round(read(bytes(data)).pixels * 255), scene(200, 300))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "empty"),
        (b"hello, world", "not a picture"),
        (b"\xff\xd8\xff\xe0" + bytes(50), "damaged"),
        (b"II*\0", "damaged"),
    ],
)
def test_what_is_no_picture_is_said_to_be_none(data: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jpg"
    path.write_bytes(data)
    with pytest.raises(UnreadableImageError, match=said):
        open_source(path)


def test_folders_missing_and_forbidden_files(tmp_path: Path) -> None:
    with pytest.raises(UnreadableImageError, match="is a folder"):
        open_source(tmp_path)
    with pytest.raises(UnreadableImageError, match="does not exist"):
        open_source(tmp_path / "a.jpg")
    with pytest.raises(UnreadableImageError, match="cannot be read"):
        open_source(tmp_path / ("a" * 300 + ".jpg"))
    path = tmp_path / "secret.png"
    path.write_bytes(encoded(scene(4, 4), "PNG"))
    path.chmod(0)
    if not os.access(path, os.R_OK):  # root may read everything
        with pytest.raises(UnreadableImageError, match="cannot be read"):
            open_source(path)


def test_the_cap_is_checked_before_anything_is_decoded(tmp_path: Path) -> None:
    bomb = bytearray(png16(np.zeros((1, 1, 3), np.uint16)))
    bomb[16:24] = (60_000).to_bytes(4, "big") * 2
    bomb[29:33] = zlib.crc32(bomb[12:29]).to_bytes(4, "big")
    with pytest.raises(ImageTooLargeError, match=r"60000 x 60000 = 3,600 million"):
        open_source(bytes(bomb))
    data = encoded(scene(20, 30), "JPEG")
    with pytest.raises(ImageTooLargeError, match="max_pixels"):
        open_source(data, max_pixels=599)
    assert open_source(data, max_pixels=600).width == 30


def test_numbers_without_a_white_are_refused(tmp_path: Path) -> None:
    for dtype in (np.float32, np.uint32, np.int16):
        path = tmp_path / f"{np.dtype(dtype).name}.tif"
        tifffile.imwrite(path, np.zeros((4, 4, 3), dtype), photometric="rgb")
        with pytest.raises(UnsupportedImageError, match="8 or 16 bits"):
            open_source(path)


def test_heic_without_its_codec_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    with pytest.raises(MissingExtraError, match=r"scotopic\[heif\]"):
        read(HEIC)
    with pytest.raises(UnreadableImageError):
        read(HEIC[:60])


def test_heic_with_its_codec() -> None:
    pytest.importorskip("pillow_heif")
    with open_source(HEIC) as source:
        assert (source.format, source.width, source.height, source.bits) == ("heic", 32, 16, 8)
    left, right = read(HEIC).pixels[8, 8], read(HEIC).pixels[8, 24]
    assert left == pytest.approx(np.array([200, 40, 40]) / 255, abs=0.05)
    assert right == pytest.approx(np.array([40, 40, 200]) / 255, abs=0.05)


@pytest.mark.parametrize("orientation", [1, 6])
def test_heic_is_turned_once(orientation: int) -> None:
    heif = pytest.importorskip("pillow_heif")
    pixels = scene(64, 96)
    file, exif = io.BytesIO(), Image.Exif()
    exif[0x0112] = orientation
    try:
        heif.from_pillow(Image.fromarray(pixels)).save(file, exif=exif.tobytes(), quality=95)
    except RuntimeError:
        pytest.skip("this pillow-heif has no encoder")
    expected = np.rot90(pixels, -1) if orientation == 6 else pixels
    with open_source(file.getvalue()) as source:
        assert (source.format, source.orientation) == ("heic", 1)
        assert (source.height, source.width) == expected.shape[:2]
        whole = np.concatenate(list(source.strips(16)))
    assert np.abs(whole.astype(int) - expected).mean() < 4


def test_a_closed_source_says_so() -> None:
    source = open_source(encoded(scene(4, 4), "PNG"))
    source.close()
    with pytest.raises(ValueError, match="closed"):
        next(source.strips(1))


def test_a_source_closed_while_it_is_read_is_an_error_not_a_crash(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(np.random.default_rng(0).integers(0, 256, (900, 900, 3)).astype(np.uint8), "PNG"))
    with open_source(path) as source:
        strips = source.strips(4)
        next(strips)
    with pytest.raises(UnreadableImageError):
        list(strips)


@settings(max_examples=150, deadline=None)
@given(key=st.sampled_from(list(FORMATS)), at=st.integers(0, 5000), noise=st.binary(min_size=1, max_size=8))
def test_no_damage_raises_anything_but_our_errors(key: str, at: int, noise: bytes) -> None:
    data = bytearray(sample_with_everything(key))
    at %= len(data)
    data[at : at + len(noise)] = noise
    try:
        with open_source(bytes(data), max_pixels=1_000_000) as source:
            source.thumbnail(32)
            for strip in source.strips(16):
                assert strip.shape[1:] == (source.width, source.bands)
    except ImageError:
        pass


_CACHE: dict[str, bytes] = {}


def sample_with_everything(key: str) -> bytes:
    if key not in _CACHE:
        options = dict(FORMATS[key])
        format = str(options.pop("format", key.upper()))
        icc = icc_profile(2.2, [(0.6, 0.3, 0.0), (0.2, 0.6, 0.1), (0.15, 0.1, 0.7)])
        _CACHE[key] = encoded(scene(60, 80), format, exif=camera_exif(6), icc_profile=icc, **options)
    return _CACHE[key]


def test_nothing_is_printed(tmp_path: Path) -> None:
    paths = []
    for key in FORMATS:
        path = tmp_path / key
        data = sample(key)
        path.write_bytes(data[: len(data) // 2])
        paths.append(str(path))
    code = """
import sys
from scotopic.errors import UnreadableImageError
from scotopic.image import read
for path in sys.argv[1:]:
    try:
        read(path)
    except UnreadableImageError:
        pass
"""
    done = subprocess.run([sys.executable, "-c", code, *paths], capture_output=True, text=True, timeout=60, check=True)
    assert (done.stdout, done.stderr) == ("", "")
