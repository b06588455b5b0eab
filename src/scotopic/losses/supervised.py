"""Losses against the truth."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d


def l1_loss(out: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error. `out` and `target` are of one shape.

    >>> import torch; l1_loss(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5)).item()
    0.5
    """
    return (out - target).abs().mean()


def mse_loss(out: Tensor, target: Tensor) -> Tensor:
    """Mean squared error. `out` and `target` are of one shape.

    >>> import torch; mse_loss(torch.zeros(1, 3, 2, 2), torch.full((1, 3, 2, 2), 0.5)).item()
    0.25
    """
    return (out - target).square().mean()


def log_mse_loss(out: Tensor, target: Tensor, floor: float = 1e-5) -> Tensor:
    """Mean over pictures of log(1 + mse / floor): what PSNR measures, so that a noisy picture counts like a clean one.

    Any other error adds up to what the worst pictures leave open. Below `floor` (50 dB) little is left to gain. `out`
    and `target` are of one shape, `n c h w`.

    >>> import torch; log_mse_loss(torch.zeros(2, 3, 2, 2), torch.full((2, 3, 2, 2), 0.3), floor=0.01).exp().item()
    10.0
    """
    mse = (out - target).square().mean((1, 2, 3))
    return torch.log1p(mse / floor).mean()


def chroma_loss(out: Tensor, target: Tensor, patch: int = 4) -> Tensor:
    """Mean absolute error of the colour differences R-G and B-G, averaged over `patch` x `patch` pixels.

    Brightness alone costs nothing, a cast or a loss of saturation does. Both are sRGB in [0, 1], `n 3 h w`.

    >>> import torch; grey = torch.full((1, 3, 8, 8), 0.2); chroma_loss(grey + 0.5, grey).item()
    0.0
    """
    a, b = avg_pool2d(out, patch), avg_pool2d(target, patch)
    difference = (a[:, 0::2] - a[:, 1:2]) - (b[:, 0::2] - b[:, 1:2])
    return difference.abs().mean()
