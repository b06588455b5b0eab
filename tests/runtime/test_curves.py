"""Every backend gives what the formula gives, however the picture is cut."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scotopic.errors import ControlError
from scotopic.runtime import apply_curves, available_backends, curves

BACKENDS = available_backends()
DTYPES = [np.uint8, np.uint16, np.float32]
PEAK = {np.uint8: 255, np.uint16: 65535, np.float32: 1}


def reference(low: NDArray[Any], maps: NDArray[Any], iterations: int, peak: int) -> NDArray[np.float64]:
    """The curve in float64 and in levels, not yet rounded. `np.interp` holds the edges, as the contract does."""
    height, width, bands = low.shape
    if bands == 1:
        maps = maps.reshape(-1, 3, *maps.shape[1:]).mean(axis=1)
    down, across = ((np.arange(n) + 0.5) / n for n in (height, width))
    rows, columns = ((np.arange(n) + 0.5) / n for n in maps.shape[1:])
    tall = np.apply_along_axis(lambda line: np.interp(down, rows, line), 1, maps.astype(np.float64))
    full = np.apply_along_axis(lambda line: np.interp(across, columns, line), 2, tall).transpose(1, 2, 0)
    x = low / peak
    for step in range(iterations):
        if full.shape[2] == bands:
            a = full
        elif full.shape[2] == bands * iterations:
            a = full[..., step * bands : (step + 1) * bands]
        else:
            a = full[..., :bands] + (2 * step / (iterations - 1) - 1) * full[..., bands:]
        x = x + a * x * (1 - x)
    return x * peak


def picture(rng: np.random.Generator, dtype: Any, height: int, width: int, bands: int) -> NDArray[Any]:
    values = rng.random((height, width, bands)) ** 2
    return (values * PEAK[dtype]).astype(dtype)


@st.composite
def cases(draw: st.DrawFn) -> tuple[NDArray[Any], NDArray[np.float32], int]:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = draw(st.sampled_from(DTYPES))
    height, width = draw(st.integers(1, 40)), draw(st.integers(1, 90))
    iterations = draw(st.sampled_from([8, 8, 1, 3, 5]))
    count = draw(st.sampled_from(curves.map_counts(iterations)))
    shape = (count, draw(st.integers(1, 12)), draw(st.integers(1, 100)))
    most = 0.5 if curves.rising(np.empty(shape), iterations) else 1.0  # amount and rise together at most 1
    maps = rng.uniform(-most, most, shape).astype(np.float32)
    return picture(rng, dtype, height, width, draw(st.sampled_from([1, 3]))), maps, iterations


@pytest.mark.parametrize("backend", BACKENDS)
@given(case=cases())
@settings(max_examples=60, deadline=None)
def test_the_result_is_the_formula_rounded(backend: str, case: tuple[NDArray[Any], NDArray[np.float32], int]) -> None:
    low, maps, iterations = case
    peak = PEAK[low.dtype.type]
    out = apply_curves(low, maps, iterations, backend=backend)
    assert out.shape == low.shape
    assert out.dtype == low.dtype
    # Rounding is right but near ties: eight curves that darken double an error near white eight times, 2^8 * 2^-24.
    allowed = 1.6e-5 * peak + (0 if low.dtype == np.float32 else 0.5)
    assert np.abs(out - reference(low, maps, iterations, peak)).max() <= allowed


@pytest.mark.parametrize("backend", BACKENDS)
@given(case=cases(), rows=st.integers(1, 20), threads=st.integers(1, 3))
@settings(max_examples=40, deadline=None)
def test_strips_make_the_whole(
    backend: str, case: tuple[NDArray[Any], NDArray[np.float32], int], rows: int, threads: int
) -> None:
    low, maps, iterations = case
    whole = apply_curves(low, maps, iterations, backend=backend)
    height = len(low)
    strips = [
        apply_curves(low[top : top + rows], maps, iterations, top=top, height=height, backend=backend, threads=threads)
        for top in range(0, height, rows)
    ]
    assert np.array_equal(np.concatenate(strips), whole)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("count", [3, 24])
def test_wide_pictures_and_several_threads_change_nothing(
    backend: str, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Wider than a block of columns of any backend, with more than one block of rows."""
    monkeypatch.setattr(curves, "SAMPLES_WORTH_A_THREAD", 1)
    monkeypatch.setattr(curves, "NUMPY_BLOCK", 5000)
    rng = np.random.default_rng(5)
    low = picture(rng, np.uint8, 19, 4001, 3)
    maps = rng.uniform(-1, 1, (count, 5, 61)).astype(np.float32)
    out = apply_curves(low, maps, 8, backend=backend, threads=4)
    assert np.abs(out - reference(low, maps, 8, 255)).max() <= 0.5 + 4e-3
    assert np.array_equal(out, apply_curves(low, maps, 8, backend=backend, threads=1))


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
def test_no_curve_is_the_identity_for_every_level(backend: str, dtype: Any) -> None:
    levels = np.arange(PEAK[dtype] + 1, dtype=dtype).reshape(16, -1, 1).repeat(3, axis=2)
    out = apply_curves(levels, np.zeros((3, 2, 2), np.float32), 8, backend=backend)
    assert np.array_equal(out, levels)


@pytest.mark.parametrize("backend", BACKENDS)
def test_no_curve_is_the_identity_for_floats(backend: str) -> None:
    low = np.random.default_rng(0).random((7, 11, 3), np.float32)
    assert np.array_equal(apply_curves(low, np.zeros((24, 2, 2), np.float32), 8, backend=backend), low)


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("a", [-1.0, -0.3, 0.2, 1.0])
@pytest.mark.parametrize(
    ("dtype", "slack"), [(np.uint8, 0), (np.uint16, 1)]
)  # float32 has no more than 16 bits to spare
def test_brighter_stays_brighter_and_the_ends_stay(backend: str, a: float, dtype: Any, slack: int) -> None:
    levels = np.arange(PEAK[dtype] + 1, dtype=dtype).reshape(1, -1, 1)
    out = apply_curves(levels, np.full((3, 1, 1), a, np.float32), 8, backend=backend)[0, :, 0].astype(int)
    assert out[0] == 0
    assert out[-1] == PEAK[dtype]
    assert (out >= np.maximum.accumulate(out) - slack).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_maps_beyond_their_range_cannot_wrap_around(backend: str) -> None:
    low = np.full((1, 4, 3), 200, np.uint8)
    assert (apply_curves(low, np.full((3, 1, 1), 4.0, np.float32), 1, backend=backend) == 255).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_result_can_go_into_an_array_of_the_callers(backend: str) -> None:
    low = picture(np.random.default_rng(1), np.uint8, 5, 6, 3)
    maps = np.full((3, 1, 1), 0.5, np.float32)
    out = np.empty_like(low)
    assert apply_curves(low, maps, 8, out=out, backend=backend) is out
    assert np.array_equal(out, apply_curves(low, maps, 8, backend=backend))
    flipped = low[:, ::-1]  # not contiguous
    assert np.array_equal(apply_curves(flipped, maps, 8, backend=backend), out[:, ::-1])


def test_numpy_takes_over_where_nothing_was_compiled(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(curves, "_kernel", None)
    assert available_backends() == ["numpy"]
    low = np.full((2, 2, 3), 128, np.uint8)
    assert (apply_curves(low, np.ones((3, 1, 1), np.float32), 1) == 192).all()
    with pytest.raises(ControlError, match="C compiler"):
        apply_curves(low, np.ones((3, 1, 1), np.float32), 1, backend="kernel")


def test_the_environment_chooses_the_backend(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SCOTOPIC_BACKEND", "numpy")
    assert curves.resolve_backend() == "numpy"
    monkeypatch.setenv("SCOTOPIC_BACKEND", "abacus")
    with pytest.raises(ControlError, match=r"'abacus' is not available here. Choose one of: .*numpy"):
        curves.resolve_backend()


@pytest.mark.parametrize(
    ("strip", "maps", "options"),
    [
        (np.zeros((2, 2, 3), np.float64), np.zeros((3, 1, 1), np.float32), {}),
        (np.zeros((2, 2, 4), np.uint8), np.zeros((3, 1, 1), np.float32), {}),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((9, 1, 1), np.float32), {}),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((3, 0, 1), np.float32), {}),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((3, 1, 1), np.float32), {"top": 1, "height": 2}),
        (np.zeros((2, 2, 3), np.uint8), np.zeros((3, 1, 1), np.float32), {"out": np.zeros((2, 2, 3), np.uint16)}),
    ],
)
def test_what_does_not_fit_is_refused(strip: NDArray[Any], maps: NDArray[Any], options: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"got|are not in"):
        apply_curves(strip, maps, 8, **options)


def test_maps_resized_to_their_own_size_are_the_same() -> None:
    maps = np.random.default_rng(2).random((3, 5, 7), np.float32)
    assert np.array_equal(curves.resize_maps(maps, 5, 7), maps)
    assert curves.resize_maps(np.array([[[0, 1]]], np.float32), 1, 4)[0, 0].tolist() == [0, 0.25, 0.75, 1]
