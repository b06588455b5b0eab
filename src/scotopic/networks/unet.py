"""A U-Net (Ronneberger, Fischer, Brox, 2015) from picture to picture, with few levels and quickly more filters."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .activation import activation_named
from .initial import start_glorot, start_silent
from .picture import PictureNetwork


class UNet(PictureNetwork):
    """`depth` blocks down, `depth` up; `width` filters in the first, four times as many in each further one.

    A block down is a 3x3 convolution, kept for the way back, and one with stride 2. A block up is a 2x2 transposed
    convolution, what was kept behind it, and a 3x3 convolution of both. `activation` ("relu" or "leaky_relu", slope
    0.2) follows every convolution but the last, a 3x3 one with 3 filters. The picture is predicted itself, or with
    `residual` what is to be added to the one that came in. 2,377,635 parameters with the defaults.

    Sides are made multiples of 2^depth, so what was kept and what comes up never differ by a pixel.
    """

    def __init__(self, width: int = 16, depth: int = 3, activation: str = "relu", residual: bool = False) -> None:
        super().__init__()
        self.multiple = 2**depth
        self.halo = halo_of_unet(depth)
        self.residual = residual
        self.activation = activation_named(activation)
        widths = [width * 4**level for level in range(depth)]
        self.encode = nn.ModuleList(nn.Conv2d(a, b, 3, padding=1) for a, b in pairwise([3, *widths]))
        self.down = nn.ModuleList(nn.Conv2d(w, w, 3, stride=2, padding=1) for w in widths)
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2) for a, b in pairwise([*widths, widths[-1]]))
        self.decode = nn.ModuleList(nn.Conv2d(2 * w, w, 3, padding=1) for w in widths)
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        start_glorot(self)
        if residual:
            start_silent(self.last)

    def process(self, low: Tensor) -> Tensor:
        x, skips = low, []
        for encode, down in zip(self.encode, self.down, strict=True):
            skips.append(self.activation(encode(x)))
            x = self.activation(down(skips[-1]))
        for up, decode, skip in zip(reversed(self.up), reversed(self.decode), reversed(skips), strict=True):
            x = self.activation(decode(torch.cat([self.activation(up(x)), skip], 1)))
        out: Tensor = self.last(x)
        return low + out if self.residual else out


def halo_of_unet(depth: int) -> int:
    """How far this U-Net looks beyond a tile whose sides lie at multiples of 2^depth.

    Followed from the tile's first pixel, 0, back through the network: a 3x3 convolution asks for one pixel more, a
    transposed one for the pixel that a block came from, one with stride 2 for the pixel before that block, too.

    >>> halo_of_unet(1), halo_of_unet(3)
    (4, 22)
    """
    first = -1
    for _ in range(depth):
        first = (first - 1) // 2
    for _ in range(depth):
        first = 2 * first - 2
    return -first
