"""One metric implementation, checked against scikit-image, and the traps that made others contradict each other."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

from scotopic.metrics import gt_mean, luma, mae, mse, psnr, ssim


@pytest.fixture
def pair(rng):
    target = rng.random((40, 57, 3))
    return np.clip(target + 0.1 * rng.standard_normal(target.shape), 0, 1), target


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_psnr_is_scikit_images(pair):
    assert psnr(*pair) == pytest.approx(peak_signal_noise_ratio(pair[1], pair[0], data_range=1), abs=1e-9)


def test_ssim_is_scikit_images(pair):
    full = structural_similarity(
        *pair, channel_axis=2, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(*pair) == pytest.approx(full, abs=1e-6)


def test_equal_pictures_are_perfect(pair):
    _, target = pair
    assert psnr(target, target) == float("inf")
    assert ssim(target, target) == pytest.approx(1)
    assert mae(target, target) == mse(target, target) == 0


def test_more_noise_is_worse(rng):
    target = rng.random((32, 32, 3))
    noise = rng.standard_normal(target.shape)
    scores = [psnr(target + sigma * noise, target) for sigma in (0.01, 0.02, 0.05, 0.1)]
    assert scores == sorted(scores, reverse=True)


def test_gt_mean_forgives_exposure_and_nothing_else(rng):
    target = 0.2 + 0.5 * rng.random((32, 32, 3))
    assert psnr(gt_mean(0.3 * target, target), target) > 100
    cast = target * [1, 0.8, 1]
    assert psnr(gt_mean(cast, target), target) < 30


def test_gt_mean_equalises_mean_brightness(rng):
    target, out = 0.4 * rng.random((16, 16, 3)), 0.1 * rng.random((16, 16, 3))
    assert luma(gt_mean(out, target)).mean() == pytest.approx(luma(target).mean())


@pytest.mark.parametrize("metric", [mae, mse, psnr, ssim, gt_mean])
def test_bytes_are_refused(metric):
    # 8-bit differences wrap around: 0 - 1 is 255.
    picture = np.zeros((16, 16, 3), np.uint8)
    with pytest.raises(TypeError, match="Divide by 255"):
        metric(picture, picture)


@pytest.mark.parametrize("metric", [mae, mse, psnr, ssim, gt_mean])
def test_nothing_is_resized_or_broadcast(metric):
    with pytest.raises(ValueError, match="one shape"):
        metric(np.zeros((16, 16, 3)), np.zeros((16, 16, 1)))


def test_ssim_wants_its_window():
    with pytest.raises(ValueError, match="11 x 11"):
        ssim(np.zeros((10, 40, 3)), np.zeros((10, 40, 3)))
