"""The classical baselines: what each must do to a picture, and LIME's solver against a dense one."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from scotopic.experiments.methods.baselines import BASELINES, auto_levels, clahe, histogram_equalisation, msrcr
from scotopic.experiments.methods.lime import Grid, _solve, illumination, lime
from scotopic.metrics import luma


def dark_room(height: int = 60, width: int = 90) -> np.ndarray:
    """A wall under a lamp: light that falls off smoothly on texture, with some noise. `h w 3`, mean about 0.1."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:height, :width] / max(height, width)
    lamp = 0.03 + 0.5 * np.exp(-((x - 0.2) ** 2 + (y - 0.3) ** 2) / 0.08)
    paint = np.array([0.9, 0.6, 0.4]) * (0.7 + 0.3 * (np.floor(x * 12) % 2))[..., None]
    return np.clip(lamp[..., None] * paint + rng.normal(0, 0.004, (height, width, 3)), 0, 1).astype(np.float32)


@pytest.mark.parametrize("name", BASELINES)
def test_any_size_comes_back_as_a_picture_of_that_size(name: str) -> None:
    for height, width in ((60, 90), (33, 20), (7, 5), (1, 3), (1, 1)):
        low = dark_room(height, width)
        before = low.copy()
        out = BASELINES[name](low)
        assert out.shape == low.shape
        assert out.dtype == np.float32
        assert out.min() >= 0
        assert out.max() <= 1
        assert np.array_equal(low, before), "the input was written to"


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize("value", [0.0, 1.0])
def test_black_and_white_are_no_trouble(name: str, value: float) -> None:
    assert np.isfinite(BASELINES[name](np.full((24, 24, 3), value, np.float32))).all()


@pytest.mark.parametrize("name", [name for name in BASELINES if name != "input"])
def test_a_dark_picture_gets_brighter(name: str) -> None:
    low = dark_room()
    assert BASELINES[name](low).mean() > 1.1 * low.mean()


@pytest.mark.parametrize("method", [histogram_equalisation, clahe, auto_levels, BASELINES["gamma"]])
def test_grey_stays_grey(method: object) -> None:
    grey = dark_room()[..., :1].repeat(3, axis=2)
    out = method(grey)  # type: ignore[operator]
    assert np.ptp(out, axis=2).max() < 1e-5


def test_equalised_brightness_is_spread_evenly() -> None:
    value = histogram_equalisation(dark_room()).max(axis=2)
    shares, _ = np.histogram(value, bins=4, range=(0, 1))
    assert shares == pytest.approx(np.full(4, value.size / 4), rel=0.15)


def test_auto_levels_clips_half_a_percent_and_makes_the_middle_grey() -> None:
    rng = np.random.default_rng(1)
    grey = np.clip(rng.normal(0.3, 0.05, (100, 100, 1)), 0, 1).astype(np.float32).repeat(3, axis=2)
    out = auto_levels(grey)
    assert (out == 0).mean() == pytest.approx(0.005, abs=1e-3)
    assert (out == 1).mean() == pytest.approx(0.005, abs=1e-3)
    assert np.median(luma(out)) == pytest.approx(0.5, abs=0.03)


def test_grids_of_springs_are_solved() -> None:
    rng = np.random.default_rng(2)
    for height, width in ((9, 14), (1, 6), (5, 1), (1, 1)):
        grid = Grid(
            1 + rng.random((height, width)),
            10 ** rng.uniform(-2, 5, (height, width - 1)),
            10 ** rng.uniform(-2, 5, (height - 1, width)),
        )
        size = height * width
        matrix = np.stack([grid.times(unit.reshape(height, width)).ravel() for unit in np.eye(size)])
        assert np.allclose(matrix, matrix.T)
        assert np.allclose(np.diag(matrix), grid.diagonal().ravel())
        assert np.allclose(matrix.sum(0), grid.mass.ravel()), "springs push and pull alike"
        right = rng.random((height, width))
        truth = np.linalg.solve(matrix, right.ravel()).reshape(height, width)
        assert np.abs(_solve(grid, right) - truth).max() < 2e-3


def test_lime_divides_by_the_light_and_keeps_hue() -> None:
    low = dark_room()
    light = illumination(low)
    out = lime(low)
    inside = out.max(axis=2) < 1
    ratio = out[inside] / np.maximum(low[inside], 1e-6)
    expected = 1 / (light[inside] ** 0.8 + 1e-3)  # the paper's gamma
    assert np.allclose(ratio[low[inside].min(axis=1) > 0.01], expected[low[inside].min(axis=1) > 0.01, None], rtol=1e-4)


def test_the_light_is_smooth_on_texture_and_keeps_the_edge_of_a_shadow() -> None:
    rng = np.random.default_rng(3)
    shadow = np.where(np.arange(80) < 40, 0.1, 0.8)[None, :, None]
    low = np.clip(shadow * (1 + rng.uniform(-0.2, 0.2, (60, 80, 1))), 0, 1).astype(np.float32).repeat(3, axis=2)
    light = illumination(low)
    inner = slice(10, -10), slice(5, 35)
    assert light[inner].std() < 0.3 * low[..., 0][inner].std()
    assert light[:, 43:77].mean() - light[:, 3:37].mean() > 0.6
    assert (light[:, 42] - light[:, 37]).mean() > 0.5, "the edge was washed out"


def test_texture_goes_where_an_edge_of_the_same_step_stays() -> None:
    """What strategy III is for: steps that cancel in their neighbourhood are texture, those that add up an edge."""
    columns = np.arange(80)
    texture, edge = 0.4 + 0.1 * (columns % 2), 0.4 + 0.1 * (columns >= 40)
    light = [illumination(np.tile(row[None, :, None], (40, 1, 3)).astype(np.float32)) for row in (texture, edge)]
    assert light[1][20, 45] - light[1][20, 34] > 20 * np.ptp(light[0][20, 20:60])


def test_retinex_is_the_papers_formula() -> None:
    low = dark_room(80, 120)
    levels = 255 * low.astype(np.float64) + 1
    surrounds = [gaussian_filter(levels, (sigma, sigma, 0), mode="reflect") for sigma in (15, 80, 250)]
    retinex = sum(np.log(levels / surround) for surround in surrounds) / 3
    restored = np.log(125 * levels / levels.sum(2, keepdims=True)) * retinex
    black, white = np.percentile(restored, (1, 99), axis=(0, 1))
    expected = np.clip((restored - black) / (white - black), 0, 1)
    assert np.abs(msrcr(low) - expected).mean() < 0.005


def test_retinex_sees_no_colour_of_the_light() -> None:
    """The last step stretches each channel by itself: the light's colour goes, as far as the +1 of the logarithm."""
    low = np.clip(dark_room(), 0.05, None)
    warm = low * np.array([1.0, 0.8, 0.6], np.float32)
    assert np.abs(msrcr(warm) - msrcr(low)).mean() < 0.06
    assert np.abs(warm - low).mean() / low.mean() > 0.15


def test_retinex_lifts_shadows_and_flattens_light() -> None:
    low = dark_room()
    out = msrcr(low)
    shadow, lit = (slice(40, None), slice(70, None)), (slice(5, 25), slice(5, 25))
    before, after = low[lit].mean() / low[shadow].mean(), out[lit].mean() / out[shadow].mean()
    assert before > 5
    assert after < before / 2
