"""Pictures side by side, cut out at 100 %, always at the same places, so that methods can be compared by eye.

Which scenes and which places is decided by the data and a seed alone, never by what a method made of them: a strip that
somebody chose to show proves nothing.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from scotopic.image import RawFrame, linear_to_srgb
from scotopic.metrics import luma
from scotopic.runtime.as_shot import as_shot

if TYPE_CHECKING:
    from ..sets.items import EvaluationSet, Item

Image = NDArray[np.float32]
Rule = Literal["detail", "dark"]

RULES: dict[Rule, str] = {
    "detail": "where the truth has the most detail: the largest mean gradient of its luma",
    "dark": "where the truth is darkest, among places that share at most half with the first and have at least the "
    "median of detail",
}
CHOICE = (
    "Scenes are drawn by the SHA-256 of the seed and their name, and of each scene one picture likewise, so they are "
    "the same for the same data and seed, whatever is compared."
)
PARTS = 4
"""A window moves in steps of a quarter of its side."""
GAP, TEXT = 6, 26
"""Pixels between tiles, and above them for their names."""
PAPER, INK, MARK = 1.0, "#222222", (1.0, 0.3, 0.0)


@dataclass(frozen=True)
class Window:
    """Part of a picture, in pixels, and the rule that chose it."""

    rule: Rule
    top: int
    left: int
    height: int
    width: int

    def of(self, image: Image) -> Image:
        return image[self.top : self.top + self.height, self.left : self.left + self.width]


def choose(items: Sequence[Item], count: int, seed: int = 0) -> list[Item]:
    """One item of each of `count` scenes (fewer if there are fewer), in the order of the set. See CHOICE."""

    def rank(name: str) -> str:
        return hashlib.sha256(f"{seed}/{name}".encode()).hexdigest()

    drawn = set(sorted({item.scene for item in items}, key=rank)[:count])
    first: dict[str, Item] = {}
    for item in items:
        if item.scene in drawn and (item.scene not in first or rank(item.name) < rank(first[item.scene].name)):
            first[item.scene] = item
    chosen = {item.name for item in first.values()}
    return [item for item in items if item.name in chosen]


def windows(truth: Image, side: int) -> list[Window]:
    """The places to look at in a picture: one for each of RULES, or the first alone where there is no room for more.

    `truth` is sRGB `h w 3`; a window is `side` x `side`, less where the picture is smaller.
    """
    light = luma(truth)
    height, width = min(side, light.shape[0]), min(side, light.shape[1])
    step_y, step_x = max(1, height // PARTS), max(1, width // PARTS)
    gradient = np.zeros_like(light)
    gradient[:, 1:] += np.abs(np.diff(light, axis=1))
    gradient[1:] += np.abs(np.diff(light, axis=0))
    spans = height // step_y, width // step_x
    detail, brightness = (_window_means(_block_means(image, step_y, step_x), spans) for image in (gradient, light))
    y, x = np.unravel_index(np.argmax(detail), detail.shape)
    found = [Window("detail", int(y) * step_y, int(x) * step_x, height, width)]
    rows, columns = np.indices(detail.shape)
    free = (2 * np.abs(rows - y) >= spans[0]) | (2 * np.abs(columns - x) >= spans[1])
    free &= detail >= np.median(detail)
    if free.any():
        y, x = np.unravel_index(np.argmin(np.where(free, brightness, np.inf)), detail.shape)
        found.append(Window("dark", int(y) * step_y, int(x) * step_x, height, width))
    return found


def _block_means(image: Image, step_y: int, step_x: int) -> Image:
    rows, columns = image.shape[0] // step_y, image.shape[1] // step_x
    whole = image[: rows * step_y, : columns * step_x]
    return np.asarray(whole.reshape(rows, step_y, columns, step_x).mean((1, 3)))


def _window_means(blocks: Image, spans: tuple[int, int]) -> Image:
    return np.asarray(sliding_window_view(blocks, spans).mean((2, 3)))


def low_of(item: Item) -> Image | None:
    """The dark picture as it is, sRGB `h w 3`; a raw as it was shot; None for planes of a network's own."""
    low = item.low()
    if isinstance(low, RawFrame):
        return linear_to_srgb(as_shot(low, 0, low.height))
    return low if isinstance(low, np.ndarray) else None


def reference_of(item: Item, data: EvaluationSet) -> Image | None:
    """What the places are chosen by: the truth, or the dark picture of a set that has none."""
    return item.target() if data.paired else low_of(item)


def draw_strip(path: Path, window: Window, reference: Image, tiles: Sequence[tuple[str, Image | None]]) -> None:
    """Write a strip: `reference` small with the window marked, then the window of each tile, pixel for pixel.

    A tile that is missing (None), or not of the size of `reference`, is left empty and says so.
    """
    # Imported here: it takes a second. No pyplot, which keeps every figure and asks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = window.height, window.width
    overview = _overview(reference, window)
    lefts = [overview.shape[1] + GAP + i * (width + GAP) for i in range(len(tiles))]
    sheet = np.full((height + TEXT, lefts[-1] + width, 3), PAPER, np.float32)
    sheet[TEXT : TEXT + overview.shape[0], : overview.shape[1]] = overview
    words = [(0, 0, "where")]
    for left, (name, image) in zip(lefts, tiles, strict=True):
        words.append((left, 0, name))
        if image is None or image.shape != reference.shape:
            words.append((left, TEXT, "no picture" if image is None else "another size"))
        else:
            sheet[TEXT:, left : left + width] = window.of(image)
    dpi = 100
    figure = Figure(figsize=(sheet.shape[1] / dpi, sheet.shape[0] / dpi), dpi=dpi)
    FigureCanvasAgg(figure)
    figure.figimage(np.clip(sheet, 0, 1), origin="upper")
    for left, top, word in words:
        most = max(4, int((width if left else overview.shape[1]) / 7.5))  # letters of 9 points that a tile is wide
        text = word if len(word) <= most else f"{word[: most - 1]}…"
        figure.text(
            (left + 2) / sheet.shape[1],
            1 - (top + 16) / sheet.shape[0],
            text,
            fontsize=9,
            color=INK,
            parse_math=False,
        )
    unfinished = path.with_name(f".{path.name}.unfinished")
    figure.savefig(unfinished, format="png")
    os.replace(unfinished, path)


def _overview(image: Image, window: Window) -> Image:
    """The whole picture, as high as the window and at most twice as wide as high, with a frame around the window."""
    import cv2

    scale = min(window.height / image.shape[0], 2 * window.height / image.shape[1])
    size = max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale))
    small = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.float32)
    top_left = round(window.left * scale), round(window.top * scale)
    bottom_right = (
        round((window.left + window.width) * scale) - 1,
        round((window.top + window.height) * scale) - 1,
    )
    return np.asarray(cv2.rectangle(small, top_left, bottom_right, MARK, 2), np.float32)
