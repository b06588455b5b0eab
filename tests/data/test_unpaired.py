"""Pictures without pairs: which belong to whom, and that nothing leaks from one split to another."""

import json

import numpy as np
import pytest
import torch

from scotopic.data.folder import scenes_of
from scotopic.data.unpaired_folder import UnpairedFolder
from scotopic.errors import DataError
from scotopic.image import Picture, write


def paint(path, level, height=40, width=50):
    path.parent.mkdir(parents=True, exist_ok=True)
    ramp = np.linspace(-0.05, 0.05, width, dtype=np.float32)[None, :, None]
    write(Picture(np.broadcast_to(level + ramp, (height, width, 3)).astype(np.float32).copy()), path)


@pytest.fixture(scope="module")
def one_folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("one")
    for i in range(10):
        paint(root / f"{i}.png", 0.1 + 0.08 * i)
    return root


@pytest.fixture(scope="module")
def two_folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("two")
    for i in range(10):
        paint(root / "low" / f"d{i}.png", 0.1)
        paint(root / "high" / f"l{i}.png", 0.7, 30, 60)
    return root


def test_it_says_that_there_are_no_pairs():
    assert UnpairedFolder.paired is False


def test_a_picture_of_one_folder_is_its_own_target(one_folder):
    for split in ("train", "val", "test"):
        sample = UnpairedFolder(one_folder, split, size=16)[0]
        assert torch.equal(sample.low, sample.target)


def test_the_target_of_a_dark_picture_is_some_well_lit_one(two_folders):
    data = UnpairedFolder(two_folders, "train", size=16, views=30)
    samples = [data[i] for i in range(len(data))]
    assert all(sample.low.mean() < 0.2 and sample.target.mean() > 0.6 for sample in samples)
    assert len(data) == 30 * len(data.paths)
    assert all("low" in path.parts for path in data.paths)
    assert all("high" in path.parts for path in data.targets)


def test_held_out_items_are_whole_and_always_the_same(two_folders):
    data = UnpairedFolder(two_folders, "val", size=16)
    first = data[0]
    data.set_epoch(5)
    assert torch.equal(first.low, data[0].low)
    assert torch.equal(first.target, data[0].target)
    assert first.low.shape == first.target.shape == (3, 40, 50)
    assert UnpairedFolder(two_folders, "val", held_out_size=8)[0].low.shape == (3, 8, 8)


def test_splits_share_no_scene_and_a_series_stays_together(tmp_path):
    for scene in range(10):
        for frame in range(3):
            paint(tmp_path / f"{scene}" / f"{frame}.png", 0.2 + 0.2 * frame)
    parts = {split: UnpairedFolder(tmp_path, split, size=8).paths for split in ("train", "val", "test")}
    scenes = [{path.parent.name for path in paths} for paths in parts.values()]
    assert [len(each) for each in scenes] == [7, 2, 1]
    assert len(set.union(*scenes)) == 10
    assert sum(map(len, parts.values())) == 30


def test_a_sub_folder_with_many_pictures_is_no_scene(tmp_path):
    paths = [tmp_path / "holiday" / f"{i}.png" for i in range(21)]
    assert len(set(scenes_of(tmp_path, paths).values())) == 21
    assert len(set(scenes_of(tmp_path, paths[:20]).values())) == 1


def test_a_file_of_splits_decides(one_folder, tmp_path):
    file = tmp_path / "mine.json"
    file.write_text(json.dumps({"seed": 0, "scenes": {str(i): "test" if i == 3 else "train" for i in range(10)}}))
    assert [path.stem for path in UnpairedFolder(one_folder, "test", splits=str(file)).paths] == ["3"]
    with pytest.raises(DataError, match=r"No pictures for the val split.*data\.splits"):
        UnpairedFolder(one_folder, "val", splits=str(file))


def test_folders_can_be_named(two_folders, tmp_path):
    for i in range(10):
        paint(tmp_path / "trainA" / f"{i}.png", 0.1)
        paint(tmp_path / "trainB" / f"{i}.png", 0.7)
    sample = UnpairedFolder(tmp_path, "train", size=8, low="trainA", normal="trainB")[0]
    assert sample.low.mean() < 0.2 < 0.6 < sample.target.mean()
    with pytest.raises(DataError, match="Set both"):
        UnpairedFolder(tmp_path, "train", low="trainA")
    with pytest.raises(DataError, match="nowhere"):
        UnpairedFolder(two_folders, "train", low="low", normal="nowhere")


def test_large_pictures_are_made_small_and_small_ones_continued(one_folder):
    assert UnpairedFolder(one_folder, "val", long_side=25)[0].low.shape == (3, 20, 25)
    assert UnpairedFolder(one_folder, "train", size=64)[0].low.shape == (3, 64, 64)


def test_each_flip_comes_half_the_time(one_folder):
    data = UnpairedFolder(one_folder, "train", size=16, views=60)
    rises = [bool((s.low[0, 0, -1] > s.low[0, 0, 0]).item()) for s in (data[i] for i in range(len(data)))]
    assert 0.4 < np.mean(rises) < 0.6
    straight = UnpairedFolder(one_folder, "train", size=16, flips=False)
    assert all((straight[i].low[0, 0, -1] > straight[i].low[0, 0, 0]).item() for i in range(len(straight)))


def test_a_cache_changes_nothing_but_the_time(one_folder, tmp_path):
    plain, kept = (UnpairedFolder(one_folder, "train", size=16, cache=cache) for cache in ("", str(tmp_path / "c")))
    for _ in range(2):
        assert torch.equal(plain[1].low, kept[1].low)
    assert list((tmp_path / "c").iterdir())


def test_a_broken_picture_is_named(tmp_path):
    for i in range(10):
        (tmp_path / f"{i}.png").write_bytes(b"\x89PNG\r\n\x1a\nnothing")
    with pytest.raises(DataError, match=r"\d\.png"):
        UnpairedFolder(tmp_path, "train")[0]


def test_whole_pictures_of_several_sizes_are_refused_before_training(two_folders, tmp_path):
    data = UnpairedFolder(two_folders, "train", size=0)  # dark and lit ones are never in one batch
    assert (data[0].low.shape, data[0].target.shape) == ((3, 40, 50), (3, 30, 60))
    for i in range(10):
        paint(tmp_path / f"{i}.png", 0.3, 40, 50 if i % 2 else 60)
    with pytest.raises(DataError, match=r"2 sizes, .* one. Set data\.size to 40 or less"):
        UnpairedFolder(tmp_path, "train", size=0)
    assert len(UnpairedFolder(tmp_path, "val", size=0)) == 2  # one by one they may have any size
    assert UnpairedFolder(tmp_path, "train", size=40)[0].low.shape == (3, 40, 40)


def test_what_is_made_small_is_of_one_size_then(tmp_path):
    for i in range(10):
        paint(tmp_path / f"{i}.png", 0.3, *((40, 60) if i % 2 else (61, 91)))
    data = UnpairedFolder(tmp_path, "train", size=0, long_side=30)
    assert {data[i].low.shape for i in range(len(data))} == {(3, 20, 30)}
