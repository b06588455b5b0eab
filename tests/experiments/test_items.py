"""Sets to score on: which pictures are in them, what they show, and by what they are told apart."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rawpy

from data.pair_trees import code, make_pairs, places, save
from data.sid_tree import frame, light_of_scene, make_tree, mosaic_of
from scotopic.data.dng import write_dng
from scotopic.errors import CheckpointError, DataError
from scotopic.experiments.methods import open_method
from scotopic.experiments.sets.item import some_of, unique
from scotopic.experiments.sets.items import open_set, raw_scenes, recipe_set
from scotopic.image import RawFrame, linear_to_srgb, srgb_to_linear

from .toy_runs import untrained_run


def names(data):
    return [item.name for item in data.items]


def blue(picture):
    """The number that `pair_trees.places` wrote into a picture."""
    return int(code(picture[0, 0], 2))


@pytest.fixture
def pairs(tmp_path):
    make_pairs(tmp_path / "pairs/low", tmp_path / "pairs/high", [str(i) for i in range(20)])
    return tmp_path / "pairs"


def test_every_split_is_there_once_and_low_belongs_to_target(pairs):
    parts = {split: names(open_set(pairs, split)) for split in ("train", "val", "test")}
    assert [len(part) for part in parts.values()] == [14, 4, 2]
    everything = open_set(pairs, "all")
    assert sorted(names(everything)) == sorted(name for part in parts.values() for name in part)
    assert everything.split == "all"
    assert "20 pictures of 20 scenes, split all; 20 pairs in all" in everything.how
    for item in everything.items:
        assert blue(item.target()) == 128 + blue(item.low()) == 128 + int(item.picture)
        assert item.low().dtype == np.float32


def test_lol_keeps_to_its_official_split(tmp_path):
    make_pairs(tmp_path / "LOL/our485/low", tmp_path / "LOL/our485/high", map(str, range(30)))
    make_pairs(tmp_path / "LOL/eval15/low", tmp_path / "LOL/eval15/high", map(str, range(900, 915)))
    data = open_set(tmp_path / "LOL")
    assert names(data) == [str(i) for i in range(900, 915)]
    assert "LOL v1" in data.how


def test_a_list_names_pairs_and_scenes(tmp_path):
    make_pairs(tmp_path / "files", tmp_path / "other", ["1", "2", "3"])
    rows = [{"scene": 7, "low": f"{low}.png", "target": "3.png"} for low in (1, 2)]
    (tmp_path / "few.json").write_text(json.dumps(rows))
    (tmp_path / "splits.json").write_text(json.dumps({"seed": 0, "scenes": {"7": "test"}}))
    data = open_set(tmp_path / "few.json")
    assert (data.name, names(data), {item.scene for item in data.items}) == ("few", ["1", "2"], {"7"})


def test_sice_scores_the_frames_that_are_darker_than_their_reference(tmp_path):
    for scene in range(1, 11):
        for i, level in enumerate((20, 60, 240)):
            save(tmp_path / f"{scene}/{i}.png", np.full((20, 20, 3), level, np.uint8))
        save(tmp_path / f"Label/{scene}.png", np.full((20, 20, 3), 100, np.uint8))
    data = open_set(tmp_path, "all")
    assert len(data.items) == 20
    assert sorted(names(data))[:2] == ["10_0", "10_1"]  # two scenes have a frame 0: the folder tells them apart
    assert {round(float(item.low().max()) * 255) for item in data.items} == {20, 60}
    assert {len({item.scene for item in data.items}), *(round(float(i.target().max() * 255)) for i in data.items)} == {
        10,
        100,
    }


def test_every_kind_of_file_is_srgb_of_three_channels(tmp_path):
    pictures = {
        "grey": places()[..., 0],
        "alpha": np.dstack([places(), np.full(places().shape[:2], 9, np.uint8)]),
        "deep": np.uint16(places()[..., 0]) * 257,
    }
    for name, pixels in pictures.items():
        for folder in ("low", "high"):
            save(tmp_path / folder / f"{name}.png", pixels)
    for item in open_set(tmp_path, "all").items:
        assert item.low().shape == (40, 48, 3)
        np.testing.assert_allclose(item.low()[..., 0] * 255, places()[..., 0], atol=1e-4)


def test_pictures_without_truth_are_a_set_without_targets(tmp_path):
    for i in range(3):
        save(tmp_path / f"night{i}.png", places(i))
    data = open_set(tmp_path, "all")
    assert (data.paired, sorted(names(data))) == (False, ["night0", "night1", "night2"])
    with pytest.raises(DataError, match="no truth"):
        data.items[0].target()


def test_what_cannot_be_scored_says_why(pairs, tmp_path):
    with pytest.raises(DataError, match="no folder"):
        open_set(tmp_path / "nowhere")
    (pairs / "high/3.png").unlink()
    with pytest.raises(DataError, match=r"do not match by name.*low/3"):
        open_set(pairs)
    make_pairs(tmp_path / "other/low", tmp_path / "other/high", ["1", "2"])
    with pytest.raises(DataError, match=r"no pairs in .* for the split test; there are 1 train, 1 val, 0 test"):
        open_set(tmp_path / "other")
    make_pairs(tmp_path / "third/low", tmp_path / "third/high", ["1", "2"])
    (pairs / "low/3.png").unlink()
    with pytest.raises(DataError, match="There are 3 data sets"):
        open_set(tmp_path)


def test_sets_are_the_same_where_their_digests_are(pairs):
    data = open_set(pairs, "all")
    assert open_set(pairs, "all").digest == data.digest
    few = some_of(data, 4, 3)
    assert names(few) == names(data)[::4][:3]
    assert "3 pictures of 3 scenes, one in 4" in few.how
    digests = {data.digest, open_set(pairs, "train").digest, few.digest, some_of(data, limit=3).digest}
    assert some_of(data, 1, 100) is data
    with pytest.raises(DataError, match="is not SID"):
        open_set(pairs, "all", frames="all")
    save(pairs / "high/7.png", places(135, height=41))
    assert len(digests | {open_set(pairs, "all").digest}) == 5


def test_names_are_fit_for_files():
    assert unique(["a/b.png x3", "..", "a/b.png x3", ""]) == ["a_b.png x3", "_", "a_b.png x3~2", "_~2"]
    assert unique(["a", "a~2", "a", "a"]) == ["a", "a~2", "a~3", "a~4"]


@pytest.fixture
def sid(tmp_path):
    return make_tree(tmp_path / "SID")


def test_sid_by_ratio_and_exposure(sid):
    data = open_set(sid)
    assert [(item.name, item.ratio, item.groups) for item in data.items] == [
        ("10001_00_0.04s", 250, ("x250", "0.04 s")),
        ("10001_00_0.1s", 100, ("x100", "0.1 s")),
    ]
    assert "2 of its 3 pairs, the first frame of each exposure; 2 pictures of 1 scene" in data.how
    assert "scenes that begin with 1" in data.how
    assert "min(target exposure / input exposure, 300)" in data.protocol
    everything = open_set(sid, frames="all", camera="Sony")
    assert "3 of its 3 pairs, every frame" in everything.how
    assert everything.items[2].name == "10001_01_0.1s"
    with pytest.raises(DataError, match="no lists of SID Fuji"):
        open_set(sid, camera="Fuji")


def test_the_truth_of_sid_is_what_rawpy_makes_and_both_lie_upright(sid):
    turned = replace(frame(mosaic_of(light_of_scene(10001, 96, 128))), orientation=6)
    long = sid / "Sony/long/10001_00_10s.dng"
    write_dng(long, replace(turned, white_balance=(1.5, 1.0, 2.5)))
    short = mosaic_of(light_of_scene(10001, 96, 128) / 100)
    write_dng(sid / "Sony/short/10001_00_0.1s.dng", replace(turned, mosaic=short))
    item = open_set(sid).items[1]
    with rawpy.imread(str(long)) as raw:
        theirs = raw.postprocess(use_camera_wb=True, half_size=False, no_auto_bright=True, output_bps=16)
    np.testing.assert_allclose(item.target(), theirs / 65535, atol=1e-6)
    low = item.low()
    assert isinstance(low, RawFrame)
    assert low.mosaic.shape == item.target().shape[:2] == (128, 96)
    assert low.white_balance == pytest.approx((1.5, 1.0, 2.5), rel=1e-3)
    assert np.corrcoef(low.mosaic[::2, ::2].ravel(), item.target()[::2, ::2, 1].ravel())[0, 1] > 0.9


def test_sid_without_the_scenes_that_do_not_lie_on_each_other(sid):
    listing = sid / "Sony_test_list.txt"
    more = listing.read_text().replace("10001", "10034") + listing.read_text().replace("10001", "10172")
    listing.write_text(listing.read_text() + more)
    counts = [
        len(open_set(sid, frames=frames, misaligned=misaligned).items)
        for frames in ("all", "first")
        for misaligned in (True, False)
    ]
    assert counts == [9, 3, 6, 2]
    assert "without the misaligned scenes 10034, 10045, 10172" in open_set(sid, misaligned=False).how


@pytest.fixture
def photos(tmp_path):
    """`sources` takes a tenth by a hash of the name to validate on: enough names that some are."""
    for i in range(30):
        pixels = np.random.default_rng(i).integers(60, 200, (5, 6, 3), np.uint8).repeat(8, 0).repeat(8, 1)
        save(tmp_path / "photos" / f"photo{i}.png", pixels)
    return tmp_path / "photos"


def test_raw_scenes_are_the_light_of_photos_so_many_times_too_dark(photos):
    data = raw_scenes(photos, ratios=(1, 50), repeat=1)
    half = len(data.items) // 2
    assert half
    assert {item.group for item in data.items[:half]} == {"x1"}
    for bright, dark in zip(data.items[:half], data.items[half:], strict=True):
        assert bright.scene == dark.scene
        np.testing.assert_array_equal(bright.target(), dark.target())
        light = srgb_to_linear(bright.target())
        frames = [item.low() for item in (bright, dark)]
        levels = [float(frame.light().mean()) for frame in frames]
        assert levels[0] == pytest.approx(50 * levels[1], rel=0.5)  # white balances differ from sensor to sensor
        assert 0.2 < levels[0] / light.mean() < 1.5
        np.testing.assert_array_equal(frames[0].mosaic, bright.low().mosaic)
        assert bright.target() == pytest.approx(linear_to_srgb(light), abs=1e-5)
    with pytest.raises(DataError, match="one split"):
        raw_scenes(photos, "all")


@pytest.fixture
def run(pairs, tmp_path):
    return untrained_run(tmp_path / "run", f"{{name='paired_folder', root='{pairs}', size=16, held_out_size=8}}")


def test_what_a_recipe_holds_out_is_scored_whole(run, pairs):
    data = recipe_set(run)
    assert sorted(names(data)) == sorted(names(open_set(pairs, "val")))
    assert "4 pictures of 4 scenes, split val, each whole. The best checkpoint was chosen by these" in data.how
    for item in data.items:
        assert item.low().shape == item.target().shape == (40, 48, 3)
        assert blue(item.target()) == 128 + blue(item.low()) == 128 + int(item.picture)
    assert names(recipe_set(run / "checkpoints/best.safetensors", "test")) == names(open_set(pairs, "test"))


def test_a_run_is_not_scored_on_other_pictures_than_it_held_out(run, pairs):
    for folder in ("low", "high"):
        save(pairs / folder / "new.png", places(20))
    for split in ("val", "test"):
        with pytest.raises(CheckpointError, match="made on other pictures"):
            recipe_set(run, split)
    with pytest.raises(DataError, match="val and test, got 'train'"):
        recipe_set(run, "train")
    with pytest.raises(CheckpointError, match="no checkpoint"):
        recipe_set(Path(pairs))


def test_the_dark_picture_of_super_resolution_is_the_smaller_one(photos, tmp_path):
    data = recipe_set(
        untrained_run(tmp_path / "run", f"{{name='super_resolution', root='{photos}', size=16, held_out_size=16}}")
    )
    for item in data.items:
        assert item.scale == 2
        assert (item.low().shape, item.target().shape) == ((8, 8, 3), (16, 16, 3))
        assert open_method("input").enhance(item).shape == (16, 16, 3)
