"""Intervals hold what they promise, and differences are told from none."""

import math

import numpy as np
import pytest
from scipy.stats import bootstrap

from scotopic.experiments.statistics import interval, paired


def test_with_a_picture_a_scene_it_is_the_plain_bootstrap():
    values = np.random.default_rng(0).gamma(2, size=30)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=5000, rng=np.random.default_rng(1))
    ours = interval(values, [str(i) for i in range(30)])
    assert ours == pytest.approx(tuple(theirs.confidence_interval), rel=0.04)


def test_pictures_of_one_scene_count_as_one_observation():
    """Ten copies of every picture say no more than the pictures do."""
    values = np.random.default_rng(0).normal(size=12)
    scenes = [str(i) for i in range(12)]
    once = interval(values, scenes)
    assert interval(np.repeat(values, 10), np.repeat(scenes, 10)) == pytest.approx(once)
    alone = interval(np.repeat(values, 10), [str(i) for i in range(120)])
    assert alone[1] - alone[0] < 0.5 * (once[1] - once[0])


def test_the_mean_is_over_pictures_not_over_scenes():
    low, high = interval([0.0] * 99 + [1.0], ["a"] * 99 + ["b"])
    assert low == 0
    assert high == 1
    assert paired([0.0] * 99 + [1.0], [0.0] * 100, ["a"] * 99 + ["b"]).mean == pytest.approx(0.01)


def test_it_covers_the_truth_as_often_as_it_says():
    """95 %, a little less for so few scenes (the percentile bootstrap is too narrow by sqrt(1 - 1/n))."""
    rng = np.random.default_rng(0)
    scenes = [str(i) for i in range(25)]
    covered = [low < 0.5 < high for low, high in (interval(rng.random(25), scenes) for _ in range(200))]
    assert 0.89 < np.mean(covered) < 0.98


@pytest.mark.parametrize("count", [0, 1, 3])
def test_one_scene_says_nothing_about_others(count):
    assert all(map(math.isnan, interval([0.5] * count, ["only"] * count)))
    assert math.isnan(paired([0.5] * count, [0.4] * count, ["only"] * count).p)


def test_a_difference_is_found_picture_by_picture():
    rng = np.random.default_rng(0)
    b = rng.normal(20, 5, 40)  # pictures differ by far more than methods do
    a = b + rng.normal(0.3, 0.2, 40)
    scenes = [str(i // 2) for i in range(40)]
    found = paired(a, b, scenes)
    assert found.mean == pytest.approx((a - b).mean())
    assert 0 < found.low < found.mean < found.high
    assert found.p < 0.01
    assert (found.wins, found.losses, found.count) == ((a > b).sum(), (a < b).sum(), 40)
    back = paired(b, a, scenes)
    assert (back.mean, back.low, back.high) == pytest.approx((-found.mean, -found.high, -found.low))
    assert (back.p, back.wins, back.losses) == (found.p, found.losses, found.wins)


def test_no_difference_is_no_difference():
    same = paired([1.0, 2.0, 3.0], [1.0, 2.0, 3.0], ["a", "b", "c"])
    assert (same.mean, same.low, same.high, same.p, same.wins, same.losses) == (0, 0, 0, 1, 0, 0)


def test_chance_is_called_significant_as_often_as_it_should_be():
    rng = np.random.default_rng(0)
    scenes = [str(i) for i in range(30)]
    values = [paired(rng.normal(size=30), rng.normal(size=30), scenes).p for _ in range(300)]
    assert 0.02 < np.mean(np.array(values) < 0.05) < 0.10


@pytest.mark.parametrize(("scenes", "least"), [(2, 0.5), (4, 0.125), (40, 0.0005)])
def test_few_scenes_that_all_agree_prove_little(scenes, least):
    """As little as a coin for each: the two-sided sign test."""
    values = [1.0 + i / 100 for i in range(2 * scenes)]
    assert paired(values, [0.0] * len(values), [str(i // 2) for i in range(len(values))]).p == pytest.approx(least)


def test_a_scene_for_each_value_is_wanted():
    with pytest.raises(ValueError, match="2 scenes and 3 values"):
        interval([1, 2, 3], ["a", "b"])
