"""The generator of an adversarial low-light system: an encoder and decoder with additive skips."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from .picture import PictureNetwork


class GANGenerator(PictureNetwork):
    """Picture -> `width` -> 2 `width` -> 4 `width` channels by 4x4 convolutions with stride 2, and back by transposed
    ones, to which on their way is added what had their size; a sigmoid makes the picture.

    Kernels of 4 and stride 2 as DCGAN has them (Radford et al., 2016): each pixel gets equally many products, and no
    checkerboard. Unlike there nothing is normalised by the batch: how bright a picture is is what this is about.
    1,317,507 parameters with the default width, 64.
    """

    multiple = 8
    halo = 15  # back through three transposed convolutions pixel 0 asks for -1, through three others for -3, -7, -15

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        self.down1 = nn.Conv2d(3, width, 4, stride=2, padding=1)
        self.down2 = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)
        self.down3 = nn.Conv2d(2 * width, 4 * width, 4, stride=2, padding=1)
        self.up3 = nn.ConvTranspose2d(4 * width, 2 * width, 4, stride=2, padding=1)
        self.up2 = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)
        self.up1 = nn.ConvTranspose2d(width, 3, 4, stride=2, padding=1)

    def process(self, low: Tensor) -> Tensor:
        half = relu(self.down1(low))
        quarter = relu(self.down2(half))
        eighth = relu(self.down3(quarter))
        x = relu(self.up3(eighth) + quarter)
        x = relu(self.up2(x) + half)
        return torch.sigmoid(self.up1(x))
