"""`scotopic data check`: in words, as JSON, and by its exit code. What it finds has tests beside the data sets."""

import json
import sys

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")


@pytest.fixture
def pairs(here):
    for i in range(10):
        coarse = np.random.default_rng(i).random((6, 8, 3))
        for folder, level in (("low", 40), ("high", 230)):
            path = here / "pairs" / folder / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((coarse * level).astype(np.uint8)).resize((64, 48)).save(path)
    return here / "pairs"


def test_a_sound_folder_in_words(scotopic, pairs):
    run = scotopic("data", "check", "pairs")
    assert run.exit_code == 0, run.stderr
    assert "paired_folder: low -> high, in pairs" in run.stdout
    assert "train   7 pairs of 7 scenes, 14 pictures" in run.stdout
    assert "sound" in run.stdout
    assert "low             10" in run.stdout


def test_a_broken_folder_names_the_files_and_exits_with_one(scotopic, pairs):
    (pairs / "low/3.png").write_bytes(b"")
    run = scotopic("data", "check", "pairs")
    assert run.exit_code == 1
    assert "1 file cannot be read" in run.stdout
    assert "low/3.png' is empty" in run.stdout


def test_json_has_every_fact_and_nothing_else_goes_to_standard_output(scotopic, pairs):
    (pairs / "low/3.png").unlink()
    Image.new("RGB", (20, 20), (3, 60, 9)).save(pairs / "low/3.png")
    run = scotopic("data", "check", "pairs", "--json")
    assert run.exit_code == 1
    seen = json.loads(run.stdout)
    assert seen["sets"][0]["data_set"] == "paired_folder"
    assert sum(split["pairs"] for split in seen["sets"][0]["splits"].values()) == 10
    assert [(each["low_size"], each["target_size"]) for each in seen["mismatched"]] == [([20, 20], [64, 48])]
    assert seen["sound"] is False
    assert sum(seen["exposure"]["low"]["histogram"]) == pytest.approx(1, abs=1e-4)


def test_splits_are_drawn_by_seed_and_shares(scotopic, pairs):
    def drawn(*more):
        run = scotopic("data", "check", "pairs", "--splits", "pairs/splits.json", *more)
        assert run.exit_code == 0, run.stderr
        return run.stdout, json.loads((pairs / "splits.json").read_text())["scenes"]

    words, first = drawn("--seed", 1)
    assert list(first.values()).count("train") == 7
    assert "drawn by seed 1" in words
    assert drawn("--seed", 1)[1] == first
    assert drawn("--seed", 2)[1] != first
    words, other = drawn("--shares", "50/40/10")
    assert [list(other.values()).count(split) for split in ("train", "val", "test")] == [5, 4, 1]
    assert "train   5 pairs of 5 scenes" in words


@pytest.mark.parametrize("shares", ["70/30", "a/b/c", "0/0/0", "70/-20/50", "inf/1/1"])
def test_shares_that_are_none_are_refused(scotopic, pairs, shares):
    run = scotopic("data", "check", "pairs", "--shares", shares)
    assert run.exit_code == 2
    assert "like 70/20/10" in run.stderr


def test_a_folder_without_pictures_is_one_line(scotopic, here):
    run = scotopic("data", "check", ".")
    assert run.exit_code == 1
    assert run.stderr.count("\n") == 1
    assert "no pictures" in run.stderr


def test_without_the_train_extra_it_says_what_to_install(scotopic, monkeypatch, here):
    for name in [name for name in sys.modules if name.startswith("scotopic.data")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "torch", None)
    run = scotopic("data", "check", ".")
    assert run.exit_code == 1
    assert "pip install 'scotopic[train]'" in run.stderr
