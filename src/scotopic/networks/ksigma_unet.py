"""A small U-Net for any sensor: it sees noise of one kind, whatever the camera and ISO, and is told how much."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pixel_shuffle, relu

from scotopic.image.packed import COLOUR_OF_PLANE

from .raw import RawNetwork


class Block(nn.Module):
    """Two 3x3 convolutions with a ReLU between, added to what came in."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.conv2(relu(self.conv1(x)))
        return out


class KSigmaUNet(RawNetwork):
    """Joint demosaicing and denoising in the square root of the k-sigma transform, where all noise is alike.

    The k-sigma transform (Wang et al., PMRID, ECCV 2020) makes the variance equal to the mean; its square root makes
    it constant (Anscombe 1948; with 3/8 added). Scaled back so that white is 1, a pixel's noise has the standard
    deviation sqrt(a) / 2, which the network is told in a plane of its own. Then a U-Net with additive skips, and the
    way back. About 18 GFLOP per raw megapixel with the defaults, a fifth of SID's network.
    """

    normalisation: ClassVar[Literal["ratio", "k-sigma"]] = "k-sigma"
    light_out: ClassVar[Literal["srgb", "linear"]] = "linear"

    def __init__(self, planes: int = 4, width: int = 16, depth: int = 4) -> None:
        super().__init__(planes)
        self.multiple = 2 ** (depth - 1)
        # Four 3x3 convolutions a level look a pixel of that level further each, the first and the last one of the
        # finest; and what the coarsest sees in part, a tile cut at multiples of its pixels sees whole.
        self.halo = sum(4 * 2**level for level in range(depth)) + 3
        widths = [width * 2**level for level in range(depth)]
        self.first = nn.Conv2d(2 * planes + (planes == 9), width, 3, padding=1)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.encode = nn.ModuleList(Block(w) for w in widths)
        self.decode = nn.ModuleList(Block(w) for w in widths[:-1])
        self.bottom = Block(widths[-1])
        self.last = nn.Conv2d(width, 3 * self.scale**2, 3, padding=1)
        self.colours = COLOUR_OF_PLANE[planes]

    def process(self, low: Tensor) -> Tensor:
        planes = self.planes
        light, slope, offset = low[:, :planes], low[:, planes : 2 * planes], low[:, 2 * planes : 3 * planes]
        lift = offset / slope + 0.375 * slope  # the k-sigma transform's and Anscombe's constants, at the scale of light
        root = torch.sqrt(torch.clamp(light + lift, min=1e-8))
        x = self.first(torch.cat([root, torch.sqrt(slope) / 2, low[:, 3 * planes :]], 1))
        skips = []
        for encode, down in zip(self.encode, self.down, strict=False):
            x = encode(x)
            skips.append(x)
            x = down(x)
        x = self.bottom(self.encode[-1](x))
        for decode, up, skip in zip(reversed(self.decode), reversed(self.up), reversed(skips), strict=True):
            x = decode(interpolate(up(x), scale_factor=2.0, mode="nearest") + skip)
        root_out = self.last(x) + self._repeated(root)
        return pixel_shuffle(root_out * root_out.abs() - self._repeated(lift), self.scale)

    def _repeated(self, planes: Tensor) -> Tensor:
        """R, G and B of packed planes, each as often as `pixel_shuffle` needs to make it a picture."""
        ends = [self.colours.index(1), self.colours.index(2), self.planes]
        parts = [planes[:, start:end].mean(1, keepdim=True) for start, end in zip([0, *ends], ends, strict=False)]
        return torch.cat([part.expand(-1, self.scale**2, -1, -1) for part in parts], 1)
