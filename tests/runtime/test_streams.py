"""Cutting pictures up, making them small and working ahead change nothing."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scotopic.runtime.ahead import ahead
from scotopic.runtime.thumbnail import shrink
from scotopic.runtime.tiles import run_in_tiles


def blur(part: NDArray[np.float32]) -> NDArray[np.float32]:
    """A 5 x 5 sum with zeros beyond the border: a halo of 2."""
    padded = np.pad(part, ((2, 2), (2, 2), (0, 0)))
    height, width = part.shape[:2]
    return sum(padded[y : y + height, x : x + width] * (1 + y * 5 + x) for y in range(5) for x in range(5))


def halve_and_double(part: NDArray[np.float32]) -> NDArray[np.float32]:
    """Means of aligned 4 x 4 blocks: sides must be multiples of 4, nothing else is looked at."""
    height, width, bands = part.shape
    assert height % 4 == width % 4 == 0
    means = part.reshape(height // 4, 4, width // 4, 4, bands).sum(axis=(1, 3))
    return means.repeat(4, axis=0).repeat(4, axis=1)


def enlarge(part: NDArray[np.float32]) -> NDArray[np.float32]:
    return blur(part).repeat(3, axis=0).repeat(3, axis=1)


RUNS = {"blur": (blur, 2, 1, 1), "blocks": (halve_and_double, 0, 4, 1), "enlarge": (enlarge, 2, 1, 3)}


@pytest.mark.parametrize("kind", RUNS)
@given(
    height=st.integers(1, 50),
    width=st.integers(1, 50),
    tile=st.integers(1, 40),
    rows=st.integers(1, 60),
    bands=st.sampled_from([1, 3]),
)
@settings(max_examples=150, deadline=None)
def test_tiles_make_the_whole(kind: str, height: int, width: int, tile: int, rows: int, bands: int) -> None:
    run, halo, multiple, scale = RUNS[kind]
    # Whole numbers small enough that every sum is exact, whatever its order.
    low = np.random.default_rng(height * 64 + width).integers(0, 99, (height, width, bands)).astype(np.float32)
    padding = ((0, -height % multiple), (0, -width % multiple), (0, 0))
    whole = run(np.pad(low, padding, mode="edge"))[: scale * height, : scale * width]
    strips = (low[top : top + rows] for top in range(0, height, rows))
    out = list(
        run_in_tiles(strips, run, height=height, width=width, halo=halo, multiple=multiple, scale=scale, tile=tile)
    )
    assert np.array_equal(np.concatenate(out), whole)


@given(height=st.integers(1, 60), width=st.integers(1, 60), long_side=st.integers(1, 70), seed=st.integers(0, 99))
@settings(deadline=None)
def test_a_thumbnail_keeps_the_mean_and_the_shape(height: int, width: int, long_side: int, seed: int) -> None:
    low = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    small = shrink(low, long_side)
    assert small.dtype == np.float32
    assert max(small.shape[:2]) == min(long_side, max(height, width))
    assert small.mean() == pytest.approx(low.mean(), rel=1e-4)


def test_a_thumbnail_of_whole_blocks_is_their_means() -> None:
    low = np.random.default_rng(0).random((600, 900, 3), np.float32)
    assert np.allclose(shrink(low, 300), low.reshape(200, 3, 300, 3, 3).mean(axis=(1, 3)), atol=1e-5)


def test_a_small_picture_is_its_own_thumbnail() -> None:
    low = np.random.default_rng(0).random((6, 9, 3), np.float32)
    assert np.array_equal(shrink(low, 9), low)


@given(items=st.lists(st.integers()), depth=st.integers(1, 4))
@settings(deadline=None, max_examples=30)
def test_working_ahead_changes_nothing(items: list[int], depth: int) -> None:
    with ahead(iter(items), depth) as same:
        assert list(same) == items


def endless(closed: threading.Event) -> Iterator[int]:
    try:
        number = 0
        while True:
            yield number
            number += 1
    finally:
        closed.set()


def test_an_error_comes_after_what_came_before_it() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise KeyError("broken")

    with ahead(failing()) as items:
        assert next(items) == 1
        with pytest.raises(KeyError, match="broken"):
            next(items)


@pytest.mark.parametrize("taken", [0, 1, 5])
def test_leaving_stops_the_thread_and_closes_what_it_read(taken: int) -> None:
    closed = threading.Event()
    before = threading.active_count()
    with ahead(endless(closed)) as items:
        assert [next(items) for _ in range(taken)] == list(range(taken))
    assert closed.is_set()
    assert threading.active_count() == before
