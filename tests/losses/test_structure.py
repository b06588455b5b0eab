"""SSIM and MS-SSIM are the published ones, and their gradients are true."""

import numpy as np
import pytest
import torch
from skimage.metrics import structural_similarity
from skimage.transform import downscale_local_mean

from scotopic.losses import LOSSES
from scotopic.losses.structure import ms_ssim_loss, ssim_loss
from scotopic.metrics import ssim

WANG = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)


def pictures(height, width, noise=0.2, seed=0):
    rng = np.random.default_rng(seed)
    target = rng.random((height, width, 3))
    return np.clip(target + noise * rng.standard_normal(target.shape), 0, 1), target


def to_torch(picture, dtype=torch.float32):
    return torch.from_numpy(picture).to(dtype).permute(2, 0, 1)[None]


def scikit(out, target, **settings):
    return structural_similarity(
        out, target, data_range=1, gaussian_weights=True, sigma=1.5, use_sample_covariance=False, **settings
    )


def scikit_ms_ssim(out, target, weights):
    """The mean over channels of a product over scales; a huge K1 makes brightness count for nothing."""
    similarities = []
    for a, b in zip(np.moveaxis(out, 2, 0), np.moveaxis(target, 2, 0), strict=True):
        product = 1.0
        for scale, weight in enumerate(weights):
            if scale:
                a, b = downscale_local_mean(a, (2, 2)), downscale_local_mean(b, (2, 2))
            last = scale == len(weights) - 1
            product *= scikit(a, b, K1=0.01 if last else 1e9) ** (weight / sum(weights))
        similarities.append(product)
    return np.mean(similarities)


@pytest.mark.parametrize("noise", [0.02, 0.2, 1.0])
def test_ssim_is_scikit_images_and_the_metric(noise):
    out, target = pictures(40, 57, noise)
    loss = ssim_loss(to_torch(out), to_torch(target)).item()
    assert 1 - loss == pytest.approx(ssim(out, target), abs=1e-5)
    assert 1 - loss == pytest.approx(scikit(out, target, channel_axis=2), abs=1e-5)


def test_ssim_of_a_batch_and_of_one_channel():
    pairs = [pictures(24, 31, noise) for noise in (0.1, 0.4)]
    out, target = (torch.cat([to_torch(pair[i]) for pair in pairs]) for i in (0, 1))
    assert 1 - ssim_loss(out, target).item() == pytest.approx(np.mean([ssim(*pair) for pair in pairs]), abs=1e-5)
    grey = [picture[..., :1] for picture in pairs[0]]
    assert 1 - ssim_loss(out[:1, :1], target[:1, :1]).item() == pytest.approx(ssim(*grey), abs=1e-5)


def test_ssim_of_a_pixel_compares_brightness():
    # Luminance by hand: (2ab + c1) / (a² + b² + c1), and nothing varies.
    loss = ssim_loss(torch.full((1, 1, 1, 1), 0.2), torch.full((1, 1, 1, 1), 0.6))
    assert 1 - loss.item() == pytest.approx((2 * 0.2 * 0.6 + 1e-4) / (0.2**2 + 0.6**2 + 1e-4), abs=1e-6)


@pytest.mark.parametrize("noise", [0.02, 0.2])
@pytest.mark.parametrize(("height", "width", "scales"), [(192, 176, 5), (88, 96, 4), (40, 24, 2), (16, 21, 1)])
def test_ms_ssim_is_that_of_the_paper_with_the_scales_that_fit(height, width, scales, noise):
    out, target = pictures(height, width, noise)
    expected = scikit_ms_ssim(out, target, WANG[:scales])
    assert 1 - ms_ssim_loss(to_torch(out), to_torch(target)).item() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("loss", [ssim_loss, ms_ssim_loss])
@pytest.mark.parametrize("value", [0.0, 0.3, 1.0])
def test_flat_pictures_are_equal_to_themselves(loss, value):
    flat = torch.full((1, 3, 48, 48), value)
    assert loss(flat, flat.clone()) == 0


@pytest.mark.parametrize("name", ["ssim", "ms_ssim"])
def test_a_negative_has_a_gradient_that_is_a_number(name):
    # The contrast terms of a picture and its negative are below 0, where powers do not exist.
    target = torch.rand(1, 3, 64, 64)
    out = (1 - target).requires_grad_()
    loss = LOSSES[name](out, target)
    loss.backward()
    assert 0.9 < loss.item() <= 2
    assert out.grad.isfinite().all()


def test_a_scale_that_is_a_negative_does_not_silence_the_others():
    # Alike but for a fine checkerboard, which is the other way round and gone at the second scale.
    fine = 0.2 * (torch.arange(32)[:, None] + torch.arange(32)).remainder(2) - 0.1
    coarse = torch.linspace(0.2, 0.8, 32).expand(1, 1, 32, 32)
    out = (coarse - fine).requires_grad_()
    loss = ms_ssim_loss(out, coarse + fine)
    loss.backward()
    assert loss < 1
    assert out.grad.abs().sum() > 0


@pytest.mark.parametrize("loss", [ssim_loss, ms_ssim_loss])
def test_gradients_are_true(loss):
    out, target = (to_torch(picture, torch.float64) for picture in pictures(23, 22))
    assert torch.autograd.gradcheck(loss, (out[:, :1].clone().requires_grad_(), target[:, :1]))


@pytest.mark.parametrize("loss", [ssim_loss, ms_ssim_loss])
def test_descending_leads_to_the_target(loss):
    out, target = (to_torch(picture) for picture in pictures(32, 32))
    out = torch.full_like(out, 0.5).requires_grad_()
    optimiser = torch.optim.Adam([out], lr=0.03)
    for _ in range(120):
        optimiser.zero_grad()
        loss(out, target).backward()
        optimiser.step()
    assert loss(out, target) < 0.02
    assert (out - target).abs().mean() < 0.1
