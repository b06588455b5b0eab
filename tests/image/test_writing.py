"""What is written is what was given, whole or not at all."""

from __future__ import annotations

import errno
import io
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import pyvips
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from scotopic.errors import OutputExistsError, UnreadableImageError, UnsupportedImageError, WriteError
from scotopic.image import FORMATS, Picture, open_source, read, write, write_strips

from .pictures import encoded, scene

WRITABLE = [form.name for form in FORMATS.values() if form.writable]


def in_strips(pixels: NDArray[np.generic], rows: int) -> Iterator[NDArray[np.generic]]:
    for top in range(0, len(pixels), rows):
        yield pixels[top : top + rows]


def put(target: object, pixels: NDArray[np.generic], rows: int = 16, **options: object) -> None:
    height, width, bands = pixels.shape
    size = {"width": width, "height": height, "bands": bands}
    write_strips(target, in_strips(pixels, rows), **({"like": None} | size | options))  # type: ignore[arg-type]


@settings(max_examples=40, deadline=None)
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    bands=st.sampled_from([1, 3]),
    bits=st.sampled_from([8, 16]),
    rows=st.integers(1, 80),
    format=st.sampled_from(["png", "tiff"]),
    seed=st.integers(0, 9),
)
def test_lossless_formats_give_back_every_value(
    height: int, width: int, bands: int, bits: int, rows: int, format: str, seed: int
) -> None:
    dtype = np.uint8 if bits == 8 else np.uint16
    pixels = np.random.default_rng(seed).integers(0, 2**bits, (height, width, bands)).astype(dtype)
    file = io.BytesIO()
    put(file, pixels, rows, format=format)
    with open_source(file.getvalue()) as source:
        assert (source.width, source.height, source.bands, source.bits) == (width, height, bands, bits)
        assert np.array_equal(np.concatenate(list(source.strips(rows))), pixels)


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("format", WRITABLE)
def test_every_format_is_written_close_to_what_was_given(format: str, bands: int, tmp_path: Path) -> None:
    pixels = scene(60, 80, bands).reshape(60, 80, bands)
    path = tmp_path / f"out{FORMATS[format].suffixes[0]}"
    put(path, pixels)
    with Image.open(path) as image:
        assert image.format == format.upper()
        seen = np.asarray(image.convert("RGB")).astype(int)
    assert np.abs(seen - pixels).mean() < 2.5


@pytest.mark.parametrize("format", ["png", "tiff"])
def test_depth_can_be_changed(format: str) -> None:
    deep = np.arange(65536, dtype=np.uint16).reshape(256, 256, 1)
    file = io.BytesIO()
    put(file, deep, format=format, bits=8)
    eight = read(file.getvalue())
    assert eight.bits == 8
    assert np.abs(eight.pixels - deep / 65535).max() <= 0.5 / 255 + 1e-6
    file = io.BytesIO()
    put(file, scene(9, 9), format=format, bits=16)
    sixteen = read(file.getvalue())
    assert sixteen.bits == 16
    assert sixteen.pixels == pytest.approx(scene(9, 9) / 255, abs=1e-6)


@pytest.mark.parametrize("format", ["png", "tiff", "webp", "avif"])
def test_alpha_follows_the_picture_it_belongs_to(format: str) -> None:
    pixels = np.dstack([scene(40, 30), np.add.outer(np.arange(40) * 5, np.arange(30)).astype(np.uint8)])
    source = open_source(encoded(pixels, "PNG"))
    file = io.BytesIO()
    put(file, pixels[..., :3], like=source, format=format)
    alpha = read(file.getvalue()).alpha
    assert alpha is not None
    assert np.abs(alpha * 255 - pixels[..., 3]).mean() < 2
    file = io.BytesIO()
    put(file, pixels[..., :3], like=source, format=format, alpha=False)
    assert read(file.getvalue()).alpha is None


def test_alpha_is_turned_with_the_picture_and_kept_with_grey() -> None:
    pixels = np.dstack([scene(40, 30, 1), np.add.outer(np.arange(40) * 5, np.arange(30)).astype(np.uint8)])
    exif = Image.Exif()
    exif[0x0112] = 6
    with open_source(encoded(Image.fromarray(pixels), "PNG", exif=exif)) as source:
        file = io.BytesIO()
        write_strips(
            file, source.strips(8), width=source.width, height=source.height, bands=1, like=source, format="tiff"
        )
    picture = read(file.getvalue())
    assert picture.alpha is not None
    assert np.array_equal(np.round(picture.alpha * 255), np.rot90(pixels[..., 1], -1))


def test_jpeg_has_no_alpha_and_lies_on_white() -> None:
    pixels = np.zeros((16, 16, 4), np.uint8)
    pixels[:8, :, 3] = 255
    source = open_source(encoded(pixels, "PNG"))
    file = io.BytesIO()
    put(file, pixels[..., :3], like=source, format="jpeg")
    written = read(file.getvalue()).pixels
    assert written[:7].max() < 0.02
    assert written[9:].min() > 0.98


@pytest.mark.parametrize("light", ["srgb", "linear"])
@pytest.mark.parametrize("bits", [8, 16])
def test_pictures_survive_writing_and_reading(light: str, bits: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    pixels, alpha = rng.random((33, 21, 3), np.float32), rng.random((33, 21), np.float32)
    picture = Picture(pixels, light, alpha, bits)  # type: ignore[arg-type]
    write(picture, tmp_path / "a.png")
    back = read(tmp_path / "a.png")
    expected = (
        pixels
        if light == "srgb"
        else np.where(pixels <= 0.0031308, pixels * 12.92, 1.055 * pixels ** (1 / 2.4) - 0.055)
    )  # IEC 61966-2-1
    assert back.bits == bits
    assert back.pixels == pytest.approx(expected, abs=0.51 / (2**bits - 1))
    assert back.alpha == pytest.approx(alpha, abs=0.51 / (2**bits - 1))


def test_higher_quality_is_closer_and_larger() -> None:
    pixels = scene(100, 100)
    sizes, errors = [], []
    for quality in (20, 95):
        file = io.BytesIO()
        put(file, pixels, format="jpeg", quality=quality)
        sizes.append(len(file.getvalue()))
        errors.append(np.abs(read(file.getvalue()).pixels * 255 - pixels).mean())
    assert sizes[0] < sizes[1]
    assert errors[0] > errors[1]


def test_an_existing_file_is_kept_unless_overwriting_is_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"precious")
    with pytest.raises(OutputExistsError, match=r"a\.png"):
        put(path, scene(4, 4))
    assert path.read_bytes() == b"precious"
    put(path, scene(4, 4), overwrite=True)
    assert read(path).height == 4
    assert os.listdir(tmp_path) == ["a.png"]


def test_a_picture_can_replace_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(encoded(scene(50, 40), "PNG"))
    with open_source(path) as source:
        inverted = (255 - strip for strip in source.strips(8))
        write_strips(path, inverted, width=40, height=50, bands=3, like=source, overwrite=True)
    assert np.array_equal(np.round(read(path).pixels * 255), 255 - scene(50, 40))


class Trouble(Exception):
    pass


@pytest.mark.parametrize("format", WRITABLE)
@pytest.mark.parametrize(("after", "trouble"), [(0, Trouble), (1, Trouble), (50, Trouble), (50, KeyboardInterrupt)])
def test_a_failing_producer_is_heard_and_leaves_nothing(
    format: str, after: int, trouble: type[BaseException], tmp_path: Path
) -> None:
    def strips() -> Iterator[NDArray[np.uint8]]:
        for _ in range(after):
            yield scene(2, 300)
        raise trouble("no more")

    path = tmp_path / f"a.{format}"
    path.write_bytes(b"precious")
    with pytest.raises(trouble, match="no more"):
        write_strips(path, strips(), width=300, height=400, bands=3, like=None, overwrite=True)
    assert path.read_bytes() == b"precious"
    assert os.listdir(tmp_path) == [path.name]
    assert not any(thread.name == "scotopic-encoder" for thread in threading.enumerate())


def test_a_truncated_input_is_heard_through_the_encoder(tmp_path: Path) -> None:
    data = encoded(scene(300, 300), "JPEG")
    with open_source(data[: len(data) // 2]) as source, pytest.raises(UnreadableImageError):
        write_strips(tmp_path / "a.jpg", source.strips(16), width=300, height=300, bands=3, like=source)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("rows", "said"), [(99, "only 99 of 100 rows"), (0, "no pixels"), (101, "got uint8")])
def test_a_wrong_number_of_rows_is_an_error(rows: int, said: str, tmp_path: Path) -> None:
    with pytest.raises(WriteError, match=said):
        write_strips(tmp_path / "a.png", in_strips(scene(rows, 10), 7), width=10, height=100, bands=3, like=None)
    assert os.listdir(tmp_path) == []


def test_impossible_wishes_are_refused_in_words(tmp_path: Path) -> None:
    pixels = scene(4, 4)
    with pytest.raises(UnsupportedImageError, match="jpeg, png, tiff, webp, avif"):
        put(tmp_path / "a.xyz", pixels)
    with pytest.raises(UnsupportedImageError, match="Choose one of"):
        put(tmp_path / "a.heic", pixels)
    with pytest.raises(UnsupportedImageError, match="1 to 100"):
        put(tmp_path / "a.jpg", pixels, quality=0)
    with pytest.raises(UnsupportedImageError, match="8 or 16"):
        put(tmp_path / "a.png", pixels, bits=12)
    with pytest.raises(UnsupportedImageError, match="A WEBP file is at most 16383"):
        write_strips(tmp_path / "a.webp", iter([]), width=20_000, height=1, bands=3, like=None)
    with pytest.raises(UnsupportedImageError, match="An AVIF file is at most 16384"):
        write_strips(tmp_path / "a.avif", iter([]), width=20_000, height=1, bands=3, like=None)
    with pytest.raises(WriteError, match="no folder"):
        put(tmp_path / "missing" / "a.png", pixels)
    with pytest.raises(WriteError, match="is a folder"):
        put(tmp_path, pixels, format="png")
    assert os.listdir(tmp_path) == []


def test_a_full_disk_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    if sys.platform == "win32":
        pytest.skip("file size limits are a thing of Unix")
    code = """
import resource, signal, sys, numpy as np
from scotopic.errors import WriteError
from scotopic.image import write_strips
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))
noise = np.random.default_rng(0).integers(0, 256, (400, 400, 3)).astype(np.uint8)
for suffix in sys.argv[2:]:
    try:
        write_strips(f"{sys.argv[1]}/a.{suffix}", iter([noise]), width=400, height=400, bands=3, like=None)
    except WriteError as error:
        print(suffix, "refused:", error)
"""
    suffixes = ["jpg", "png", "tif", "webp", "avif"]
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), *suffixes], capture_output=True, text=True, timeout=60, check=True
    )
    assert [line.split()[:2] for line in done.stdout.splitlines()] == [[suffix, "refused:"] for suffix in suffixes]
    assert all("file too large. Choose another folder" in line for line in done.stdout.splitlines())
    assert ".part" not in done.stdout
    assert done.stderr == ""
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "permission denied. Choose a folder that you may write to"),
        (errno.EROFS, "read-only file system. Choose a folder that you may write to"),
        (errno.ENOSPC, "no space left on device. Free some space"),
    ],
)
def test_a_folder_that_takes_no_file_is_an_error_that_says_why(
    number: int, said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> int:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "open", refuse)
    path = tmp_path / "a.jpg"
    with pytest.raises(WriteError, match=re.escape(f"Cannot write '{path}': {said}")):
        put(path, scene(8, 8))


@pytest.mark.skipif(os.name != "posix", reason="modes are a thing of Unix")
@pytest.mark.parametrize("mode", [0o600, 0o444, 0o664])
def test_a_replaced_file_keeps_its_mode(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"before")
    path.chmod(mode)
    put(path, scene(8, 8), overwrite=True)
    assert path.stat().st_mode & 0o777 == mode
    assert read(path).pixels.shape == (8, 8, 3)


@pytest.mark.skipif(os.name != "posix", reason="modes are a thing of Unix")
def test_a_new_file_has_the_usual_mode(tmp_path: Path) -> None:
    (tmp_path / "usual").write_bytes(b"")
    put(tmp_path / "a.png", scene(8, 8))
    assert (tmp_path / "a.png").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_a_target_that_cannot_take_it_is_an_error() -> None:
    class Full(io.BytesIO):
        def write(self, data: object) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(WriteError, match="no space left"):
        put(Full(), scene(8, 8), format="png")


@pytest.mark.parametrize(("mode", "sampling"), [("on", "4:2:0"), ("off", "4:4:4")])
def test_a_jpeg_keeps_the_chroma_sampling_it_came_with(tmp_path: Path, mode: str, sampling: str) -> None:
    pyvips.Image.black(64, 48, bands=3).cast("uchar").copy(interpretation="srgb").jpegsave(
        str(tmp_path / "in.jpg"), Q=95, subsample_mode=mode
    )
    with open_source(tmp_path / "in.jpg") as source:
        write_strips(tmp_path / "out.jpg", source.strips(16), width=64, height=48, bands=3, like=source)
    assert pyvips.Image.new_from_file(str(tmp_path / "out.jpg")).get("jpeg-chroma-subsample") == sampling
