"""benchmarks/trained.py: its table says what validation said, and what the input would have scored."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch

from scotopic.data.splits import split_scenes, write_splits
from scotopic.metrics import psnr
from scotopic.networks import NETWORKS, ScotopicDenoiser, SIDUNet
from scotopic.training import RunSummary, train
from scotopic.training.recipe import recipe_from_table
from scotopic.training.validation import to_numpy

from .toy_training import ToyPictures, make_pairs, toy_recipe, toy_table

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def trained(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    spec = importlib.util.spec_from_file_location("trained", BENCHMARKS / "trained.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "trained", module)
    spec.loader.exec_module(module)
    return module


def table(lines: str) -> dict[str, dict[str, str]]:
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines.splitlines() if line[:1] == "|"]
    return {row[0]: dict(zip(rows[0], row, strict=True)) for row in rows[2:]}


@pytest.fixture
def run(tmp_path: Path) -> RunSummary:
    return train(toy_recipe("loop.ema=0.5"), run_dir=tmp_path / "toy")


def test_a_row_is_what_validation_said(
    trained: ModuleType, run: RunSummary, capsys: pytest.CaptureFixture[str]
) -> None:
    trained.main([str(run.run_dir)])
    said = capsys.readouterr().out
    assert said.startswith("Data set `toy`, split val: 2 pictures of 2 scenes; views as the data set")
    rows = table(said)
    assert list(rows) == ["input", "gamma 1/2.2", "zero_dce_pp (toy)"]
    row = rows["zero_dce_pp (toy)"]
    assert float(row["PSNR as is, dB"]) == pytest.approx(run.best["psnr_db"], abs=0.006)
    assert float(row["PSNR GT-mean, dB"]) == pytest.approx(run.best["psnr_gt_mean_db"], abs=0.006)
    assert float(row["SSIM as is"]) == pytest.approx(run.best["ssim"], abs=0.0006)
    assert float(row["MAE"]) == pytest.approx(run.best["mae"], abs=0.0006)
    network = NETWORKS["zero_dce_pp"](width=4)
    count = sum(parameter.numel() for parameter in network.parameters())
    assert (row["parameters"], row["step of steps"]) == (f"{count:,}", f"{run.best_step} of 8")
    assert float(row["minutes"]) == pytest.approx(run.seconds / 60, abs=0.06)

    held_out = ToyPictures("", "val")
    dark = [psnr(to_numpy(held_out[i].low), to_numpy(held_out[i].target)) for i in range(2)]
    assert float(rows["input"]["PSNR as is, dB"]) == pytest.approx(np.mean(dark), abs=0.006)
    gain, low, _, high = row["above the input, dB (95 %)"].replace("(", "").replace(")", "").split()
    assert float(gain) == pytest.approx(run.best["psnr_db"] - np.mean(dark), abs=0.006)
    assert float(low) <= float(gain) <= float(high)
    assert rows["input"]["above the input, dB (95 %)"] == ""


def test_what_cannot_be_scored_is_said(
    trained: ModuleType, run: RunSummary, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ToyPictures, "paired", False, raising=False)
    for arguments, sentence in (
        ([str(run.run_dir / "elsewhere")], "There is no checkpoint at"),
        ([str(run.run_dir)], "holds a recipe this scotopic cannot follow"),
    ):
        with pytest.raises(SystemExit):
            trained.main(arguments)
        assert sentence in capsys.readouterr().err


def test_a_run_on_other_pictures_is_not_scored(
    trained: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    names = [str(i) for i in range(10)]
    make_pairs(tmp_path / "data", names)
    data = f"data={{name='paired_folder', root='{tmp_path / 'data'}', size=16}}"
    run_dir = train(toy_recipe(data, "loop.steps=1"), run_dir=tmp_path / "run").run_dir
    for split in ("val", "test"):
        trained.main([str(run_dir), "--split", split])
        assert f"Data set `paired_folder`, split {split}: " in capsys.readouterr().out
    drawn = split_scenes(names)  # as it is done without a file
    redrawn = {name: {"train": "test", "test": "train", "val": "val"}[drawn[name]] for name in names}
    write_splits(tmp_path / "data/splits.json", redrawn, seed=0)
    trained.main([str(run_dir)])  # what validated it is there still
    assert "split val: 2 pictures" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        trained.main([str(run_dir), "--split", "test"])
    assert "was made on other pictures: train was 14 files" in capsys.readouterr().err


def test_baselines_are_of_the_size_that_comes_out(trained: ModuleType) -> None:
    low = torch.rand(3, 8, 9)
    enlarging = trained.baselines(NETWORKS["rrdb"](scale=4, width=4, blocks=1, growth=2))
    assert {name: method(low).shape for name, method in enlarging.items()} == {"input, bicubic": (3, 32, 36)}
    assert trained.baselines(SIDUNet(width=2)) == {}
    pair = torch.rand(6, 8, 9)
    assert list(trained.baselines(ScotopicDenoiser())) == ["input, brightened"]
    assert torch.equal(trained.baselines(ScotopicDenoiser())["input, brightened"](pair), pair[3:])
    same = trained.baselines(NETWORKS["zero_dce_pp"](width=4, scale=2))
    torch.testing.assert_close(same["gamma 1/2.2"](low), low ** (1 / 2.2))


def test_pictures_are_whole_where_they_can_be(trained: ModuleType) -> None:
    for data, said in (
        ({"name": "paired_folder", "held_out_size": 128, "resize": 0.5}, "each whole, at 0.5 of their size"),
        ({"name": "super_resolution", "held_out_size": 64}, "the middle 64 x 64 pixels of each"),
    ):
        recipe, shown = trained.whole(recipe_from_table(toy_table() | {"data": {"root": "x", **data}}))
        assert shown == said
        assert recipe.data.settings["held_out_size"] == (0 if data["name"] == "paired_folder" else 64)


def test_scenes_are_what_goes_together(trained: ModuleType) -> None:
    names = ["a.jpg x100", "a.jpg x250", "b.jpg x100"]
    assert trained.scenes_of(ToyPictures(""), names) == ["a.jpg", "a.jpg", "b.jpg"]
    assert trained.scenes_of(ToyPictures(""), ["a.jpg -0.0 EV", "a.jpg -5.9 EV"]) == ["a.jpg", "a.jpg"]
    values = np.array([1.0, 1.0, 4.0])
    assert trained.gain(values, np.array([0, 0, 1])) == "+2.00 (+1.00 to +4.00)"
