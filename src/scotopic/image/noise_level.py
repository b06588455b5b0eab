"""How noisy a sensor's values are."""

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
