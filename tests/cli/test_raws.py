"""Camera raws on the command line: amplified, said so, written as asked; other pictures are left out of it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

from runtime.raw_models import write_raw_model
from scotopic.cli.values import PROFILE_NAMES, TIER_NAMES
from scotopic.data.dng import write_dng
from scotopic.image import RawFrame, describe, open_source, read_raw
from scotopic.image.spaces import SPACES
from scotopic.runtime import zoo
from scotopic.runtime.decision import TIERS


@pytest.fixture
def raw_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_raw_model(tmp_path_factory.mktemp("raw_models"), "blocks")


@pytest.fixture
def raw(here: Path):
    """Makes a dark raw: `raw("a.dng")`."""

    def make(name: str, orientation: int = 1) -> Path:
        mosaic = (512 + 400 * np.random.default_rng(0).random((40, 60))).astype(np.uint16)
        black, matrix = np.full((2, 2), 512, np.float32), SPACES["srgb"].to_xyz.astype(np.float32)
        write_dng(
            name,
            RawFrame(mosaic, ("RG", "GB"), black, 16383, (2, 1, 1.5), matrix, 3200, 0.1, orientation, camera="C M"),
        )
        return Path(name)

    return make


def test_a_raw_becomes_a_jpeg_and_its_ratio_is_said(scotopic, raw, raw_model) -> None:
    raw("a.dng", orientation=8)
    run = scotopic("enhance", "a.dng", "-m", raw_model)
    assert run.exit_code == 0, run.output
    assert re.fullmatch(r"a_scotopic.jpg  40 × 60, \d.\d s \(x[\d.]+, estimated\)\n", run.stdout)
    given = scotopic("enhance", "a.dng", "-m", raw_model, "--ratio", 12.5, "--overwrite")
    assert "(x12.5)" in given.stdout
    assert describe("a_scotopic.jpg").iso == 3200


def test_depth_profile_and_exposure(scotopic, raw, raw_model) -> None:
    raw("a.dng")
    options = ("-m", raw_model, "-f", "tiff", "--profile", "display-p3", "--ratio", 4, "-e", "1", "--json")
    run = scotopic("enhance", "a.dng", *options)
    assert run.exit_code == 0, run.output
    assert json.loads(run.stdout)["ratio"] == 8
    with open_source("a_scotopic.tiff") as source:
        assert (source.bits, source.profile) == (16, "Display P3")
    assert scotopic("enhance", "a.dng", "-m", raw_model, "-f", "png", "--bits", 8).exit_code == 0
    assert describe("a_scotopic.png").bits == 8


def test_each_file_of_a_folder_gets_its_model(scotopic, raw, photo, raw_model, monkeypatch) -> None:
    folder = Path("zoo")
    folder.mkdir()
    (folder / zoo.DEFAULT_MODEL).symlink_to(zoo.zoo_folder() / zoo.DEFAULT_MODEL)
    (folder / zoo.DEFAULT_RAW_MODELS["bayer"]).symlink_to(raw_model)
    monkeypatch.setattr(zoo, "zoo_folder", lambda: folder.resolve())
    Path("in").mkdir()
    raw("in/a.dng")
    photo("in/b.jpg")
    run = scotopic("enhance", "in", "-o", "out", "--json")
    assert run.exit_code == 0, run.output
    ratios = {line["input"]: line.get("ratio") for line in map(json.loads, run.stdout.splitlines())}
    assert ratios["in/a.dng"] >= 1
    assert ratios["in/b.jpg"] is None
    # What only raws have is refused for the others, one by one.
    run = scotopic("enhance", "in", "-o", "wide", "--profile", "prophoto")
    assert run.exit_code == 1
    assert "b.jpg" in run.stderr
    assert "keeps the profile that it has" in run.stderr
    assert [path.name for path in Path("wide").iterdir()] == ["a.jpg"]


@pytest.mark.parametrize("photos_model", ["model", "tiers_model"])
def test_what_a_picture_has_no_denoiser_for_is_said_and_the_others_go_on(
    scotopic, raw, photo, raw_model, photos_model, request, monkeypatch
) -> None:
    """Raws have one tier, and a share of nothing to take away; photos have what their model has."""
    folder = Path("zoo")
    folder.mkdir()
    (folder / zoo.DEFAULT_MODEL).symlink_to(request.getfixturevalue(photos_model))
    (folder / zoo.DEFAULT_RAW_MODELS["bayer"]).symlink_to(raw_model)
    monkeypatch.setattr(zoo, "zoo_folder", lambda: folder.resolve())
    Path("in").mkdir()
    for name in ("in/a.dng", "in/c.dng"):
        raw(name)
    for name in ("in/b.png", "in/d.png"):
        photo(name)
    raws, photos = ["a.jpg", "c.jpg"], ["b.png", "d.png"]
    denoised = photos if photos_model == "tiers_model" else []
    for words, made in (
        ("--quality fast", raws + photos),
        ("--quality best", raws + denoised),
        ("--denoise 0.5", denoised),
    ):
        run = scotopic("enhance", "in", "-o", f"out {words}", *words.split())
        assert run.exit_code == (len(made) < 4)
        assert sorted(path.name for path in Path(f"out {words}").iterdir()) == sorted(made)
        assert f"{4 - len(made)} failed" in run.stderr or len(made) == 4


def test_a_raw_that_no_model_takes_is_developed_and_that_is_said(scotopic, raw, monkeypatch) -> None:
    monkeypatch.setattr(zoo, "DEFAULT_RAW_MODELS", {"bayer": "none", "xtrans": "none"})
    monkeypatch.setattr("scotopic.runtime.enhancer.DEFAULT_RAW_MODELS", {"bayer": "none", "xtrans": "none"})
    raw("a.dng")
    run = scotopic("enhance", "a.dng")
    assert run.exit_code == 0, run.output
    assert "a.dng: developed by LibRaw: no raw model for this kind of sensor is installed." in run.stderr
    assert " (x" not in run.stdout


def test_what_a_raw_model_cannot_do_is_one_sentence(scotopic, raw, photo, raw_model) -> None:
    photo("a.jpg")
    run = scotopic("enhance", "a.jpg", "-m", raw_model)
    assert (run.exit_code, run.stderr.count("\n")) == (1, 1)
    assert "wants packed-raw light (12 channels), got srgb" in run.stderr
    run = scotopic("enhance", "a.jpg", "--ratio", 3)
    assert run.exit_code == 1
    assert "ratio is what the light of a camera raw is amplified by" in run.stderr
    run = scotopic("enhance", raw("a.dng"), "-m", raw_model, "--ratio", 0)
    assert run.exit_code == 2
    assert "ratio must be between 0.0625 and 4800, got 0" in run.stderr


def test_models_says_what_a_model_is_for(scotopic, raw_model) -> None:
    head, row = scotopic("models", raw_model).stdout.splitlines()
    assert "Bayer raws" in row
    assert row.index("Bayer raws") == head.index("FOR")


def test_profiles_are_those_that_there_are() -> None:
    assert tuple(SPACES) == PROFILE_NAMES


def test_tiers_are_those_that_there_are() -> None:
    assert TIERS == TIER_NAMES


def test_the_library_takes_raws_as_the_command_does(raw, raw_model) -> None:
    import scotopic

    path = raw("a.dng")
    by_path = scotopic.enhance(path, model=raw_model, ratio=4)
    by_frame = scotopic.enhance(scotopic.read_raw(path), model=raw_model, ratio=4)
    assert isinstance(by_path, scotopic.Picture)
    assert np.array_equal(by_path.pixels, by_frame.pixels)
    assert isinstance(read_raw(path), scotopic.RawFrame)
    result = scotopic.enhance(path, output="a.tiff", model=raw_model, ratio=4, profile="prophoto")
    assert (result.ratio, describe("a.tiff").bits) == (4, 16)
    with pytest.raises(scotopic.ScotopicError, match="they need output="):
        scotopic.enhance(path, model=raw_model, profile="prophoto")
