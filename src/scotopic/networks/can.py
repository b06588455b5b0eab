"""The context aggregation network of Chen, Xu, Koltun: Fast Image Processing with Fully-Convolutional Networks, 2017.

Learning to See in the Dark (CVPR 2018, table 3) tries it on packed raw as its second network.
"""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, pixel_shuffle

from .raw import RawNetwork


class AdaptiveNorm(nn.Module):
    """lambda * x + mu * BN(x), lambda and mu learned, 1 and 0 at first: the paper's adaptive normalisation.

    The authors' code normalises by the picture at hand in use, too, which no tile knows. Here a finished network
    normalises by the averages of its training, as batch normalisation commonly does.
    """

    def __init__(self, width: int) -> None:
        super().__init__()
        self.lambda_ = nn.Parameter(torch.ones(()))
        self.mu = nn.Parameter(torch.zeros(()))
        # A batch is one picture in the paper: the average is taken over some hundred of them.
        self.norm = nn.BatchNorm2d(width, affine=False, momentum=0.01)

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = self.lambda_ * x + self.mu * self.norm(x)
        return out


class CAN(RawNetwork):
    """`depth` layers at full size: 3x3 convolutions with dilation 1, 2, 4 …, one with dilation 1 again, and a 1x1.

    CAN32 of the paper by default: width 32, depth 10, dilations up to 128, receptive field 513 x 513. CAN24 is width
    24, depth 9, dilations up to 64. Without strides every layer costs the same, and all of the picture is kept.
    """

    normalisation: ClassVar[Literal["ratio", "k-sigma"]] = "ratio"
    light_out: ClassVar[Literal["srgb", "linear"]] = "srgb"
    multiple = 1

    def __init__(self, planes: int = 4, width: int = 32, depth: int = 10) -> None:
        super().__init__(planes)
        dilations = [2**layer for layer in range(depth - 2)] + [1]
        self.halo = sum(dilations)
        self.convs = nn.ModuleList(
            nn.Conv2d(width if layer else self.channels_in, width, 3, padding=dilation, dilation=dilation)
            for layer, dilation in enumerate(dilations)
        )
        self.norms = nn.ModuleList(AdaptiveNorm(width) for _ in dilations)
        self.last = nn.Conv2d(width, 3 * self.scale**2, 1)
        start_from_identity(self.convs)
        nn.init.xavier_uniform_(self.last.weight)
        nn.init.zeros_(self.last.bias)  # type: ignore[arg-type]

    def process(self, low: Tensor) -> Tensor:
        x = low
        for conv, norm in zip(self.convs, self.norms, strict=True):
            x = leaky_relu(norm(conv(x)), 0.2)
        return pixel_shuffle(self.last(x), self.scale)


@torch.no_grad()
def start_from_identity(convs: nn.ModuleList) -> None:
    """Each channel is handed on as it is, new channels are empty: the paper's initialisation."""
    for conv in convs:
        assert isinstance(conv, nn.Conv2d)
        assert conv.bias is not None
        nn.init.dirac_(conv.weight)
        nn.init.zeros_(conv.bias)
