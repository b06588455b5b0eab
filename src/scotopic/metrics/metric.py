"""A metric as a table needs to know it: what it takes, its unit, and which way is better."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating]


@dataclass(frozen=True)
class Metric:
    """One entry of METRICS.

    `needs` says what `function` is called with: `both` (out, target), `out` (out), or `low and out` (low, out);
    pictures are `h w 3` float, sRGB in [0, 1], and where there are two they have one shape. `better`: `higher`,
    `lower`, or `zero` (signed: the nearer to 0 the better). `gt_mean`: says something else after GT-mean, so a table
    that shows it for exposure's sake shows both columns. `least_px`: the short side of the smallest picture that it
    can score. `digits`: decimals worth printing.
    """

    name: str
    function: Callable[..., float]
    unit: str
    better: Literal["higher", "lower", "zero"]
    range: tuple[float, float]
    needs: Literal["both", "out", "low and out"]
    gt_mean: bool
    source: str
    digits: int
    least_px: int = 1

    def score(self, *, out: Image, target: Image | None = None, low: Image | None = None) -> float:
        """The score of `out`, whatever of the three pictures the metric needs.

        Raises ScoreError for pictures that cannot be scored: of two sizes, of bytes, too small, no numbers.
        """
        if self.needs == "out":
            return self.function(out)
        if self.needs == "both":
            return self.function(out, _given(target, self.name, "target"))
        return self.function(_given(low, self.name, "low"), out)


def _given(image: Image | None, metric: str, what: str) -> Image:
    if image is None:
        raise TypeError(f"Metric '{metric}' needs {what}=, which was not given.")
    return image
