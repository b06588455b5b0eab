"""PatchGAN (Isola et al., pix2pix, CVPR 2017) with spectral normalisation (Miyato et al., ICLR 2018)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pad
from torch.nn.utils.parametrizations import spectral_norm

SMALLEST = 24
"""Rows and columns of which one score is left; smaller pictures are continued by their last row and column."""


class PatchDiscriminator(nn.Module):
    """Picture `n 3 h w` of any size, sRGB in [0, 1] -> a map of scores `n 1 h' w'`; above 0 means real.

    Each score sees 70 x 70 pixels: 4x4 convolutions to `width`, 2, 4 and 8 times as many channels and to one, the first
    three with stride 2, LeakyReLU (slope 0.2) between. Every convolution is divided by its largest singular value, so
    the score cannot change faster than the picture does, and the generator always finds a slope to follow; that
    replaces the batch normalisation of the original. 2,764,737 parameters with the default width.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        widths = [3, width, 2 * width, 4 * width, 8 * width, 1]
        layers: list[nn.Module] = []
        for i, stride in enumerate((2, 2, 2, 1, 1)):
            layers += [
                spectral_norm(nn.Conv2d(widths[i], widths[i + 1], 4, stride=stride, padding=1)),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, picture: Tensor) -> Tensor:
        height, width = picture.shape[-2:]
        below, right = max(0, SMALLEST - height), max(0, SMALLEST - width)
        if below or right:
            picture = pad(picture, (0, right, 0, below), mode="replicate")
        score: Tensor = self.layers(picture)
        return score
