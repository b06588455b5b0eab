"""What every entry of DATASETS keeps to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scotopic.data import DATASETS
from scotopic.errors import DataError
from scotopic.image import Picture, write
from scotopic.training.batches import Steps, batches, made_of

from .pair_trees import make_pairs
from .sid_tree import make_tree

# name, settings, channels of `low`, its side, how many times larger the target is
CASES: list[tuple[str, dict[str, Any], int, int, int]] = [
    ("darkened_photos", {"size": 32}, 3, 32, 1),
    ("phone_patches", {"size": 32, "panoramas": 0.0}, 6, 32, 1),
    ("virtual_camera", {"size": 32, "panoramas": 0.0}, 12, 16, 2),
    ("virtual_camera", {"size": 36, "panoramas": 0.0, "cfa": "xtrans"}, 28, 12, 3),
    ("virtual_camera", {"size": 32, "panoramas": 0.0, "normalisation": "ratio", "colour": "srgb"}, 4, 16, 2),
    ("sid", {"size": 16, "held_out_size": 16}, 4, 16, 2),
    ("sid", {"size": 16, "held_out_size": 16, "normalisation": "k-sigma", "colour": "camera"}, 12, 16, 2),
    ("paired_folder", {"size": 16, "held_out_size": 16, "rotate": 10.0, "hue": 0.1}, 3, 16, 1),
    ("lol", {"size": 16, "held_out_size": 16}, 3, 16, 1),
    ("sice", {"size": 16, "held_out_size": 16, "target": "middle"}, 3, 16, 1),
    ("unpaired_folder", {"size": 16, "held_out_size": 16}, 3, 16, 1),
    ("super_resolution", {"size": 32, "held_out_size": 32, "scale": 2}, 3, 16, 2),
    ("super_resolution", {"size": 32, "held_out_size": 32, "scale": 4, "degradation": "realistic"}, 3, 8, 4),
]
WHITE_TIMES_4 = 1.055 * 4 ** (1 / 2.4) - 0.055 + 1e-5
"""Two stops above white, the most that light is let through, encoded."""

FORMS = pytest.mark.parametrize(("name", "settings", "channels", "side", "scale"), CASES)
NAMES = pytest.mark.parametrize(("name", "settings"), [case[:2] for case in CASES])


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    photos = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(1)
    for i in range(12):
        coarse = rng.random((6, 8, 3)).astype(np.float32)
        write(Picture(0.2 + 0.6 * coarse.repeat(10, 0).repeat(10, 1)), photos / f"photo{i}.png")
    sid, pairs, lol, sice = (tmp_path_factory.mktemp(name) for name in ("sid", "pairs", "lol", "sice"))
    numbers = [str(i) for i in range(24)]
    make_pairs(pairs / "low", pairs / "high", numbers)
    make_pairs(lol / "our485/low", lol / "our485/high", numbers)
    make_pairs(lol / "eval15/low", lol / "eval15/high", numbers[:2])
    for scene in numbers[:4]:
        make_pairs(sice / scene, sice / scene, [""], ("dark", "light"))
    roots = {"sid": make_tree(sid), "paired_folder": pairs, "lol": lol, "sice": sice}
    alone = ("darkened_photos", "phone_patches", "virtual_camera", "unpaired_folder", "super_resolution")
    return roots | dict.fromkeys(alone, photos)


def test_every_data_set_is_looked_at() -> None:
    assert {case[0] for case in CASES} == set(DATASETS)


@FORMS
@pytest.mark.parametrize("split", ["train", "val"])
def test_samples_have_one_shape_and_range(
    roots: dict[str, Path], name: str, settings: dict[str, Any], channels: int, side: int, scale: int, split: str
) -> None:
    data: Any = DATASETS[name](root=roots[name], split=split, **settings)
    assert len(data) > 0
    for sample in (data[i] for i in range(min(len(data), 4))):
        assert sample.low.shape == (channels, side, side)
        assert sample.target.shape == (3, scale * side, scale * side)
        assert sample.low.dtype == sample.target.dtype == torch.float32
        assert sample.low.isfinite().all()
        assert sample.low[: scale**2 if scale > 1 else channels].max() <= (1 if channels in (3, 4, 6) else 4)
        assert sample.target.min() >= 0
        assert sample.target.max() <= (1 if channels in (3, 4, 6) else WHITE_TIMES_4)
        assert sample.ratio >= 1
        assert sample.name


@NAMES
def test_items_depend_on_seed_epoch_and_index_alone(
    roots: dict[str, Path], name: str, settings: dict[str, Any]
) -> None:
    def made(seed: int) -> Any:
        return DATASETS[name](root=roots[name], split="train", seed=seed, **settings)

    one, other = made(3), made(3)
    other.set_epoch(7)
    other[0]
    other.set_epoch(0)
    assert torch.equal(one[1].low, other[1].low)
    assert torch.equal(one[1].target, other[1].target)
    assert not torch.equal(one[1].low, made(4)[1].low)
    other.set_epoch(1)
    assert not torch.equal(one[1].low, other[1].low)


@NAMES
def test_batches_are_the_same_from_workers(roots: dict[str, Path], name: str, settings: dict[str, Any]) -> None:
    def lows(workers: int) -> list[torch.Tensor]:
        data: Any = DATASETS[name](root=roots[name], split="train", **settings)
        return [batch.low for batch in batches(data, 1, Steps(1, 3, 2), workers)]

    assert all(torch.equal(a, b) for a, b in zip(lows(0), lows(1), strict=True))


@NAMES
def test_a_data_set_says_what_it_is_made_of(
    roots: dict[str, Path], tmp_path: Path, name: str, settings: dict[str, Any]
) -> None:
    root, elsewhere = roots[name], tmp_path / "elsewhere"
    elsewhere.symlink_to(root)
    train, moved, val = (
        DATASETS[name](root=place, split=split, **settings)
        for place, split in ((root, "train"), (elsewhere, "train"), (root, "val"))
    )
    assert all((root / file).is_file() for file in train.files)
    assert made_of(moved) == made_of(train) != made_of(val)
    assert len(train.files) > 1
    if name != "sid":  # its lists in small are of one pair each
        assert not set(val.files) & set(train.files)


@NAMES
def test_a_folder_that_is_not_there_is_named(tmp_path: Path, name: str, settings: dict[str, Any]) -> None:
    with pytest.raises(DataError, match=r"nowhere.*data\.root"):
        DATASETS[name](root=tmp_path / "nowhere", split="train", **settings)
