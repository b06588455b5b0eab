"""Losses of structure: SSIM and MS-SSIM, written so that no picture makes them infinite or not a number."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, relu

C1, C2 = 0.01**2, 0.03**2  # for a range of 1 (Wang et al. 2004, sec. III.B)
WINDOW, SIGMA = 11, 1.5

SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
"""How much each scale counts, the finest first (Wang et al. 2003, sec. 3.2)."""

LEAST_SIMILARITY = 1e-4
"""A scale is no less similar than this: below 0 powers do not exist, and at 0 their gradients are infinite."""


def ssim_loss(out: Tensor, target: Tensor) -> Tensor:
    """1 - SSIM (Wang et al., TIP 2004), in [0, 2]: 11 x 11 Gaussian, sigma 1.5, population covariance.

    Agrees with `scotopic.metrics.ssim`. Both are `n c h w` in [0, 1]; channels count alike. A side shorter than the
    window cuts the window to its length, down to one pixel, where brightness is all that is left to compare.

    >>> import torch; picture = torch.rand(1, 3, 16, 16); ssim_loss(picture, picture).item()
    0.0
    """
    luminance, contrast = _differences(out, target)
    return (luminance + contrast - luminance * contrast).mean()  # 1 - (1 - luminance) (1 - contrast)


def ms_ssim_loss(out: Tensor, target: Tensor) -> Tensor:
    """1 - MS-SSIM (Wang, Simoncelli and Bovik, Asilomar 2003, eq. 7), in [0, 1].

    Contrast and structure at five scales, each half as long as the last, and brightness at the coarsest. A scale is
    used while the window of 11 pixels fits into it, so five want a short side of 176 pixels; smaller pictures have
    fewer (always one), and the weights of those they have are made to sum to 1. Both are `n c h w` in [0, 1].

    >>> import torch; picture = torch.rand(1, 3, 16, 16); ms_ssim_loss(picture, picture).item()
    0.0
    """
    fitting = [scale for scale in range(len(SCALE_WEIGHTS)) if min(out.shape[-2:]) >> scale >= WINDOW]
    weights = SCALE_WEIGHTS[: max(len(fitting), 1)]
    similarity = torch.ones_like(out[:, :, 0, 0])
    for scale, weight in enumerate(weights):
        if scale:
            out, target = avg_pool2d(out, 2), avg_pool2d(target, 2)
        luminance, contrast = _differences(out, target)
        alike = 1 - contrast
        if scale == len(weights) - 1:
            alike = alike * (1 - luminance)
        similarity = similarity * alike.mean((2, 3)).clamp(min=LEAST_SIMILARITY) ** (weight / sum(weights))
    return (1 - similarity).mean()


def _differences(out: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """1 - luminance and 1 - contrast x structure at each place of the window: `n c h' w'`, 0 where nothing differs.

    From the variance of the difference instead of the covariance, cov(a, b) = (var(a) + var(b) - var(a - b)) / 2.
    Equal pictures cost exactly 0 then. In the textbook's form rounding makes flat pictures differ from themselves,
    and a denominator can come out as 0 once a network overshoots.
    """
    difference = out - target
    blurred = _blur(torch.cat([out, target, out.square(), target.square(), difference.square()]))
    mean_a, mean_b, square_a, square_b, square_d = blurred.chunk(5)
    # Rounding takes variances of flat places below 0.
    variances = relu(square_a - mean_a.square()) + relu(square_b - mean_b.square())
    apart = (mean_a - mean_b).square()
    variance_apart = relu(square_d - apart)
    return apart / (mean_a.square() + mean_b.square() + C1), variance_apart / (variances + C2)


def _blur(picture: Tensor) -> Tensor:
    """`n c h w` under the Gaussian, where it fits: `n c h-10 w-10`.

    By sums of shifted pictures: faster than a convolution on a CPU, and exact on a GPU, whose convolutions keep 10
    bits of each factor unless told otherwise (TF32), too few for a variance.
    """
    for axis in (-2, -1):
        window = _gaussian(min(WINDOW, picture.shape[axis]))
        length = picture.shape[axis] - len(window) + 1
        blurred = window[0] * picture.narrow(axis, 0, length)
        for shift in range(1, len(window)):
            blurred = blurred.add(picture.narrow(axis, shift, length), alpha=window[shift])
        picture = blurred
    return picture


def _gaussian(size: int) -> list[float]:
    window = [math.exp(-((i - (size - 1) / 2) ** 2) / (2 * SIGMA**2)) for i in range(size)]
    return [weight / sum(window) for weight in window]
