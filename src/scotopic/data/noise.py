"""The noise of a sensor: photons, then electronics.

The model of Wei et al. (A Physics-based Noise Formation Model for Extreme Low-light Raw Denoising, CVPR 2020, "ELD"):
shot noise (Poisson), read noise (Tukey lambda or Gaussian), row noise, quantisation, and a bias of each colour. Their
calibrations of five cameras lie in `cameras/`; all in DN of 14 bits.
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from scotopic.image.noise_level import NoiseLevel

from ..errors import DataError

CAMERAS = ("SonyA7S2", "NikonD850", "CanonEOS5D4", "CanonEOS70D", "CanonEOS700D")
"""The calibrated cameras. `generic` stands for any other: its parameters are drawn from what sensors have."""
RANGE_DN = 16383 - 512
"""White minus black that the parameters are meant for."""


@dataclass(frozen=True)
class SensorNoise:
    """A sensor's noise at one gain, in DN.

    `gain_dn` is K, DN per photo-electron. `read_scale_dn` is the scale of the read noise, whose distribution is Tukey's
    lambda with `shape` (0.14 nearly Gaussian, 0 logistic, below 0 heavy tails), or Gaussian where `shape` is None.
    `row_sigma_dn` is what a row has in common. `bias_dn` is added at each place of a 2 x 2 pattern. Values are rounded
    to multiples of `step_dn`. A share `hot_share` of all pixels is hot: each has its own excess, `hot_dn` on average.
    """

    gain_dn: float
    read_scale_dn: float
    shape: float | None = None
    row_sigma_dn: float = 0.0
    bias_dn: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    step_dn: float = 1.0
    hot_share: float = 0.0
    hot_dn: float = 0.0

    @property
    def level(self) -> NoiseLevel:
        """The same as gain and standard deviation: read and row noise and rounding together, hot pixels left out."""
        spread = 1.0 if self.shape is None else tukey_lambda_sigma(self.shape)
        variance = (self.read_scale_dn * spread) ** 2 + self.row_sigma_dn**2 + self.step_dn**2 / 12
        return NoiseLevel(self.gain_dn, math.sqrt(variance))


def add_noise(signal_dn: NDArray[np.float32], noise: SensorNoise, rng: Generator) -> NDArray[np.float32]:
    """What the sensor reads where `signal_dn` (`h w`, DN above black, without noise) fell on it; may be negative."""
    electrons = rng.poisson(np.maximum(signal_dn, 0) / noise.gain_dn)
    out = electrons.astype(np.float32) * np.float32(noise.gain_dn)
    if noise.shape is None:
        out += rng.standard_normal(out.shape, np.float32) * np.float32(noise.read_scale_dn)
    else:
        out += tukey_lambda(rng, noise.shape, out.shape) * np.float32(noise.read_scale_dn)
    if noise.row_sigma_dn:
        out += rng.standard_normal((out.shape[0], 1), np.float32) * np.float32(noise.row_sigma_dn)
    for place, bias in enumerate(noise.bias_dn):
        if bias:
            out[place // 2 :: 2, place % 2 :: 2] += np.float32(bias)
    if noise.hot_share:
        hot = rng.integers(0, out.size, rng.poisson(out.size * noise.hot_share))
        out.ravel()[hot] += rng.exponential(noise.hot_dn, hot.size).astype(np.float32)
    step = np.float32(noise.step_dn)
    return np.asarray(np.rint(out / step) * step)


def tukey_lambda(rng: Generator, shape: float, size: tuple[int, ...]) -> NDArray[np.float32]:
    """Values of Tukey's lambda distribution with scale 1, by its quantile function (p^l - (1 - p)^l) / l."""
    p = rng.random(size, np.float32) * np.float32(1 - 2e-7) + np.float32(1e-7)  # 0 and 1 are infinitely far out
    if abs(shape) < 1e-6:
        return np.log(p / (1 - p))
    power = np.float32(shape)
    return np.asarray((p**power - (1 - p) ** power) / power)


def tukey_lambda_sigma(shape: float) -> float:
    """Standard deviation of Tukey's lambda distribution, shape > -0.5.

    >>> round(tukey_lambda_sigma(0.0), 4), round(tukey_lambda_sigma(0.14), 4)  # logistic: pi / sqrt(3)
    (1.8138, 1.4527)
    """
    if abs(shape) < 1e-6:
        return math.pi / math.sqrt(3)
    beta = math.gamma(shape + 1) ** 2 / math.gamma(2 * shape + 2)
    return math.sqrt(2 / shape**2 * (1 / (1 + 2 * shape) - beta))


def sample_noise(camera: str, rng: Generator, gain_dn: Sequence[float] = (0.1, 60.0)) -> SensorNoise:
    """A camera at a gain drawn log-evenly from its own range, as far as that lies within `gain_dn` (as ELD does).

    What goes with the gain is log-linear in it, with the scatter the calibration found. Half of the time some pixels
    are hot. Raises DataError for a camera that is none of `CAMERAS` or "generic".
    """
    noise = _sample_generic(rng, gain_dn) if camera == "generic" else _sample_calibrated(camera, rng, gain_dn)
    if rng.random() < 0.5:
        return noise
    # Long exposures and warm sensors: up to one pixel in two thousand. The calibrations leave them out.
    share, excess = (
        math.exp(rng.uniform(math.log(1e-6), math.log(5e-4))),
        math.exp(rng.uniform(math.log(20), math.log(2000))),
    )
    return replace(noise, hot_share=share, hot_dn=excess)


def _sample_calibrated(camera: str, rng: Generator, gain_dn: Sequence[float]) -> SensorNoise:
    table = _calibration(camera)
    profile = table["Profile-1"]
    least, most = np.log(np.asarray(gain_dn, np.float64))
    first, last = math.log(table["Kmin"]), math.log(table["Kmax"])
    low, high = max(first, least), min(last, most)
    log_gain = rng.uniform(low, high) if low < high else float(np.clip((low + high) / 2, least, most))

    def follow(name: str) -> float:
        line = profile[name]
        return math.exp(line["slope"] * log_gain + line["bias"] + rng.normal(0, line["sigma"]))

    shapes = table["G_shape"]
    # The calibrated biases were taken at rising gains, in order.
    place = (log_gain - first) / (last - first) * (len(table["color_bias"]) - 1)
    bias = table["color_bias"][int(np.clip(round(place), 0, len(table["color_bias"]) - 1))]
    shaped = rng.random() < 0.5
    return SensorNoise(
        gain_dn=math.exp(log_gain),
        read_scale_dn=follow("G_scale" if shaped else "g_scale"),
        shape=float(rng.choice(shapes)) if shaped else None,
        row_sigma_dn=follow("R_scale"),
        bias_dn=(bias[0], bias[1], bias[2], bias[3]),
    )


def _sample_generic(rng: Generator, gain_dn: Sequence[float]) -> SensorNoise:
    """Any camera: electronics after the amplifier (a few DN) and before it (a few electrons), 12 or 14 bits."""
    gain = math.exp(rng.uniform(*np.log(np.asarray(gain_dn, np.float64))))
    before, after = rng.uniform(0.7, 4.0), rng.uniform(0.5, 4.0)  # electrons, DN
    sigma = math.hypot(before * gain, after)
    shape = float(rng.uniform(-0.3, 0.2)) if rng.random() < 0.5 else None
    return SensorNoise(
        gain_dn=gain,
        read_scale_dn=sigma / (1.0 if shape is None else tukey_lambda_sigma(shape)),
        shape=shape,
        row_sigma_dn=sigma * rng.uniform(0.0, 0.3),
        bias_dn=tuple(rng.normal(0, 0.05 * sigma, 4).tolist()),
        step_dn=float(rng.choice([1.0, 4.0])),
    )


@cache
def _calibration(camera: str) -> dict[str, Any]:
    if camera not in CAMERAS:
        raise DataError(f"There is no camera '{camera}'. Known: {', '.join(CAMERAS)}, generic.")
    table: dict[str, Any] = json.loads((files(__package__) / "cameras" / f"{camera}.json").read_text(encoding="utf-8"))
    return table
