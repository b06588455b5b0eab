"""LOL's three layouts: found, told apart and said; its test part is for testing, and for nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from scotopic.data import LOL
from scotopic.data.lol import find_pairs
from scotopic.data.sources import Split
from scotopic.errors import DataError

from .pair_trees import code, make_pairs

# version, the folder it lies in, its parts, the folders in each, what names begin with
LAYOUTS = [
    ("v1", ".", ("our485", "eval15"), ("low", "high"), ("", "")),
    ("v2-real", "Real_captured", ("Train", "Test"), ("Low", "Normal"), ("low", "normal")),
    ("v2-synthetic", "Synthetic", ("Train", "Test"), ("Low", "Normal"), ("", "")),
]
EACH = pytest.mark.parametrize(("version", "top", "parts", "roles", "prefixes"), LAYOUTS)
TRAIN, TEST = [str(i) for i in range(2, 72)], [str(i) for i in range(690, 695)]


def make_lol(root: Path, top: str, parts: tuple[str, str], roles: tuple[str, str], prefixes: tuple[str, str]) -> Path:
    for part, names in zip(parts, (TRAIN, TEST), strict=True):
        low, target = (root / top / part / role for role in roles)
        make_pairs(low, target, names if not prefixes[0] else [name.zfill(5) for name in names], prefixes)
    return root


@EACH
def test_each_layout_is_found_and_said(
    tmp_path: Path, version: str, top: str, parts: tuple[str, str], roles: tuple[str, str], prefixes: tuple[str, str]
) -> None:
    make_lol(tmp_path / "LOL", top, parts, roles, prefixes)
    lows: dict[str, list[str]] = {}
    for split in get_args(Split):
        data = LOL(tmp_path, split, size=16)
        assert f"LOL {version} (" in data.layout
        assert data.layout.endswith("5 pairs of 1 scene to test.")
        lows[split] = [pair.low.stem.removeprefix(prefixes[0]).lstrip("0") for pair in data.pairs]
        assert all(pair.target.parent.parent == pair.low.parent.parent for pair in data.pairs)
        assert all(code(data[i].target, 2)[0, 0] == code(data[i].low, 2)[0, 0] + 128 for i in (0, 3))
    assert lows["test"] == TEST
    assert sorted(lows["train"] + lows["val"], key=int) == TRAIN
    # Neighbours are often takes of one scene: what is held out are whole runs of them.
    numbers = [TRAIN.index(name) // 20 for name in lows["val"]]
    assert len(lows["val"]) in (10, 20)
    assert len(set(numbers)) == 1
    assert find_pairs(tmp_path / "LOL" / top).parts.keys() == {"train", "val", "test"}
    assert [pair.low for pair in find_pairs(tmp_path, version).parts["test"]] == [p.low for p in data.pairs]


def test_of_several_one_must_be_chosen(tmp_path: Path) -> None:
    for _, *layout in LAYOUTS:
        make_lol(tmp_path, *layout)
    with pytest.raises(DataError, match=r"v1 in .*v2-real in .*v2-synthetic in .*data\.version"):
        find_pairs(tmp_path)
    for version, top, *_ in LAYOUTS:
        found = find_pairs(tmp_path, version).parts
        assert all((tmp_path / top) in pair.low.parents for split in found for pair in found[split])


def test_what_is_not_lol_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"does not hold LOL: wanted our485 and eval15.*data\.root"):
        find_pairs(tmp_path)
    make_lol(tmp_path, *LAYOUTS[0][1:])
    with pytest.raises(DataError, match="does not hold LOL v2-real: "):
        find_pairs(tmp_path, "v2-real")
    with pytest.raises(DataError, match=r"data\.version must be one of auto, v1, .* got 'v3'"):
        find_pairs(tmp_path, "v3")
    (tmp_path / "eval15/high/690.png").unlink()
    with pytest.raises(DataError, match=r"no counterpart.*690\.png"):
        find_pairs(tmp_path)
