"""What a run paints: learning curves and strips of pictures."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from rich.console import Console
from torch import Tensor

import scotopic.data
import scotopic.networks
import scotopic.training.log
from scotopic.image import read
from scotopic.networks import PictureNetwork
from scotopic.training import train
from scotopic.training.curves import draw_curves, read_columns, smoothed
from scotopic.training.log import STRIP_SIDE, start_over

from .toy_training import Sample, ToyPictures, toy_recipe

SHORT = ("loop.steps=4", "loop.val_every=2")


@pytest.fixture(autouse=True)
def curves(monkeypatch: pytest.MonkeyPatch, no_curves: None) -> None:
    monkeypatch.setattr(scotopic.training.log, "draw_curves", draw_curves)


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> dict[str, Figure]:
    """The figures last painted, by the name of their file."""
    painted: dict[str, Figure] = {}
    save = Figure.savefig

    def note(figure: Figure, path: Path, **options: Any) -> None:
        painted[path.name.split(".")[1]] = figure  # .losses.png.unfinished
        save(figure, path, **options)

    monkeypatch.setattr(Figure, "savefig", note)
    return painted


def lines(figure: Figure) -> dict[str, tuple[list[float], list[float]]]:
    """Every line with a legend, as steps and values, by title and legend."""
    return {
        f"{axes.get_title(loc='left')}: {line.get_label()}": (list(line.get_xdata()), list(line.get_ydata()))
        for axes in figure.axes
        for line in axes.lines
        if not str(line.get_label()).startswith("_")
    }


def test_a_run_paints_what_it_logs(tmp_path: Path, figures: dict[str, Figure]) -> None:
    train(toy_recipe(*SHORT), run_dir=tmp_path)
    assert {path.name for path in (tmp_path / "curves").iterdir()} == {"losses.png", "optimiser.png", "scores.png"}
    log = read_columns(tmp_path / "log.csv")
    for name, title, column in (
        ("losses", "l1, unweighted (weight 1): training", "loss_l1"),
        ("losses", "l1, unweighted (weight 1): held out", "val_loss_l1"),
        ("losses", "loss: the weighted sum: held out", "val_loss"),
        ("scores", "PSNR, held out: as is", "val_psnr_db"),
        ("scores", "PSNR, held out: GT-mean", "val_psnr_gt_mean_db"),
        ("scores", "mean absolute error, held out: as is", "val_mae"),
        ("optimiser", "gradient norm: training", "grad_norm"),
    ):
        steps, values = lines(figures[name])[title]
        assert steps == list(log[column][0]) == ([2, 4] if column.startswith("val_") else [1, 2, 3, 4])
        assert values == pytest.approx(list(log[column][1]))
    assert lines(figures["optimiser"])["gradient norm: clipped to"][1] == [0.1, 0.1]
    words = [text.get_text() for text in figures["scores"].texts]
    best = log["val_psnr_db"][0][np.argmax(log["val_psnr_db"][1])]
    assert words == ["toy: scores", f"dotted: step {best:.0f}, the best by psnr"]
    assert read(tmp_path / "curves/losses.png").pixels.std() > 0.05, "something is to be seen"
    start_over(tmp_path)
    assert not (tmp_path / "curves").exists()


def test_curves_of_a_run_that_went_on_show_all_of_it(tmp_path: Path, figures: dict[str, Figure]) -> None:
    train(toy_recipe("loop.steps=2"), run_dir=tmp_path)
    train(toy_recipe(*SHORT), run_dir=tmp_path)
    assert lines(figures["losses"])["loss: the weighted sum: training"][0] == [1, 2, 3, 4]


def test_an_adversarial_run_shows_its_discriminator(tmp_path: Path, figures: dict[str, Figure]) -> None:
    recipe = toy_recipe(
        *SHORT, "losses={l1=1.0, adversarial=0.01}", "discriminator={name='patch_discriminator', width=4}"
    )
    train(recipe, run_dir=tmp_path)
    log = read_columns(tmp_path / "log.csv")
    shown = lines(figures["discriminator"])
    assert shown["loss of the discriminator: training"][1] == pytest.approx(list(log["d_loss"][1]))
    assert shown["what it tells right: training"][1] == pytest.approx(list(log["d_accuracy"][1]))
    assert shown["what it tells right: guessing"][1] == [0.5, 0.5]
    assert len(log["d_grad_norm"][1]) == 4
    header = (tmp_path / "log.csv").read_text().splitlines()[0].split(",")
    assert "loss_adversarial" in header
    assert "val_loss_adversarial" not in header, "a discriminator that learns is no measure"


class Unpaired(ToyPictures):
    paired = False

    def __getitem__(self, index: int) -> Sample:
        return super().__getitem__(index)._replace(target=torch.rand(3, 20, 24))


def test_without_a_truth_there_is_nothing_to_compare(
    tmp_path: Path, figures: dict[str, Figure], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scotopic.data.DATASETS, "toy", Unpaired)
    losses = "losses={exposure={weight=1.0, patch=8}}"
    train(toy_recipe(losses, "loop.best_by=loss", "loop.steps=2", "loop.strip_every=2"), run_dir=tmp_path)
    titles = [axes.get_title(loc="left") for axes in figures["scores"].axes]
    assert titles == ["brightness, held out", "colourfulness, held out"]
    header = (tmp_path / "log.csv").read_text().splitlines()[0].split(",")
    assert [name for name in header if "psnr" in name or "ssim" in name or "mae" in name] == []
    assert read(tmp_path / "strips/0000002.png").pixels.shape == (64, 64, 3), "low | out, of two pictures"


@pytest.mark.parametrize("missing", [True, False])
def test_what_cannot_be_painted_is_said_once_and_the_run_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, missing: bool
) -> None:
    if missing:
        monkeypatch.setitem(sys.modules, "matplotlib.figure", None)
    else:
        (tmp_path / "curves").mkdir()
        (tmp_path / "curves/losses.png").mkdir()
        monkeypatch.setattr(sys.modules["scotopic.training.loop"], "start_over", lambda run_dir: None)
    words = io.StringIO()
    summary = train(toy_recipe(*SHORT), run_dir=tmp_path, console=Console(file=words, width=1000))
    assert summary.steps == 4
    assert words.getvalue().count("No learning curves are painted: ") == 1
    assert ("matplotlib" if missing else "losses.png") in words.getvalue()


def test_a_long_run_is_smoothed_and_thinned() -> None:
    """The running mean of a line is the line; of noise it is calm; its ends lie half a window inside."""
    steps = np.arange(1.0, 10_001)
    x, y = smoothed((steps, steps))
    np.testing.assert_allclose(x, y)
    assert (x[0], x[-1], len(x)) == (100.5, 9900.5, 500)
    noise = np.random.default_rng(0).normal(size=10_000)
    assert smoothed((steps, noise))[1].std() == pytest.approx(1 / np.sqrt(200), rel=0.2)


def test_numbers_that_are_none_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("step,loss,grad_norm,val_loss\n1,0.5,inf,\n2,0.25,1.5,0.3\n3,0.2,2.5,\n")
    columns = read_columns(tmp_path / "log.csv")
    assert [list(column) for column in columns["grad_norm"]] == [[2, 3], [1.5, 2.5]]
    assert [list(column) for column in columns["val_loss"]] == [[2], [0.3]]


class Doubling(PictureNetwork):
    scale, halo = 2, 0

    def __init__(self) -> None:
        super().__init__()
        self.gain = torch.nn.Parameter(torch.ones(()))

    def process(self, low: Tensor) -> Tensor:
        return self.gain * low.repeat_interleave(2, 2).repeat_interleave(2, 3)


class Enlarging(ToyPictures):
    """Half as large as what is wanted; the second held-out picture is huge, and wider than high."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        if self.split == "val" and index == 1:
            sample = sample._replace(target=torch.rand(3, 4, 3 * STRIP_SIDE))
        return sample._replace(low=sample.target[:, ::2, ::2])


def test_strips_of_super_resolution_and_of_pictures_of_any_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(scotopic.data.DATASETS, "toy", Enlarging)
    monkeypatch.setitem(scotopic.networks.NETWORKS, "doubling", Doubling)
    monkeypatch.setattr(sys.modules["scotopic.training.validation"], "ssim", lambda out, target: 1.0)
    change = ("network={name='doubling'}", "losses={l1=1.0}", "optimiser={lr=0.0}", "loop.steps=1", "loop.batch=2")
    train(toy_recipe(*change, "loop.strip_every=1"), run_dir=tmp_path)
    strip = read(tmp_path / "strips/0000001.png").pixels
    assert strip.shape == (32 + 1, 3 * STRIP_SIDE, 3)
    squares, out, target = (strip[:32, left : left + 32] for left in (0, 32, 64))
    np.testing.assert_array_equal(squares, out)
    np.testing.assert_array_equal(squares[::2, ::2], target[::2, ::2])
    assert not np.array_equal(squares, target)
