"""A three-layer network for super-resolution, made to be a GAN's generator."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn.functional import pixel_shuffle, relu

from .initial import start_silent
from .picture import PictureNetwork, enlarged


class SRGANGenerator(PictureNetwork):
    """Three convolutions, 9x9, 1x1 and 5x5, with `width`, `width` / 2 and 3 scale^2 filters, then a pixel shuffle.

    The layers of SRCNN (Dong, Loy, He, Tang, 2014), with ReLU between. They work at the size of the input (as in Shi et
    al., ESPCN, 2016), where SRCNN enlarges first. `scale` is 2 or 4, or 1 to sharpen a picture that keeps its size.
    With `residual` the bicubically enlarged picture is added, which is a good start; SRCNN has to learn it.
    20,099 parameters at scale 1, as SRCNN for three colours.
    """

    halo = 6  # 4 + 0 + 2; bicubic enlargement looks 2 pixels far

    def __init__(self, width: int = 64, scale: int = 1, residual: bool = True) -> None:
        super().__init__()
        if scale not in (1, 2, 4):
            raise ValueError(f"scale must be 1, 2 or 4, got {scale}")
        self.scale = scale
        self.residual = residual
        self.conv1 = nn.Conv2d(3, width, 9, padding=4)
        self.conv2 = nn.Conv2d(width, width // 2, 1)
        self.conv3 = nn.Conv2d(width // 2, 3 * scale**2, 5, padding=2)
        if residual:
            start_silent(self.conv3)

    def process(self, low: Tensor) -> Tensor:
        out = pixel_shuffle(self.conv3(relu(self.conv2(relu(self.conv1(low))))), self.scale)
        return enlarged(low, self.scale) + out if self.residual else out
