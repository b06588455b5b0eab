"""What every curve network shares: a decision made of maps, applied pixel by pixel."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import final

import torch
from torch import Tensor, nn

from .picture import continued


def apply_curves(low: Tensor, maps: Tensor, iterations: int = 8) -> Tensor:
    """Iterated light-enhancement curves, x <- x + a x (1 - x) (Zero-DCE, eq. 3).

    `low` is sRGB in [0, 1], `n 3 h w`. `maps` is in [-1, 1]: `n 3 h w`, the same for every iteration (Zero-DCE++),
    `n 3*iterations h w`, three for each (Zero-DCE), or for more than two iterations `n 6 h w`, the mean amounts and by
    how much they rise, evenly, from the first iteration to the mean and from there to the last. As long as no amount
    is beyond [-1, 1], the curve keeps 0 at 0, 1 at 1 and the order of all values.

    >>> apply_curves(torch.full((1, 3, 1, 1), 0.5), torch.full((1, 3, 1, 1), 1.0), iterations=1)[0, 0, 0, 0].item()
    0.75
    """
    out = low
    for amount in _amounts(maps, iterations):
        out = out + amount * (out - out * out)
    return out


def _amounts(maps: Tensor, iterations: int) -> Sequence[Tensor]:
    if maps.shape[1] == 3 * iterations:
        return torch.split(maps, 3, dim=1)
    if maps.shape[1] == 3:
        return [maps] * iterations
    mean, rise = torch.split(maps, 3, dim=1)
    return rising_amounts(mean, rise, iterations)


def rising_amounts(mean: Tensor, rise: Tensor, iterations: int) -> list[Tensor]:
    """An amount for each of more than two iterations, from `mean - rise` to `mean + rise`."""
    return [mean + (2 * step / (iterations - 1) - 1) * rise for step in range(iterations)]


def start_from_identity(network: nn.Module) -> None:
    """The Zero-DCE authors' initialisation: small weights, so that training starts from the identity curve."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):
            nn.init.normal_(layer.weight, 0.0, 0.02)
            if layer.bias is not None:
                nn.init.zeros_(layer.bias)


class CurveNetwork(nn.Module):
    """A network that decides curve maps from a picture and applies them to it.

    `locality` is the share of the maps' variation over the picture that is kept. The paper keeps all of it (1). What a
    15 x 15 window sees cannot tell a dark thing from a thing in the dark, so maps left to themselves lighten the one
    like the other and flatten the picture; their mean over the whole picture can tell. At 0 one curve serves all.
    """

    multiple: int = 1
    """What the sides of `estimate`'s input are multiples of."""

    def __init__(self, iterations: int, locality: float) -> None:
        super().__init__()
        self.iterations = iterations
        self.locality = locality

    @abstractmethod
    def estimate(self, low: Tensor) -> Tensor:
        """Curve maps in [-1, 1], `n c h w`, as the network sees each place, for a picture `n 3 h w`."""

    @final
    def decide(self, low: Tensor) -> Tensor:
        """Curve maps in [-1, 1], `n c h w`, for a picture (a thumbnail, in practice) `n 3 h w`, sRGB in [0, 1].

        Of any size; it is continued by its last row and column where it must be.
        """
        height, width = low.shape[-2:]
        return self.maps(continued(low, self.multiple))[..., :height, :width]

    @final
    def maps(self, low: Tensor) -> Tensor:
        """`decide` for a picture whose sides are multiples of `multiple`."""
        maps = self.estimate(low)
        if self.locality == 1:
            return maps
        whole = maps.mean((2, 3), keepdim=True)
        return whole + self.locality * (maps - whole)

    @final
    def apply_decision(self, low: Tensor, maps: Tensor) -> Tensor:
        """The finished picture, sRGB in [0, 1], `n 3 h w`; `maps` has the size of `low`."""
        return apply_curves(low, maps, self.iterations)

    def forward(self, low: Tensor) -> Tensor:
        return self.apply_decision(low, self.decide(low))
