"""The generator of ESRGAN (Wang et al., 2018): residual-in-residual dense blocks."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pixel_shuffle

from .initial import start_silent
from .picture import PictureNetwork, enlarged

SHARE = 0.2
"""Of a block's result, what is added to its input: the paper's residual scaling."""
START = 0.1
"""How large a block's weights are at first, relative to He's: the paper's smaller initialisation."""


class DenseBlock(nn.Module):
    """Five 3x3 convolutions, each of all that was before; the first four give `growth` channels, the last `width`."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.convs = nn.ModuleList(nn.Conv2d(width + i * growth, growth, 3, padding=1) for i in range(4))
        self.last = nn.Conv2d(width + 4 * growth, width, 3, padding=1)
        for conv in (*self.convs, self.last):
            start_small(conv)

    def forward(self, x: Tensor) -> Tensor:
        features = x
        for conv in self.convs:
            features = torch.cat([features, leaky_relu(conv(features), 0.2)], 1)
        out: Tensor = x + SHARE * self.last(features)
        return out


class ResidualInResidual(nn.Module):
    """Three dense blocks, a share of which is added to what came in."""

    def __init__(self, width: int, growth: int) -> None:
        super().__init__()
        self.blocks = nn.Sequential(*(DenseBlock(width, growth) for _ in range(3)))

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + SHARE * self.blocks(x)
        return out


class RRDB(PictureNetwork):
    """Super-resolution by `scale` 2 or 4 with `blocks` residual-in-residual dense blocks at the size of the input.

    The paper's values by default, 16,919,555 parameters at scale 4. Each doubling is a 3x3 convolution to 4 `width`
    channels and a pixel shuffle (Shi et al., 2016), as in SRGAN; the authors' own code repeats pixels instead, which
    takes 221,568 fewer. With `residual` the bicubically enlarged picture is added to what the network says, which the
    paper does not: a good start, and less to learn.
    """

    def __init__(
        self, scale: int = 4, width: int = 64, blocks: int = 23, growth: int = 32, residual: bool = True
    ) -> None:
        super().__init__()
        if scale not in (2, 4):
            raise ValueError(f"scale must be 2 or 4, got {scale}")
        self.scale = scale
        self.residual = residual
        # 15 convolutions a block, the first, the trunk's and that of the first doubling, and the fine ones: two of
        # half a pixel, or one of half a pixel and two of a quarter.
        self.halo = 15 * blocks + 4
        self.first = nn.Conv2d(3, width, 3, padding=1)
        self.blocks = nn.Sequential(*(ResidualInResidual(width, growth) for _ in range(blocks)))
        self.trunk = nn.Conv2d(width, width, 3, padding=1)
        self.up = nn.ModuleList(nn.Conv2d(width, 4 * width, 3, padding=1) for _ in range(scale // 2))
        self.fine = nn.Conv2d(width, width, 3, padding=1)
        self.last = nn.Conv2d(width, 3, 3, padding=1)
        if residual:
            start_silent(self.last)

    def process(self, low: Tensor) -> Tensor:
        first = self.first(low)
        x = first + self.trunk(self.blocks(first))
        for up in self.up:
            x = leaky_relu(pixel_shuffle(up(x), 2), 0.2)
        out: Tensor = self.last(leaky_relu(self.fine(x), 0.2))
        return enlarged(low, self.scale) + out if self.residual else out


@torch.no_grad()
def start_small(conv: nn.Module) -> None:
    assert isinstance(conv, nn.Conv2d)
    assert conv.bias is not None
    nn.init.kaiming_normal_(conv.weight)
    conv.weight *= START
    nn.init.zeros_(conv.bias)
