"""NIQE's features are the paper's, and its judgement is that of an eye on photos it has not seen."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from scipy.stats import gennorm
from skimage.data import astronaut

from scotopic.metrics import luma, niqe
from scotopic.metrics.niqe import PATCH, features, fitted, normalised, pristine


@pytest.fixture(scope="module")
def photo():
    return (astronaut() / 255).astype(np.float32)  # public domain, and none of the model's


def test_detail_is_normalised_as_in_the_paper(photo):
    grey = luma(photo).astype(np.float64) * 255
    settings = {"sigma": 7 / 6, "radius": 3, "mode": "nearest"}
    mean = gaussian_filter(grey, **settings)
    deviation = np.sqrt(np.abs(gaussian_filter(grey**2, **settings) - mean**2))
    detail, spread = normalised(grey)
    np.testing.assert_allclose(spread, deviation, atol=1e-6)
    np.testing.assert_allclose(detail, (grey - mean) / (deviation + 1), atol=1e-6)


@pytest.mark.parametrize("shape", [0.6, 1, 2, 4])
def test_the_fit_finds_what_was_drawn(shape):
    rng = np.random.default_rng(0)
    symmetric = gennorm.rvs(shape, size=200_000, random_state=rng)
    # Left and right halves of different width, as often as they are wide: that is the asymmetric distribution.
    left = rng.random(len(symmetric)) < 0.4
    drawn = np.where(left, -0.4, 0.6) * np.abs(symmetric)
    found = [value.item() for value in fitted(drawn[None])]
    assert found == pytest.approx([shape, drawn.mean(), 0.4, 0.6], rel=0.03)


def test_patches_are_36_features_each_and_flat_ones_none(photo):
    assert features(photo)[0].shape == (25, 36)
    flat = photo.copy()
    flat[:202, :202] = 0.5  # a patch's neighbours reach into it at the second scale
    assert features(flat)[0].shape == (21, 36)
    assert pristine().mean.shape == (36,)
    assert np.linalg.eigvalsh(pristine().covariance).min() > 0


def test_sharpness_is_of_the_patch(photo):
    blurred = photo.copy()
    blurred[:288] = gaussian_filter(photo, (4, 4, 0))[:288]
    _, sharpness = features(blurred)
    _, before = features(photo)
    assert (sharpness[:10] < 0.7 * before[:10]).all()
    assert sharpness[15:] == pytest.approx(before[15:], abs=0.5)


def test_a_good_photo_is_near_the_good_photos(photo):
    assert 2 < niqe(photo) < 6


@pytest.mark.parametrize(
    "how",
    [
        lambda photo, noise: [photo + sigma * noise for sigma in (0.05, 0.15)],
        lambda photo, noise: [gaussian_filter(photo, (sigma, sigma, 0)) for sigma in (1.5, 4)],
        lambda photo, noise: [np.round(photo * levels) / levels for levels in (12, 4)],
    ],
    ids=["noise", "blur", "few levels"],
)
def test_what_looks_worse_scores_worse(photo, how):
    noise = np.random.default_rng(0).standard_normal(photo.shape)
    scores = [niqe(np.clip(image, 0, 1)) for image in (photo, *how(photo, noise))]
    assert scores == sorted(scores)
    assert scores[2] > scores[0] + 2


def test_a_picture_of_one_brightness_cannot_be_judged():
    assert np.isnan(niqe(np.full((300, 300, 3), 0.2)))


def test_rows_of_patches_know_their_neighbours(photo):
    """They are worked on one after another, and what lies above and below a row decides on its detail, too."""
    grey = np.repeat(luma(photo.astype(np.float64))[..., None], 3, axis=2)
    detail, deviation = normalised(255 * luma(grey))
    patches, sharpness = features(grey)
    blocks = detail[: 5 * PATCH, : 5 * PATCH].reshape(5, PATCH, 5, PATCH).swapaxes(1, 2).reshape(25, PATCH, PATCH)
    shape, _, left, right = fitted(blocks)
    assert patches[:, 0] == pytest.approx(shape, rel=1e-9)
    assert patches[:, 1] == pytest.approx((left + right) / 2, rel=1e-9)
    blocks = deviation[: 5 * PATCH, : 5 * PATCH].reshape(5, PATCH, 5, PATCH)
    assert sharpness == pytest.approx(blocks.mean((1, 3)).ravel(), rel=1e-9)
