"""HDR panoramas: real light in all directions, and views into them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..errors import DataError, MissingExtraError

Light = NDArray[np.float32]


def read_panorama(path: Path) -> NDArray[np.float16]:
    """An OpenEXR panorama as linear light, `h w 3`, half floats, negatives clipped. Raises DataError."""
    try:
        import OpenEXR
    except ImportError as error:
        raise MissingExtraError("Reading OpenEXR panoramas", "train") from error
    try:
        with OpenEXR.File(str(path)) as file:
            channels = file.channels()
            name = next((name for name in ("RGB", "RGBA") if name in channels), None)
            if name is not None:
                pixels = channels[name].pixels[..., :3]
            else:
                pixels = np.stack([channels[letter].pixels for letter in "RGB"], axis=-1)
    except (RuntimeError, ValueError, KeyError, OSError) as error:
        words = f"'{path}' cannot be read as an OpenEXR picture in RGB: {error}."
        raise DataError(f"{words} Remove or replace it.") from error
    light: NDArray[np.float16] = np.clip(np.nan_to_num(pixels.astype(np.float32)), 0, 65000).astype(np.float16)
    return light


def look(panorama: NDArray[np.float16], rng: Generator, height: int, width: int) -> Light:
    """A view in a random direction, `height` x `width`, linear light, about as sharp as the panorama is.

    Directions favour the horizon, where photographers point. The view is a gnomonic projection, sampled bilinearly;
    its field of view follows from its size (at most 100 degrees): one pixel of the panorama is 0.8 to 1.6 of the view.
    """
    rows, columns = panorama.shape[:2]
    radians = 2 * np.pi / columns / rng.uniform(0.8, 1.6)  # between neighbouring pixels in the middle of the view
    radians = min(radians, np.radians(100) / max(height, width))
    yaw, pitch, roll = rng.uniform(0, 2 * np.pi), np.clip(rng.normal(0, 0.3), -1.2, 1.2), rng.normal(0, 0.05)
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    x, y = (x - (width - 1) / 2) * radians, (y - (height - 1) / 2) * radians
    x, y = x * np.cos(roll) - y * np.sin(roll), x * np.sin(roll) + y * np.cos(roll)
    ahead = np.cos(pitch) + y * np.sin(pitch)
    down = y * np.cos(pitch) - np.sin(pitch)
    longitude = np.arctan2(x, ahead) + yaw
    latitude = np.arctan2(down, np.hypot(x, ahead))
    column = (longitude / (2 * np.pi)) % 1.0 * columns - 0.5
    row = np.clip((latitude / np.pi + 0.5) * rows - 0.5, 0, rows - 1.001)
    left, top = np.floor(column).astype(np.int64), np.floor(row).astype(np.int64)
    across, along = (column - left)[..., None].astype(np.float32), (row - top)[..., None].astype(np.float32)
    left, right = left % columns, (left + 1) % columns
    upper = panorama[top, left] * (1 - across) + panorama[top, right] * across
    lower = panorama[top + 1, left] * (1 - across) + panorama[top + 1, right] * across
    return np.asarray(upper * (1 - along) + lower * along, dtype=np.float32)
