"""Linear light to pixels: exact to a level, white stays white, highlights bend and nothing else does."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scotopic.image import linear_to_srgb
from scotopic.image.develop import KNEE, shoulder
from scotopic.image.spaces import SPACES
from scotopic.runtime.strips import Mean, side_by_side
from scotopic.runtime.tone import Tone, quantised

SRGB = SPACES["srgb"].to_xyz.astype(np.float32)


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("shape", [(1, 1), (70, 300), (3, 40_000)])
def test_light_up_to_white_is_encoded_to_a_level(bits: int, shape: tuple[int, int]) -> None:
    light = np.random.default_rng(0).random((*shape, 3)).astype(np.float32)
    out = Tone(SRGB, SPACES["srgb"], bits)(light)
    assert out.dtype == (np.uint8 if bits == 8 else np.uint16)
    exact = linear_to_srgb(light).astype(np.float64) * (2**bits - 1)
    assert np.abs(out - exact).max() <= (0.52 if bits == 8 else 1.5)


@given(st.floats(1, 4), st.sampled_from(sorted(SPACES)), st.booleans())
def test_grey_stays_grey_and_rises_to_white(white: float, space: str, protect: bool) -> None:
    grey = np.linspace(-0.1, white, 500, dtype=np.float32)
    camera = (SPACES["srgb"].to_xyz @ [[1.7, -0.6, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.5, 1.5]]).astype(np.float32)
    tone = Tone(camera, SPACES[space], 16, white=white, protect_highlights=protect)
    out = tone(np.repeat(grey[None, :, None], 3, axis=2))[0].astype(int)
    assert np.ptp(out, axis=1).max() <= 2
    assert (np.diff(out[:, 0]) >= 0).all()
    assert out[0, 0] == 0
    assert out[-1, 0] == 65535
    below = (grey >= 0) & (grey <= (KNEE if protect else 1))
    plain = SPACES[space].encode(grey[below]).astype(np.float64) * 65535
    assert np.abs(out[below, 1] - plain).max() <= 4


@given(st.floats(1, 100))
def test_the_shoulder_is_smooth_and_darkens_only_what_is_beyond_the_knee(white: float) -> None:
    light = np.linspace(0, white, 20_001)
    bent = shoulder(light, white)
    slopes = np.diff(bent) / np.diff(light)
    assert (bent <= light + 1e-12).all()
    assert bent[-1] == pytest.approx(1)
    assert slopes.min() >= 0
    assert slopes.max() <= 1 + 1e-9
    assert np.array_equal(bent[light <= KNEE], light[light <= KNEE])


def test_dimming_is_less_light() -> None:
    light = np.random.default_rng(0).random((9, 9, 3)).astype(np.float32)
    dimmed = Tone(SRGB, SPACES["srgb"], 16, dimmed=0.25)(light).astype(int)
    assert np.abs(dimmed - Tone(SRGB, SPACES["srgb"], 16)(light / 4)).max() <= 1


def test_views_of_planes_will_do() -> None:
    planes = np.random.default_rng(0).random((3, 50, 60)).astype(np.float32)
    tone = Tone(SRGB, SPACES["srgb"], 8)
    part = np.moveaxis(planes, 0, 2)[7:40, 11:59]
    assert np.array_equal(tone(part), tone(np.ascontiguousarray(part)))


def test_srgb_is_clipped_and_rounded() -> None:
    assert quantised(8)(np.array([[[-1, 0.5, 2]]], np.float32)).tolist() == [[[0, 128, 255]]]
    assert quantised(16)(np.array([[[-1, 0.5, 2]]], np.float32)).tolist() == [[[0, 32768, 65535]]]


def test_a_mean_of_parts_is_that_of_the_whole() -> None:
    mean, pixels = Mean(), np.random.default_rng(0).integers(0, 256, (40, 30, 3)).astype(np.uint8)
    mean.add(pixels[:16])
    mean.add(pixels[16:])
    assert mean.value == pytest.approx(pixels.mean() / 255)
    assert [strip.shape for strip in side_by_side([(pixels, pixels)], 1)] == [(40, 76, 3)]
