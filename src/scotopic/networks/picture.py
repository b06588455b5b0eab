"""What every network has in common that makes a picture out of a picture."""

from __future__ import annotations

from abc import abstractmethod

from torch import Tensor, nn
from torch.nn.functional import interpolate, pad


class PictureNetwork(nn.Module):
    """sRGB picture `n 3 h w` in [0, 1] -> sRGB picture `n 3 scale*h scale*w`, which may leave [0, 1].

    What comes out is not clamped, so that a loss sees what the network says; whoever shows the picture clamps it. A
    tile with `halo` pixels more on each side is exact if it lies at multiples of `multiple`.
    """

    channels_in: int = 3
    """Channels of what goes in: a picture's three, or more where the network is given more to look at."""
    scale: int = 1
    """Sides of what comes out by sides of what goes in."""
    multiple: int = 1
    """What the sides of `process`'s input are multiples of."""
    halo: int
    """How far, in pixels of the input, the network looks beyond the part that it computes. One that looks at the whole
    picture has none, and is neither cut into tiles nor exported."""

    @abstractmethod
    def process(self, low: Tensor) -> Tensor:
        """`n 3 h w` with sides that are multiples of `multiple` -> `n 3 scale*h scale*w`."""

    def forward(self, low: Tensor) -> Tensor:
        """A picture of any size, one pixel too; it is continued by its last row and column where it must be."""
        height, width = low.shape[-2:]
        return self.process(continued(low, self.multiple))[..., : self.scale * height, : self.scale * width]


def continued(low: Tensor, multiple: int) -> Tensor:
    """The picture `n c h w`, its last row and column repeated until its sides are multiples of `multiple`.

    >>> continued(Tensor([[[[1.0, 2.0, 3.0]]]]), 2).tolist()
    [[[[1.0, 2.0, 3.0, 3.0], [1.0, 2.0, 3.0, 3.0]]]]
    """
    below, right = (-side % multiple for side in low.shape[-2:])
    return pad(low, (0, right, 0, below), mode="replicate") if below or right else low


def enlarged(picture: Tensor, scale: int) -> Tensor:
    """The picture with `scale` times as many rows and columns, bicubic."""
    return picture if scale == 1 else interpolate(picture, scale_factor=scale, mode="bicubic", align_corners=False)
