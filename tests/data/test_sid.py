"""See-in-the-Dark in small: pairs as the lists say, views that stay on each other, every file decoded once."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import rawpy
import torch

from scotopic.data import SID, sid
from scotopic.data.decoded_cache import DecodedCache
from scotopic.data.dng import write_dng
from scotopic.data.raw_views import in_phase, middle, random_view
from scotopic.data.sid import read_pairs
from scotopic.errors import DataError
from scotopic.image import read_raw
from scotopic.image.mosaic import BAYER, CFA, XTRANS, colour_map, pack, phase_of, rolled_cfa
from scotopic.image.noise_estimate import estimate_noise
from scotopic.training.batches import Steps, batches

from .sid_tree import BLACK, SHORTS, WHITE, frame, light_of_scene, make_tree

XTRANS_PHASES = [rolled_cfa(XTRANS, y, x) for y, x in ((0, 0), (0, 3), (1, 2), (5, 4))]


@pytest.fixture(scope="module")
def sony(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("sony"))


@pytest.fixture(scope="module")
def fuji(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # LibRaw's X-Trans interpolation refuses sides below 512.
    return make_tree(tmp_path_factory.mktemp("fuji"), "Fuji", XTRANS, height=516, width=522, train=1)


def test_pairs_and_ratios_are_in_the_lists(sony: Path) -> None:
    pairs = read_pairs(sony, "Sony", "train")
    assert [pair.short.name for pair in pairs] == [f"{scene:05d}_{short}s.dng" for scene in (1, 2) for short in SHORTS]
    assert [pair.long.name for pair in pairs] == ["00001_00_10s.dng"] * 3 + ["00002_00_10s.dng"] * 3
    assert [pair.ratio for pair in pairs] == pytest.approx([250, 100, 100] * 2)


@pytest.mark.parametrize(
    ("line", "ratio"),
    [
        ("./Fuji/short/10019_00_0.033s.RAF ./Fuji/long/10019_00_10s.RAF ISO640 F7.1", 300),  # 303, capped
        ("./Sony/short/00017_00_0.1s.ARW ./Sony/long/00017_00_30s.ARW ISO100 F14", 300),
        ("./Sony/short/00017_07_0.1s.ARW ./Sony/long/00017_00_10s.ARW ISO100 F14", 100),
    ],
)
def test_ratios_of_lines_as_published(tmp_path: Path, line: str, ratio: float) -> None:
    (tmp_path / "Sony_test_list.txt").write_text(line + "\n\n")
    (pair,) = read_pairs(tmp_path, "Sony", "test")
    assert pair.ratio == pytest.approx(ratio)


@pytest.mark.parametrize(
    "line", ["one.ARW", "00001_00_s.ARW 00001_00_10s.ARW", "a.ARW b.ARW", "00001_00_0s.ARW x_1s.y"]
)
def test_a_list_of_something_else_is_refused(tmp_path: Path, line: str) -> None:
    (tmp_path / "Sony_val_list.txt").write_text(f"./S/00001_00_0.1s.ARW ./L/00001_00_10s.ARW ISO1 F1\n{line}\n")
    with pytest.raises(DataError, match=r"Sony_val_list\.txt, line 2: .*00001_00_0\.04s\.ARW are wanted"):
        read_pairs(tmp_path, "Sony", "val")


def test_an_epoch_visits_every_scene_once_with_any_of_its_first_frames(sony: Path) -> None:
    first, every = SID(sony, "train", size=16), SID(sony, "train", size=16, frames="all")
    assert len(first) == len(every) == 2
    seen: dict[SID, set[str]] = {first: set(), every: set()}
    for data, names in seen.items():
        for epoch in range(12):
            data.set_epoch(epoch)
            names |= {data[i].name for i in range(2)}
    assert {name for name in seen[first] if name.startswith("00001")} == {
        "00001_00_0.04s.dng x250",
        "00001_00_0.1s.dng x100",
    }
    assert seen[every] - seen[first] == {"00001_01_0.1s.dng x100", "00002_01_0.1s.dng x100"}


@pytest.mark.parametrize(("frames", "count"), [("first", 2), ("all", 3)])
@pytest.mark.parametrize("split", ["val", "test"])
def test_held_out_are_all_pairs_whole_and_always_the_same(sony: Path, split: str, frames: str, count: int) -> None:
    data = SID(sony, split, seed=5, frames=frames)  # type: ignore[arg-type]
    assert len(data) == count
    before = data[0]
    data.set_epoch(3)
    assert torch.equal(data[0].low, before.low)
    assert before.low.shape == (4, 48, 64)
    assert before.target.shape == (3, 96, 128)
    middle_only = SID(sony, split, held_out_size=16, frames=frames)[0]  # type: ignore[arg-type]
    assert torch.equal(middle_only.low, before.low[:, 16:32, 24:40])
    assert torch.equal(middle_only.target, before.target[:, 32:64, 48:80])


def test_planes_are_normalised_as_published(sony: Path) -> None:
    """(dn - 512) / (16383 - 512), at least 0, times the ratio, at most 1; the packing by slices."""
    sample = SID(sony, "val")[0]
    assert sample.ratio == pytest.approx(250)
    with rawpy.imread(str(sony / "Sony/short/20001_00_0.04s.dng")) as raw:
        mosaic = raw.raw_image_visible.astype(np.float32)
    light = np.maximum(mosaic - 512, 0) / (16383 - 512)
    planes = np.stack([light[0::2, 0::2], light[0::2, 1::2], light[1::2, 0::2], light[1::2, 1::2]])
    np.testing.assert_allclose(sample.low.numpy(), np.minimum(planes * 250, 1), atol=1e-5)


def test_the_target_is_developed_as_published(sony: Path) -> None:
    sample = SID(sony, "val")[0]
    with rawpy.imread(str(sony / "Sony/long/20001_00_10s.dng")) as raw:
        expected = raw.postprocess(use_camera_wb=True, half_size=False, no_auto_bright=True, output_bps=16)
    np.testing.assert_allclose(sample.target.permute(1, 2, 0).numpy(), expected / 65535, atol=1e-6)


def test_linear_targets_and_planes_show_the_same_light(sony: Path) -> None:
    """Camera colours: the long exposure of grey light g is g times the white balance, and so are the planes."""
    sample = SID(sony, "val", normalisation="k-sigma", colour="camera")[1]
    light = light_of_scene(20001, 96, 128)
    target = sample.target.numpy()
    linear = np.where(target <= 0.04045, target / 12.92, ((target + 0.055) / 1.055) ** 2.4)
    for channel, gain in enumerate((2.0, 1.0, 1.5)):
        np.testing.assert_allclose(linear[channel], np.minimum(gain * light, 1), atol=0.01)
    assert sample.low.shape == (12, 48, 64)
    red, blue = sample.low[0].numpy(), sample.low[3].numpy()
    assert np.abs(red - 2 * light[0::2, 0::2]).mean() < 0.05  # 2 DN of noise, 100 times
    assert np.abs(blue - 1.5 * light[1::2, 1::2]).mean() < 0.05
    noise = estimate_noise(read_raw(sony / "Sony/short/20001_00_0.1s.dng"))
    for plane, gain in enumerate((2.0, 1.0, 1.0, 1.5)):
        scale = gain * 100 / (WHITE - BLACK)
        assert sample.low[4 + plane].unique().item() == pytest.approx(noise.gain_dn * scale, rel=1e-3)
        assert sample.low[8 + plane].unique().item() == pytest.approx((noise.read_sigma_dn * scale) ** 2, rel=1e-3)


def test_fuji_has_nine_planes(fuji: Path) -> None:
    sample = SID(fuji, "train", camera="Fuji", size=16)[0]
    assert sample.low.shape == (9, 16, 16)
    assert sample.target.shape == (3, 48, 48)
    low = SID(fuji, "val", camera="Fuji", normalisation="k-sigma", colour="camera")[0].low
    assert low.shape == (28, 172, 174)
    assert low[27, :2, :2].tolist() == [[0, 1], [1, 0]], "which of the two kinds of 3 x 3 blocks"


def marked(cfa: CFA, height: int, width: int) -> tuple[object, np.ndarray]:
    """A frame whose every pixel has a number of its own, and a picture that says number and colour of each."""
    numbers = np.arange(height * width, dtype=np.uint16).reshape(height, width)
    period = len(cfa)
    colours = np.tile(colour_map(cfa), (-(-height // period), -(-width // period)))[:height, :width]
    return frame(numbers, cfa), np.stack([numbers, colours.astype(np.uint16), numbers], axis=2)


@pytest.mark.parametrize("cfa", [*BAYER, *XTRANS_PHASES], ids=lambda cfa: "-".join(cfa[:2]))
def test_views_and_turns_keep_the_pattern_and_stay_on_the_picture(cfa: CFA) -> None:
    whole, picture = marked(cfa, 47, 61)
    scale = 3 if len(cfa) == 6 else 2
    start = in_phase(whole)
    top, left = divmod(int(start.mosaic[0, 0]), 61)
    picture = picture[top : top + start.height, left : left + start.width]
    np.testing.assert_array_equal(start.mosaic, picture[..., 0])
    turns = set()
    for seed in range(60):
        view, part = random_view(start, picture, 6, np.random.default_rng(seed))
        assert view.mosaic.shape == part.shape[:2] == (6 * scale, 6 * scale)
        assert phase_of(view.cfa) == (0, 0)
        np.testing.assert_array_equal(view.mosaic, part[..., 0])
        np.testing.assert_array_equal(
            pack(part[..., 1], view.cfa), np.broadcast_to(expected_colours(scale), (6, 6, scale**2)).transpose(2, 0, 1)
        )
        corners = part[0, 0, 0], part[0, -1, 0], part[-1, 0, 0]
        turns.add((int(corners[1]) - int(corners[0]), int(corners[2]) - int(corners[0])))
    assert len(turns) == 8, "every way to lay a square"
    views = [random_view(start, picture, 6, np.random.default_rng(seed))[0].mosaic // 61 for seed in range(400)]
    first = int(start.mosaic[0, 0]) // 61
    assert min(view.min() for view in views) == first, "views reach both edges"
    assert max(view.max() for view in views) == first + start.height - 1


def expected_colours(scale: int) -> list[int]:
    return [0, 1, 1, 2] if scale == 2 else [0, 0, 1, 1, 1, 1, 1, 2, 2]


def test_a_view_as_large_as_the_frame(sony: Path) -> None:
    whole, picture = marked(("RG", "GB"), 12, 12)
    for seed in range(10):
        view, _ = random_view(whole, picture, 6, np.random.default_rng(seed))
        assert sorted(view.mosaic.ravel()) == sorted(whole.mosaic.ravel())
    with pytest.raises(DataError, match=r"12 x 12 pixels, too few for a view of 14 x 14.*data\.size"):
        random_view(whole, picture, 7, np.random.default_rng(0))
    with pytest.raises(DataError, match=r"data\.held_out_size"):
        middle(whole, picture, 7)


def test_items_depend_on_seed_epoch_and_index_alone(sony: Path) -> None:
    one, other = SID(sony, "train", seed=3, size=16), SID(sony, "train", seed=3, size=16)
    other.set_epoch(7)
    other[0]
    other.set_epoch(0)
    assert torch.equal(one[1].low, other[1].low)
    assert torch.equal(one[1].target, other[1].target)
    other.set_epoch(1)
    assert not torch.equal(one[1].low, other[1].low)


class Decodings:
    """Counts what the data set decodes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for name in ("read_raw", "developed", "estimate_noise"):
            monkeypatch.setattr(sid, name, self.counted(getattr(sid, name)))

    def counted(self, function):  # type: ignore[no-untyped-def]
        def call(*arguments):  # type: ignore[no-untyped-def]
            self.count += 1
            return function(*arguments)

        return call


def test_each_file_is_decoded_once(sony: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decodings = Decodings(monkeypatch)
    data = SID(sony, "val", frames="all", normalisation="k-sigma", colour="camera", cache=str(tmp_path / "cache"))
    epoch = [data[i] for i in range(3)]
    assert decodings.count == 3 + 3 + 2, "three short frames and their noise; the long one is read and developed"
    again = SID(sony, "val", frames="all", normalisation="k-sigma", colour="camera", cache=str(tmp_path / "cache"))
    for before, after in zip(epoch, [again[i] for i in range(3)], strict=True):
        assert torch.equal(before.low, after.low)
        assert torch.equal(before.target, after.target)
    assert decodings.count == 8

    SID(sony, "val", cache=str(tmp_path / "cache"))[0]
    assert decodings.count == 8 + 2, "the same frame, another development"


def test_the_cache_is_mapped_not_read(sony: Path, tmp_path: Path) -> None:
    data = SID(sony, "train", size=16, cache=str(tmp_path))
    mosaic = data._frame(data.items[0][0].short).mosaic
    assert isinstance(mosaic if isinstance(mosaic, np.memmap) else mosaic.base, np.memmap)
    assert not mosaic.flags.writeable


def test_a_file_that_changed_is_decoded_again(tmp_path: Path) -> None:
    root = make_tree(tmp_path, train=1)
    before = SID(root, "val")[0]
    shutil.copyfile(root / "Sony/short/20001_00_0.1s.dng", root / "Sony/short/20001_00_0.04s.dng")
    assert not torch.equal(SID(root, "val")[0].low, before.low)


@pytest.mark.filterwarnings("ignore:This DataLoader will create 2 worker processes")  # on a single processor
def test_workers_share_a_cache_and_change_nothing(sony: Path, tmp_path: Path) -> None:
    alone = [batch.low for batch in batches(SID(sony, "train", size=16), 1, Steps(1, 6, 2), workers=0)]
    data = SID(sony, "train", size=16, cache=str(tmp_path))
    together = [batch.low for batch in batches(data, 1, Steps(1, 6, 2), workers=2)]
    assert all(torch.equal(a, b) for a, b in zip(alone, together, strict=True))
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".unfinished")]


def test_many_at_once_make_one_entry(tmp_path: Path) -> None:
    source = tmp_path / "a.dng"
    source.write_bytes(b"x")
    cache = DecodedCache(tmp_path / "cache")
    array = np.arange(100_000)
    with ThreadPoolExecutor(8) as pool:
        entries = list(pool.map(lambda _: cache.get(source, "frame", lambda: {"array": array}), range(32)))
    assert all(np.array_equal(entry["array"], array) for entry in entries)
    (entry,) = (tmp_path / "cache").iterdir()
    assert [path.name for path in entry.iterdir()] == ["array.npy"]


def test_a_damaged_entry_is_made_again(tmp_path: Path) -> None:
    source = tmp_path / "a.dng"
    source.write_bytes(b"x")
    cache = DecodedCache(tmp_path / "cache")
    cache.get(source, "frame", lambda: {"array": np.arange(1000)})
    (file,) = (tmp_path / "cache").glob("*/array.npy")
    for damaged in (b"", file.read_bytes()[:500]):
        file.write_bytes(damaged)
        assert np.array_equal(cache.get(source, "frame", lambda: {"array": np.arange(1000)})["array"], np.arange(1000))
        assert cache.get(source, "frame", dict)["array"].size == 1000


def test_nothing_half_made_stays_when_decoding_fails(tmp_path: Path) -> None:
    source = tmp_path / "a.dng"
    source.write_bytes(b"x")

    def fail() -> dict[str, np.ndarray]:
        raise DataError("broken")

    with pytest.raises(DataError, match="broken"):
        DecodedCache(tmp_path / "cache").get(source, "frame", fail)
    assert DecodedCache(tmp_path / "cache").get(source, "frame", lambda: {"a": np.ones(1)})["a"] == 1


def test_a_cache_that_cannot_be_written_is_named(sony: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"cache of decoded pictures in '.*file'.*Make room there, or set data\.cache"):
        SID(sony, "val", cache=str(tmp_path / "file"))[0]


def test_missing_files_are_counted_and_named(tmp_path: Path) -> None:
    root = make_tree(tmp_path, train=2)
    (root / "Sony/long/00002_00_10s.dng").unlink()
    (root / "Sony/short/00001_00_0.1s.dng").unlink()
    with pytest.raises(
        DataError, match=r"2 of 6 files are missing in .*: Sony/long/00002_00_10s.dng, Sony/short/00001"
    ):
        SID(root, "train")
    assert len(SID(root, "val")) == 2
    with pytest.raises(DataError, match=r"The list '.*Fuji_val_list.txt' cannot be read.*data\.camera"):
        SID(root, "val", camera="Fuji")


@pytest.mark.parametrize("folder", ["short", "long"])
def test_a_broken_raw_is_named(tmp_path: Path, folder: str) -> None:
    root = make_tree(tmp_path, train=1)
    for path in (root / "Sony" / folder).iterdir():
        path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(DataError, match=rf"A file of the data set cannot be used: '.*{folder}/20001_00_.*dng' is "):
        SID(root, "val")[0]


def test_frames_that_do_not_match_are_named(tmp_path: Path) -> None:
    root = make_tree(tmp_path / "a", train=1)
    other = make_tree(tmp_path / "b", train=1, width=64)
    shutil.copyfile(other / "Sony/long/20001_00_10s.dng", root / "Sony/long/20001_00_10s.dng")
    with pytest.raises(DataError, match=r"20001_00_0.04s.dng' and '.*20001_00_10s.dng' are not of one size"):
        SID(root, "val")[0]


@pytest.mark.parametrize(
    "change", [{"frames": "some"}, {"normalisation": "none"}, {"colour": "rgb"}, {"size": 0}, {"held_out_size": -1}]
)
def test_settings_that_cannot_be(sony: Path, change: dict[str, object]) -> None:
    with pytest.raises(DataError, match=f"data.{next(iter(change))}"):
        SID(sony, "val", **change)  # type: ignore[arg-type]


def test_white_balance_is_that_of_the_long_exposure(tmp_path: Path) -> None:
    """A camera that judged the dark frame otherwise must not tint what the network is asked for."""
    root = make_tree(tmp_path, train=1)
    data = SID(root, "val", normalisation="k-sigma", colour="camera")
    before = data[0].low
    path = root / "Sony/short/20001_00_0.04s.dng"
    write_dng(path, replace(read_raw(path), white_balance=(1.1, 1.0, 2.9)))
    assert read_raw(path).white_balance == pytest.approx((1.1, 1.0, 2.9), rel=1e-3)
    assert torch.equal(data[0].low, before)


def test_linear_targets_are_in_the_sensors_own_scale_and_position(tmp_path: Path) -> None:
    """LibRaw would take the brightest pixel for white, the smallest gain for 1, and turn a portrait upright."""
    root = make_tree(tmp_path, train=1)
    long = root / "Sony/long/20001_00_10s.dng"
    flat = np.full((96, 128), round(BLACK + 0.78 * (WHITE - BLACK)), np.uint16)
    flat[:, :32] = BLACK
    write_dng(long, replace(frame(flat), white_balance=(0.8, 1.0, 1.5), orientation=6))
    for colour in ("camera", "srgb"):
        target = SID(root, "val", colour=colour)[0].target.numpy()
        assert target.shape == (3, 96, 128)
        assert target[:, :, :28].max() < 0.01
    target = SID(root, "val", colour="camera")[0].target.numpy()[:, 8:-8, 40:-8]
    linear = ((target + 0.055) / 1.055) ** 2.4
    np.testing.assert_allclose(linear[0], 0.78 * 0.8, atol=2e-3)
    np.testing.assert_allclose(linear[1], 0.78, atol=2e-3)
