"""How noisy a sensor's values are, and the transform that makes every sensor's noise alike."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NoiseLevel:
    """Poisson-Gaussian noise: the variance of a pixel is gain_dn * (dn - black) + read_sigma_dn ** 2, in DN squared.

    `gain_dn` is the system gain K in DN per photo-electron (shot noise), `read_sigma_dn` the standard deviation of all
    that does not depend on light (Foi et al., Practical Poissonian-Gaussian noise modeling, IEEE TIP 2008).
    """

    gain_dn: float
    read_sigma_dn: float

    def variance_dn(self, signal_dn: NDArray[np.float32]) -> NDArray[np.float32]:
        """The variance at a clean signal (dn - black), in DN squared.

        >>> NoiseLevel(gain_dn=2.0, read_sigma_dn=3.0).variance_dn(np.array([0, 100], np.float32)).tolist()
        [9.0, 209.0]
        """
        return np.asarray(self.gain_dn * np.maximum(signal_dn, 0) + self.read_sigma_dn**2, dtype=np.float32)


def k_sigma(signal_dn: NDArray[np.float32], noise: NoiseLevel) -> NDArray[np.float32]:
    """The k-sigma transform, x / K + sigma^2 / K^2: afterwards the variance is the mean, whatever the sensor.

    `signal_dn` is dn - black, not clipped (Wang et al., Practical Deep Raw Image Denoising on Mobile Devices,
    ECCV 2020).

    >>> k_sigma(np.array([100.0], np.float32), NoiseLevel(gain_dn=2.0, read_sigma_dn=4.0)).tolist()
    [54.0]
    """
    offset = (noise.read_sigma_dn / noise.gain_dn) ** 2
    return np.asarray(signal_dn / np.float32(noise.gain_dn) + np.float32(offset), dtype=np.float32)


def inverse_k_sigma(value: NDArray[np.float32], noise: NoiseLevel) -> NDArray[np.float32]:
    """What `k_sigma` was given, in DN above black."""
    offset = (noise.read_sigma_dn / noise.gain_dn) ** 2
    return np.asarray((value - np.float32(offset)) * np.float32(noise.gain_dn), dtype=np.float32)
