"""Two pictures of the same stay on each other, whatever is done to them."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.ndimage import map_coordinates
from skimage.color import rgb2ycbcr

from scotopic.data.pair_views import PairViews, as_float, middle, recoloured, sampled
from scotopic.errors import DataError
from scotopic.metrics import luma

from .pair_trees import HEIGHT, WIDTH, places

WARP: dict[str, Any] = {"rotate": 30, "translate": 0.3, "zoom": (0.5, 2)}
COLOURS: dict[str, Any] = {"brightness": 0.3, "contrast": 0.3, "saturation": 0.5, "hue": 0.1}
LOW, TARGET = places(3), places(250)


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def codes(view: NDArray[np.float32]) -> NDArray[np.float64]:
    return view.astype(np.float64) * 255


@pytest.mark.parametrize("size", [0, 16])
@pytest.mark.parametrize("settings", [{"flips": False}, {}, {"quarter_turns": True}, WARP | {"quarter_turns": True}])
def test_both_get_the_same_geometry(size: int, settings: dict[str, Any]) -> None:
    views = PairViews(size=size, **settings)
    kinds = set()
    for seed in range(20):
        low, target = views.apply(LOW, TARGET, rng(seed))
        assert low.shape == target.shape == ((size, size, 3) if size else (HEIGHT, WIDTH, 3))
        assert low.dtype == target.dtype == np.float32
        assert np.array_equal(low[..., :2], target[..., :2])
        assert np.allclose(codes(low)[..., 2], 3, atol=1e-3)
        assert np.allclose(codes(target)[..., 2], 250, atol=1e-3)
        kinds.add(low.tobytes())
    assert (len(kinds) == 1) == (settings == {"flips": False} and not size)


def test_each_flip_has_an_even_chance_and_none_knows_of_the_other() -> None:
    def flips(seed: int) -> tuple[bool, bool]:
        low, _ = PairViews().apply(LOW, TARGET, rng(seed))
        return bool(low[0, 0, 0] > low[0, -1, 0]), bool(low[0, 0, 1] > low[-1, 0, 1])

    counts = Counter(flips(seed) for seed in range(800))
    assert all(150 < counts[across, down] < 250 for across in (False, True) for down in (False, True))  # 200 +- 4 sigma


def test_a_view_is_a_piece_of_the_picture_and_may_lie_anywhere() -> None:
    corners = set()
    for seed in range(400):
        low, _ = PairViews(size=HEIGHT - 2, flips=False).apply(LOW, TARGET, rng(seed))
        column, row = (int(corner) for corner in codes(low)[0, 0, :2].round())
        assert np.array_equal(low, as_float(LOW[row : row + HEIGHT - 2, column : column + HEIGHT - 2]))
        corners.add((row, column))
    assert corners == {(row, column) for row in range(3) for column in range(WIDTH - HEIGHT + 3)}


def test_quarter_turns_are_all_there_is_to_turn() -> None:
    square = places(0, 16, 16)
    turned = [PairViews(flips=False, quarter_turns=True).apply(square, square, rng(s))[0] for s in range(40)]
    assert {view.tobytes() for view in turned} == {as_float(np.rot90(square, k)).tobytes() for k in range(4)}


def test_rotation_zoom_and_shift_are_within_their_settings() -> None:
    views = PairViews(size=60, flips=False, rotate=10, zoom=(1.5, 2), translate=0.1)
    low = places(0, 240, 240)
    angles, zooms = [], []
    for seed in range(60):
        seen = codes(views.apply(low, low, rng(seed))[0])
        # How column and row change from pixel to pixel: the turned axes of the picture, shortened by the zoom.
        right, down = (np.diff(seen[..., :2], axis=axis).mean((0, 1)) for axis in (1, 0))
        assert np.allclose(right, [down[1], -down[0]], atol=1e-4)
        zooms.append(1 / np.hypot(*right))
        angles.append(np.degrees(np.arctan2(right[1], right[0])))
    assert -10 <= min(angles) < -8 < 8 < max(angles) <= 10
    assert 1.5 - 1e-3 <= min(zooms) < 1.55 < 1.95 < max(zooms) <= 2 + 1e-3


def test_a_shift_moves_by_its_share_at_most_and_mirrors_what_comes_in() -> None:
    shifts = []
    for seed in range(40):
        seen = codes(PairViews(flips=False, translate=0.25).apply(LOW, LOW, rng(seed))[0])
        shifts.append((seen[HEIGHT // 2, WIDTH // 2, :2] - [WIDTH // 2, HEIGHT // 2]) / [WIDTH, HEIGHT])
        assert np.abs(np.diff(seen[..., 0], axis=1)).max() <= 1 + 1e-3  # no border to be seen
    assert 0.2 < np.abs(shifts).max() <= 0.25 + 1e-3
    assert np.min(shifts) < 0 < np.max(shifts)


@pytest.mark.parametrize(("top", "left"), [(-30.3, 5.2), (20.6, 170.4), (60.1, 61.7), (-25.0, -25.0)])
def test_sampling_agrees_with_scipy(top: float, left: float) -> None:
    picture = rng(1).integers(0, 256, (140, 190, 3), np.uint8)
    y, x = np.mgrid[:40, :50].astype(np.float32)
    rows, columns = (top + 0.9 * y + 0.3 * x).astype(np.float32), (left - 0.3 * y + 0.9 * x).astype(np.float32)
    ours = sampled(picture, rows, columns)
    for channel in range(3):
        theirs = map_coordinates(picture[..., channel] / 255, [rows, columns], order=1, mode="reflect")
        assert np.allclose(ours[..., channel], theirs, atol=2e-4)


def test_jitter_is_one_function_for_both_or_for_the_low_one_alone() -> None:
    plain, both, low_alone = PairViews(size=16), PairViews(size=16, **COLOURS), PairViews(16, **COLOURS, jitter="low")
    for seed in range(20):
        low, target = plain.apply(LOW, TARGET, rng(seed))
        same = both.apply(TARGET, TARGET, rng(seed))
        assert np.array_equal(*same)
        jittered_low, jittered_target = both.apply(LOW, TARGET, rng(seed))
        assert not np.array_equal(jittered_low, low)
        assert np.array_equal(jittered_target, same[1])
        alone, untouched = low_alone.apply(LOW, TARGET, rng(seed))
        assert np.array_equal(alone, jittered_low)
        assert np.array_equal(untouched, target)
        assert all(view.min() >= 0 and view.max() <= 1 for view in (alone, jittered_low, jittered_target))


def test_colours_are_changed_as_they_should_be() -> None:
    picture = rng(2).uniform(0.35, 0.65, (8, 8, 3)).astype(np.float32)
    grey = np.repeat(luma(picture)[..., None], 3, axis=2)
    assert np.allclose(recoloured(picture), picture, atol=1e-6)
    assert np.allclose(recoloured(picture, gain=1.2), 1.2 * picture, atol=1e-6)
    assert np.allclose(recoloured(picture, saturation=0), grey, atol=1e-6)
    assert np.allclose(recoloured(grey, saturation=0.3, hue=0.2), grey, atol=1e-6)
    flatter = recoloured(picture, contrast=0.5)
    assert flatter.std() == pytest.approx(0.5 * picture.std(), rel=1e-2)
    assert luma(flatter).mean() == pytest.approx(luma(picture).mean(), abs=1e-6)
    before, after = rgb2ycbcr(picture), rgb2ycbcr(recoloured(picture, hue=0.125))
    assert np.allclose(before[..., 0], after[..., 0], atol=1e-3)
    vectors = [(ycc[..., 1] - 128) + 1j * (ycc[..., 2] - 128) for ycc in (before, after)]
    assert np.allclose(vectors[1], vectors[0] * np.exp(1j * np.pi / 4), atol=0.02)


def test_depths_give_the_same_view() -> None:
    views = PairViews(size=16, **WARP, **COLOURS)
    eight = views.apply(LOW, TARGET, rng(5))
    for pair in ((LOW * np.uint16(257), TARGET * np.uint16(257)), (as_float(LOW), as_float(TARGET))):
        assert all(np.allclose(a, b, atol=1e-6) for a, b in zip(eight, views.apply(*pair, rng(5)), strict=True))


def test_the_middle_is_the_middle() -> None:
    low, target = middle(LOW, TARGET, 20)
    assert np.array_equal(low, as_float(LOW[10:30, 14:34]))
    assert np.array_equal(target, as_float(TARGET[10:30, 14:34]))
    assert np.array_equal(middle(LOW, TARGET, 0)[0], as_float(LOW))


@pytest.mark.parametrize(
    "settings",
    [
        {"size": -1},
        {"rotate": 200},
        {"hue": 0.6},
        {"brightness": -0.1},
        {"zoom": (2, 1)},
        {"zoom": [1]},
        {"zoom": (0, 1)},
        {"jitter": "target"},
    ],
)
def test_settings_out_of_range_are_named(settings: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=rf"data\.{next(iter(settings))} "):
        PairViews(**settings)


@pytest.mark.parametrize("size", [0, 20])
def test_pictures_that_do_not_fit_are_refused(size: int) -> None:
    for look in (lambda a, b: PairViews(size).apply(a, b, rng(0)), lambda a, b: middle(a, b, size)):
        with pytest.raises(DataError, match="48 x 40 and 48 x 39"):
            look(LOW, TARGET[1:])
        if size:
            with pytest.raises(DataError, match=r"20 x 20 .* 48 x 10.*data\.size"):
                look(LOW[:10], TARGET[:10])
