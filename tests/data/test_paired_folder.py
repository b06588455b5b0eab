"""Two folders of pairs: found by their names, matched by name, split by scene, read as they are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import torch
from PIL import Image

from scotopic.data import PairedFolder, folder
from scotopic.data.paired_folder import find_pairs
from scotopic.data.sources import Split
from scotopic.data.splits import write_splits
from scotopic.errors import DataError

from .pair_trees import HEIGHT, WIDTH, code, make_pairs, places, save

NAMES = [f"{i:02d}" for i in range(1, 11)]
SPLITS = get_args(Split)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    make_pairs(tmp_path / "low", tmp_path / "high", NAMES)
    return tmp_path


def data_of(root: Path, split: Split = "train", **settings: Any) -> PairedFolder:
    return PairedFolder(root, split, **settings)


@pytest.mark.parametrize(
    ("low", "target", "prefixes", "settings"),
    [
        ("low", "high", ("", ""), {}),
        ("Low", "Normal", ("low", "normal"), {}),
        ("input", "target", ("input_", "target_"), {}),
        ("dark", "bright", ("", ""), {}),
        ("night/a", "day", ("", ""), {"low": "night/a", "target": "day"}),
        ("low", "other", ("", ""), {"target": "other"}),
    ],
)
def test_the_two_folders_are_found_matched_and_said(
    tmp_path: Path, low: str, target: str, prefixes: tuple[str, str], settings: dict[str, str]
) -> None:
    make_pairs(tmp_path / low, tmp_path / target, NAMES, prefixes)
    seen = []
    for split in SPLITS:
        data = data_of(tmp_path, split, flips=False, **settings)
        assert data.layout.startswith(f"{low} -> {target}: 7 pairs of 7 scenes to train, 2 pairs of 2 scenes")
        for sample in (data[i] for i in range(len(data))):
            number = int(code(sample.low, 2)[0, 0])
            seen.append(number)
            assert sample.name == f"{low}/{prefixes[0]}{NAMES[number]}.png"
            assert np.array_equal(code(sample.low, 2), np.full((HEIGHT, WIDTH), number))
            assert np.array_equal(code(sample.target, 2), np.full((HEIGHT, WIDTH), 128 + number))
    assert sorted(seen) == list(range(10))


@pytest.mark.parametrize("place", ["{part}/{role}", "{role}/{part}"])
@pytest.mark.parametrize("parts", [("train", "val", "test"), ("Train", "eval"), ("train",)])
def test_parts_of_the_tree_decide(tmp_path: Path, place: str, parts: tuple[str, ...]) -> None:
    for i, part in enumerate(parts):
        low, target = (tmp_path / place.format(part=part, role=role) for role in ("low", "high"))
        make_pairs(low, target, NAMES[: 10 - i])
    found = find_pairs(tmp_path).parts
    lying = {split: {pair.low.relative_to(tmp_path).as_posix() for pair in found.get(split, ())} for split in SPLITS}
    own = [{path for split in SPLITS for path in lying[split] if part in path} for part in parts]
    assert [len(paths) for paths in own] == [10, 9, 8][: len(parts)]
    assert lying["test"] == (own[-1] if len(parts) > 1 else set())
    if len(parts) == 3:
        assert (lying["train"], lying["val"]) == (own[0], own[1])
    else:
        assert lying["train"] | lying["val"] == own[0]
        assert len(lying["val"]) == 1
    write_splits(tmp_path / "mine.json", {}, seed=0)
    with pytest.raises(DataError, match=r"folders of its own.*data\.splits"):
        find_pairs(tmp_path, splits=str(tmp_path / "mine.json"))


@pytest.mark.parametrize(
    ("names", "separator"),
    [
        ([f"{scene}_{take}" for scene in "abcdef" for take in range(3)], "_"),
        ([f"{s}/{t}" for s in "abcdef" for t in "xyz"], ""),
    ],
)
def test_splits_never_share_a_scene(tmp_path: Path, names: list[str], separator: str) -> None:
    make_pairs(tmp_path / "low", tmp_path / "high", names)
    found = find_pairs(tmp_path, scene_separator=separator)
    scenes = {split: {pair.scene for pair in found.parts[split]} for split in SPLITS}
    assert sorted(scene for split in SPLITS for scene in scenes[split]) == list("abcdef")
    assert all(len(found.parts[split]) == 3 * len(scenes[split]) > 0 for split in SPLITS)
    wanted: dict[str, Split] = {scene: "test" if scene < "e" else "train" for scene in "abcdef"}
    write_splits(tmp_path / "splits.json", wanted, seed=0)
    again = find_pairs(tmp_path, scene_separator=separator).parts
    assert {pair.scene: split for split in SPLITS for pair in again[split]} == wanted
    with pytest.raises(DataError, match="no pairs for the val split"):
        data_of(tmp_path, "val", scene_separator=separator)


def test_training_looks_at_views_and_validation_at_the_middle(root: Path) -> None:
    train = data_of(root, size=16, rotate=20.0, brightness=0.2, quarter_turns=True)
    first = [train[i].low for i in range(len(train))]
    train.set_epoch(1)
    assert all(sample.shape == (3, 16, 16) for sample in first)
    assert not any(torch.equal(train[i].low, low) for i, low in enumerate(first))
    train.set_epoch(0)
    assert all(torch.equal(train[i].low, low) for i, low in enumerate(first))
    assert not torch.equal(data_of(root, size=16, seed=1)[0].low, data_of(root, size=16)[0].low)
    for size in (0, 20):
        held_out = data_of(root, "val", size=16, held_out_size=size, rotate=20.0, brightness=0.2)
        whole = code(held_out[0].low, 0)
        held_out.set_epoch(1)
        assert np.array_equal(whole, code(held_out[0].low, 0))
        expected = places()[..., 0] if not size else places()[10:30, 14:34, 0]
        assert np.array_equal(whole, expected)


def test_files_of_any_kind_are_read_as_srgb(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (24, 24, 3), np.uint8)
    save(tmp_path / "low/alpha.png", np.dstack([picture, picture[..., 0]]))
    save(tmp_path / "low/grey.png", picture[..., 0])
    sixteen = (picture[..., 0].astype(np.uint16) << 8) + 7
    (tmp_path / "low").mkdir(exist_ok=True)
    Image.fromarray(sixteen).save(tmp_path / "low/sixteen.png")
    for name in ("alpha", "grey", "sixteen"):
        save(tmp_path / f"high/{name}.tif", picture)
    write_splits(tmp_path / "splits.json", dict.fromkeys(("alpha", "grey", "sixteen"), "test"), seed=0)
    data = data_of(tmp_path, "test")
    lows = {data[i].name: data[i].low.numpy().transpose(1, 2, 0) for i in range(3)}
    assert all(np.allclose(data[i].target.numpy().transpose(1, 2, 0) * 255, picture, atol=1e-3) for i in range(3))
    assert np.allclose(lows["low/alpha.png"] * 255, picture, atol=1e-3)
    assert np.allclose(lows["low/grey.png"] * 255, picture[..., :1], atol=1e-3)
    assert np.allclose(lows["low/sixteen.png"] * 65535, sixteen[..., None], atol=0.1)


@pytest.mark.parametrize("resize", [1.0, 0.5])
def test_a_cache_changes_nothing_but_the_time(root: Path, monkeypatch: pytest.MonkeyPatch, resize: float) -> None:
    settings = {"size": 12, "resize": resize, "zoom": (0.8, 1.2)}
    plain, cached = (data_of(root, cache=cache, **settings) for cache in ("", str(root / "cache")))
    for i in range(len(plain)):
        assert torch.equal(plain[i].low, cached[i].low)
        assert torch.equal(plain[i].target, cached[i].target)

    def refuse(path: Path) -> None:
        raise AssertionError(f"{path} is decoded again")

    others = data_of(root, cache=str(root / "cache"), resize=0.75)
    monkeypatch.setattr(folder, "open_source", refuse)
    assert cached[0].low.shape == (3, 12, 12)
    with pytest.raises(AssertionError, match="again"):
        plain[0]
    # Another size is another entry.
    with pytest.raises(AssertionError, match="again"):
        others[0]


def test_a_tenth_of_the_size_is_the_mean_of_ten_by_ten(tmp_path: Path) -> None:
    low, high = (np.random.default_rng(seed).integers(0, 256, (40, 60, 3), np.uint8) for seed in range(2))
    save(tmp_path / "test/low/1.png", low)
    save(tmp_path / "test/high/1.png", high)
    sample = data_of(tmp_path, "test", resize=0.1)[0]
    for picture, whole in ((sample.low, low), (sample.target, high)):
        mean = whole.reshape(4, 10, 6, 10, 3).mean((1, 3))
        assert np.abs(picture.numpy().transpose(1, 2, 0) * 255 - mean).max() < 0.51


def test_a_file_of_pairs_stands_for_the_folders(tmp_path: Path) -> None:
    make_pairs(tmp_path / "frames", tmp_path / "frames", NAMES, ("", "well"))
    rows = [{"scene": i // 2, "low": f"{name}.png", "target": f"well{name}.png"} for i, name in enumerate(NAMES)]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    found = find_pairs(tmp_path, pairs="list.json").parts
    assert {pair.scene for split in SPLITS for pair in found[split]} == set("01234")
    assert [len(found[split]) for split in SPLITS] == [6, 2, 2]
    assert all(pair.target.name == f"well{pair.low.name}" for pair in found["train"])
    for text, message in (
        ('{"scene": 1}', "is no list of pairs"),
        ("[]", "lists no pairs"),
        ("[{", "is no list of pairs"),
        ('[{"scene": 1, "low": "x.png", "target": "01.png"}]', r"1 of 2 pictures .*'x\.png'"),
    ):
        (tmp_path / "list.json").write_text(text)
        with pytest.raises(DataError, match=message):
            find_pairs(tmp_path, pairs="list.json")
    with pytest.raises(DataError, match=r"nothing\.json"):
        find_pairs(tmp_path, pairs="nothing.json")
    with pytest.raises(DataError, match=r"data\.low"):
        find_pairs(tmp_path, pairs="list.json", low="frames")


def test_folders_that_cannot_be_told_are_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no folder '.*nowhere'.*data\.root"):
        find_pairs(tmp_path / "nowhere")
    with pytest.raises(DataError, match="got no folders"):
        find_pairs(tmp_path)
    make_pairs(tmp_path / "low", tmp_path / "well lit", NAMES)
    with pytest.raises(DataError, match=r"'well lit'.*data\.target"):
        find_pairs(tmp_path)
    for name in ("high", "normal"):
        (tmp_path / name).mkdir()
    with pytest.raises(DataError, match=r"'high', 'normal'.*data\.target"):
        find_pairs(tmp_path)
    with pytest.raises(DataError, match="10 pictures have no counterpart"):
        find_pairs(tmp_path, target="high")
    make_pairs(tmp_path / "a", tmp_path / "b", ["low_1", "low-1"], ("", "high"))  # whichever is meant by highlow_1
    with pytest.raises(DataError, match="4 pictures have no counterpart"):
        find_pairs(tmp_path, "a", "b")


def test_lol_is_left_to_the_data_set_that_knows_it(tmp_path: Path) -> None:
    """There neighbours show one scene, and a tenth of the files would be held out one by one."""
    for part in ("our485", "eval15"):
        make_pairs(tmp_path / part / "low", tmp_path / part / "high", NAMES)
    with pytest.raises(DataError, match=r"is LOL v1.*Set data\.name to 'lol'"):
        find_pairs(tmp_path)


def test_what_has_no_counterpart_is_named(root: Path) -> None:
    (root / "low/03.png").unlink()
    (root / "high/07.png").unlink()
    with pytest.raises(DataError, match=r"2 pictures have no counterpart.*low/07\.png.*high/03\.png"):
        find_pairs(root)
    for name in ("._05.png", ".thumbnails/03.png"):  # what is hidden is nobody's picture
        save(root / "high" / name, places())
    with pytest.raises(DataError, match="2 pictures have no counterpart"):
        find_pairs(root)
    save(root / "low/04.tif", places())
    with pytest.raises(DataError, match=r"another suffix.*'04"):
        find_pairs(root)


def test_broken_and_uneven_files_are_named_before_training(root: Path) -> None:
    first = data_of(root, flips=False)[0].name
    whole = (root / first).read_bytes()
    (root / first).write_bytes(b"no picture")
    with pytest.raises(DataError, match=rf"1 of 14 files .*'{first}'.*not a picture"):
        data_of(root)
    save(root / first, places(height=HEIGHT - 1))
    with pytest.raises(DataError, match=rf"1 of 7 pairs are not of one size: '{first}'.*48 x 39, 48 x 40"):
        data_of(root)
    # A file may also break off after its header, which only reading it tells.
    (root / first).write_bytes(whole[: len(whole) * 2 // 3])
    with pytest.raises(DataError, match=f"cannot be used.*{Path(first).name}"):
        data_of(root)[0]


def test_batches_of_one_size_are_seen_to(root: Path) -> None:
    first = data_of(root)[0].name
    for path in (root / first, root / first.replace("low", "high")):
        save(path, places(height=HEIGHT, width=HEIGHT - 4))
    with pytest.raises(DataError, match=r"2 sizes.*data\.size to 36 or less"):
        data_of(root)
    with pytest.raises(DataError, match=rf"data\.size is 37, but '{first}' has only 36 x 40"):
        data_of(root, size=37)
    assert data_of(root, size=36, rotate=5.0)[0].low.shape == (3, 36, 36)
    with pytest.raises(DataError, match=r"data\.size is 36, but .* 18 x 20"):
        data_of(root, size=36, resize=0.5)
    with pytest.raises(DataError, match=r"data\.held_out_size is 41"):
        data_of(root, "val", held_out_size=41)


@pytest.mark.parametrize("settings", [{"resize": 0.0}, {"resize": 1.5}, {"held_out_size": -1}])
def test_settings_out_of_range_are_named(root: Path, settings: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=rf"data\.{next(iter(settings))}"):
        data_of(root, **settings)
