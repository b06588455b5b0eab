"""A virtual phone: what lies between the light and the file, setting by setting."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from scotopic.data.phone import UNPROCESSED, Phone, sample_phone, take
from scotopic.image import linear_to_srgb, srgb_to_linear

PLAIN = replace(UNPROCESSED, mosaic=False)
Image = NDArray[np.float32]


def scene(height: int = 64, width: int = 80) -> Image:
    """Coloured squares with something fine in them, linear light."""
    rng = np.random.default_rng(0)
    light = rng.uniform(0.05, 0.7, (height // 8, width // 8, 3)).repeat(8, 0).repeat(8, 1)
    return (light * rng.uniform(0.8, 1.2, (height, width, 1))).astype(np.float32)


def shot(phone: Phone, light: Image, ratio: float = 4.0, seed: int = 0, cast: float = 0.0) -> tuple[Image, Image]:
    return take(light, ratio, phone, np.random.default_rng(seed), cast)


def fine(picture: Image) -> float:
    """How much neighbours differ."""
    return float(np.abs(np.diff(picture, axis=1)).mean())


def colour_noise(pair: tuple[Image, Image]) -> float:
    noise = pair[0] - pair[1]
    return float((noise - noise.mean(2, keepdims=True)).std())


def luma_noise(pair: tuple[Image, Image]) -> float:
    return float(((pair[0] - pair[1]) @ np.array([0.299, 0.587, 0.114])).std())


def test_a_seed_makes_the_shot() -> None:
    phones = [sample_phone(np.random.default_rng(seed)) for seed in (1, 1, 2)]
    assert phones[0] == phones[1] != phones[2]
    for one, other in zip(shot(phones[0], scene()), shot(phones[1], scene()), strict=True):
        np.testing.assert_array_equal(one, other)
    for mosaic in (True, False):
        one, again, other = (shot(replace(PLAIN, mosaic=mosaic), scene(), seed=seed)[0] for seed in (1, 1, 2))
        assert np.array_equal(one, again)
        assert not np.array_equal(one, other)


def test_what_is_drawn_covers_what_there_is() -> None:
    phones = [sample_phone(np.random.default_rng(seed)) for seed in range(300)]
    for name in ("luma_reduction", "chroma_reduction", "sharpening"):
        values = [getattr(phone, name) for phone in phones]
        assert 0 < values.count(0.0) < 200
        assert all(value >= 0 for value in values)
    assert {phone.mosaic for phone in phones} == {phone.subsampled for phone in phones} == {True, False}
    assert {len(phone.qualities) for phone in phones} == {0, 1, 2}
    assert all(45 <= quality < 99 for phone in phones for quality in phone.qualities)
    assert all(0.5 <= phone.shrink <= 1 for phone in phones)
    assert sum(phone.shrink == 1 for phone in phones) > 100


@pytest.mark.parametrize("mosaic", [True, False])
def test_both_pictures_are_srgb_of_one_size_and_a_file_has_8_bits(mosaic: bool) -> None:
    noisy, clean = shot(replace(PLAIN, mosaic=mosaic, qualities=(80,)), scene())
    assert noisy.shape == clean.shape == (64, 80, 3)
    assert noisy.dtype == clean.dtype == np.float32
    assert all(0 <= picture.min() <= picture.max() <= 1 for picture in (noisy, clean))
    np.testing.assert_array_equal(noisy * 255, np.round(noisy * 255))


@pytest.mark.parametrize(
    "phone",
    [PLAIN, replace(PLAIN, mosaic=True, sharpening=1.0, luma_reduction=2.0, chroma_reduction=3.0, qualities=(60,))],
)
def test_the_clean_picture_is_the_light_alone(phone: Phone) -> None:
    """No noise, nothing done against noise, no sharpening, no JPEG: whatever the settings and the seed."""
    light = scene()
    for seed in range(3):
        clean = shot(phone, light, 4.0, seed)[1]
        np.testing.assert_allclose(clean, linear_to_srgb(light / 4), atol=1e-6)


@pytest.mark.parametrize("mosaic", [True, False])
def test_the_file_shows_the_clean_picture(mosaic: bool) -> None:
    """On average over much noise they are one: level, colours and white balance are right."""
    light = np.full((96, 96, 3), 1, np.float32) * np.float32([0.5, 0.3, 0.2])
    for seed in range(8):
        noisy, clean = shot(replace(PLAIN, mosaic=mosaic), light, 2.0, seed)
        means = [srgb_to_linear(picture).mean((0, 1)) for picture in (noisy, clean)]
        np.testing.assert_allclose(means[0], means[1], rtol=0.06, atol=0.004)


@pytest.mark.parametrize(("mosaic", "codes"), [(True, 2), (False, 4)])
def test_blown_lights_are_white(mosaic: bool, codes: int) -> None:
    """In every camera and light: a full sensor's colours mean nothing, and taken for colours they are pink.

    Green may lie some codes below white: it has no white balance above 1 that would lift its noise out of the range.
    """
    light = np.full((32, 32, 3), 8, np.float32)
    for seed in range(20):
        noisy, clean = shot(replace(PLAIN, mosaic=mosaic), light, 1.0, seed)
        assert clean.min() > 1 - 1e-6
        assert noisy.mean((0, 1)).min() > 1 - codes / 255


@pytest.mark.parametrize("mosaic", [True, False])
def test_less_light_is_more_noise(mosaic: bool) -> None:
    """Relative to the light that there is."""
    light = np.full((64, 64, 3), 0.4, np.float32)
    for seed in range(3):
        noise = []
        for ratio in (1.0, 8.0, 64.0):
            noisy = srgb_to_linear(shot(replace(PLAIN, mosaic=mosaic), light, ratio, seed)[0])
            noise.append(float((noisy / noisy.mean()).std()))
        assert noise[0] < noise[1] < noise[2]


def test_a_mosaic_smears_the_noise_and_all_three_colours_do_not() -> None:
    light = np.full((64, 64, 3), 0.3, np.float32)
    smooth = {}
    for mosaic in (True, False):
        noisy, clean = shot(replace(PLAIN, mosaic=mosaic), light, 30.0)
        noise = (noisy - clean)[..., 0]
        smooth[mosaic] = np.corrcoef(noise[:, 1:].ravel(), noise[:, :-1].ravel())[0, 1]
    assert smooth[True] > 0.2
    assert abs(smooth[False]) < 0.1


@pytest.mark.parametrize(
    ("change", "measure", "factor"),
    [
        ({"luma_reduction": 2.0}, luma_noise, 0.8),
        ({"chroma_reduction": 2.0}, colour_noise, 0.5),
    ],
    ids=["luma", "chroma"],
)
def test_reduction_reduces_noise(change: dict[str, float], measure: Any, factor: float) -> None:
    light = np.full((64, 64, 3), 0.3, np.float32)
    for seed in range(3):
        assert measure(shot(replace(PLAIN, **change), light, 20.0, seed)) < factor * measure(
            shot(PLAIN, light, 20.0, seed)
        )


def test_luma_reduction_leaves_colours_and_chroma_reduction_brightness() -> None:
    plain, luma, chroma = (
        cv2.cvtColor(shot(phone, scene(), 2.0)[0], cv2.COLOR_RGB2YCrCb)
        for phone in (PLAIN, replace(PLAIN, luma_reduction=2.0), replace(PLAIN, chroma_reduction=2.0))
    )
    for other, same in ((luma, slice(1, 3)), (chroma, slice(0, 1))):
        difference = np.abs(other - plain)
        assert np.median(difference[..., same]) < 2 / 255
        changed = np.ones(3, bool)
        changed[same] = False
        assert difference[..., changed].mean() > 3 * difference[..., same].mean()


def test_sharpening_and_contrast() -> None:
    plain = fine(shot(PLAIN, scene())[0])
    soft, hard = (fine(shot(replace(PLAIN, sharpening=share), scene())[0]) for share in (0.3, 1.0))
    assert plain < soft < hard
    wide = fine(shot(replace(PLAIN, sharpening=1.0, sharpening_sigma=0.6), scene())[0])
    assert plain < wide < hard
    # 3 x^2 - 2 x^3 at a half is a half; at a quarter it is 5/32, of which 0.4 takes 40 % of the way.
    quarter = np.full((16, 16, 3), srgb_to_linear(np.float32(0.25)), np.float32)
    noisy, clean = shot(replace(PLAIN, contrast=0.4), quarter, 1.0)
    np.testing.assert_allclose(clean, 0.25 - 0.4 * (0.25 - 5 / 32), atol=1e-5)
    assert noisy.mean() == pytest.approx(clean.mean(), abs=0.02)


def test_a_smaller_file_has_less_noise() -> None:
    light = np.full((64, 80, 3), 0.3, np.float32)
    large, small = (shot(replace(PLAIN, shrink=shrink), light, 10.0) for shrink in (1.0, 0.5))
    assert small[0].shape == small[1].shape == (32, 40, 3)
    assert luma_noise(small) < 0.7 * luma_noise(large)


def test_a_file_loses_what_its_quality_says() -> None:
    lossless = shot(PLAIN, scene())[0]

    def lost(*qualities: int, subsampled: bool = False) -> float:
        picture = shot(replace(PLAIN, qualities=qualities, subsampled=subsampled), scene())[0]
        return float(np.abs(picture - lossless).mean())

    assert 0 < lost(95) < lost(80) < lost(50)
    assert lost(95) < lost(95, 60), "saved again"
    red = np.zeros((32, 32, 3), np.float32)
    red[:, ::2] = [0.8, 0.1, 0.1]
    red[:, 1::2] = [0.1, 0.3, 0.8]
    full, half = (shot(replace(PLAIN, qualities=(98,), subsampled=half), red, 1.0)[0] for half in (False, True))
    stripes = [float(np.abs(picture[:, ::2, 0] - picture[:, 1::2, 0]).mean()) for picture in (full, half)]
    assert stripes[1] < 0.7 * stripes[0]


def test_a_cast_is_in_both_pictures() -> None:
    light = np.full((96, 96, 3), 0.4, np.float32)
    casts = []
    for seed in range(12):
        noisy, clean = (srgb_to_linear(picture).mean((0, 1)) for picture in shot(PLAIN, light, 1.5, seed, cast=0.2))
        np.testing.assert_allclose(noisy / noisy[1], clean / clean[1], rtol=0.08)
        casts.append(np.log(clean[[0, 2]] / clean[1]))
    assert 0.1 < np.std(casts) < 0.3
