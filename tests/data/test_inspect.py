"""What a folder is and what is wrong with it: every trouble is made here, and must be found."""

from __future__ import annotations

import json
import shutil
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scotopic.data.draw_splits import draw_splits
from scotopic.data.duplicates import NEAR, alike, count_bits, fingerprint, near_pairs, nearest
from scotopic.data.layouts import recognise
from scotopic.data.splits import read_splits
from scotopic.data.survey import Survey, files_of, look_at, look_at_all, summarise
from scotopic.errors import DataError

from .sid_tree import make_tree


def scene(number: int, level: float = 1.0, height: int = 60, width: int = 80) -> Image.Image:
    """A picture that looks like no other `number`; `level` is its exposure."""
    coarse = np.random.default_rng(number).random((7, 9, 3)) * 0.9 * level
    return Image.fromarray((coarse * 255).astype(np.uint8)).resize((width, height), Image.Resampling.BICUBIC)


def save(path: Path, picture: Image.Image) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def pair(low: Path, target: Path, number: int) -> None:
    save(low, scene(number, 0.15))
    save(target, scene(number))


def survey(root: Path) -> Survey:
    layout = recognise(root)
    return summarise(layout, look_at_all(files_of(layout), jobs=2))


@pytest.fixture
def paired(tmp_path: Path) -> Path:
    for i in range(10):
        pair(tmp_path / f"low/{i}.png", tmp_path / f"high/{i}.png", i)
    return tmp_path


def test_a_sound_folder_of_pairs(paired: Path) -> None:
    seen = survey(paired)
    (part,) = seen.layout.parts
    assert part.data_set == "paired_folder"
    assert (len(part.pairs), len(part.places)) == (10, 20)
    assert seen.sound
    assert (seen.copies, seen.twins, seen.swapped) == ((), (), 0)
    assert seen.exposure["low"].brightness < 0.1 < 0.3 < seen.exposure["target"].brightness
    assert seen.exposure["low"].histogram[0] == 1
    assert seen.exposure["low"].pictures == 10


def test_every_trouble_is_found_and_none_ends_the_round(paired: Path) -> None:
    (paired / "low/3.png").write_bytes((paired / "low/3.png").read_bytes()[:-200])
    (paired / "high/4.png").write_text("not a picture")
    save(paired / "high/5.png", scene(5, height=61))
    shutil.copy(paired / "high/6.png", paired / "high/7.png")
    shutil.move(paired / "low/8.png", paired / "x.tmp")
    shutil.move(paired / "high/8.png", paired / "low/8.png")
    shutil.move(paired / "x.tmp", paired / "high/8.png")
    seen = survey(paired)
    assert {look.path.relative_to(paired).as_posix() for look in seen.broken} == {"low/3.png", "high/4.png"}
    assert [(low.path.name, low.height, target.height) for low, target in seen.uneven] == [("5.png", 60, 61)]
    assert [sorted(path.name for path in group) for group in seen.copies] == [["6.png", "7.png"]]
    assert seen.swapped == 1
    assert not seen.sound


def test_pictures_left_over_are_a_problem_and_other_pictures_are_none(paired: Path, tmp_path: Path) -> None:
    (paired / "high/9.png").unlink()
    layout = recognise(paired)
    assert [part.data_set for part in layout.parts] == ["unpaired_folder"]
    assert any("9.png" in problem and "counterpart" in problem for problem in layout.problems)
    for path in sorted((paired / "high").iterdir()):
        path.rename(path.with_name(f"other{path.name}"))
    assert not recognise(paired).problems


def test_lol_test_pictures_that_another_version_trains_on_are_found(tmp_path: Path) -> None:
    """91 of the 100 test pictures of LOL-v2-real are in the training part of LOL-v1."""
    for i in range(12):
        pair(tmp_path / f"LOLdataset/our485/low/{i}.png", tmp_path / f"LOLdataset/our485/high/{i}.png", i)
        v2 = tmp_path / "LOL-v2/Real_captured"
        pair(v2 / f"Train/Low/low{100 + i}.png", v2 / f"Train/Normal/normal{100 + i}.png", 100 + i)
    pair(tmp_path / "LOLdataset/eval15/low/1.png", tmp_path / "LOLdataset/eval15/high/1.png", 50)
    shared = (2, 5, 7)
    for i in (*shared, 60):
        # Not the same files: brought down to another size and through JPEG.
        save(v2 / f"Test/Low/low{i}.jpg", scene(i, 0.15).resize((72, 54)))
        save(v2 / f"Test/Normal/normal{i}.jpg", scene(i).resize((72, 54)))
    seen = survey(tmp_path)
    assert [(part.data_set, part.how.split(" (")[0]) for part in seen.layout.parts] == [
        ("lol", "LOL v1"),
        ("lol", "LOL v2-real"),
    ]
    leaks = {(twin.path.stem, twin.split) for twin in seen.twins if "Real_captured" in twin.path.parts}
    assert leaks >= {(f"normal{i}", "test") for i in shared}
    assert not any("60" in name for name, _ in leaks)
    for twin in seen.twins:
        assert twin.path.stem.lstrip("lownrma") == twin.other.stem
        assert "our485" in twin.other.parts


def test_other_data_sets_are_known(tmp_path: Path) -> None:
    make_tree(tmp_path / "sid")
    for number in range(4):
        for frame, level in enumerate((0.1, 0.5, 1.0)):
            save(tmp_path / f"sice/{number}/{frame}.png", scene(number, level))
        save(tmp_path / f"sice/Label/{number}.png", scene(number, 0.8))
        save(tmp_path / f"photos/{number}.png", scene(10 + number))
        save(tmp_path / f"two/low/a{number}.png", scene(20 + number, 0.2))
        save(tmp_path / f"two/normal/b{number}.png", scene(30 + number))
    expected = {
        "sid": ("sid", 12),
        "sice": ("sice", 12),
        "photos": ("unpaired_folder", 0),
        "two": ("unpaired_folder", 0),
    }
    for name, (data_set, pairs) in expected.items():
        (part,) = recognise(tmp_path / name).parts
        assert (part.data_set, len(part.pairs)) == (data_set, pairs)
    seen = survey(tmp_path / "sid")
    assert seen.sound
    assert seen.exposure["low"].brightness < 0.5 * seen.exposure["target"].brightness
    assert {place.split for place in seen.layout.parts[0].places} == {"train", "val", "test"}
    assert len(recognise(tmp_path).parts) == 3  # and what is in no pair beside them


def test_a_missing_file_of_a_list_is_broken(tmp_path: Path) -> None:
    make_tree(tmp_path)
    next((tmp_path / "Sony/short").iterdir()).unlink()
    assert len(survey(tmp_path).broken) == 1


def test_an_empty_folder_and_none_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures"):
        recognise(tmp_path)
    with pytest.raises(DataError, match="no folder"):
        recognise(tmp_path / "nowhere")


def test_drawn_splits_keep_exposures_of_one_thing_together(tmp_path: Path) -> None:
    root = tmp_path / "frames"  # in no order that would tell the scenes
    for number in range(10):
        for frame, level in enumerate((0.3, 0.6, 1.0)):
            save(root / f"{frame}{number}.png", scene(number, level))
    assert survey(root).twins
    layout = recognise(root)
    looks = list(look_at_all(files_of(layout), jobs=2))
    drawn, kin = draw_splits(layout, looks, root / "splits.json", seed=1, shares=(70, 20, 10))
    splits = read_splits(root / "splits.json")
    assert kin == 20
    assert [list(splits.values()).count(split) for split in ("train", "val", "test")] == [21, 6, 3]
    assert all(len({splits[f"{frame}{number}"] for frame in range(3)}) == 1 for number in range(10))
    assert not summarise(drawn, looks).twins
    assert not survey(root).twins  # the data sets read it


def test_a_file_of_splits_that_does_not_fit_is_a_problem_until_it_is_made_anew(paired: Path) -> None:
    file = paired / "splits.json"
    file.write_text(json.dumps({"seed": 0, "scenes": {"0": "train"}}))
    layout = recognise(paired)
    assert any("splits.json" in problem for problem in layout.problems)
    drawn, _ = draw_splits(layout, [look_at(path) for path in files_of(layout)], file, seed=0, shares=(1, 1, 1))
    assert not drawn.problems
    assert not recognise(paired).problems


def test_data_sets_with_splits_of_their_own_get_no_others(tmp_path: Path) -> None:
    for part, numbers in (("our485", range(4)), ("eval15", range(4, 6))):
        for i in numbers:
            pair(tmp_path / part / f"low/{i}.png", tmp_path / part / f"high/{i}.png", i)
    layout = recognise(tmp_path)
    with pytest.raises(DataError, match="splits of its own"):
        draw_splits(layout, map(look_at, files_of(layout)), tmp_path / "s.json", seed=0, shares=(1, 1, 1))
    assert not (tmp_path / "s.json").exists()


def test_the_table_of_a_folder_of_photos_says_what_is_a_scene(tmp_path: Path) -> None:
    rows = [("a.png", "dusk"), ("b.png", "dusk"), ("c.png", "")]
    for name, _ in rows:
        save(tmp_path / name, scene(1))
    table = "".join(f"{name},photo,train,CC0,{place}\n" for name, place in rows)
    (tmp_path / "SOURCES.csv").write_text("file,kind,split,licence,scene\n" + table)
    (part,) = recognise(tmp_path).parts
    assert [(place.path.name, place.scene) for place in part.places] == [
        ("a.png", "dusk"),
        ("b.png", "dusk"),
        ("c.png", "c"),
    ]


def test_a_hash_withstands_exposure_and_compression_and_tells_scenes_apart(tmp_path: Path) -> None:
    def mark(picture: Image.Image) -> int:
        return fingerprint(np.asarray(picture, np.float32) / 255)

    marks = [mark(scene(i)) for i in range(20)]
    for i in range(20):
        scene(i, 0.4).save(tmp_path / "dark.jpg", quality=85)
        with Image.open(tmp_path / "dark.jpg") as dark:
            assert (mark(dark) ^ marks[i]).bit_count() <= NEAR
    assert min((one ^ other).bit_count() for one, other in combinations(marks, 2)) > NEAR
    assert mark(Image.new("RGB", (40, 30), (9, 9, 9))) == 0


def test_no_near_pair_is_missed() -> None:
    """Against the plain search over all pairs."""
    rng = np.random.default_rng(0)
    hashes = rng.integers(0, 2**64, 300, np.uint64)
    for _ in range(6):  # a second half that is up to six bits away from the first
        hashes[150:] = hashes[:150] if _ == 0 else hashes[150:] ^ (np.uint64(1) << rng.integers(0, 64, 150, np.uint64))
    hashes[150:] ^= np.uint64(1) << rng.integers(0, 64, 150, np.uint64)
    apart = {(i, j): (int(hashes[i]) ^ int(hashes[j])).bit_count() for i, j in combinations(range(300), 2)}
    expected = {places: bits for places, bits in apart.items() if bits <= NEAR}
    found = {
        (min(i, j), max(i, j)): bits
        for some in near_pairs(hashes)
        for i, j, bits in zip(*(each.tolist() for each in some), strict=True)
    }
    assert len(expected) >= 150
    assert found == expected
    place, bits = nearest(hashes[150:], hashes[:150])
    assert place.tolist() == list(range(150))
    assert bits.tolist() == [apart[i, 150 + i] for i in range(150)]
    assert alike(hashes)[:150].tolist() == alike(hashes)[150:].tolist()


def test_bits_are_counted_alike_without_the_function_of_newer_numpys(monkeypatch: pytest.MonkeyPatch) -> None:
    words = np.random.default_rng(0).integers(0, 2**64, 50, np.uint64)
    expected = [int(word).bit_count() for word in words]
    assert count_bits(words).tolist() == expected
    monkeypatch.delattr(np, "bitwise_count", raising=False)
    assert count_bits(words).tolist() == expected
