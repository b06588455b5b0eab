"""The part of our network that looks at neighbours: it takes away the noise that brightening has amplified."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import final

import torch
from torch import Tensor, nn
from torch.nn.functional import conv2d, interpolate, pixel_shuffle

from .initial import start_silent
from .ksigma_unet import Block
from .picture import PictureNetwork

DARKEST = 1 / 64
"""Added to both brightnesses before one is divided by the other: below it, a gain says nothing of the picture."""
FULL_GAIN_EV = 0.5
"""Gain, in stops of sRGB, from which on everything is taken away that the network would; without gain, nothing is."""


class ScotopicDenoiser(PictureNetwork):
    """A picture as it came and the same brightened by a curve (`n 6 h w`, both sRGB) -> the second without its noise.

    The network is told by how much each place was amplified: noise in deep shadows was multiplied, in highlights
    hardly, and what was not amplified is left alone. It sees 2 x 2 pixels as one with four times the channels, where a
    convolution costs a quarter (Shi et al., CVPR 2016, the other way round); below that it is a U-Net with additive
    skips whose last layer starts silent: what it learns is what to add. `encoders` and `decoders` are how many residual
    blocks each level has before and after the levels below it. With `told` False it must guess the gain.
    """

    channels_in = 6

    def __init__(
        self,
        widths: Sequence[int] = (24, 40, 64),
        encoders: Sequence[int] = (0, 1, 1),
        decoders: Sequence[int] = (1, 1, 2),
        told: bool = True,
    ) -> None:
        super().__init__()
        if not len(widths) == len(encoders) == len(decoders):
            raise ValueError(
                f"widths, encoders and decoders want one number a level each, got {len(widths)}, {len(encoders)} and "
                f"{len(decoders)}"
            )
        self.told = told
        depth = len(widths)
        self.multiple = max(2**depth, 4)  # the gain is that of 4 x 4 pixels
        self.halo = _halo(encoders, decoders)
        self.first = nn.Conv2d(12 + 3 * told, widths[0], 3)
        self.down = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in pairwise(widths))
        self.up = nn.ModuleList(nn.Conv2d(b, a, 1) for a, b in pairwise(widths))
        self.encode = nn.ModuleList(_blocks(width, count) for width, count in zip(widths, encoders, strict=True))
        self.decode = nn.ModuleList(_blocks(width, count) for width, count in zip(widths, decoders, strict=True))
        self.last = nn.Conv2d(widths[0], 12, 3, padding=1)
        start_silent(self.last)

    def process(self, low: Tensor) -> Tensor:
        return self.denoise(low[:, :3], low[:, 3:])

    @final
    def denoise(self, low: Tensor, bright: Tensor) -> Tensor:
        """`bright` (`n 3 h w`, sRGB) without the noise that brightening `low` amplified."""
        gain = interpolate(gain_ev(low, bright), scale_factor=2.0, mode="nearest")
        x = self.enter(bright, gain)
        skips = []
        for encode, down in zip(self.encode, self.down, strict=False):
            x = encode(x)
            skips.append(x)
            x = down(x)
        x = self.decode[-1](self.encode[-1](x))
        for decode, up, skip in zip(self.decode[-2::-1], reversed(self.up), reversed(skips), strict=True):
            x = decode(interpolate(up(x), scale_factor=2.0, mode="nearest") + skip)
        share = (gain.mean(1, keepdim=True) / FULL_GAIN_EV).clamp(0, 1)
        return bright + unpacked(share * self.last(x))

    def enter(self, bright: Tensor, gain: Tensor) -> Tensor:
        """`first` over 2 x 2 pixels as 12 channels and, of the same size, the gain's three.

        A kernel twice as large at every second place does the same. ONNX Runtime takes as long to move pixels into 12
        channels as to convolve them.
        """
        weight = self.first.weight
        x = conv2d(_framed(bright, 2), pixel_shuffle(weight[:, :12], 2), self.first.bias, stride=2)
        return x + conv2d(_framed(gain / 4, 1), weight[:, 12:]) if self.told else x


def gain_ev(low: Tensor, bright: Tensor) -> Tensor:
    """By how many stops of sRGB value each 4 x 4 pixels were amplified, `n 3 h/4 w/4`.

    >>> gain_ev(torch.full((1, 3, 4, 4), 0.1), torch.full((1, 3, 4, 4), 0.4)).mean().mul(10).round().item()
    18.0
    """
    return torch.log2((_means(bright) + DARKEST) / (_means(low) + DARKEST))


def unpacked(packed: Tensor) -> Tensor:
    """`n 12 h w` -> `n 3 2h 2w` as `pixel_shuffle` does it, first along the rows, which it is quicker to copy whole."""
    count, _, height, width = packed.shape
    rows = packed.reshape(count * 6, 2, height * width).transpose(1, 2)
    return rows.reshape(count * 3, 2, height, 2 * width).transpose(1, 2).reshape(count, 3, 2 * height, 2 * width)


def _means(picture: Tensor) -> Tensor:
    """Of each 4 x 4 pixels; as a convolution, at which ONNX Runtime is quicker than at pooling."""
    kernel = torch.eye(3, dtype=picture.dtype, device=picture.device) / 16
    return conv2d(picture, kernel[:, :, None, None].expand(3, 3, 4, 4), stride=4)


def _framed(picture: Tensor, frame: int) -> Tensor:
    """The outermost `frame` rows and columns once more around the picture."""
    wide = torch.cat([picture[..., :frame], picture, picture[..., -frame:]], -1)
    return torch.cat([wide[..., :frame, :], wide, wide[..., -frame:, :]], -2)


def _halo(encoders: Sequence[int], decoders: Sequence[int]) -> int:
    """How far is looked, in pixels of the picture, followed from what comes out to what goes in.

    The first and the last convolution look a pixel of the finest level further, a block two of its own level; and
    whoever looks at a part of a coarser pixel sees all of it.
    """
    seen = 1
    for level, count in enumerate(decoders):
        pixel = 1 << level
        seen = -(-seen // pixel) * pixel + 2 * count * pixel
    seen += sum(2 * count << level for level, count in enumerate(encoders)) + 1
    return 4 * -(-seen // 2)  # of a gain, all 4 x 4 pixels


def _blocks(width: int, count: int) -> nn.Sequential:
    return nn.Sequential(*(Block(width) for _ in range(count)))
