"""Colours mean the same before and after, whatever profile they came with."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image, ImageCms

from scotopic.image import linear_to_srgb, open_source, read, srgb_to_linear, write_strips
from scotopic.image.profiles import profile_name

from .pictures import ADOBE_RGB, PROPHOTO, SRGB, encoded, icc_profile, scene


def by_littlecms(pixels: NDArray[np.uint8], icc: bytes) -> NDArray[np.float32]:
    """What Pillow's colour management makes of it: sRGB in [0, 1]."""
    image = Image.fromarray(pixels)
    source = ImageCms.ImageCmsProfile(io.BytesIO(icc))
    out = ImageCms.profileToProfile(
        image, source, ImageCms.createProfile("sRGB"), ImageCms.Intent.RELATIVE_COLORIMETRIC, outputMode="RGB"
    )
    return np.asarray(out).astype(np.float32) / 255


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=20))
def test_the_two_curves_undo_each_other(values: list[float]) -> None:
    x = np.array(values, np.float32)
    assert linear_to_srgb(srgb_to_linear(x)) == pytest.approx(x, abs=2e-6)
    assert srgb_to_linear(linear_to_srgb(x)) == pytest.approx(x, abs=2e-6)
    assert srgb_to_linear(x).dtype == linear_to_srgb(x).dtype == np.float32


def test_values_of_the_standard() -> None:
    # IEC 61966-2-1: the straight part ends at 0.0031308 / 0.04045; 0.5 encodes 0.21404
    assert srgb_to_linear(np.array([0, 0.04045, 0.5, 1])) == pytest.approx([0, 0.0031308, 0.21404, 1], abs=1e-5)


@pytest.mark.parametrize("format", ["PNG", "JPEG", "TIFF"])
def test_an_srgb_profile_changes_nothing_and_is_kept(format: str) -> None:
    icc = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pixels = scene(40, 40)
    with open_source(encoded(pixels, format, icc_profile=icc)) as tagged, open_source(encoded(pixels, format)) as bare:
        assert tagged.profile is not None
        assert "sRGB" in tagged.profile
        assert tagged.metadata.icc == icc
        assert np.array_equal(np.concatenate(list(tagged.strips(9))), np.concatenate(list(bare.strips(9))))
        assert np.array_equal(tagged.thumbnail(20), bare.thumbnail(20))


def test_a_wide_profile_is_kept_with_its_pixels_and_the_thumbnail_is_true() -> None:
    icc, pixels = icc_profile(2.2, ADOBE_RGB, "Wide One"), scene(32, 32)
    with open_source(encoded(pixels, "PNG", icc_profile=icc)) as source:
        assert (source.profile, source.bits, source.metadata.icc) == ("Wide One", 8, icc)
        assert np.array_equal(np.concatenate(list(source.strips(9))), pixels)
        assert np.abs(source.thumbnail(32) - by_littlecms(pixels, icc)).max() < 0.01


@pytest.mark.parametrize(("gamma", "primaries"), [(1.8, PROPHOTO), (1.0, SRGB)])
def test_another_tone_curve_is_converted_to_16_bit_display_p3(
    gamma: float, primaries: list[tuple[float, float, float]]
) -> None:
    icc, pixels = icc_profile(gamma, primaries, "Foreign"), scene(32, 32)
    data = encoded(pixels, "PNG", icc_profile=icc)
    expected = by_littlecms(pixels, icc)
    with open_source(data) as source:
        assert (source.profile, source.bits) == ("Foreign", 16)
        assert source.metadata.icc not in (None, icc)
        assert np.abs(source.thumbnail(32) - expected).max() < 0.02
        file = io.BytesIO()
        write_strips(file, source.strips(8), width=32, height=32, bands=3, like=source, format="png")
    # A reader that follows the embedded profile sees the same colours (where sRGB can show them).
    with open_source(file.getvalue()) as written:
        assert written.bits == 16
        assert np.abs(written.thumbnail(32) - expected).mean() < 0.01


def test_grey_with_a_linear_profile_is_encoded_as_srgb() -> None:
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None], 4, axis=0)
    picture = read(encoded(ramp, "PNG", icc_profile=icc_profile(1.0, None, "Linear grey")))
    assert picture.pixels.shape == (4, 256, 1)
    assert picture.metadata.icc is None
    assert picture.bits == 16
    # LittleCMS interpolates grey curves in L*, which is coarse in the deepest shadows.
    assert picture.pixels[0, 8:, 0] == pytest.approx(linear_to_srgb(ramp[0, 8:] / 255), abs=0.005)


def test_grey_with_an_ordinary_profile_is_kept() -> None:
    icc, pixels = icc_profile(2.2, None), scene(9, 9, 1)
    picture = read(encoded(pixels, "PNG", icc_profile=icc))
    assert picture.metadata.icc == icc
    assert np.array_equal(np.round(picture.pixels[..., 0] * 255), pixels)


@pytest.mark.parametrize("icc", [b"not a profile", icc_profile(2.2, ADOBE_RGB)[:200], icc_profile(2.2, None)])
def test_a_broken_or_mismatched_profile_counts_as_none(icc: bytes) -> None:
    pixels = scene(9, 9)
    for format in ("PNG", "TIFF"):
        picture = read(encoded(pixels, format, icc_profile=icc))
        assert picture.metadata.icc is None
        assert np.array_equal(np.round(picture.pixels * 255), pixels)


def test_profile_names_of_both_versions() -> None:
    assert profile_name(icc_profile(2.2, ADOBE_RGB, "Adobe RGB (1998)")) == "Adobe RGB (1998)"
    version_4 = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert (
        profile_name(version_4)
        == ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(version_4))).strip()
    )
