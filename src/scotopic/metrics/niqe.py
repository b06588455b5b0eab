"""NIQE: how far the statistics of a picture's detail lie from those of good photos, no truth needed.

Mittal, Soundararajan and Bovik, Making a completely blind image quality analyzer, IEEE Signal Processing Letters 2013.
The good photos are our own (benchmarks/niqe_model.py), not the authors', and so is the halving of a picture: scores of
different implementations do not compare.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import exp, lgamma, nan
from pathlib import Path

import numpy as np

from .full_reference import luma
from .pictures import Doubles, Image, check
from .structure import halved

MODEL = Path(__file__).with_name("niqe.npz")
"""The model that is shipped, made by benchmarks/niqe_model.py: two arrays, `mean` and `covariance`."""

PATCH = 96
"""Side of a patch in pixels, half of it at the second scale."""
LEAST_NIQE_PX = 2 * PATCH
"""Four patches: a covariance wants several."""

WINDOW, SIGMA = 7, 7 / 6
"""The Gaussian under which the local mean and deviation are taken."""
SATURATION = 1.0
"""Of 255, added to the local deviation: C of eq. 1."""

SHAPES = np.arange(0.2, 10, 0.001)
"""Shapes of a generalised Gaussian that are tried: 1 is Laplace's distribution, 2 the normal one."""

NEIGHBOURS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""Whose products tell how detail hangs together: to the right, below, and on both diagonals."""


@dataclass(frozen=True)
class PristineModel:
    """A Gaussian over the 36 features of a patch of a good photo."""

    mean: Doubles
    covariance: Doubles


def niqe(out: Image) -> float:
    """Natural image quality evaluator, 0 upwards; lower is better. About 3 for a good photo, 5 to 20 for a bad one.

    The distance between two Gaussians over 36 features of 96 x 96 patches: the photos' and this picture's (eq. 10). It
    looks at brightness alone, and at whole patches: up to 95 rows and columns at the far edges are left out. It wants
    at least 192 x 192 pixels, and fewer patches raise it, so compare pictures of one size. Not a number where nearly
    all is of one brightness: there is no detail to judge.
    """
    check(out, least_px=LEAST_NIQE_PX)
    model = pristine()
    found, _ = features(out)
    if len(found) < 2:
        return nan
    apart = model.mean - found.mean(0)
    covariance = (model.covariance + np.cov(found, rowvar=False)) / 2
    return float(np.sqrt(apart @ np.linalg.pinv(covariance, hermitian=True) @ apart))


@cache
def pristine() -> PristineModel:
    with np.load(MODEL) as arrays:
        return PristineModel(arrays["mean"], arrays["covariance"])


def features(image: Image) -> tuple[Doubles, Doubles]:
    """The 36 features of each patch of a picture `h w c`, and how sharp each is (its mean local deviation, of 255).

    18 at full size, then 18 at half: shape and scale of the normalised brightness; then of its products with the
    neighbour to the right, below and on both diagonals: shape, mean, scale to the left and to the right of 0. Patches
    of one brightness are left out.
    """
    check(image, least_px=PATCH)
    grey = luma(image)[..., None].astype(np.float64) * 255
    scales = []
    for side in (PATCH, PATCH // 2):
        rows = [_of_row(grey[..., 0], top, side) for top in range(0, len(grey) - side + 1, side)]
        scales.append([np.concatenate(parts) for parts in zip(*rows, strict=True)])
        grey = halved(grey)
    whole = np.hstack([columns for columns, _ in scales])
    kept = np.isfinite(whole).all(1)
    return whole[kept], scales[0][1][kept]


def _of_row(grey: Doubles, top: int, side: int) -> tuple[Doubles, Doubles]:
    """The features at one scale of a row of patches, and their sharpness: a large picture is not taken all at once."""
    reach = WINDOW // 2
    above = min(reach, top)
    found = normalised(grey[top - above : top + side + reach])
    detail, deviation = (_patches(values[above : above + side], side) for values in found)
    return np.stack(_columns(detail), axis=1), deviation.mean((1, 2))


def normalised(grey: Doubles) -> tuple[Doubles, Doubles]:
    """Brightness less its local mean, over its local deviation (eq. 1 to 3); and the local deviation."""
    mean = _blur(grey)
    deviation = np.sqrt(np.maximum(_blur(grey * grey) - mean * mean, 0))
    return (grey - mean) / (deviation + SATURATION), deviation


def _blur(grey: Doubles) -> Doubles:
    """Under the Gaussian, `h w`; the edge goes on for ever."""
    reach = WINDOW // 2
    x = np.arange(-reach, reach + 1)
    window = np.exp(-(x**2) / (2 * SIGMA**2))
    window /= window.sum()
    for _ in range(2):  # down the columns, turned, and once more
        padded = np.pad(grey, ((reach, reach), (0, 0)), mode="edge")
        blurred = window[reach] * grey
        for i in range(reach):
            blurred += window[i] * (padded[i : i + len(grey)] + padded[WINDOW - 1 - i : WINDOW - 1 - i + len(grey)])
        grey = blurred.T
    return grey


def _patches(values: Doubles, side: int) -> Doubles:
    """`h w` as `n side side`; what is left over at the far edges is left out."""
    rows, columns = values.shape[0] // side, values.shape[1] // side
    blocks = values[: rows * side, : columns * side].reshape(rows, side, columns, side)
    return blocks.swapaxes(1, 2).reshape(-1, side, side)


def _columns(patches: Doubles) -> list[Doubles]:
    """18 features of each patch `n side side`, a column each; no number where a patch is of one brightness."""
    shape, _, left, right = fitted(patches)
    columns = [shape, (left + right) / 2]
    for down, along in NEIGHBOURS:
        a = patches[:, down:, max(along, 0) : patches.shape[2] + min(along, 0)]
        b = patches[:, : patches.shape[1] - down, max(-along, 0) : patches.shape[2] - max(along, 0)]
        columns += fitted(a * b)
    return columns


def fitted(values: Doubles) -> tuple[Doubles, Doubles, Doubles, Doubles]:
    """Asymmetric generalised Gaussians, one for each of `n …`: shape, mean, scale left and right of 0 (eq. 4 to 8).

    By moments (Lasmar, Stitou and Berthoumieu, Multiscale skewed heavy tailed model for texture analysis, ICIP 2009).
    """
    values = values.reshape(len(values), -1)
    squares = values**2
    negative = values < 0
    total, below = squares.sum(1), (squares * negative).sum(1)
    with np.errstate(divide="ignore", invalid="ignore"):
        left, right = np.sqrt(below / negative.sum(1)), np.sqrt((total - below) / (values > 0).sum(1))
        skew = left / right
        ratio = np.abs(values).mean(1) ** 2 / squares.mean(1)
        ratio *= (skew**3 + 1) * (skew + 1) / (skew**2 + 1) ** 2
    shape = np.interp(ratio, _ratios(), SHAPES)
    gammas = [np.array([lgamma(i / x) if np.isfinite(x) else np.nan for x in shape]) for i in (1, 2, 3)]
    spread = np.exp((gammas[0] - gammas[2]) / 2)
    left, right = left * spread, right * spread
    return shape, (right - left) * np.exp(gammas[1] - gammas[0]), left, right


@cache
def _ratios() -> Doubles:
    """Squared mean size over mean square, of a symmetric generalised Gaussian of each of SHAPES; it only grows."""
    return np.array([exp(2 * lgamma(2 / x) - lgamma(1 / x) - lgamma(3 / x)) for x in SHAPES])
