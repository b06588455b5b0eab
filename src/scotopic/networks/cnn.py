"""A plain convolutional network from picture to picture, the simplest there is."""

from __future__ import annotations

from itertools import pairwise

from torch import Tensor, nn

from .activation import activation_named
from .initial import start_glorot, start_silent
from .picture import PictureNetwork


class CNN(PictureNetwork):
    """`depth` 3x3 convolutions at full size: `width` filters, twice as many in each further one, 3 in the last.

    All but the last are followed by `activation`, "relu" or "leaky_relu" (slope 0.2). The picture is predicted itself,
    or with `residual` what is to be added to the one that came in. 96,707 parameters with the defaults. It sees
    2 depth + 1 pixels across, so it knows how dark a place is, not how dark the picture.
    """

    def __init__(self, width: int = 32, depth: int = 4, activation: str = "relu", residual: bool = False) -> None:
        super().__init__()
        self.halo = depth
        self.residual = residual
        self.activation = activation_named(activation)
        widths = [3, *(width * 2**layer for layer in range(depth - 1))]
        self.convs = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise(widths))
        self.last = nn.Conv2d(widths[-1], 3, 3, padding=1)
        start_glorot(self)
        if residual:
            start_silent(self.last)

    def process(self, low: Tensor) -> Tensor:
        x = low
        for conv in self.convs:
            x = self.activation(conv(x))
        out: Tensor = self.last(x)
        return low + out if self.residual else out
