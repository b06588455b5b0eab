"""A virtual sensor: linear light falls on it, a RawFrame comes out, with a real camera's colours and noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from scotopic.image.raw_frame import RawFrame

from .noise import SensorNoise, add_noise

Light = NDArray[np.float32]

XYZ_OF_SRGB = np.array(
    [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]],
    np.float64,
)
"""IEC 61966-2-1, D65."""
COLOUR_MATRICES = {
    "SonyA7S2": (5838, -1430, -246, -3497, 11477, 2297, -748, 1885, 5778),
    "NikonD850": (10405, -3755, -1270, -5461, 13787, 1793, -1040, 2015, 6785),
    "CanonEOS5D4": (6446, -366, -864, -4436, 12204, 2513, -952, 2496, 6348),
    "CanonEOS70D": (7034, -804, -1014, -4420, 12564, 2058, -851, 1994, 5758),
    "CanonEOS700D": (6602, -841, -939, -4472, 12458, 2247, -975, 2039, 6148),
}
"""XYZ (D65) -> camera, times 10,000: what DNG files of these cameras carry as ColorMatrix2."""


@dataclass(frozen=True)
class VirtualSensor:
    """A sensor as far as a raw file tells: colour filters, levels, as-shot white balance, colours, noise.

    `camera_to_srgb` takes white-balanced camera RGB to linear sRGB, (1, 1, 1) to (1, 1, 1).
    """

    cfa: tuple[str, ...]
    white_balance: tuple[float, float, float]
    camera_to_srgb: NDArray[np.float32]
    noise: SensorNoise
    black_level_dn: float = 512.0
    white_level_dn: float = 16383.0


def camera_to_srgb(xyz_to_camera: NDArray[np.float64]) -> NDArray[np.float32]:
    """White-balanced camera RGB -> linear sRGB, from a DNG colour matrix; each row sums to 1, so white stays white.

    >>> camera_to_srgb(np.linalg.inv(XYZ_OF_SRGB)).round(4).tolist()  # a camera with sRGB's own colours
    [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]
    """
    srgb_to_camera = xyz_to_camera @ XYZ_OF_SRGB
    srgb_to_camera = srgb_to_camera / srgb_to_camera.sum(1, keepdims=True)
    return np.linalg.inv(srgb_to_camera).astype(np.float32).round(6) + np.float32(0)  # no negative zeros


def sample_colours(rng: Generator) -> tuple[tuple[float, float, float], NDArray[np.float32]]:
    """An as-shot white balance and a camera's colours.

    Gains follow what cameras choose from lamplight (little red, much blue) to shade; the colours are a random blend
    of real cameras' (as in Brooks et al., CVPR 2019).
    """
    warm = rng.uniform(0, 1)  # 1 = lamplight
    red = np.exp(np.log(2.3) + warm * np.log(1.35 / 2.3) + rng.normal(0, 0.08))
    blue = np.exp(np.log(1.45) + warm * np.log(2.9 / 1.45) + rng.normal(0, 0.08))
    shares = rng.dirichlet(np.full(len(COLOUR_MATRICES), 0.5))
    matrix = np.tensordot(shares, np.array(list(COLOUR_MATRICES.values()), np.float64), 1).reshape(3, 3)
    return (float(red), 1.0, float(blue)), camera_to_srgb(matrix / 10000)


def capture(light: Light, ratio: float, sensor: VirtualSensor, rng: Generator) -> tuple[RawFrame, Light]:
    """A frame exposed `ratio` times too short, and what it should show: white-balanced camera RGB without noise.

    `light` is linear sRGB, `h w 3`, in which 1 is the white of a good exposure and lamps may lie above it. So does the
    target, `h w 3`, up to the `ratio` at which the sensor is full.
    """
    target = np.maximum(light @ np.linalg.inv(sensor.camera_to_srgb).T.astype(np.float32), 0)
    height, width = light.shape[:2]
    span = np.float32(sensor.white_level_dn - sensor.black_level_dn)
    signal = np.empty((height, width), np.float32)
    period = len(sensor.cfa)
    for row in range(period):
        for column in range(period):
            colour = "RGB".index(sensor.cfa[row][column])
            part = target[row::period, column::period, colour]
            signal[row::period, column::period] = part * (span / np.float32(ratio * sensor.white_balance[colour]))
    # A full well gives no more electrons.
    dn = add_noise(np.minimum(signal, span * np.float32(1.02)), sensor.noise, rng) + np.float32(sensor.black_level_dn)
    frame = RawFrame(
        mosaic=np.clip(dn, 0, sensor.white_level_dn).astype(np.uint16),
        cfa=sensor.cfa,
        black_level_dn=np.full((period, period), sensor.black_level_dn, np.float32),
        white_level_dn=sensor.white_level_dn,
        white_balance=sensor.white_balance,
        camera_to_xyz=(XYZ_OF_SRGB @ sensor.camera_to_srgb).astype(np.float32),
        iso=None,
        exposure_s=None,
    )
    return frame, np.minimum(target, np.float32(ratio))
