"""Losses against the truth, pixel by pixel. Those of structure, colour and features have files of their own."""

from __future__ import annotations

import torch
from torch import Tensor

from .neighbours import step_size


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


def charbonnier_loss(out: Tensor, target: Tensor, eps: float = 1e-3) -> Tensor:
    """Mean of sqrt(error² + eps²): the absolute error with its corner rounded (LapSRN: Lai et al., CVPR 2017).

    `out` and `target` are of one shape. Equal pictures cost `eps`, which must be above 0: at 0 the corner is back.

    >>> import torch; charbonnier_loss(torch.full((1, 3, 2, 2), 4.0), torch.zeros(1, 3, 2, 2), eps=3.0).item()
    5.0
    """
    return ((out - target).square() + eps**2).sqrt().mean()


def log_mse_loss(out: Tensor, target: Tensor, floor: float = 1e-5) -> Tensor:
    """Mean over pictures of log(1 + mse / floor): what PSNR measures, so that a noisy picture counts like a clean one.

    Any other error adds up to what the worst pictures leave open. Below `floor` (50 dB) little is left to gain. `out`
    and `target` are of one shape, `n c h w`.

    >>> import torch; log_mse_loss(torch.zeros(2, 3, 2, 2), torch.full((2, 3, 2, 2), 0.3), floor=0.01).exp().item()
    10.0
    """
    mse = (out - target).square().mean((1, 2, 3))
    return torch.log1p(mse / floor).mean()


def gradient_loss(out: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of the steps between neighbouring pixels, across plus down: edges where they belong.

    Both are `n c h w`. Brightness alone costs nothing.

    >>> import torch; edge = torch.tensor([[[[0.0, 0.0, 1.0, 1.0]]]])
    >>> gradient_loss(edge / 4, edge).item(), gradient_loss(edge + 0.5, edge).item()
    (0.25, 0.0)
    """
    return step_size(out - target)  # steps are linear: the difference of steps is the step of the difference
