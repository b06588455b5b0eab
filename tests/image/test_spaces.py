"""The spaces that a raw is developed into: their curves, their colours, and profiles that make others see the same."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageCms

from scotopic.image import srgb_to_linear
from scotopic.image.profiles import pixels_to_srgb, profile_kind, profile_name
from scotopic.image.spaces import SPACES

CODES = np.random.default_rng(0).integers(0, 256, (64, 1, 3)).astype(np.uint8)
LINEAR = srgb_to_linear(CODES / np.float32(255))


def in_space(name: str) -> np.ndarray:
    """The colours of CODES in this space, encoded."""
    matrix = SPACES[name].from_camera(SPACES["srgb"].to_xyz.astype(np.float32))
    return SPACES[name].encode(LINEAR @ matrix.T)


@pytest.mark.parametrize("name", SPACES)
def test_libvips_sees_the_colours_meant(name: str) -> None:
    kinds = {"srgb": "srgb", "display-p3": "wide", "prophoto": "foreign"}
    assert profile_kind(SPACES[name].icc, 3) == kinds[name]
    seen = pixels_to_srgb(in_space(name), SPACES[name].icc)
    assert np.median(np.abs(seen * 255 - CODES)) < 0.1
    # In light, since in the shadows a code is a very small step of it. Near the edge of sRGB's colours, Little CMS is
    # coarse: with 16 bits it interpolates in a table of all colours.
    assert np.abs(srgb_to_linear(seen) - LINEAR).max() < 0.012


@pytest.mark.parametrize("name", SPACES)
def test_pillow_sees_the_colours_meant(name: str) -> None:
    values = np.rint(in_space(name) * 255).astype(np.uint8)
    profile = ImageCms.ImageCmsProfile(io.BytesIO(SPACES[name].icc))
    seen = ImageCms.profileToProfile(Image.fromarray(values), profile, ImageCms.createProfile("sRGB"))
    # In 8 bits a step of a wide space is more than one of sRGB, in the deep shadows most of all.
    assert np.median(np.abs(np.asarray(seen).astype(int) - CODES)) <= 1
    assert np.abs(srgb_to_linear(np.asarray(seen) / 255) - LINEAR).max() < 0.01
    assert profile_name(SPACES[name].icc) == SPACES[name].title


@pytest.mark.parametrize("name", SPACES)
@given(camera=st.lists(st.floats(-0.5, 0.5), min_size=9, max_size=9))
def test_white_stays_white(name: str, camera: list[float]) -> None:
    mixing = np.eye(3) * 2 + np.array(camera).reshape(3, 3)
    to_xyz = SPACES["srgb"].to_xyz @ (mixing / mixing.sum(axis=1, keepdims=True))
    assert SPACES[name].from_camera(to_xyz.astype(np.float32)) @ np.ones(3) == pytest.approx(np.ones(3), abs=1e-5)


@pytest.mark.parametrize("name", SPACES)
def test_curves_rise_from_black_to_white_without_a_step(name: str) -> None:
    values = SPACES[name].encode(np.linspace(0, 1, 100_001))
    assert (values[0], values[-1]) == (0, pytest.approx(1, abs=1e-6))
    assert (np.diff(values) > 0).all()
    assert np.diff(values).max() < 1.1 * SPACES[name].slope / 100_000


def test_prophoto_is_gamma_1_8() -> None:
    """ROMM RGB: E = 16 x below 2^-9, x^(1 / 1.8) above."""
    light = np.array([0.001, 0.18, 0.5])
    assert SPACES["prophoto"].encode(light) == pytest.approx([0.016, 0.18 ** (1 / 1.8), 0.5 ** (1 / 1.8)], abs=1e-6)
