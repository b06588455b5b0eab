"""Splits go by scene: the same for the same names and seed, every share served, and a file is taken at its word."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scotopic.data.sources import sources
from scotopic.data.splits import read_splits, split_scenes, splits_of, write_splits
from scotopic.errors import DataError

from .pair_trees import places, save

SHARES = st.tuples(*[st.floats(0, 1)] * 3).filter(lambda shares: sum(shares) > 0.01)


@given(st.sets(st.text(max_size=5), max_size=40), st.integers(0, 9), SHARES)
def test_every_scene_is_in_one_split_and_every_share_is_served(
    scenes: set[str], seed: int, shares: tuple[float, float, float]
) -> None:
    splits = split_scenes(scenes, seed, shares)
    assert splits.keys() == scenes
    counts = Counter(splits.values())
    for split, share in zip(("train", "val", "test"), shares, strict=True):
        if not share:
            assert counts[split] == 0
        elif len(scenes) >= 3:
            assert counts[split] >= 1
        if len(scenes) >= 3:  # whole scenes, and room for the others
            assert abs(counts[split] - share / sum(shares) * len(scenes)) <= 2


def test_a_split_depends_on_names_and_seed_alone() -> None:
    scenes = [f"scene {i}" for i in range(50)]
    one = split_scenes(scenes)
    assert Counter(one.values()) == {"train": 35, "val": 10, "test": 5}
    assert split_scenes([*reversed(scenes), "scene 3"]) == one
    assert split_scenes(scenes, seed=1) != one


@pytest.mark.parametrize("shares", [(1, 1), (0, 0, 0), (0.5, 0.7, -0.2)])
def test_shares_that_are_none_are_refused(shares: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="three numbers"):
        split_scenes("abc", shares=shares)


def test_a_file_of_splits_is_taken_at_its_word(tmp_path: Path) -> None:
    drawn = split_scenes("abcdef", seed=5)
    assert splits_of(tmp_path, "abcdef") == split_scenes("abcdef")
    write_splits(tmp_path / "splits.json", drawn | {"gone": "test"}, seed=5)
    assert read_splits(tmp_path / "splits.json") == drawn | {"gone": "test"}
    assert splits_of(tmp_path, "abcdef") == drawn
    write_splits(tmp_path / "other.json", dict.fromkeys("abcdef", "val"), seed=0)
    assert set(splits_of(tmp_path, "abcdef", tmp_path / "other.json").values()) == {"val"}
    with pytest.raises(DataError, match=r"1 of 2 scenes.*'new'"):
        splits_of(tmp_path, ["a", "new"])


@pytest.mark.parametrize("text", ["", "[]", '{"seed": 0}', '{"scenes": []}', '{"scenes": {"a": "training"}}'])
def test_a_file_of_something_else_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "splits.json").write_text(text)
    with pytest.raises(DataError, match=r"splits\.json"):
        read_splits(tmp_path / "splits.json")


def test_files_that_cannot_be_read_or_written_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nowhere"):
        splits_of(tmp_path, "ab", tmp_path / "nowhere.json")
    with pytest.raises(DataError, match="nowhere"):
        write_splits(tmp_path / "nowhere" / "splits.json", {}, seed=0)


def test_photos_to_test_on_are_those_a_table_names(tmp_path: Path) -> None:
    for i in range(20):
        save(tmp_path / f"{i}.png", places(i))
    with pytest.raises(DataError, match=r"test split.*SOURCES\.csv"):
        sources(tmp_path, "photo", "test")
    with (tmp_path / "SOURCES.csv").open("w", newline="") as file:
        csv.writer(file).writerows([["file", "kind", "split", "licence"], ["7.png", "photo", "test", "CC0"]])
    assert list(sources(tmp_path, "photo", "test")) == [tmp_path / "7.png"]


def test_a_table_without_its_columns_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "SOURCES.csv").write_text("file,licence\na.png,CC0\n")
    with pytest.raises(DataError, match=r"no column kind and no column split; it has: file, licence"):
        sources(tmp_path, "photo", "train")
