"""The noise model against its formulas."""

import numpy as np
import pytest
from scipy import stats

from scotopic.data.noise import (
    CAMERAS,
    SensorNoise,
    add_noise,
    sample_noise,
    tukey_lambda,
    tukey_lambda_sigma,
)
from scotopic.errors import DataError

SIZE = (512, 512)


def flat(level: float) -> np.ndarray:
    return np.full(SIZE, level, np.float32)


@pytest.mark.parametrize("gain", [0.2, 1.0, 8.0])
def test_the_variance_grows_with_the_mean_by_the_gain(gain: float) -> None:
    noise = SensorNoise(gain_dn=gain, read_scale_dn=5.0)
    rng = np.random.default_rng(0)
    means, variances = [], []
    for level in (0, 50, 200, 1000, 4000):
        read = add_noise(flat(level), noise, rng)
        means.append(read.mean())
        variances.append(read.var())
    np.testing.assert_allclose(means, [0, 50, 200, 1000, 4000], rtol=0.01, atol=0.1)
    slope, offset = np.polyfit(means, variances, 1)
    assert slope == pytest.approx(gain, rel=0.02)
    # At each level by itself, since the line's offset is small beside its upper end.
    for level, variance in zip((0, 50, 200, 1000, 4000), variances, strict=True):
        assert variance == pytest.approx(noise.level.variance_dn(np.float32(level)), rel=0.02)
    assert noise.level.read_sigma_dn**2 == pytest.approx(25 + 1 / 12)
    assert offset == pytest.approx(25, abs=0.02 * float(variances[-1]))


@pytest.mark.parametrize("shape", [-0.2, -0.1, 0.0, 0.1, 0.14])
def test_tukeys_lambda_has_the_spread_and_the_tails_that_scipy_says(shape: float) -> None:
    values = tukey_lambda(np.random.default_rng(1), shape, (1_000_000,))
    variance, kurtosis = stats.tukeylambda.stats(shape, moments="vk")
    assert tukey_lambda_sigma(shape) ** 2 == pytest.approx(float(variance), rel=1e-6)
    assert values.var() == pytest.approx(float(variance), rel=0.02)
    for p in (0.001, 0.05, 0.5, 0.9, 0.999):
        assert np.quantile(values, p) == pytest.approx(stats.tukeylambda.ppf(p, shape), abs=0.05, rel=0.05)
    if shape > -0.1:  # below, the fourth moment of a million values says little
        assert stats.kurtosis(values) == pytest.approx(float(kurtosis), abs=0.25)


def test_heavy_tails_make_kurtosis() -> None:
    dark = add_noise(flat(0), SensorNoise(1.0, 4.0, shape=-0.1), np.random.default_rng(2))
    gaussian = add_noise(flat(0), SensorNoise(1.0, 4.0), np.random.default_rng(2))
    assert stats.kurtosis(dark, axis=None) > 1.5
    assert abs(stats.kurtosis(gaussian, axis=None)) < 0.05


def test_a_row_has_its_noise_in_common() -> None:
    read = add_noise(flat(0), SensorNoise(1.0, 3.0, row_sigma_dn=2.0), np.random.default_rng(3))
    rows, columns = read.mean(axis=1), read.mean(axis=0)
    assert rows.std() == pytest.approx(np.hypot(2.0, 3.0 / np.sqrt(SIZE[1])), rel=0.1)
    assert columns.std() == pytest.approx(3.0 / np.sqrt(SIZE[0]), rel=0.1)
    without = add_noise(flat(0), SensorNoise(1.0, 3.0), np.random.default_rng(3))
    neighbours = [np.corrcoef(image[:, 0], image[:, 1])[0, 1] for image in (read, without)]
    assert neighbours[0] == pytest.approx(4 / 13, abs=0.12)
    assert abs(neighbours[1]) < 0.12


def test_values_are_multiples_of_the_step() -> None:
    read = add_noise(flat(100), SensorNoise(1.0, 3.0, step_dn=4.0), np.random.default_rng(4))
    assert not np.any(read % 4)


def test_a_bias_moves_its_own_colour_only() -> None:
    read = add_noise(flat(0), SensorNoise(1.0, 1.0, bias_dn=(0, 0, 5, 0)), np.random.default_rng(5))
    places = [read[y::2, x::2].mean() for y in (0, 1) for x in (0, 1)]
    np.testing.assert_allclose(places, [0, 0, 5, 0], atol=0.05)


@pytest.mark.parametrize("camera", [*CAMERAS, "generic"])
def test_cameras_keep_to_their_gains_and_read_noise_grows_with_gain(camera: str) -> None:
    rng = np.random.default_rng(6)
    drawn = [sample_noise(camera, rng, (0.1, 30.0)) for _ in range(400)]
    gains = np.array([noise.gain_dn for noise in drawn])
    sigmas = np.array([noise.level.read_sigma_dn for noise in drawn])
    assert 0.09 < gains.min() < 0.8
    assert 4 < gains.max() <= 30
    slope, _ = np.polyfit(np.log(gains), np.log(sigmas), 1)
    assert 0.2 < slope < 1.0
    assert np.corrcoef(np.log(gains), np.log(sigmas))[0, 1] > 0.6


def test_the_calibrated_line_is_the_papers() -> None:
    """At a fixed gain the Gaussian read noise of the a7S II scatters about exp(slope log K + bias)."""
    rng = np.random.default_rng(7)
    drawn = [sample_noise("SonyA7S2", rng, (2.0, 2.0)) for _ in range(600)]
    scales = [noise.read_scale_dn for noise in drawn if noise.shape is None]
    assert np.mean(np.log(scales)) == pytest.approx(0.5407 * np.log(2.0) + 1.2182, abs=0.05)
    assert np.std(np.log(scales)) == pytest.approx(0.2675, rel=0.15)


def test_an_unknown_camera_is_refused_with_those_known() -> None:
    with pytest.raises(DataError, match=r"no camera 'Box'.*SonyA7S2"):
        sample_noise("Box", np.random.default_rng(0))


def test_hot_pixels_are_few_and_bright() -> None:
    read = add_noise(flat(0), SensorNoise(1.0, 1.0, hot_share=1e-3, hot_dn=500.0), np.random.default_rng(8))
    hot = read > 20
    assert hot.mean() == pytest.approx(1e-3, rel=0.3)
    assert read[hot].mean() == pytest.approx(520, rel=0.25)
