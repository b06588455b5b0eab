"""Losses against the truth."""

from __future__ import annotations

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


def chroma_loss(out: Tensor, target: Tensor, patch: int = 4) -> Tensor:
    """Mean absolute error of the colour differences R-G and B-G, averaged over `patch` x `patch` pixels.

    Brightness alone costs nothing, a cast or a loss of saturation does. Both are sRGB in [0, 1], `n 3 h w`.

    >>> import torch; grey = torch.full((1, 3, 8, 8), 0.2); chroma_loss(grey + 0.5, grey).item()
    0.0
    """
    a, b = avg_pool2d(out, patch), avg_pool2d(target, patch)
    difference = (a[:, 0::2] - a[:, 1:2]) - (b[:, 0::2] - b[:, 1:2])
    return difference.abs().mean()
