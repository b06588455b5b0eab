"""What a camera's sensor recorded, before anything was done to it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from .mosaic import CFA, is_xtrans, rolled_cfa, turn, turned_cfa, turned_pattern
from .picture import Metadata

# Exif orientation -> mirrored left to right, mirrored top to bottom, transposed first: what makes the picture upright.
_TURNS = {
    1: (False, False, False),
    2: (True, False, False),
    3: (True, True, False),
    4: (False, True, False),
    5: (False, False, True),
    6: (True, False, True),
    7: (True, True, True),
    8: (False, True, True),
}


@dataclass(frozen=True)
class RawFrame:
    """A raw photo: one value a pixel, in the sensor's own numbers (DN).

    `mosaic` is the visible area, uint16, `h w`. `cfa` is the pattern of its filters from its top left pixel (see
    `mosaic.py`), `black_level_dn` the value of no light at each place of that pattern (float32, 2x2 or 6x6),
    `white_level_dn` the value at which the sensor is full. `white_balance`: the gains of R, G, B that the camera found
    right, green = 1. `camera_to_xyz` (float32, 3x3) brings white-balanced camera RGB to CIE XYZ (D65): (1, 1, 1)
    becomes D65's white. `orientation` is that of the mosaic as stored (Exif, 1 to 8). `camera` is make and model.
    `iso` and `exposure_s` are None if the file does not say. `metadata` is ready to be written beside the upright
    picture.
    """

    mosaic: NDArray[np.uint16]
    cfa: CFA
    black_level_dn: NDArray[np.float32]
    white_level_dn: float
    white_balance: tuple[float, float, float]
    camera_to_xyz: NDArray[np.float32]
    iso: float | None = None
    exposure_s: float | None = None
    orientation: int = 1
    name: str = "raw"
    camera: str = ""
    metadata: Metadata = field(default_factory=Metadata)

    def __post_init__(self) -> None:
        for name in ("mosaic", "black_level_dn", "camera_to_xyz"):
            given = getattr(self, name)
            if not isinstance(given, np.ndarray):
                raise ValueError(f"RawFrame wants a numpy array as its {name}, got {type(given).__name__}.")
        if self.mosaic.dtype != np.uint16 or self.mosaic.ndim != 2 or not self.mosaic.size:
            raise ValueError(f"RawFrame wants a uint16 mosaic (h, w), got {self.mosaic.dtype} {self.mosaic.shape}.")
        is_xtrans(self.cfa)
        period = len(self.cfa)
        if self.black_level_dn.shape != (period, period):
            raise ValueError(f"RawFrame wants {period} x {period} black levels, got {self.black_level_dn.shape}.")
        if not self.black_level_dn.max() < self.white_level_dn < math.inf:
            raise ValueError(
                f"The white level, {self.white_level_dn}, is not above black, {self.black_level_dn.max()}."
            )
        if len(self.white_balance) != 3 or not all(0 < gain < math.inf for gain in self.white_balance):
            raise ValueError(f"RawFrame wants three gains above 0 as its white balance, got {self.white_balance}.")
        if self.camera_to_xyz.shape != (3, 3):
            raise ValueError(f"RawFrame wants a 3 x 3 colour matrix, got {self.camera_to_xyz.shape}.")
        if not np.isfinite(self.camera_to_xyz).all() or not self.camera_to_xyz.any():
            raise ValueError("RawFrame wants a colour matrix of numbers, not all 0. If it is not known, give sRGB's.")
        if self.orientation not in _TURNS:
            raise ValueError(f"An Exif orientation is 1 to 8, got {self.orientation}.")

    @property
    def height(self) -> int:
        return int(self.mosaic.shape[0])

    @property
    def width(self) -> int:
        return int(self.mosaic.shape[1])

    @property
    def is_xtrans(self) -> bool:
        """Whether the sensor is Fuji's X-Trans; else it is a Bayer one."""
        return len(self.cfa) == 6

    def crop(self, top: int, left: int, height: int, width: int) -> RawFrame:
        """A part of the frame (its mosaic is a view of this one); `metadata` stays that of the whole."""
        if min(top, left) < 0 or min(height, width) < 1 or top + height > self.height or left + width > self.width:
            raise ValueError(
                f"{height} x {width} pixels from ({top}, {left}) do not lie in a frame of {self.height} x {self.width}."
            )
        return replace(
            self,
            mosaic=self.mosaic[top : top + height, left : left + width],
            cfa=rolled_cfa(self.cfa, top, left),
            black_level_dn=np.roll(self.black_level_dn, (-top, -left), (0, 1)),
        )

    def upright(self) -> RawFrame:
        """The frame turned as it is to be looked at: orientation 1."""
        if self.orientation == 1:
            return self
        frame = self.turned(*_TURNS[self.orientation])
        return replace(frame, mosaic=np.ascontiguousarray(frame.mosaic), orientation=1)

    def turned(self, horizontally: bool, vertically: bool, transposed: bool) -> RawFrame:
        """The frame transposed, then mirrored left to right and top to bottom; its mosaic is a view of this one."""
        size, how = (self.height, self.width), (horizontally, vertically, transposed)
        return replace(
            self,
            mosaic=turn(self.mosaic, *how),
            cfa=turned_cfa(self.cfa, size, *how),
            black_level_dn=turned_pattern(self.black_level_dn, size, *how),
        )

    def light(self, rows: slice = slice(None)) -> NDArray[np.float32]:
        """(dn - black) / (white - black) of these rows (all, or a slice without a step): float32, `h w`, not clipped.

        0 is no light, 1 what the sensor can just hold; noise goes below 0.
        """
        start, stop, step = rows.indices(self.height)
        if step != 1:
            raise ValueError(f"light wants rows without a step, got {rows}.")
        values = self.mosaic[start:stop].astype(np.float32)
        period = len(self.cfa)
        places = np.arange(self.width) % period
        for y in range(min(period, len(values))):
            black = self.black_level_dn[(start + y) % period, places]
            values[y::period] -= black
            values[y::period] *= np.float32(1) / (np.float32(self.white_level_dn) - black)
        return values
