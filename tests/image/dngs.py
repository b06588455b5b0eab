"""Raw frames made here, and their files."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from scotopic.data.dng import write_dng
from scotopic.image import CFA, RawFrame
from scotopic.image.mosaic import BAYER, RGGB, XTRANS, rolled_cfa
from scotopic.image.spaces import SPACES

XTRANS_PHASES = [rolled_cfa(XTRANS, top, left) for top in range(6) for left in range(6)]
CFAS = st.sampled_from([*BAYER, *XTRANS_PHASES])
FLAGS = st.booleans()
# White-balanced camera RGB to linear sRGB of a camera like any other: strong red and blue, rows that sum to 1.
TO_SRGB = np.array([[1.7, -0.6, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.5, 1.5]])


def raw_frame(
    cfa: CFA = RGGB,
    size: tuple[int, int] = (48, 64),
    mosaic: NDArray[np.uint16] | None = None,
    *,
    black: float | NDArray[np.float32] = 512,
    white: float = 16383,
    white_balance: tuple[float, float, float] = (2.0, 1.0, 1.5),
    orientation: int = 1,
) -> RawFrame:
    """A frame of noise, unless a mosaic is given."""
    if mosaic is None:
        mosaic = np.random.default_rng(0).integers(0, int(white) + 1, size).astype(np.uint16)
    return RawFrame(
        mosaic=mosaic,
        cfa=cfa,
        black_level_dn=np.broadcast_to(np.float32(black), (len(cfa), len(cfa))).copy(),
        white_level_dn=white,
        white_balance=white_balance,
        camera_to_xyz=(SPACES["srgb"].to_xyz @ TO_SRGB).astype(np.float32),
        iso=3200,
        exposure_s=1 / 30,
        orientation=orientation,
        camera="Cam One",
    )


def dng_bytes(frame: RawFrame) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "a.dng"
        write_dng(path, frame)
        return path.read_bytes()


def patches(cfa: CFA, colours: NDArray[np.floating], side: int = 24) -> NDArray[np.floating]:
    """A mosaic of flat patches in a row, each `side` pixels wide; `colours` is n x 3, what R, G, B pixels hold."""
    period = len(cfa)
    pattern = np.array([["RGB".index(letter) for letter in row] for row in cfa])
    places = np.tile(pattern, (-(-side // period), -(-side * len(colours) // period)))[:side, : side * len(colours)]
    return np.repeat(colours, side, axis=0)[np.arange(side * len(colours))[None], places]
