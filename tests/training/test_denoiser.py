"""A denoiser is trained beside a curve network's run, and the two become one model with two tiers."""

from __future__ import annotations

import csv
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch
from torch import nn

from networks.test_networks import build
from scotopic.data import PhonePatches
from scotopic.errors import CheckpointError, RecipeError, TrainingError
from scotopic.image import Picture, read, write
from scotopic.networks import Scotopic, ScotopicDenoiser
from scotopic.runtime import Controls, Enhancer, read_card
from scotopic.training import checkpoint, export, train
from scotopic.training.checkpoint import Progress
from scotopic.training.export import Trained, export_network
from scotopic.training.graphs import graphs_of
from scotopic.training.loop import build_network
from scotopic.training.recipe import Recipe
from scotopic.training.validation import preview

from .toy_training import toy_recipe

DENOISER = "network={name='scotopic_denoiser', widths=[4, 6, 8], encoders=[0, 1, 0], decoders=[1, 0, 1]}"
CURVES = "network={name='scotopic', width=8}"


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(12):
        write(Picture(rng.random((6, 8, 3), np.float32).repeat(12, 0).repeat(12, 1)), root / f"photo{index}.png")
    return root


def denoiser_recipe(photos: Path, *overrides: str) -> Recipe:
    data = f"data={{name='phone_patches', root='{photos}', size=32, panoramas=0.0, darker_ev=[3.0, 5.0]}}"
    loop = "loop={steps=6, batch=2, val_every=3, checkpoint_every=3, strip_every=6, workers=1}"
    return toy_recipe("name=clean", DENOISER, data, "losses={l1=1.0}", loop, *overrides)


@pytest.fixture(scope="module")
def runs(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A run of curves and one of a denoiser, on the same photos."""
    place = tmp_path_factory.mktemp("runs")
    data = f"data={{name='darkened_photos', root='{photos}', size=32}}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("scotopic.training.log.draw_curves", lambda run_dir, recipe: None)
        train(toy_recipe(CURVES, data, "losses={l1=1.0}", "loop.steps=2", "loop.val_every=2"), run_dir=place / "curves")
        train(denoiser_recipe(photos), run_dir=place / "clean")
    return place / "curves", place / "clean"


def test_a_denoiser_trains_as_anything_does(runs: tuple[Path, Path], photos: Path) -> None:
    with open(runs[1] / "log.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 6
    assert all(float(row["loss_l1"]) > 0 for row in rows)
    assert float(rows[-1]["val_psnr_db"]) != float(rows[2]["val_psnr_db"]), "it learns"
    strip = read(runs[1] / "strips/0000006.png").pixels
    held_out = PhonePatches(photos, "val", size=32, panoramas=0.0, darker_ev=[3.0, 5.0])
    for place, shown in ((0, held_out[0].low[3:]), (64, held_out[0].target)):
        part = strip[:32, place : place + 32]
        np.testing.assert_allclose(part, shown.permute(1, 2, 0).numpy(), atol=0.5 / 255 + 1e-6)


def test_workers_change_nothing(runs: tuple[Path, Path], photos: Path, tmp_path: Path) -> None:
    train(denoiser_recipe(photos, "loop.workers=0"), run_dir=tmp_path)
    one, other = (checkpoint.load(run / "checkpoints/last.safetensors").part("network") for run in (runs[1], tmp_path))
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_the_second_of_two_pictures_is_shown() -> None:
    low = torch.rand(6, 5, 7)
    np.testing.assert_array_equal(preview(low, 5, 7), low[3:].permute(1, 2, 0).numpy())


def test_a_loss_cannot_compare_with_two_pictures(photos: Path) -> None:
    with pytest.raises(
        RecipeError, match=r"'spatial_consistency' compares with the picture that goes in, .* takes two"
    ):
        denoiser_recipe(photos, "losses.spatial_consistency=1")


def random_denoiser() -> ScotopicDenoiser:
    """One that changes much."""
    network = build("scotopic_denoiser", widths=(4, 6, 8), encoders=(0, 1, 0), decoders=(1, 0, 1)).eval()
    assert isinstance(network, ScotopicDenoiser)
    nn.init.normal_(network.last.weight, 0, 0.2)
    return network


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory, photos: Path) -> tuple[Scotopic, ScotopicDenoiser, Path]:
    """Networks with random weights, and the model made of both."""
    folder = tmp_path_factory.mktemp("model") / "m"
    curves, denoiser = build("scotopic", width=8), random_denoiser()
    assert isinstance(curves, Scotopic)
    recipe = denoiser_recipe(photos)
    export_network(curves, recipe, Progress(), folder, "m", Trained(denoiser, recipe, Progress()))
    return curves, denoiser, folder


@pytest.mark.parametrize("told", [True, False])
def test_the_graph_computes_what_the_network_computes(told: bool) -> None:
    network = build("scotopic_denoiser", widths=(4, 6), encoders=(1, 1), decoders=(1, 1), told=told)
    assert isinstance(network, ScotopicDenoiser)
    nn.init.normal_(network.last.weight, 0, 0.3)
    graphs = graphs_of(network)
    assert list(graphs) == ["denoise"]
    session = onnxruntime.InferenceSession(graphs["denoise"].SerializeToString(), providers=["CPUExecutionProvider"])
    assert [value.name for value in session.get_inputs()] == ["low", "bright"]
    for height, width in ((4, 4), (12, 4), (20, 36), (64, 28)):
        bright = torch.rand(1, 3, height, width)
        low = bright * torch.rand(1, 3, height, width)
        with torch.no_grad():
            expected = network.denoise(low, bright).clamp(0, 1).numpy()
        out = session.run(None, {"low": low.numpy(), "bright": bright.numpy()})[0]
        np.testing.assert_allclose(out, expected, atol=1e-4)
        assert np.abs(out - bright.numpy()).max() > 0.01


def test_two_runs_become_a_model_with_two_tiers(runs: tuple[Path, Path], tmp_path: Path) -> None:
    card = export(runs[0], tmp_path / "m", "m", ["export.title=Two tiers"], denoiser=runs[1])
    assert read_card(tmp_path / "m") == card
    names = ["apply.onnx", "card.toml", "decide.onnx", "denoise.onnx"]
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == names
    assert card.title == "Two tiers"
    assert card.decide is not None
    assert card.decide.multiple == 16
    assert card.denoise is not None
    assert hashlib.sha256((tmp_path / "m/denoise.onnx").read_bytes()).hexdigest() == card.denoise.sha256

    saved = [checkpoint.load(run / "checkpoints/best.safetensors") for run in runs]
    curves, denoiser = (build_network(run.recipe) for run in saved)
    assert isinstance(denoiser, ScotopicDenoiser)
    assert (card.denoise.halo, card.denoise.multiple) == (denoiser.halo, denoiser.multiple)
    counts = [sum(parameter.numel() for parameter in network.parameters()) for network in (curves, denoiser)]
    assert [card.parameters, card.denoise.parameters] == counts
    for training, run in ((card.training, saved[0]), (card.denoise.training, saved[1])):
        assert training is not None
        assert (training.recipe, training.recipe_sha256) == (run.recipe.name, run.recipe.sha256)
        assert (training.steps, training.hours) == (run.progress.step, round(run.progress.seconds / 3600, 2))
        assert training.data[0].credit == "nobody"

    checkpoint.fill(saved[1], denoiser)
    bright = torch.rand(1, 3, 24, 40)
    session = onnxruntime.InferenceSession(tmp_path / "m/denoise.onnx", providers=["CPUExecutionProvider"])
    with torch.no_grad():
        expected = denoiser.eval().denoise(0.2 * bright, bright).clamp(0, 1).numpy()
    out = session.run(None, {"low": 0.2 * bright.numpy(), "bright": bright.numpy()})[0]
    np.testing.assert_allclose(out, expected, atol=1e-5)
    assert np.abs(out - bright.numpy()).max() > 1e-4, "these are weights that have learned something"


@pytest.mark.parametrize(("height", "width"), [(21, 35), (64, 48), (1, 9)])
def test_the_best_tier_is_what_both_networks_make(
    model: tuple[Scotopic, ScotopicDenoiser, Path], height: int, width: int
) -> None:
    curves, denoiser, folder = model
    pixels = 0.3 * np.random.default_rng(0).random((height, width, 3), np.float32)
    low = torch.from_numpy(pixels.transpose(2, 0, 1))[None]
    controls = {"protect_highlights": False}
    with torch.no_grad():
        bright = curves(low)
        clean = denoiser(torch.cat([low, bright], 1)).clamp(0, 1)
    enhancer = Enhancer(folder)
    fast = enhancer.enhance(pixels, Controls(tier="fast", **controls))
    best = enhancer.enhance(pixels, Controls(tier="best", denoise=1, **controls))
    np.testing.assert_allclose(fast, bright[0].permute(1, 2, 0), atol=2e-3)  # by tables, in part
    np.testing.assert_allclose(best, clean[0].permute(1, 2, 0), atol=6e-3)
    assert np.abs(best - fast).max() > 0.05
    np.testing.assert_array_equal(enhancer.enhance(pixels, Controls(denoise=1, **controls)), best)


def refused(tmp_path: Path, sentence: str, network: nn.Module, denoiser: Trained | None, *recipe: str) -> None:
    with pytest.raises(TrainingError, match=sentence):
        export_network(network, toy_recipe(*recipe), Progress(), tmp_path / "m", "m", denoiser)
    assert not any(tmp_path.iterdir())


def test_a_denoiser_follows_a_curve_and_nothing_else(tmp_path: Path) -> None:
    clean = Trained(random_denoiser(), toy_recipe(DENOISER), Progress())
    curves = Trained(build("zero_dce_pp", width=4), toy_recipe(), Progress())
    refused(tmp_path, r"no model by itself\. Export the run of a curve network", clean.network, None)
    refused(tmp_path, "no model by itself", clean.network, clean)
    refused(tmp_path, r"is to be a run of 'scotopic_denoiser', got one of 'zero_dce_pp'", curves.network, curves)
    for name, settings in (("cnn", {"width": 4}), ("bilateral_grid", {}), ("ksigma_unet", {"width": 4, "depth": 2})):
        one_step: Any = build(name, **settings)
        refused(tmp_path, rf"'{type(one_step).__name__}' makes pixels in one step", one_step, clean)


def test_a_denoiser_owes_the_same_names(tmp_path: Path) -> None:
    for key, value in (("data", "[]"), ("licence", "''")):
        nameless = Trained(random_denoiser(), toy_recipe("name=clean", DENOISER, f"export.{key}={value}"), Progress())
        sentence = rf"the recipe 'clean' has no export.{key}\. Add it to \[export\] of the denoiser's recipe"
        with pytest.raises(RecipeError, match=sentence):
            export_network(build("zero_dce_pp"), toy_recipe(), Progress(), tmp_path / "m", "m", nameless)


def test_a_denoiser_that_is_not_there(runs: tuple[Path, Path], tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match=r"no checkpoint at '.*nowhere"):
        export(runs[0], tmp_path / "m", "m", denoiser=tmp_path / "nowhere")
