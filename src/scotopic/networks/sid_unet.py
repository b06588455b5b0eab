"""The U-Net of Chen, Chen, Xu, Koltun: Learning to See in the Dark, CVPR 2018."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import max_pool2d, pixel_shuffle

from .activation import activation_named
from .initial import start_glorot
from .raw import RawNetwork


class TwoConvs(nn.Module):
    """Two 3x3 convolutions, an activation after each."""

    def __init__(self, channels: int, width: int, activation: str) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.activation = activation_named(activation)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.activation(self.conv2(self.activation(self.conv1(x))))
        return out


class SIDUNet(RawNetwork):
    """Amplified packed raw to an sRGB picture in one network: 7.76 million parameters with the paper's values.

    `depth` levels, the first of `width` channels, each further one of twice as many at half the size (max-pooling);
    back up by 2x2 transposed convolutions, each concatenated with the level it came from; a 1x1 convolution gives the
    scale x scale pixels of every packed one. `activation` is "leaky_relu" (slope 0.2) or "relu".

    Published weights fit after renaming. Level i is `encode.<i>.conv1` and `conv2` (g_conv1_1 to g_conv5_2 there),
    `up.<i>` brings level i + 1 up to level i and `decode.<i>` follows it (g_conv9 for level 0 to g_conv6 for level 3),
    `last` is g_conv10. Kernels turn from (h, w, in, out) to (out, in, h, w), those of `up` from (h, w, out, in) to
    (in, out, h, w). Two orders differ: TensorFlow's depth_to_space takes plane 3 * k + c of `last` for place k of
    colour c where `pixel_shuffle` takes scale^2 * c + k, and the Bayer planes come in as R, G1, B, G2 there, as
    R, G1, G2, B here.
    """

    normalisation: ClassVar[Literal["ratio", "k-sigma"]] = "ratio"
    light_out: ClassVar[Literal["srgb", "linear"]] = "srgb"

    def __init__(self, planes: int = 4, width: int = 32, depth: int = 5, activation: str = "leaky_relu") -> None:
        super().__init__(planes)
        self.multiple = 2 ** (depth - 1)
        self.halo = halo_of_unet(depth)
        widths = [width * 2**level for level in range(depth)]
        self.encode = nn.ModuleList(TwoConvs(a, b, activation) for a, b in pairwise([self.channels_in, *widths]))
        self.up = nn.ModuleList(nn.ConvTranspose2d(b, a, 2, stride=2, bias=False) for a, b in pairwise(widths))
        self.decode = nn.ModuleList(TwoConvs(2 * w, w, activation) for w in widths[:-1])
        self.last = nn.Conv2d(width, 3 * self.scale**2, 1)
        start_glorot(self)

    def process(self, low: Tensor) -> Tensor:
        x, skips = low, []
        for level, encode in enumerate(self.encode):
            x = encode(max_pool2d(x, 2) if level else x)
            skips.append(x)
        skips.pop()
        for up, decode, skip in zip(reversed(self.up), reversed(self.decode), reversed(skips), strict=True):
            x = decode(torch.cat([up(x), skip], 1))
        return pixel_shuffle(self.last(x), self.scale)


def halo_of_unet(depth: int) -> int:
    """How far a U-Net looks beyond a tile whose sides lie at multiples of `multiple`, in pixels of its input.

    It has `depth` levels with two 3x3 convolutions each, down and up, and halves by blocks of two. Followed from the
    tile's first pixel, 0: each pair of convolutions asks for two pixels more; going down a level asks for the pixel
    that a block becomes, coming back up for the first of the block that a pixel was.

    >>> halo_of_unet(1), halo_of_unet(5)
    (2, 94)
    """
    first = 0
    for _ in range(depth - 1):
        first = (first - 2) // 2
    first -= 2
    for _ in range(depth - 1):
        first = 2 * first - 2
    return -first
