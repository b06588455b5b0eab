"""Synthetic raws of clean photos and panoramas as a set to score on: light that is known, by sensors that are not."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from scotopic.data.noise import CAMERAS
from scotopic.data.panorama import look
from scotopic.data.virtual_camera import MIDDLE, VirtualCamera
from scotopic.image import RawFrame, linear_to_srgb, srgb_to_linear
from scotopic.metrics import luma

from ...errors import DataError
from .item import EvaluationSet, Image, Item, Part, make_set, unique

RATIOS = (100, 250, 300)
HEIGHT, WIDTH = 512, 768
"""A photo is seen in its middle, at most so large."""
VIEW_HEIGHT, VIEW_WIDTH = 384, 576
"""What is seen of a panorama."""

PROTOCOL = "Truth: the scene's own light, clipped at white."


def raw_scenes(
    root: str | Path,
    split: Part = "val",
    *,
    ratios: Sequence[int] = RATIOS,
    cfa: str = "bayer",
    repeat: int = 2,
) -> EvaluationSet:
    """The clean photos and .exr panoramas in `root`, taken by a virtual camera `ratios` times too dark.

    Each scene is taken `repeat` times at each ratio, each time by a sensor and at a gain of its own; `cfa` is "bayer"
    or "xtrans". Splits as `VirtualCamera` has them. An item is a function of its scene, ratio and number alone. Raises
    DataError.
    """
    if split == "all":
        raise DataError("Synthetic raws are taken of one split: train, val or test. Choose one of them.")
    if repeat < 1 or not ratios or min(ratios) < 1:
        raise DataError(f"Ratios and repeats are at least 1, got {list(ratios)} and {repeat}.")
    camera = VirtualCamera(root, split, cfa=cfa, size=252)
    scenes = [picture.name for picture in (*camera.photos, *camera.panoramas)]
    called = unique(Path(scene).stem for scene in scenes)
    shots = [(ratio, number, scene) for ratio in ratios for number in range(repeat) for scene in range(len(scenes))]
    items = [
        Item(
            name := f"{called[scene]}_x{ratio}_{number}",
            scenes[scene],
            f"x{ratio}",
            float(ratio),
            partial(_frame, camera, scene, ratio, number),
            partial(_target, camera, scene),
            name,
        )
        for ratio, number, scene in shots
    ]
    how = (
        f"Synthetic raws ({cfa}) of {len(camera.photos)} photos and {len(camera.panoramas)} panoramas, split {split}, "
        f"at {', '.join(f'x{ratio}' for ratio in ratios)}: {len(scenes) * repeat} pictures of {len(scenes)} scenes at "
        f"each ratio. Photos are seen in their middle {WIDTH} x {HEIGHT} pixels, panoramas in views of {VIEW_WIDTH} x "
        f"{VIEW_HEIGHT}."
    )
    name = f"raw-scenes-{Path(root).resolve().name}" + ("" if cfa == "bayer" else f"-{cfa}")
    return make_set(
        name, Path(root), split, how, items, [Path(root) / file for file in camera.files], PROTOCOL, settings=cfa
    )


def _light(camera: VirtualCamera, scene: int) -> Image:
    """A scene as linear sRGB light, `h w 3`, 1 = white."""
    if scene < len(camera.photos):
        pixels = camera.photos[scene].pixels
        top, left = max(0, pixels.shape[0] - HEIGHT) // 2, max(0, pixels.shape[1] - WIDTH) // 2
        light: Image = srgb_to_linear(pixels[top : top + HEIGHT, left : left + WIDTH] / 255)
        return light
    index = scene - len(camera.photos)
    panorama = camera.panoramas[index].pixels.astype(np.float16)
    light = look(panorama, np.random.default_rng(index), VIEW_HEIGHT, VIEW_WIDTH)
    return light * np.float32(MIDDLE / np.exp(np.log(luma(light) + 1e-4).mean()))


def _frame(camera: VirtualCamera, scene: int, ratio: int, number: int) -> RawFrame:
    rng = np.random.default_rng([scene, ratio, number])
    frame, _, _ = camera.shoot(_light(camera, scene), ratio, str(rng.choice((*CAMERAS, "generic"))), rng)
    return frame


def _target(camera: VirtualCamera, scene: int) -> Image:
    return np.asarray(linear_to_srgb(np.clip(_light(camera, scene), 0, 1)), np.float32)
