"""A small U-Net for any sensor: it sees noise of one kind, whatever the camera and ISO, and is told how much."""

from __future__ import annotations

from itertools import pairwise
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, pad, pixel_shuffle, relu

from scotopic.image.packed import COLOUR_OF_PLANE

from .raw import RawNetwork

MOST = 64.0
"""White, in units of noise, at most."""
NOISIEST = 8.0
"""Black of a very noisy camera (read noise of 4 electrons), in units of noise: about 1 when the network is told."""


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
    it constant (Anscombe 1948; with 3/8 added): green's is 1, that of red and blue a little more, as white balance has
    it; the network is told how much. (Where there is next to no noise, white stays at `MOST`, and the noise is less.)
    Black then lies at twice the read noise in electrons, which is each camera's own: it is subtracted, told, and added
    again, so that a camera of less read noise than any seen before is not taken for a brighter scene.
    A U-Net with additive skips adds what is missing to a linear demosaicing (learned too, from a good start), then
    comes the way back. About 18 GFLOP per raw megapixel with the defaults, a fifth of SID's network.
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
        self.demosaic = nn.Conv2d(planes, 3 * self.scale**2, 3, bias=False)
        self.first = nn.Conv2d(2 * planes + 1 + (planes == 9), width, 3)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.encode = nn.ModuleList(Block(w) for w in widths)
        self.decode = nn.ModuleList(Block(w) for w in widths[:-1])
        self.bottom = Block(widths[-1])
        self.last = nn.Conv2d(width, 3 * self.scale**2, 3, padding=1)
        self.colours = COLOUR_OF_PLANE[planes]
        # Learning begins where there is nothing to add to a linear demosaicing.
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]
        with torch.no_grad():
            self.demosaic.weight.copy_(malvar() if planes == 4 else neighbouring())

    def process(self, low: Tensor) -> Tensor:
        planes = self.planes
        light, slope, offset = low[:, :planes], low[:, planes : 2 * planes], low[:, 2 * planes : 3 * planes]
        lift = offset / slope + 0.375 * slope  # the k-sigma transform's and Anscombe's constants, at the scale of light
        green = self.colours.index(1)
        # In units of green's noise, whatever the light: what is smaller than 1 is noise, what is larger is not.
        unit = torch.clamp(2 / torch.sqrt(slope[:, green : green + 1]), max=MOST)
        root = torch.sqrt(torch.clamp(light + lift, min=1e-8)) * unit
        told = torch.sqrt(slope) / 2 * unit
        black = torch.sqrt(torch.clamp(lift, min=1e-8)) * unit
        further = black[:, green : green + 1] / NOISIEST
        seen = torch.cat([root - black, told, further, low[:, 3 * planes :]], 1)
        seen = pad(seen, (1, 1, 1, 1), mode="replicate")
        x = self.first(seen)
        skips = []
        for encode, down in zip(self.encode, self.down, strict=False):
            x = encode(x)
            skips.append(x)
            x = down(x)
        x = self.bottom(self.encode[-1](x))
        for decode, up, skip in zip(reversed(self.decode), reversed(self.up), reversed(skips), strict=True):
            x = decode(interpolate(up(x), scale_factor=2.0, mode="nearest") + skip)
        root_out = (self.last(x) + self.demosaic(seen[:, :planes]) + self._repeated(black)) / unit
        return pixel_shuffle(root_out * root_out.abs() - self._repeated(lift), self.scale)

    def _repeated(self, planes: Tensor) -> Tensor:
        """R, G and B of packed planes, each as often as `pixel_shuffle` needs to make it a picture."""
        ends = [self.colours.index(1), self.colours.index(2), self.planes]
        parts = [planes[:, start:end].mean(1, keepdim=True) for start, end in zip([0, *ends], ends, strict=False)]
        return torch.cat([part.expand(-1, self.scale**2, -1, -1) for part in parts], 1)


def malvar() -> Tensor:
    """Malvar, He and Cutler's linear demosaicing (ICASSP 2004, fig. 2) of packed planes: weights `12 4 3 3`.

    Of the 12, four belong to each colour, in the order of `pixel_shuffle`.
    """
    green_at_other: list[tuple[int, int, float]] = [(0, 0, 4), (0, 1, 2), (1, 0, 2), (0, 2, -1), (2, 0, -1)]
    green_in_row = [(0, 0, 5), (0, 1, 4), (0, 2, -1), (1, 1, -1), (2, 0, 0.5)]  # in a row of the colour wanted
    opposite = [(0, 0, 6), (1, 1, 2), (0, 2, -1.5), (2, 0, -1.5)]
    green_in_column = [(x, y, weight) for y, x, weight in green_in_row]
    weights = torch.zeros(12, 4, 3, 3)
    for colour in range(3):
        for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)):
            here = ("RG", "GB")[y][x]
            if here == "RGB"[colour]:
                taps = [(0, 0, 8.0)]
            elif colour == 1:
                taps = green_at_other
            elif here == "G":
                taps = green_in_row if (y == 0) == (colour == 0) else green_in_column
            else:
                taps = opposite
            for down, right, weight in taps:
                for dy in {down, -down}:
                    for dx in {right, -right}:
                        row, column = y + dy, x + dx
                        plane = 2 * (row % 2) + column % 2
                        weights[4 * colour + 2 * y + x, plane, row // 2 + 1, column // 2 + 1] += weight / 8
    return weights


def neighbouring() -> Tensor:
    """A plain demosaicing of packed X-Trans planes, weights `27 9 3 3`: each pixel the mean of its block's samples of a
    colour, but for green where it was measured.
    """
    weights = torch.zeros(27, 9, 3, 3)
    weights[:9, :2, 1, 1] = weights[18:, 7:, 1, 1] = 0.5
    weights[9:18, 2:7, 1, 1] = 0.2
    for plane, place in enumerate((0, 2, 4, 6, 8), start=2):
        weights[9 + place, 2:7, 1, 1] = 0
        weights[9 + place, plane, 1, 1] = 1
    return weights
