"""Views of two pictures that show the same: both are cut, turned, moved and coloured alike."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.random import Generator
from numpy.typing import NDArray
from torch.nn.functional import grid_sample

from scotopic.metrics import luma

from ..errors import DataError

Pixels = NDArray[Any]
"""A picture `h w 3` of sRGB: uint8, uint16, or float32 in [0, 1]."""
Image = NDArray[np.float32]

RED, _, BLUE = np.eye(3)
Y = luma(np.eye(3)[None])[0]
YCC_OF_RGB = np.stack([Y, (BLUE - Y) / 1.772, (RED - Y) / 1.402])
"""Full-range YCbCr of Rec. 601 (as JFIF has it), without its offsets."""


@dataclass(frozen=True)
class PairViews:
    """How a pair is looked at in training. Everything that is drawn is drawn once, for both pictures.

    `size` is the side of the view in pixels, 0 = the whole picture; each of the two `flips` happens half the time;
    `quarter_turns` turns by any number of them (what is not square: only by two). `rotate` (degrees), `translate`
    (share of the side) and `brightness`, `contrast`, `saturation` (shares) and `hue` (share of the circle, at most
    0.5) are how far it may go either way, drawn evenly; `zoom` is drawn log-evenly from its range, above 1 = larger.
    What comes into view from outside the picture is mirrored.

    `jitter` says whose colours are changed: of "both" pictures alike, or of the "low" one alone.
    """

    size: int = 0
    flips: bool = True
    quarter_turns: bool = False
    rotate: float = 0.0
    translate: float = 0.0
    zoom: Sequence[float] = (1.0, 1.0)
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    jitter: str = "both"

    def __post_init__(self) -> None:
        limits = {"size": math.inf, "rotate": 180, "translate": 1, "brightness": 1, "contrast": 1, "saturation": 1}
        for name, most in (limits | {"hue": 0.5}).items():
            value = getattr(self, name)
            if not 0 <= value <= most:
                bounds = "at least 0" if most == math.inf else f"between 0 and {most:g}"
                raise DataError(f"data.{name} must be {bounds}, got {value:g}.")
        if len(self.zoom) != 2 or not 0 < self.zoom[0] <= self.zoom[1]:
            raise DataError(f"data.zoom must be two factors above 0, like [0.8, 1.25], got {list(self.zoom)}.")
        if self.jitter not in ("both", "low"):
            raise DataError(f"data.jitter must be 'both' or 'low', got '{self.jitter}'.")

    def apply(self, low: Pixels, target: Pixels, rng: Generator) -> tuple[Image, Image]:
        """A random view of both, float32 in [0, 1]; only what comes into view is looked at (they may be mapped files).

        DataError where the pictures are smaller than `size`.
        """
        low, target = self._placed(low, target, rng)
        across, down = (self.flips and rng.random() < 0.5 for _ in range(2))
        turns = int(rng.integers(4)) if self.quarter_turns else 0
        if low.shape[0] != low.shape[1]:
            turns = turns // 2 * 2
        low, target = (np.rot90(_flipped(picture, across, down), turns) for picture in (low, target))
        seen = as_float(low), as_float(target)
        if not any((self.brightness, self.contrast, self.saturation, self.hue)):
            return seen
        gain, contrast, saturation = (
            1 + most * rng.uniform(-1, 1) for most in (self.brightness, self.contrast, self.saturation)
        )
        hue = self.hue * rng.uniform(-1, 1)
        low, target = seen
        return (
            recoloured(low, gain, contrast, saturation, hue),
            target if self.jitter == "low" else recoloured(target, gain, contrast, saturation, hue),
        )

    def _placed(self, low: Pixels, target: Pixels, rng: Generator) -> tuple[Pixels, Pixels]:
        """The part in view, before it is flipped and turned."""
        height, width = (self.size or side for side in low.shape[:2])
        _refuse_misfit(low, target, self.size)
        top = int(rng.integers(low.shape[0] - height + 1))
        left = int(rng.integers(low.shape[1] - width + 1))
        if not (self.rotate or self.translate) and tuple(self.zoom) == (1, 1):
            window = slice(top, top + height), slice(left, left + width)
            return low[window], target[window]
        zoom = float(np.exp(rng.uniform(*np.log(self.zoom))))
        angle = math.radians(self.rotate) * rng.uniform(-1, 1)
        shift_y, shift_x = (self.translate * side * rng.uniform(-1, 1) for side in (height, width))
        y, x = (np.arange(side, dtype=np.float32) - np.float32((side - 1) / 2) for side in (height, width))
        y = y[:, None]
        cos, sin = math.cos(angle) / zoom, math.sin(angle) / zoom
        rows = cos * y + sin * x + np.float32(top + (height - 1) / 2 - shift_y)
        columns = cos * x - sin * y + np.float32(left + (width - 1) / 2 - shift_x)
        return sampled(low, rows, columns), sampled(target, rows, columns)


def middle(low: Pixels, target: Pixels, size: int) -> tuple[Image, Image]:
    """The `size` x `size` pixels in the middle of both, float32 in [0, 1]; 0: all of them."""
    _refuse_misfit(low, target, size)
    top, left = ((side - size) // 2 if size else 0 for side in low.shape[:2])
    window = slice(top, top + size if size else None), slice(left, left + size if size else None)
    return as_float(low[window]), as_float(target[window])


def as_float(picture: Pixels) -> Image:
    """A picture of any depth as float32 in [0, 1], its own memory.

    >>> as_float(np.array([0, 255], np.uint8)).tolist()
    [0.0, 1.0]
    """
    white = np.iinfo(picture.dtype).max if np.issubdtype(picture.dtype, np.integer) else 1
    # asarray: a mapped file would stay a mapped file, with all it costs.
    as_read: Image = np.divide(np.asarray(picture), np.float32(white), dtype=np.float32, order="C")
    return as_read


def sampled(picture: Pixels, rows: Image, columns: Image) -> Image:
    """The picture at the places (`rows`, `columns`), `h w` each, in pixels; bilinear, mirrored beyond its border."""
    (top, bottom), (left, right) = _span(rows, picture.shape[0]), _span(columns, picture.shape[1])
    part = as_float(picture[top:bottom, left:right])
    height, width = part.shape[:2]
    grid = np.stack([(2 * (columns - left) + 1) / width - 1, (2 * (rows - top) + 1) / height - 1], axis=-1)
    tensor = torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1)))[None]
    there = torch.from_numpy(grid.astype(np.float32))[None]
    seen = grid_sample(tensor, there, mode="bilinear", padding_mode="reflection", align_corners=False)
    return np.asarray(seen[0].clamp_(0, 1).numpy().transpose(1, 2, 0))


def _span(places: Image, side: int) -> tuple[int, int]:
    """From where to where a picture must be read to be sampled at `places`, and at their mirror images within it."""
    first, last = float(places.min()), float(places.max())
    first, last = min(first, 2 * (side - 1) - last), max(last, -first)
    return min(max(0, math.floor(first) - 1), side - 1), max(1, math.ceil(last) + 2)


def recoloured(picture: Image, gain: float = 1, contrast: float = 1, saturation: float = 1, hue: float = 0) -> Image:
    """sRGB `h w 3` times `gain`, its distance from its mean grey times `contrast`, its colours times `saturation`.

    `hue` turns the colours by this share of the circle (in YCbCr: luma stays). The result is clipped to [0, 1].

    >>> recoloured(np.full((1, 1, 3), 0.25, np.float32), gain=2, contrast=0.5, hue=0.1).round(4).tolist()
    [[[0.5, 0.5, 0.5]]]
    """
    lit = np.clip(picture * np.float32(gain), 0, 1)
    grey = np.float32(luma(lit).mean())
    contrasted = np.clip(grey + np.float32(contrast) * (lit - grey), 0, 1)
    cos, sin = (saturation * turn(2 * math.pi * hue) for turn in (math.cos, math.sin))
    turned = np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]])
    matrix = np.linalg.inv(YCC_OF_RGB) @ turned @ YCC_OF_RGB
    return np.asarray(np.clip(contrasted @ matrix.T.astype(np.float32), 0, 1))


def _flipped(picture: Pixels, across: bool, down: bool) -> Pixels:
    return picture[:: -1 if down else 1, :: -1 if across else 1]


def _refuse_misfit(low: Pixels, target: Pixels, size: int) -> None:
    (height, width), (other_height, other_width) = low.shape[:2], target.shape[:2]
    if (height, width) != (other_height, other_width):
        raise DataError(
            f"A pair is not of one size: {width} x {height} and {other_width} x {other_height} pixels. "
            "Take pictures that lie on each other pixel by pixel."
        )
    if size > min(height, width):
        raise DataError(
            f"A view of {size} x {size} pixels is wanted of a picture of {width} x {height}. "
            "Lower data.size and data.held_out_size."
        )
