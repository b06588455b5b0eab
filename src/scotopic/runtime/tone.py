"""From the linear light that a raw network gives to the pixels of a file: colour, highlights, encoding, one pass."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.image.develop import shoulder
from scotopic.image.spaces import Space

BLOCK = 16_384  # pixels that are worked on at once: three float32 planes of them stay in a second-level cache
_LAST = 65_535


class Tone:
    """Finishes white-balanced camera RGB (1 is white, lamps reach `white`): a matrix, a shoulder, a transfer curve.

    What a pixel gets depends on nothing but the pixel. `white` is the light that becomes the file's white: at 1 every
    value keeps its place, above that the bright ones are bent by `shoulder` into what is left below white. Without
    `protect_highlights` all light above 1 is simply white. `dimmed` is a factor below 1 for all.
    """

    def __init__(
        self,
        camera_to_xyz: NDArray[np.float32],
        space: Space,
        bits: int,
        *,
        white: float = 1.0,
        dimmed: float = 1.0,
        protect_highlights: bool = True,
    ) -> None:
        reach = max(1.0, white) if protect_highlights else 1.0
        # Half as many steps for a stop of light as for the one below it: the table is walked by the root of light.
        light = reach * (np.arange(_LAST + 1) / _LAST) ** 2
        peak = (1 << bits) - 1
        levels = np.clip(space.encode(shoulder(light, reach)), 0, 1) * np.float32(peak) + np.float32(0.5)
        self._table = levels.astype(np.uint16 if bits == 16 else np.uint8)
        # The matrix carries the table's scale: its index is the root of what comes out.
        self._matrix = space.from_camera(camera_to_xyz) * np.float32(dimmed * _LAST**2 / reach)

    def __call__(self, light: NDArray[np.float32]) -> NDArray[Any]:
        """`h w 3` of light as uint8 or uint16; it may be a view of planes, as a network gives them."""
        planes = light.transpose(2, 0, 1)
        height, width = planes.shape[1:]
        out = np.empty((height, width, 3), self._table.dtype)
        rows = max(1, BLOCK // width)
        for top in range(0, height, rows):
            x = self._matrix @ planes[:, top : top + rows].reshape(3, -1)
            np.clip(x, 0, np.float32(_LAST**2), out=x)
            np.sqrt(x, out=x)
            x += np.float32(0.5)
            codes = self._table.take(x.astype(np.uint16), mode="clip")
            block = out[top : top + rows].reshape(-1, 3)
            for channel in range(3):
                block[:, channel] = codes[channel]
        return out


def quantised(bits: int) -> Callable[[NDArray[np.float32]], NDArray[Any]]:
    """A function that clips sRGB `h w 3` to [0, 1] and makes it uint8 or uint16."""
    peak, kind = np.float32((1 << bits) - 1), np.uint16 if bits == 16 else np.uint8

    def quantise(srgb: NDArray[np.float32]) -> NDArray[Any]:
        levels: NDArray[Any] = (np.clip(srgb, 0, 1) * peak + np.float32(0.5)).astype(kind)
        return levels

    return quantise
