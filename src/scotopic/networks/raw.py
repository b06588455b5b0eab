"""What every network on packed raw shares: planes in, a picture of the sensor's size out, any size."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal

from torch import Tensor, nn
from torch.nn.functional import pad


class RawNetwork(nn.Module):
    """A network from packed raw (`n c h w`) to a picture (`n 3 scale*h scale*w`).

    `planes` is 4 for Bayer and 9 for X-Trans, `scale` accordingly 2 or 3. `normalisation` says what the planes are
    (image/packed.py), `light_out` what comes out: "srgb", or "linear": white-balanced camera RGB in which 1 is white,
    and lamps may lie above it. `halo` is how far beyond its borders a tile must be given for its result to be exact,
    if the tile lies at multiples of `multiple`, which sides must be multiples of too; both in packed pixels.
    """

    normalisation: ClassVar[Literal["ratio", "k-sigma"]]
    light_out: ClassVar[Literal["srgb", "linear"]]
    halo: int
    multiple: int

    def __init__(self, planes: int) -> None:
        super().__init__()
        if planes not in (4, 9):
            raise ValueError(f"planes must be 4 (Bayer) or 9 (X-Trans), got {planes}")
        self.planes = planes
        self.scale = {4: 2, 9: 3}[planes]

    @property
    def channels_in(self) -> int:
        """Channels of the input: light alone, or light, slope and offset of its noise (and X-Trans' phase)."""
        if self.normalisation == "ratio":
            return self.planes
        return 3 * self.planes + (self.planes == 9)

    @abstractmethod
    def process(self, low: Tensor) -> Tensor:
        """The picture for planes whose sides are multiples of `multiple`."""

    def forward(self, low: Tensor) -> Tensor:
        """The picture for planes of any size: the last row and column are repeated up to a multiple, and cut off."""
        height, width = low.shape[-2:]
        below, right = -height % self.multiple, -width % self.multiple
        if below or right:
            low = pad(low, (0, right, 0, below), mode="replicate")
        return self.process(low)[..., : self.scale * height, : self.scale * width]
