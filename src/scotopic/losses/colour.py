"""Losses that look at colour apart from brightness. They want red, green and blue."""

from __future__ import annotations

from torch import Tensor
from torch.linalg import vector_norm

from ..errors import RecipeError
from .neighbours import patch_means


def refuse_grey(picture: Tensor, loss: str) -> None:
    """Raise RecipeError, in the name of `loss`, unless the picture is `n 3 h w`."""
    if picture.shape[1] != 3:
        raise RecipeError(
            f"The loss '{loss}' looks at colours and wants RGB (3 channels), got {picture.shape[1]}. "
            f"Set losses.{loss}.on to 'rgb', or leave the loss out."
        )


def chroma_loss(out: Tensor, target: Tensor, patch: int = 4) -> Tensor:
    """Mean absolute error of the colour differences R-G and B-G, averaged over `patch` x `patch` pixels.

    Brightness alone costs nothing, a cast or a loss of saturation does. Both are sRGB in [0, 1], `n 3 h w`; anything
    but 3 channels raises RecipeError.

    >>> import torch; grey = torch.full((1, 3, 8, 8), 0.2); chroma_loss(grey + 0.5, grey).item()
    0.0
    """
    refuse_grey(out, "chroma")
    a, b = patch_means(out, patch), patch_means(target, patch)
    difference = (a[:, 0::2] - a[:, 1:2]) - (b[:, 0::2] - b[:, 1:2])
    return difference.abs().mean()


def colour_angle_loss(out: Tensor, target: Tensor, dark: float = 0.1) -> Tensor:
    """Mean over pixels of 1 - cos of the angle between the colours of `out` and `target` as vectors (r, g, b).

    After the colour loss of Wang et al. (DeepUPE, CVPR 2019, sec. 3.3). A gain on a pixel costs nothing. Both are sRGB
    in [0, 1], `n 3 h w`; anything but 3 channels raises RecipeError. Black points nowhere, and a colour near it is
    mostly noise: a pixel counts by |out| |target| / (|out| |target| + dark²), half where both have the length `dark`.

    >>> import torch; red, blue = torch.eye(3)[0].view(1, 3, 1, 1), torch.eye(3)[2].view(1, 3, 1, 1)
    >>> colour_angle_loss(red, blue, dark=1.0).item(), colour_angle_loss(0.3 * red, red).item()
    (0.5, 0.0)
    """
    refuse_grey(out, "colour_angle")
    # Not by division: |a| |b| (1 - cos) has a gradient at black, where the angle itself has none.
    lengths: Tensor = vector_norm(out, dim=1) * vector_norm(target, dim=1)
    return ((lengths - (out * target).sum(1)) / (lengths + dark**2)).mean()
