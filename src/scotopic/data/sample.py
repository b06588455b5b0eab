"""What every data set yields."""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor


class Sample(NamedTuple):
    """One training picture: `low` goes in, `target` is the truth.

    Both are sRGB in [0, 1], `3 h w`; or `low` is a picture and the same brightened, `6 h w`; or it is packed raw
    (image/packed.py), `c h w`, and `target` is `3 scale*h scale*w`, in which light above white may lie above 1. `ratio`
    is the ratio of their exposures (1 = the same light, or not known), `name` says where the picture came from.
    """

    low: Tensor
    target: Tensor
    ratio: float
    name: str
