"""The one in-memory picture."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Light = Literal["srgb", "linear"]
"""`srgb`: encoded with the sRGB transfer curve, or one close to it. `linear`: proportional to light.

The primaries are those of the ICC profile in the picture's metadata (Display P3, Adobe RGB …); sRGB's if there is none.
"""


@dataclass(frozen=True)
class Metadata:
    """What travels with a picture besides its pixels, each as the bytes a file carries, or None.

    `exif` begins with its TIFF header (`II*` or `MM`), without the "Exif" that JPEG puts before it. `halved_chroma`:
    the JPEG it came from keeps colour at half the size (4:2:0), as most do; a JPEG made of it then needs no more.
    `dots_per_mm`: how densely it is to be printed, across and down (300 dpi is 11.8), None if nothing says so.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    icc: bytes | None = None
    iptc: bytes | None = None
    halved_chroma: bool = False
    dots_per_mm: tuple[float, float] | None = None


@dataclass(frozen=True)
class Picture:
    """A picture in memory, upright.

    `pixels` is float32, `h w c` with c = 1 (grey) or 3 (RGB), in [0, 1]; `alpha` is float32, `h w`, or None.
    `bits` (8 or 16) is the depth the picture came with and the default it is written with.
    """

    pixels: NDArray[np.float32]
    light: Light = "srgb"
    alpha: NDArray[np.float32] | None = None
    bits: Literal[8, 16] = 8
    metadata: Metadata = field(default_factory=Metadata)
    name: str = "picture"

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.float32 or self.pixels.ndim != 3 or self.pixels.shape[2] not in (1, 3):
            got = f"{self.pixels.dtype} {self.pixels.shape}"
            raise ValueError(f"Picture wants float32 pixels of shape (h, w, 1 or 3), got {got}.")
        if self.alpha is not None and self.alpha.shape != self.pixels.shape[:2]:
            raise ValueError(f"Picture wants alpha of shape {self.pixels.shape[:2]}, got {self.alpha.shape}.")

    @property
    def height(self) -> int:
        return int(self.pixels.shape[0])

    @property
    def width(self) -> int:
        return int(self.pixels.shape[1])

    def with_pixels(self, pixels: NDArray[np.float32]) -> Picture:
        """The same picture (alpha, depth, metadata, name) around other pixels."""
        return replace(self, pixels=pixels)
