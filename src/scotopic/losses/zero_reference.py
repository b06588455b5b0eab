"""Losses that need no ground truth: the four of Zero-DCE (Guo et al., CVPR 2020, section 3.3), and two more."""

from __future__ import annotations

from torch import Tensor

from .colour import refuse_grey
from .neighbours import patch_means, step_size


def spatial_consistency_loss(out: Tensor, low: Tensor, patch: int = 4) -> Tensor:
    """How far local contrasts have moved from those of the input (Zero-DCE, eq. 4).

    `out` and `low` are sRGB in [0, 1], `n 3 h w`. Brightness is averaged over `patch` x `patch` pixels, and each patch
    compared with its neighbours to the right and below, which counts every pair once.

    >>> import torch; dark = torch.rand(1, 3, 16, 16)
    >>> spatial_consistency_loss(dark + 0.25, dark).item() < 1e-12
    True
    """
    after = patch_means(out.mean(1, keepdim=True), patch)
    before = patch_means(low.mean(1, keepdim=True), patch)
    # Each pair of neighbours is seen from both sides in the paper's sum over four directions: hence the factor 2.
    total = low.new_zeros(())
    for axis in (-1, -2):
        change = after.diff(dim=axis).abs() - before.diff(dim=axis).abs()
        total = total + 2 * change.square().sum()
    return total / after.numel()


def exposure_loss(out: Tensor, level: float = 0.6, patch: int = 16) -> Tensor:
    """Mean distance of local brightness from `level` (Zero-DCE, eq. 5).

    `out` is sRGB in [0, 1], `n 3 h w`; brightness is averaged over `patch` x `patch` pixels.

    >>> import torch; exposure_loss(torch.full((1, 3, 32, 32), 0.5), level=0.75).item()
    0.25
    """
    return (patch_means(out.mean(1, keepdim=True), patch) - level).abs().mean()


def colour_constancy_loss(out: Tensor) -> Tensor:
    """Squared differences between the mean R, G and B of a picture: the grey-world hypothesis (Zero-DCE, eq. 6).

    `out` is sRGB in [0, 1], `n 3 h w`; summed over the three pairs of channels, averaged over pictures. Anything
    but 3 channels raises RecipeError.

    >>> import torch; red = torch.zeros(1, 3, 8, 8); red[:, 0] = 0.5
    >>> colour_constancy_loss(red).item()
    0.5
    """
    refuse_grey(out, "colour_constancy")
    red, green, blue = out.mean((2, 3)).unbind(1)
    return ((red - green).square() + (red - blue).square() + (green - blue).square()).mean()


def illumination_smoothness_loss(maps: Tensor) -> Tensor:
    """Squared gradient of the curve maps, so that neighbours keep their order (Zero-DCE, eq. 7).

    `maps` is `n c h w` in [-1, 1]; summed over the three channels, averaged over iterations and pixels.
    Zero for flat maps:

    >>> import torch; illumination_smoothness_loss(torch.full((2, 24, 8, 8), 0.3)).item()
    0.0
    """
    horizontal = maps.diff(dim=-1)[..., :-1, :].abs()
    vertical = maps.diff(dim=-2)[..., :, :-1].abs()
    slope = (horizontal + vertical).square()
    return 3 * (slope.mean() if slope.numel() else slope.sum())  # maps one pixel wide or high have no slope


def channel_agreement_loss(maps: Tensor) -> Tensor:
    """Mean squared difference of the red, green and blue curve maps of a place from their mean: grey stays grey.

    Ours. The grey-world hypothesis takes its revenge on pictures that are not grey on average: it turns the curves of
    a warm scene against red. `maps` is `n c h w` in [-1, 1], three channels for each iteration.

    >>> import torch; channel_agreement_loss(torch.tensor([0.0, 0.75, 0.75]).view(1, 3, 1, 1)).item()
    0.125
    """
    n, channels, height, width = maps.shape
    triples = maps.reshape(n, channels // 3, 3, height, width)
    return (triples - triples.mean(2, keepdim=True)).square().mean()


def total_variation_loss(out: Tensor) -> Tensor:
    """Mean absolute step between neighbouring pixels, across plus down (Rudin, Osher and Fatemi, Physica D 1992).

    Small for pictures without noise, and without detail. `out` is `n c h w`.

    >>> import torch; total_variation_loss(torch.tensor([[[[0.0, 0.25, 0.75]]]])).item()
    0.375
    """
    return step_size(out)
