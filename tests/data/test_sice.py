"""SICE's series as pairs: darker frames with the reference, the fusion or the middle exposure, split by scene."""

from __future__ import annotations

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from scotopic.data import SICE, folder
from scotopic.data.folder import decoded
from scotopic.data.fusion import fuse
from scotopic.data.pairs import Pair
from scotopic.data.sice import find_pairs
from scotopic.data.sources import Split
from scotopic.data.splits import split_scenes, write_splits
from scotopic.errors import DataError

from .pair_trees import save

SPLITS = get_args(Split)
GAINS = {"1": 0.1, "2": 0.7, "3": 0.25, "4": 1.6}
"""Frame 2 is out of order: what is darker is seen, not read off the names."""
SCENES = [f"Dataset_Part{part}/{number}" for part in (1, 2) for number in (1, 2, 10)]


def scene(seed: int, height: int = 32, width: int = 40) -> NDArray[np.float64]:
    """Coarse colours in [0.2, 0.8], `h w 3`."""
    return np.random.default_rng(seed).uniform(0.2, 0.8, (height // 8, width // 8, 3)).repeat(8, 0).repeat(8, 1)


def exposed(picture: NDArray[np.float64], gain: float) -> NDArray[np.uint8]:
    return np.round(np.clip(picture * gain, 0, 1) * 255).astype(np.uint8)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for i, name in enumerate(SCENES):
        part, number = name.split("/")
        save(tmp_path / part / "Label" / f"{number}.JPG", exposed(scene(i), 1.0))
        for frame, gain in GAINS.items():
            save(tmp_path / name / f"{frame}.JPG", exposed(scene(i), gain))
    return tmp_path


def all_pairs(root: Path, *settings: str | float, cache: str = "") -> list[Pair]:
    found = find_pairs(root, *settings, cache=cache)  # type: ignore[arg-type]
    return [pair for split in SPLITS for pair in found.parts[split]]


def names(found: list[Pair], scene: str) -> set[str]:
    return {pair.low.stem for pair in found if pair.scene == scene}


def test_darker_frames_are_paired_with_the_reference_of_their_scene(root: Path) -> None:
    found = all_pairs(root)
    assert {pair.scene for pair in found} == set(SCENES)
    for name in SCENES:
        part, number = name.split("/")
        assert names(found, name) == {"1", "2", "3"}
        assert {pair.target for pair in found if pair.scene == name} == {root / part / "Label" / f"{number}.JPG"}
    assert names(all_pairs(root, "label", 0.5), SCENES[0]) == {"1", "3"}
    layout = find_pairs(root, "label", 0.05).layout
    assert (
        "6 series as they lie (nothing is aligned), frames darker than 0.05 x the label (6 series have none)" in layout
    )
    assert names(all_pairs(root / "Dataset_Part2"), "10") == {"1", "2", "3"}


def test_the_middle_exposure_is_the_one_between_the_others(root: Path) -> None:
    found = all_pairs(root, "middle")
    assert {pair.target.stem for pair in found} == {"2"}
    assert names(found, SCENES[0]) == {"1", "3"}


def test_a_series_is_fused_once(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = str(tmp_path / "cache")
    with pytest.raises(DataError, match=r"data\.cache"):
        SICE(root, "train", target="fusion")
    data = SICE(root, "val", target="fusion", cache=cache)
    pair, sample = data.pairs[0], data[0]
    assert pair.low in pair.series
    assert [path.stem for path in pair.series] == ["1", "2", "3", "4"]
    low, bright = sample.low.mean(), decoded(pair.series[3]).mean() / 255
    assert low < sample.target.mean() < bright
    again = SICE(root, "val", target="fusion", cache=cache)
    monkeypatch.setattr(folder, "open_source", None)
    assert torch.equal(again[0].target, sample.target)
    # A frame that has changed is fused anew.
    monkeypatch.undo()
    save(pair.series[3], exposed(scene(99), 1.6))
    assert not torch.equal(SICE(root, "val", target="fusion", cache=cache)[0].target, sample.target)


def test_fusing_takes_the_best_of_each_frame() -> None:
    picture = np.round(scene(1, 64, 64) * 255).astype(np.uint8)
    assert np.abs(fuse([picture] * 3).astype(int) - picture).max() <= 1  # of equal frames, the frame
    assert np.abs(fuse([picture * np.uint16(257)] * 2).astype(int) - picture).max() <= 1
    # Frames alike in contrast and saturation weigh by exp(-(value - 0.5)^2 / (2 * 0.2^2)) of each channel (eq. 1, 2).
    texture = np.random.default_rng(0).uniform(-0.01, 0.01, (64, 64, 3))
    levels = np.array([0.5, 0.2])
    weights = np.exp(-(((levels - 0.5) / 0.2) ** 2) / 2) ** 3
    fused = fuse([np.round((level + texture) * 65535).astype(np.uint16) for level in levels])
    assert fused.mean() / 255 == pytest.approx((weights * levels).sum() / weights.sum(), abs=0.004)


def test_splits_never_share_a_scene_and_do_not_hang_on_the_settings(root: Path) -> None:
    drawn = split_scenes(SCENES)
    for settings in (("label",), ("middle",), ("label", 0.3)):
        found = find_pairs(root, *settings)  # type: ignore[arg-type]
        for split in SPLITS:
            assert {drawn[pair.scene] for pair in found.parts[split]} == {split}
    wanted: dict[str, Split] = {name: "test" if "Part2" in name else "train" for name in SCENES}
    write_splits(root / "mine.json", wanted, seed=0)
    data = SICE(root, "test", splits=str(root / "mine.json"))
    assert {pair.scene for pair in data.pairs} == set(SCENES[3:])


def test_a_list_of_pairs_decides(tmp_path: Path) -> None:
    rows = []
    for i in range(12):
        for name, gain in ((f"{i}a", 0.2), (f"{i}b", 0.4), (f"{i}t", 1)):
            save(tmp_path / "sice" / f"{name}.png", exposed(scene(i), gain))
        rows += [{"scene": i, "low": f"{i}{take}.png", "target": f"{i}t.png"} for take in "ab"]
    (tmp_path / "sice_pairs.json").write_text(json.dumps(rows))
    data = {split: SICE(tmp_path, split, size=16) for split in SPLITS}  # type: ignore[arg-type]
    scenes = {split: {pair.scene for pair in data[split].pairs} for split in SPLITS}
    assert sorted(int(name) for split in SPLITS for name in scenes[split]) == list(range(12))
    assert all(len(data[split]) == 2 * len(scenes[split]) > 0 for split in SPLITS)
    sample = data["val"][0]
    assert torch.allclose(sample.low, 0.2 * sample.target, atol=2 / 255)
    for settings in ({"target": "fusion", "cache": str(tmp_path)}, {"under": 0.5}):
        with pytest.raises(DataError, match=r"says what is a pair.*data\.under"):
            SICE(tmp_path, "train", **settings)  # type: ignore[arg-type]


def test_series_that_cannot_be_used_are_named(root: Path) -> None:
    name = find_pairs(root).parts["train"][0].scene
    save(root / name / "1.JPG", exposed(scene(0, 24, 40), 0.1))
    with pytest.raises(DataError, match=rf"not of one size: '{name}/1\.JPG'.*40 x 24, 40 x 32"):
        SICE(root, "train")
    with pytest.raises(DataError, match=rf"'{name}' are not of one size"):
        find_pairs(root, "fusion")
    (root / name / "1.JPG").write_bytes(b"\xff\xd8\xffno more")
    with pytest.raises(DataError, match=r"frame of a series cannot be used.*1\.JPG"):
        find_pairs(root)
    (root / "Dataset_Part2/Label/10.JPG").unlink()
    with pytest.raises(DataError, match=r"1 of 6 series .* no reference in Label: 'Dataset_Part2/10'.*'fusion'"):
        find_pairs(root)


def test_what_is_not_sice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not hold SICE.*data\.root"):
        find_pairs(tmp_path)
    with pytest.raises(DataError, match=r"data\.target must be one of label, fusion, middle .*got 'best'"):
        find_pairs(tmp_path, "best")
    with pytest.raises(DataError, match=r"data\.under above 0, got 'label' and 0"):
        find_pairs(tmp_path, "label", 0)
