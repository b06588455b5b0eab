"""The discriminator of DCGAN (Radford, Metz, Chintala, 2016): one score for a picture."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d

SIDE = 64
"""Rows and columns that a picture of any size is averaged to."""


class DCGANDiscriminator(nn.Module):
    """Picture `n 3 h w` of any size, sRGB in [0, 1] -> score `n 1`; above 0 means real.

    Averaged to 64 x 64, then five 4x4 convolutions, to `width`, 2, 4 and 8 times as many channels with stride 2 and to
    one number; batch normalisation in the middle three, LeakyReLU (slope 0.2), weights as in the paper. The paper's
    sigmoid is in the loss, where it does not overflow. 2,765,568 parameters with the default width.
    """

    def __init__(self, width: int = 64) -> None:
        super().__init__()
        layers: list[nn.Module] = [nn.Conv2d(3, width, 4, stride=2, padding=1, bias=False), nn.LeakyReLU(0.2)]
        for channels in (width, 2 * width, 4 * width):
            layers += [
                nn.Conv2d(channels, 2 * channels, 4, stride=2, padding=1, bias=False),
                nn.BatchNorm2d(2 * channels),
                nn.LeakyReLU(0.2),
            ]
        self.layers = nn.Sequential(*layers, nn.Conv2d(8 * width, 1, 4, bias=False), nn.Flatten())
        for layer in self.layers:
            if isinstance(layer, nn.Conv2d):
                nn.init.normal_(layer.weight, 0.0, 0.02)
            elif isinstance(layer, nn.BatchNorm2d):
                nn.init.normal_(layer.weight, 1.0, 0.02)

    def forward(self, picture: Tensor) -> Tensor:
        score: Tensor = self.layers(adaptive_avg_pool2d(picture, SIDE))
        return score
