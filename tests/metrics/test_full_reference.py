"""One metric implementation, checked against scikit-image, and the traps that made others contradict each other."""

import numpy as np
import pytest
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from skimage.transform import downscale_local_mean

from scotopic.metrics import brightness_error, gt_mean, luma, mae, ms_ssim, mse, psnr, ssim


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


def test_ssim_does_not_depend_on_the_tiles_it_is_made_of(rng):
    target = rng.random((141, 150, 3))
    out = np.clip(target + 0.1 * rng.standard_normal(target.shape), 0, 1)
    full = structural_similarity(
        out, target, channel_axis=2, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
    )
    assert ssim(out, target) == pytest.approx(full, abs=1e-9)


def test_ms_ssim_is_made_of_scikit_images_parts(rng):
    target = rng.random((180, 203, 3))
    out = np.clip(target + 0.2 * rng.standard_normal(target.shape), 0, 1)
    a, b, scores = out, target, np.ones(3)
    for scale, weight in enumerate((0.0448, 0.2856, 0.3001, 0.2363, 0.1333)):
        for channel in range(3):
            # With so large a constant brightness counts as equal: what is left is contrast and structure.
            k1 = {} if scale == 4 else {"K1": 1e9}
            alike = structural_similarity(
                *(np.ascontiguousarray(image[..., channel]) for image in (a, b)),
                data_range=1,
                gaussian_weights=True,
                sigma=1.5,
                use_sample_covariance=False,
                **k1,
            )
            scores[channel] *= alike**weight
        a, b = (downscale_local_mean(image[: len(a) // 2 * 2, : a.shape[1] // 2 * 2], (2, 2, 1)) for image in (a, b))
    assert ms_ssim(out, target) == pytest.approx(scores.mean(), abs=1e-6)


def test_a_negative_has_no_structure_in_common(rng):
    target = rng.random((180, 180, 3))
    assert ms_ssim(1 - target, target) == 0
    assert ms_ssim(target, target) == pytest.approx(1)


def test_brightness_error_knows_which_way(rng):
    target = 0.2 + 0.5 * rng.random((16, 16, 3))
    assert brightness_error(target + 0.1, target) == pytest.approx(0.1)
    assert brightness_error(target - 0.1, target) == pytest.approx(-0.1)
