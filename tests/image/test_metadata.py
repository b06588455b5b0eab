"""Exif, XMP and ICC arrive in every format as the camera wrote them, except that the picture is upright now."""

from __future__ import annotations

import io

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from scotopic.image import FORMATS, open_source, read, write_strips
from scotopic.image.exif import Entry, Exif, build_exif, read_exif, upright

from .pictures import ADOBE_RGB, MAKER_NOTE, XMP, camera_exif, encoded, icc_profile, scene

WRITABLE = [form.name for form in FORMATS.values() if form.writable]


def converted(data: bytes, format: str) -> bytes:
    file = io.BytesIO()
    with open_source(data) as source:
        size = {"width": source.width, "height": source.height, "bands": source.bands}
        write_strips(file, source.strips(16), like=source, format=format, **size)  # type: ignore[arg-type]
    return file.getvalue()


def seen_by_pillow(data: bytes) -> dict[str, object]:
    with Image.open(io.BytesIO(data)) as image:
        exif = image.getexif()
        shot, gps = exif.get_ifd(0x8769), exif.get_ifd(0x8825)
        note = shot.get(0x927C)
        return {
            "make": exif.get(0x010F),
            "exposure_s": float(shot.get(0x829A, 0)),
            "lens": shot.get(0xA434),
            "note": bytes(note) if note else None,
            "latitude": tuple(float(part) for part in gps.get(2, ())),
            "east": gps.get(3),
            "orientation": exif.get(0x0112, 1),
            "icc": image.info.get("icc_profile"),
        }


@pytest.mark.parametrize("format", WRITABLE)
@pytest.mark.parametrize("origin", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exif_and_icc_survive(origin: str, format: str) -> None:
    icc = icc_profile(2.2, ADOBE_RGB)
    data = encoded(scene(32, 48), origin, exif=camera_exif(6), icc_profile=icc)
    if origin == "TIFF":  # Pillow writes the shot and the place into TIFFs only from Exif that it has read
        with Image.open(io.BytesIO(encoded(scene(32, 48), "PNG", exif=camera_exif(6)))) as image:
            data = encoded(scene(32, 48), "TIFF", exif=image.getexif(), icc_profile=icc)
    assert seen_by_pillow(converted(data, format)) == {
        "make": "Cam",
        "exposure_s": pytest.approx(1 / 30),
        "lens": "Lens 50mm",
        "note": MAKER_NOTE,
        "latitude": (48, 30, 5),
        "east": "E",
        "orientation": 1,
        "icc": icc,
    }


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "avif"])
def test_exif_survives_byte_for_byte(format: str) -> None:
    data = encoded(scene(32, 48), "JPEG", exif=camera_exif(1))
    with open_source(data) as source:
        exif = source.metadata.exif
    assert exif is not None
    assert exif in converted(data, format)


@pytest.mark.parametrize("format", WRITABLE)
def test_xmp_survives_with_its_orientation_reset(format: str) -> None:
    xmp = read(converted(encoded(scene(32, 48), "JPEG", xmp=XMP), format)).metadata.xmp
    assert xmp is not None
    assert xmp.rstrip(b"\0") == XMP.replace(b'Orientation="6"', b'Orientation="1"')


def test_xmp_in_a_png_is_found_by_other_programs() -> None:
    xmp = XMP.replace(b'about=""', 'about="Zürich 夜"'.encode())
    written = converted(encoded(scene(32, 48), "JPEG", xmp=xmp, exif=camera_exif()), "png")
    with Image.open(io.BytesIO(written)) as image:
        image.load()
        assert image.info["xmp"] == xmp.replace(b'Orientation="6"', b'Orientation="1"')
        assert image.getexif()[0x010F] == "Cam"
        assert np.asarray(image).shape == (32, 48, 3)
    assert written.count(b"iTXtXML:com.adobe.xmp\0\0\0\0\0<x:xmpmeta") == 1
    assert b"zTXt" not in written


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
@pytest.mark.parametrize("origin", ["JPEG", "PNG", "TIFF"])
def test_print_density_survives(origin: str, format: str) -> None:
    written = converted(encoded(scene(32, 48), origin, dpi=(300, 300)), format.lower())
    with Image.open(io.BytesIO(written)) as image:
        assert image.info["dpi"] == pytest.approx((300, 300), abs=0.01)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_print_density_is_taken_from_the_exif_where_the_file_has_none_and_turned_with_the_picture(format: str) -> None:
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128], exif[0x0112] = 120.0, 240.0, 3, 6  # per cm
    written = converted(encoded(scene(32, 48), "WEBP", exif=exif), format.lower())
    assert read(written).metadata.dots_per_mm == pytest.approx((24, 12), abs=0.01)
    with Image.open(io.BytesIO(written)) as image:
        assert image.size == (32, 48)
        if format != "JPEG":  # of whose two densities Pillow takes one for both
            assert image.info["dpi"] == pytest.approx((240 * 2.54, 120 * 2.54), abs=0.5)
        assert [image.getexif()[tag] for tag in (0x011A, 0x011B, 0x0128)] == [240, 120, 3]


def test_print_density_in_the_exif_stands_in_a_tiff() -> None:
    exif = Image.Exif()
    exif[0x011A], exif[0x011B], exif[0x0128] = 350.0, 350.0, 2
    written = converted(encoded(scene(32, 48), "JPEG", exif=exif, dpi=(72, 72)), "tiff")
    with Image.open(io.BytesIO(written)) as image:
        assert image.info["dpi"] == (350, 350)


@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF"])
def test_an_unknown_print_density_is_the_usual_one(format: str) -> None:
    assert read(encoded(scene(8, 8), "WEBP")).metadata.dots_per_mm is None
    with Image.open(io.BytesIO(converted(encoded(scene(8, 8), "WEBP"), format.lower()))) as image:
        assert image.info["dpi"] == pytest.approx((72, 72), abs=0.02)


def test_exif_in_a_webp_has_no_header_of_jpeg() -> None:
    written = converted(encoded(scene(8, 8), "JPEG", exif=camera_exif()), "webp")
    at = written.index(b"EXIF")
    assert written[at + 8 : at + 12] in (b"II*\0", b"MM\0*")


def test_written_tiff_is_a_sound_tiff() -> None:
    data = converted(encoded(scene(32, 48), "PNG", exif=camera_exif(1)), "tiff")
    with tifffile.TiffFile(io.BytesIO(data)) as tiff:
        assert len(tiff.pages) == 1
        assert np.array_equal(tiff.asarray(), scene(32, 48))
        tags = tiff.pages[0].tags  # type: ignore[union-attr]
        assert tags["ExifTag"].value["ExposureTime"] == (1, 30)
        assert tags["GPSTag"].value["GPSLongitudeRef"] == "E"
        assert [tag.code for tag in tags] == sorted(tag.code for tag in tags)


def test_the_size_in_the_exif_is_that_of_the_turned_picture_and_the_old_thumbnail_is_gone() -> None:
    exif = camera_exif(6)
    shot = exif.get_ifd(0x8769)
    shot[0xA002], shot[0xA003] = 48, 32
    exif.get_ifd(1)[0x0201] = 7  # the table of a thumbnail
    written = converted(encoded(scene(32, 48), "JPEG", exif=exif), "jpeg")
    with Image.open(io.BytesIO(written)) as image:
        assert image.size == (32, 48)
        shot = image.getexif().get_ifd(0x8769)
        assert (shot[0xA002], shot[0xA003]) == (32, 48)
        assert not image.getexif().get_ifd(1)


def test_a_block_too_large_for_a_jpeg_segment_loses_its_maker_note_and_nothing_else() -> None:
    exif = camera_exif(1)
    exif.get_ifd(0x8769)[0x927C] = bytes(90_000)
    data = encoded(scene(8, 8), "PNG", exif=exif)
    for format, note in (("jpeg", None), ("png", None), ("tiff", bytes(90_000))):
        seen = seen_by_pillow(converted(data, format))
        assert (seen["make"], seen["exposure_s"], seen["east"]) == ("Cam", pytest.approx(1 / 30), "E")
        assert seen["note"] == note


@pytest.mark.parametrize(
    "exif", [b"", b"rubbish", b"II*\0", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + bytes(9)]
)
def test_exif_that_cannot_be_read_is_left_behind(exif: bytes) -> None:
    data = encoded(scene(8, 8), "JPEG", exif=b"Exif\0\0" + exif)
    assert read(data).metadata.exif is None
    assert read(converted(data, "png")).pixels.shape == (8, 8, 3)


def test_no_metadata_stays_no_metadata() -> None:
    for format in WRITABLE:
        metadata = read(converted(encoded(scene(8, 8), "PNG"), format)).metadata
        assert (metadata.xmp, metadata.icc) == (None, None)


entries = st.builds(
    lambda kind, n, seed: Entry(kind, n, np.random.default_rng(seed).bytes(n * {1: 1, 3: 2, 4: 4, 5: 8, 7: 1}[kind])),
    st.sampled_from([1, 3, 4, 5, 7]),
    st.integers(1, 9),
    st.integers(0, 99),
)
tags = st.dictionaries(st.integers(0x8800, 0x9200).filter(lambda tag: tag not in (0x8825,)), entries, max_size=6)


@given(tags, st.dictionaries(st.integers(1, 30), entries, max_size=4), tags)
def test_tables_survive_being_laid_out(
    shot: dict[int, Entry], gps: dict[int, Entry], interop: dict[int, Entry]
) -> None:
    exif = Exif({0x010F: Entry(2, 4, b"Cam\0")}, shot, gps, interop)
    back = read_exif(build_exif(exif))
    assert back.photo[0x010F] == exif.photo[0x010F]
    assert {tag: entry for tag, entry in back.shot.items() if tag != 0xA005} == shot
    assert (back.gps, back.interop) == (gps, interop)


@given(st.binary(max_size=200))
def test_upright_never_fails_on_rubbish(rubbish: bytes) -> None:
    for head in (b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"):
        result = upright(head + rubbish, 10, 20)
        assert result is None or result[:2] in (b"II", b"MM")
