"""What every data set yields."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Sample(NamedTuple):
    """One training picture: `low` goes in, `target` is the truth.

    Both are sRGB in [0, 1], `3 h w`. `ratio` is the ratio of their exposures (1 = the same light), `name` says where
    the picture came from.
    """

    low: Tensor
    target: Tensor
    ratio: float
    name: str
