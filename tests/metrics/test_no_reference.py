"""Noise, clipping and the order of brightness: what can be said of a picture without its truth."""

import numpy as np
import pytest
from skimage.restoration import estimate_sigma

from scotopic.metrics import clipping, loe, noise


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def smooth(height=128, width=160):
    y, x = np.mgrid[:height, :width] / 40
    return np.stack([0.5 + 0.2 * np.sin(x + i) * np.cos(y) for i in range(3)], axis=2)


def test_noise_is_scikit_images(rng):
    out = smooth() + 0.03 * rng.standard_normal((128, 160, 3))
    assert noise(out) == pytest.approx(estimate_sigma(out, channel_axis=2, average_sigmas=True), rel=0.02)


@pytest.mark.parametrize("sigma", [0.005, 0.02, 0.05])
def test_noise_is_what_was_added(rng, sigma):
    out = smooth()
    assert noise(out) < 2e-4
    assert noise(out + sigma * rng.standard_normal(out.shape)) == pytest.approx(sigma, rel=0.05)


def test_noise_is_measured_where_nothing_is_clipped(rng):
    out = np.clip(smooth() + 0.02 * rng.standard_normal((128, 160, 3)), 0, 1)
    out[:, :100] = 0
    assert noise(out) == pytest.approx(0.02, rel=0.05)
    out[:, 100:] = 1
    assert noise(out) == 0


def test_noise_of_one_channel_counts_a_third(rng):
    out = smooth()
    out[..., 2] += 0.03 * rng.standard_normal(out.shape[:2])
    assert noise(out) == pytest.approx(0.01, rel=0.05)


def test_clipping_is_what_8_bits_would_clip():
    out = np.full((10, 10, 3), 0.5)
    out[0, :3, 1] = [0, 0.4 / 255, 0.6 / 255]
    out[1, :3, 2] = [1, 254.6 / 255, 254.4 / 255]
    assert clipping(out) == 0.04
    assert clipping(np.round(out * 255) / 255) == 0.04


def naive_order_error(low, out):
    """By the definition, pixel by pixel."""
    before, after = low.max(2).ravel(), out.max(2).ravel()
    return np.mean([[(before[j] >= before[i]) != (after[j] >= after[i]) for j in range(80)] for i in range(80)])


def test_order_error_is_its_definition(rng):
    low, out = (np.round(rng.random((2, 8, 10, 3)) * 12) / 12).astype(np.float32)
    assert loe(low, out) == pytest.approx(naive_order_error(low, out))
    assert 0.1 < loe(low, out) < 0.6


def test_order_outlives_any_curve_and_not_local_changes(rng):
    low = np.round(rng.random((120, 150, 3)) * 255) / 255
    assert loe(low, low**0.3) == 0
    assert loe(low, np.minimum(1, 5 * low)) > 0.1  # what is clipped has lost its order
    light_from_the_left = low * np.linspace(1, 0.2, 150)[:, None]
    assert 0.05 < loe(low, light_from_the_left) < loe(low, 1 - low)


def test_order_error_is_sampled_without_much_harm(rng):
    low, out = smooth(480, 640), smooth(480, 640)[:, ::-1]
    assert loe(low, out) == pytest.approx(loe(low[3::7, 3::7], out[3::7, 3::7]), abs=0.02)
