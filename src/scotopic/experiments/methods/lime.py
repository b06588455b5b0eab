"""LIME: the light that falls on each place, estimated with its edges, and divided out (Guo, Li and Ling, TIP 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.data.fusion import opencv

from ...errors import MissingExtraError

Image = NDArray[np.float32]
Map = NDArray[np.float64]

EPSILON = 1e-3
"""Keeps denominators from 0, in units of white."""
TOLERANCE = 1e-3
"""Of the residual, relative: the map then lies within 0.0002 of that of a direct solver."""
LEVELS = 12
"""Grids, each half the size of the one before."""


def lime(low: Image, alpha: float = 0.15, gamma: float = 0.8, sigma: float = 2.0) -> Image:
    """The picture in even light: low / T^gamma, where T is its illumination map. `low` is sRGB in [0, 1], `h w 3`.

    The sped-up solver with weighting strategy III and the paper's values; without the BM3D denoising that it offers
    after it. (Guo, Li and Ling, LIME: Low-Light Image Enhancement via Illumination Map Estimation, IEEE TIP 26, 2017.)
    """
    light = illumination(low, alpha, sigma) ** gamma
    return np.asarray(np.clip(low / (light[..., None] + EPSILON), 0, 1), np.float32)


def illumination(low: Image, alpha: float = 0.15, sigma: float = 2.0) -> Map:
    """The illumination map T of a picture, `h w` in [0, 1]: smooth, but for the edges of what the light falls on.

    T makes sum (T - S)^2 + alpha W (dT)^2 / (|dS| + epsilon) small (eq. 19), where S is the largest of R, G and B at
    each pixel, d the difference to the next pixel, and W = 1 / (|G * dS| + epsilon), G a Gaussian of `sigma` pixels:
    texture, whose differences cancel, is smoothed away, and what leads from dark to light stays.
    """
    seen = low.max(axis=2).astype(np.float64)
    blur = opencv("LIME").GaussianBlur

    def weights(axis: int) -> Map:
        steps: Map = np.diff(seen, axis=axis)
        if not steps.size:
            return steps
        structure: Map = blur(steps, (0, 0), sigma)
        return np.asarray(alpha / ((np.abs(structure) + EPSILON) * (np.abs(steps) + EPSILON)))

    return np.asarray(np.clip(_solve(Grid(np.ones_like(seen), weights(1), weights(0)), seen), 0, 1))


@dataclass(frozen=True)
class Grid:
    """The matrix A of a linear system on a grid of pixels: `mass` on its diagonal, and springs between neighbours.

    `mass` is `h w`; `across` (`h w-1`) and `down` (`h-1 w`) are the springs' stiffness. A is symmetric and positive.
    """

    mass: Map
    across: Map
    down: Map

    def times(self, x: Map) -> Map:
        """A x."""
        out = self.mass * x
        pull = self.across * np.diff(x, axis=1)
        out[:, :-1] -= pull
        out[:, 1:] += pull
        pull = self.down * np.diff(x, axis=0)
        out[:-1] -= pull
        out[1:] += pull
        return np.asarray(out)

    def diagonal(self) -> Map:
        out = self.mass.copy()
        for part, springs in ((out[:, :-1], self.across), (out[:, 1:], self.across), (out[:-1], self.down)):
            part += springs
        out[1:] += self.down
        return out

    def halved(self) -> Grid:
        """The grid in which 2 x 2 pixels move as one: masses add up, and so do the springs between two blocks."""
        return Grid(
            _add_pairs(_add_pairs(self.mass, 0), 1),
            _add_pairs(self.across[:, 1::2], 0),
            _add_pairs(self.down[1::2], 1),
        )


def _add_pairs(values: Map, axis: int) -> Map:
    return np.asarray(np.add.reduceat(values, np.arange(0, values.shape[axis], 2), axis=axis))


class _Multigrid:
    """Roughly A's inverse: what a grid's smoother cannot see is left to a grid of half the size, and so on."""

    def __init__(self, grid: Grid) -> None:
        self.grids = [grid]
        while len(self.grids) < LEVELS and max(self.grids[-1].mass.shape) > 2:
            self.grids.append(self.grids[-1].halved())
        self.steps = [0.8 / grid.diagonal() for grid in self.grids]

    def __call__(self, right: Map, level: int = 0) -> Map:
        grid, step = self.grids[level], self.steps[level]
        x = np.asarray(step * right)
        if level + 1 < len(self.grids):
            rest = _add_pairs(_add_pairs(right - grid.times(x), 0), 1)
            coarse = self(rest, level + 1).repeat(2, axis=0).repeat(2, axis=1)
            x += coarse[: x.shape[0], : x.shape[1]]
        x += step * (right - grid.times(x))  # as before it, so that the whole is symmetric
        return x


def _solve(grid: Grid, right: Map) -> Map:
    """x with A x = right, by conjugate gradients."""
    try:
        from scipy.sparse.linalg import LinearOperator, cg
    except ImportError as error:
        raise MissingExtraError("LIME", "train") from error
    shape, size = right.shape, right.size
    roughly = _Multigrid(grid)

    def operator(function: Any) -> Any:
        return LinearOperator((size, size), lambda x: function(x.reshape(shape)).ravel(), dtype=np.float64)

    x, _ = cg(operator(grid.times), right.ravel(), right.ravel(), rtol=TOLERANCE, maxiter=1000, M=operator(roughly))
    return np.asarray(x.reshape(shape))
