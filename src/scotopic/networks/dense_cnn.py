"""The plain convolutional network with dense connections (Huang et al., DenseNet, CVPR 2017)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from .activation import activation_named
from .initial import start_glorot, start_silent
from .picture import PictureNetwork


class DenseCNN(PictureNetwork):
    """The blocks of `cnn`, where each gets the picture and what all earlier ones gave, one behind the other.

    `width`, `depth`, `activation` and `residual` as there; 141,428 parameters with the defaults.
    """

    def __init__(self, width: int = 32, depth: int = 4, activation: str = "relu", residual: bool = False) -> None:
        super().__init__()
        self.halo = depth
        self.residual = residual
        self.activation = activation_named(activation)
        widths = [3, *(width * 2**layer for layer in range(depth - 1))]
        self.convs = nn.ModuleList(
            nn.Conv2d(sum(widths[:layer]), widths[layer], 3, padding=1) for layer in range(1, depth)
        )
        self.last = nn.Conv2d(sum(widths), 3, 3, padding=1)
        start_glorot(self)
        if residual:
            start_silent(self.last)

    def process(self, low: Tensor) -> Tensor:
        x = low
        for conv in self.convs:
            x = torch.cat([x, self.activation(conv(x))], 1)
        out: Tensor = self.last(x)
        return low + out if self.residual else out
