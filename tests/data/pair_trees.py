"""Folders of pairs in small. A pixel knows where it is: red is its column, green its row, blue the picture's number."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

HEIGHT, WIDTH = 40, 48


def places(number: int = 0, height: int = HEIGHT, width: int = WIDTH) -> NDArray[np.uint8]:
    """A picture `h w 3` in which red is the column, green the row and blue `number`."""
    row, column = np.mgrid[:height, :width]
    return np.stack([column, row, np.full_like(row, number)], axis=-1).astype(np.uint8)


def save(path: Path, pixels: NDArray[Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)
    return path


def make_pairs(low: Path, target: Path, names: Iterable[str], prefixes: tuple[str, str] = ("", "")) -> None:
    """Pairs `low`/<prefix><name>.png: the blue of the i-th is i in the dark one, and 128 + i in the well-lit one."""
    for i, name in enumerate(names):
        save(low / f"{prefixes[0]}{name}.png", places(i))
        save(target / f"{prefixes[1]}{name}.png", places(128 + i))


def code(picture: Any, channel: int) -> NDArray[np.int64]:
    """A channel of a sample's picture (`3 h w`, [0, 1]) in codes of 8 bits."""
    return np.rint(np.asarray(picture[channel]) * 255).astype(np.int64)
