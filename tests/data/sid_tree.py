"""A See-in-the-Dark folder in small, with real DNGs: one scene for each split, a place of its own in every pixel."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scotopic.data.dng import write_dng
from scotopic.image.mosaic import CFA, RGGB
from scotopic.image.raw_frame import RawFrame

BLACK, WHITE = 512, 16383
WHITE_BALANCE = (2.0, 1.0, 1.5)
# XYZ of the primaries of sRGB (IEC 61966-2-1): a camera that sees as an sRGB screen shows.
MATRIX = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]], np.float32)
SHORTS = ("00_0.04", "00_0.1", "01_0.1")


def frame(mosaic: NDArray[np.uint16], cfa: CFA = RGGB) -> RawFrame:
    black = np.full((len(cfa), len(cfa)), BLACK, np.float32)
    return RawFrame(mosaic, cfa, black, WHITE, WHITE_BALANCE, MATRIX, iso=200, name="made.dng", camera="Cam One")


def light_of_scene(seed: int, height: int, width: int) -> NDArray[np.float64]:
    """Smooth light in [0.05, 0.45] of the sensor's range."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    return 0.25 + 0.2 * np.sin(3 * y + rng.uniform(0, 6)) * np.cos(4 * x + rng.uniform(0, 6))


def mosaic_of(light: NDArray[np.float64], seed: int = 0, noise_dn: float = 0.0) -> NDArray[np.uint16]:
    values = BLACK + light * (WHITE - BLACK)
    values = values + np.random.default_rng(seed).normal(0, noise_dn, light.shape) if noise_dn else values
    return np.round(np.clip(values, 0, WHITE)).astype(np.uint16)


def make_tree(
    root: Path, camera: str = "Sony", cfa: CFA = RGGB, height: int = 96, width: int = 128, train: int = 2
) -> Path:
    """`train` scenes for training, one for validation, one for test; 10 s long, three short frames each."""
    for folder in ("short", "long"):
        (root / camera / folder).mkdir(parents=True)
    for split, scenes in (("train", range(1, train + 1)), ("val", [20001]), ("test", [10001])):
        lines = []
        for scene in scenes:
            light = light_of_scene(scene, height, width)
            long = f"./{camera}/long/{scene:05d}_00_10s.dng"
            write_dng(root / long, frame(mosaic_of(light), cfa))
            for i, short in enumerate(SHORTS):
                path = f"./{camera}/short/{scene:05d}_{short}s.dng"
                exposure_s = float(short.split("_")[1])
                write_dng(root / path, frame(mosaic_of(light * exposure_s / 10, 10 * scene + i, 2.0), cfa))
                lines.append(f"{path} {long} ISO200 F8\n")
        (root / f"{camera}_{split}_list.txt").write_text("".join(lines))
    return root
