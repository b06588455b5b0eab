"""What may be said of scores: intervals of means, and differences between two methods on the same pictures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

DRAWS = 2000
"""Bootstrap samples: enough for two digits of a 95 % interval."""

Values = Sequence[float] | NDArray[np.float64]
Scenes = Sequence[str] | NDArray[np.str_]


@dataclass(frozen=True)
class Difference:
    """Two methods on the same pictures: `mean` of first - second, its 95 % interval, and the two-sided `p` of no
    difference. `wins` and `losses`: pictures on which the first scored higher and lower, of `count`."""

    mean: float
    low: float
    high: float
    p: float
    wins: int
    losses: int
    count: int


def interval(values: Values, scenes: Scenes, seed: int = 0) -> tuple[float, float]:
    """The 95 % interval of the mean of `values`: percentiles of a bootstrap over scenes (Efron and Tibshirani, 1993).

    Scenes are drawn with all of their pictures, since pictures of one scene are not independent. One scene alone says
    nothing about others: then, as without any value, both ends are no number.
    """
    means = _means(np.asarray(values, np.float64), scenes, seed)
    if means is None:
        return float("nan"), float("nan")
    low, high = np.quantile(means, (0.025, 0.975))
    return float(low), float(high)


def paired(a: Values, b: Values, scenes: Scenes, seed: int = 0) -> Difference:
    """The difference `a` - `b` of two methods' scores, picture by picture, by a paired bootstrap over scenes.

    `p` is twice the share of bootstrap means on the rarer side of 0, at least 1 / draws, and at least what a coin for
    each scene could do: few scenes that all agree leave the bootstrap nothing to vary, and it seems certain. No number
    for fewer than two scenes.
    """
    differences = np.asarray(a, np.float64) - np.asarray(b, np.float64)
    low, high = interval(differences, scenes, seed)
    means = _means(differences, scenes, seed)
    p = float("nan")
    if means is not None:
        # A mean of exactly 0 speaks for neither side, so it counts for both.
        rarer = min((means <= 0).mean(), (means >= 0).mean())
        p = float(min(1.0, 2 * max(rarer, 0.5 / DRAWS, 0.5 ** len(set(scenes)))))
    return Difference(
        float(differences.mean()) if differences.size else float("nan"),
        low,
        high,
        p,
        int((differences > 0).sum()),
        int((differences < 0).sum()),
        int(differences.size),
    )


def _means(values: NDArray[np.float64], scenes: Scenes, seed: int) -> NDArray[np.float64] | None:
    """The means of bootstrap samples, or None for fewer than two scenes."""
    names, which = np.unique(np.asarray(scenes), return_inverse=True)
    if len(which) != len(values):
        raise ValueError(f"A scene for each value is wanted, got {len(which)} scenes and {len(values)} values.")
    if len(names) < 2:
        return None
    sums, counts = np.bincount(which, values), np.bincount(which)
    drawn = np.random.default_rng(seed).integers(0, len(names), (DRAWS, len(names)))
    return np.asarray(sums[drawn].sum(1) / counts[drawn].sum(1))
