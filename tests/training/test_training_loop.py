"""The loop: what it logs, what it keeps, when it stops and what it refuses."""

from __future__ import annotations

import csv
import io
import itertools
import json
import multiprocessing
import tomllib
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cv2
import lightning_fabric
import numpy as np
import pytest
import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from rich.console import Console
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

import scotopic.data
import scotopic.networks
from scotopic.errors import DataError, DivergedError, RecipeError, TrainingError
from scotopic.image import read
from scotopic.metrics import luma
from scotopic.training import checkpoint, train
from scotopic.training import loop as training_loop
from scotopic.training.batches import Steps, Stream, batches
from scotopic.training.objective import Objective, Outcome, in_colours
from scotopic.training.optimise import learning_rate
from scotopic.training.recipe import Optimiser, recipe_from_table

from .toy_training import ADVERSARIAL, ToyPictures, toy_recipe

# Only brightness is asked for, more of it than the targets have: the loss falls on while the pictures go white.
BLEACH = ("losses={exposure={weight=1.0, level=1.0, patch=8}}", "optimiser.lr=0.01", "optimiser.clip_norm=0.0")


def rows(run_dir: Path) -> list[dict[str, str]]:
    with open(run_dir / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


def test_a_run_folder(tmp_path: Path) -> None:
    words = io.StringIO()
    recipe = toy_recipe("loop.strip_every=4")
    train(recipe, run_dir=tmp_path, console=Console(file=words))

    assert recipe_from_table(tomllib.loads((tmp_path / "recipe.toml").read_text())) == recipe
    assert json.loads((tmp_path / "environment.json").read_text())["packages"]["torch"] == torch.__version__
    assert words.getvalue().count("\n") == 2, "one line for each validation, nothing else where nobody watches"
    assert "step 8/8" in words.getvalue()

    log = rows(tmp_path)
    assert [row["step"] for row in log] == [str(step) for step in range(1, 9)]
    for row in log:
        total = 1.0 * float(row["loss_l1"]) + 0.1 * float(row["loss_exposure"])
        assert float(row["loss"]) == pytest.approx(total, rel=1e-4)
        assert bool(row["val_psnr_db"]) == (row["step"] in ("4", "8"))
    assert float(log[-1]["loss"]) < float(log[0]["loss"])

    curves = EventAccumulator(str(tmp_path / "tensorboard"))
    curves.Reload()
    assert {"train/loss", "train/loss_l1", "train/loss_exposure", "val/psnr_db"} <= set(curves.Tags()["scalars"])
    for event, row in zip(curves.Scalars("train/loss_l1"), log, strict=True):
        assert event.value == pytest.approx(float(row["loss_l1"]), rel=1e-5)

    strip = read(tmp_path / "strips/0000008.png").pixels
    assert strip.shape == (2 * 32, 3 * 32, 3), "two held-out pictures, low | out | target"
    held_out = ToyPictures("", "val")
    for index, top in ((0, 0), (1, 32)):
        for pixels, left in ((held_out[index].low, 0), (held_out[index].target, 64)):
            np.testing.assert_allclose(
                strip[top : top + 32, left : left + 32], pixels.permute(1, 2, 0).numpy(), atol=0.5 / 255 + 1e-6
            )


def test_an_epoch_may_be_what_is_counted_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 10 pictures steps of 4 see the last of an epoch in steps 3, 5, 8 and 10; two batches a step, in 2, 3, ...."""
    saved: list[int] = []
    monkeypatch.setattr(checkpoint, "save", lambda path, recipe, progress, *_: saved.append(progress.step))
    train(toy_recipe("loop.steps=9", "loop.val_every=0"), run_dir=tmp_path / "val")
    assert [row["step"] for row in rows(tmp_path / "val") if row["val_loss"]] == ["3", "5", "8", "9"]
    saved.clear()
    train(toy_recipe("loop.steps=6", "loop.val_every=99", "loop.checkpoint_every=0"), run_dir=tmp_path / "checkpoint")
    assert saved == [3, 5, 6, 6]  # the last step is validated, and here the best
    train(toy_recipe("loop.steps=4", "loop.val_every=0", "loop.accumulate=2"), run_dir=tmp_path / "two")
    assert [row["step"] for row in rows(tmp_path / "two") if row["val_loss"]] == ["2", "3", "4"]


def test_the_share_of_time_spent_waiting_for_data_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a clock that ticks when it is looked at (three times a step), and five times for a picture."""
    clock = itertools.count()

    class Slow(ToyPictures):
        def __getitem__(self, index: int) -> Any:
            for _ in range(5 * (self.split == "train")):
                next(clock)
            return super().__getitem__(index)

    monkeypatch.setitem(scotopic.data.DATASETS, "toy", Slow)
    monkeypatch.setattr(training_loop, "time", SimpleNamespace(perf_counter=lambda: next(clock)))
    train(toy_recipe("loop.batch=2"), run_dir=tmp_path)
    log = rows(tmp_path)
    assert [float(row["seconds"]) for row in log] == [13 * step for step in range(1, 9)]
    assert [float(row["wait"]) for row in log] == [pytest.approx(11 / 13, abs=1e-6)] * 8
    curves = EventAccumulator(str(tmp_path / "tensorboard"))
    curves.Reload()
    assert len(curves.Scalars("train/wait")) == 8


def test_what_is_in_memory_is_shared_with_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python 3.14 on they get a copy, through a pickle, unless they are forked."""
    pictures = ToyPictures("")
    pictures.in_memory, pictures.cannot_be_pickled = True, lambda: None  # type: ignore[attr-defined]
    usual = multiprocessing.get_start_method()
    multiprocessing.set_start_method("forkserver", force=True)
    try:
        assert len(list(batches(pictures, 0, Steps(1, 2, 2), workers=1))) == 2
    finally:
        multiprocessing.set_start_method(usual, force=True)


def test_the_best_is_kept_and_washing_out_is_noticed(tmp_path: Path) -> None:
    words = io.StringIO()
    recipe = toy_recipe(*BLEACH, "loop.steps=60", "loop.val_every=2", "loop.patience=4")
    summary = train(recipe, run_dir=tmp_path / "long", console=Console(file=words))

    assert 0 < summary.best_step < summary.steps < 60
    assert summary.steps == summary.best_step + 4 * 2
    assert summary.stopped == (
        f"Stopped at step {summary.steps}: nothing better in 4 validations. "
        f"The best is psnr_db {summary.best['psnr_db']:.4g} at step {summary.best_step}."
    )
    assert f"Washing out: from step {summary.best_step} to {summary.steps} the validation loss fell" in words.getvalue()
    assert summary.stopped in words.getvalue()
    assert summary.best["psnr_db"] == pytest.approx(
        max(float(row["val_psnr_db"]) for row in rows(tmp_path / "long") if row["val_psnr_db"]), rel=1e-5
    )

    # The best checkpoint holds the weights of the best step: a run that ends there ends with the same.
    train(toy_recipe(*BLEACH, f"loop.steps={summary.best_step}"), run_dir=tmp_path / "short")
    best = checkpoint.load(summary.best_checkpoint).part("network")
    short = checkpoint.load(tmp_path / "short/checkpoints/last.safetensors").part("network")
    assert all(torch.equal(best[name], short[name]) for name in best)

    again = train(recipe, run_dir=tmp_path / "long")
    assert (again.steps, again.stopped) == (summary.steps, summary.stopped), "a run that stopped stays stopped"


def test_best_by_loss_goes_on_where_psnr_turns(tmp_path: Path) -> None:
    recipe = toy_recipe(*BLEACH, "loop.steps=30", "loop.val_every=2", "loop.patience=4", "loop.best_by=loss")
    assert train(recipe, run_dir=tmp_path).best_step == 30


def test_a_sound_run_is_not_called_washed_out(tmp_path: Path) -> None:
    words = io.StringIO()
    train(toy_recipe("loop.steps=12", "loop.val_every=1"), run_dir=tmp_path, console=Console(file=words))
    assert "Washing" not in words.getvalue()


def test_a_picture_that_is_not_a_number_is_named(tmp_path: Path) -> None:
    recipe = toy_recipe("data.poison=3", "loop.batch=2", "loop.checkpoint_every=1")
    with pytest.raises(DivergedError, match=r"The network's output became nan at step (\d+), on .*train-3") as caught:
        train(recipe, run_dir=tmp_path)
    step = int(str(caught.value).split("at step ")[1].split(",")[0])
    last = tmp_path / "checkpoints/last.safetensors"
    assert (checkpoint.load(last).progress.step if last.exists() else 0) == step - 1, "sound weights stay"


@pytest.mark.parametrize("weight", [1, 0])
def test_a_loss_that_is_not_a_number_is_named(weight: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def logarithm(out: torch.Tensor) -> torch.Tensor:
        return out.mean().mul(0).log()

    monkeypatch.setitem(scotopic.losses.LOSSES, "logarithm", logarithm)
    with pytest.raises(DivergedError, match=r"The loss 'logarithm' became -inf at step 1, on train-"):
        train(toy_recipe(f"losses.logarithm={weight}"), run_dir=tmp_path)


def test_an_output_that_a_loss_forgives_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Infinite(torch.nn.Conv2d):
        def __init__(self) -> None:
            super().__init__(3, 3, 1)

        def forward(self, low: torch.Tensor) -> torch.Tensor:
            return super().forward(low) / (low > 0.2)

    def saturated(out: torch.Tensor) -> torch.Tensor:
        return out.nan_to_num().clamp(0, 1).mean()

    monkeypatch.setitem(scotopic.networks.NETWORKS, "infinite", Infinite)
    monkeypatch.setitem(scotopic.losses.LOSSES, "saturated", saturated)
    with pytest.raises(DivergedError, match=r"The network's output became (nan|inf|-inf) at step 1, on train-"):
        train(toy_recipe("network={name='infinite'}", "losses={saturated=1}"), run_dir=tmp_path)


def half_precision(monkeypatch: pytest.MonkeyPatch, scale: float) -> None:
    """16-mixed on a CPU, where Fabric would take bf16: its own plug-in and torch's own scaler, as on a GPU."""

    def fabric(**settings: Any) -> Fabric:
        scaler = torch.amp.GradScaler("cpu", init_scale=scale)
        return Fabric(**settings | {"precision": None}, plugins=MixedPrecision("16-mixed", "cpu", scaler))

    monkeypatch.setattr(lightning_fabric, "Fabric", fabric)


@pytest.mark.parametrize("variant", [(), ADVERSARIAL], ids=["plain", "adversarial"])
def test_steps_that_half_precision_skips_are_no_divergence(
    variant: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Multiplied by 2^24 the gradient is infinite in 16 bits; some halvings later it is not, and the run learns."""
    half_precision(monkeypatch, 2.0**24)
    train(toy_recipe(*variant, "loop.steps=20", "loop.val_every=20"), run_dir=tmp_path)
    log = rows(tmp_path)
    assert not np.isfinite(float(log[0]["grad_norm"]))
    assert np.isfinite(float(log[-1]["grad_norm"]))
    assert float(log[-1]["loss"]) < float(log[0]["loss"])
    scale = checkpoint.load(tmp_path / "checkpoints/last.safetensors").progress.scaler["scale"]
    assert 1 <= scale < 2.0**24

    # The scale goes on where it was: nothing is skipped anew.
    half_precision(monkeypatch, 2.0**24)
    train(toy_recipe(*variant, "loop.steps=21", "loop.val_every=20"), run_dir=tmp_path)
    assert np.isfinite(float(rows(tmp_path)[-1]["grad_norm"]))


def test_half_precision_that_no_scale_mends_is_divergence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cusp(out: torch.Tensor) -> torch.Tensor:
        return (out - out.detach()).abs().sqrt().mean()

    monkeypatch.setitem(scotopic.losses.LOSSES, "cusp", cusp)
    half_precision(monkeypatch, 8.0)
    with pytest.raises(DivergedError, match=r"The gradient became (nan|inf) at step 5, on train-"):
        train(toy_recipe("losses.cusp=1"), run_dir=tmp_path)


def test_two_batches_teach_what_one_of_both_does(tmp_path: Path) -> None:
    train(toy_recipe("loop.batch=4"), run_dir=tmp_path / "one")
    train(toy_recipe("loop.batch=2", "loop.accumulate=2"), run_dir=tmp_path / "two")
    one, two = (checkpoint.load(tmp_path / run / "checkpoints/last.safetensors").tensors for run in ("one", "two"))
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-5)
    for row, other in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert float(row["loss_l1"]) == pytest.approx(float(other["loss_l1"]), rel=1e-4)
    assert toy_recipe("loop.steps=0", "loop.epochs=3", "loop.batch=2", "loop.accumulate=2").last_step(10) == 8


@pytest.mark.parametrize("name", ["adagrad", "sgd"])
def test_other_optimisers_learn(name: str, tmp_path: Path) -> None:
    train(toy_recipe(f"optimiser={{name='{name}', lr=0.05}}"), run_dir=tmp_path)
    log = rows(tmp_path)
    assert float(log[-1]["loss_l1"]) < float(log[0]["loss_l1"]) - 0.01


def test_colours_that_losses_look_at() -> None:
    """OpenCV's YCrCb of float pictures is JPEG's, with factors of three digits."""
    picture = np.random.default_rng(0).random((5, 7, 3), dtype=np.float32)
    tensor = torch.from_numpy(picture).permute(2, 0, 1)[None]
    expected = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)[..., [0, 2, 1]]
    np.testing.assert_allclose(in_colours(tensor, "ycbcr")[0].permute(1, 2, 0), expected, atol=1e-3)
    np.testing.assert_allclose(in_colours(tensor, "y")[0, 0], luma(picture), atol=1e-6)

    # A change that leaves Y alone costs a loss on Y nothing.
    shifted = tensor + torch.tensor([0.114, 0.0, -0.299]).view(1, 3, 1, 1)
    losses = {}
    for on in ("rgb", "ycbcr", "y"):
        objective = Objective(toy_recipe(f"losses={{l1={{weight=1.0, on='{on}'}}}}").losses)
        losses[on] = objective(tensor, tensor, Outcome(shifted, None))["l1"].item()
    assert losses["y"] == pytest.approx(0, abs=1e-6)
    assert losses["rgb"] == pytest.approx((0.114 + 0.299) / 3, rel=1e-4)
    assert losses["ycbcr"] == pytest.approx((0.114 / 1.402 + 0.299 / 1.772) / 3, rel=1e-4)


def test_an_infinite_gradient_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cusp(out: torch.Tensor) -> torch.Tensor:
        return (out - out.detach()).abs().sqrt().mean()  # 0, with an infinite slope

    monkeypatch.setitem(scotopic.losses.LOSSES, "cusp", cusp)
    with pytest.raises(DivergedError, match=r"The gradient became (nan|inf) at step 1, on train-"):
        train(toy_recipe("losses.cusp=1"), run_dir=tmp_path)


def test_a_loss_of_weight_0_is_logged_and_not_learnt(tmp_path: Path) -> None:
    train(toy_recipe("losses.exposure.weight=0"), run_dir=tmp_path / "logged")
    train(toy_recipe("losses={l1=1.0}"), run_dir=tmp_path / "absent")
    for one, other in zip(rows(tmp_path / "logged"), rows(tmp_path / "absent"), strict=True):
        assert one["loss"] == other["loss"]
        assert float(one["loss_exposure"]) > 0


def test_no_pictures(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no train pictures in 'nowhere'"):
        train(toy_recipe("data.count=0"), run_dir=tmp_path)


def test_networks_without_curves_train_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Dropping(torch.nn.Sequential):
        """Random in training, so resuming must find the same dice."""

        def __init__(self) -> None:
            super().__init__(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.Dropout(0.5), torch.nn.Conv2d(8, 3, 1))

    monkeypatch.setitem(scotopic.networks.NETWORKS, "dropping", Dropping)
    change = ("network={name='dropping'}",)
    train(toy_recipe(*change), run_dir=tmp_path / "whole")
    train(toy_recipe(*change, "loop.steps=5"), run_dir=tmp_path / "parts")
    train(toy_recipe(*change), run_dir=tmp_path / "parts")
    one, other = (
        checkpoint.load(tmp_path / run / "checkpoints/last.safetensors").tensors for run in ("whole", "parts")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)


def test_every_epoch_sees_every_picture_once_in_an_order_of_its_own() -> None:
    stream = Stream(ToyPictures("", count=7), seed=1)
    epochs = [[stream[7 * epoch + place].name for place in range(7)] for epoch in range(3)]
    assert all(sorted(epoch) == sorted(epochs[0]) and len(set(epoch)) == 7 for epoch in epochs)
    assert epochs[0] != epochs[1] != epochs[2]
    assert torch.equal(stream[3].low, Stream(ToyPictures("", count=7), seed=1)[3].low), "no replay needed"


def test_devices_share_a_batch() -> None:
    whole = list(Steps(3, 5, batch=6))
    halves = [list(Steps(3, 5, batch=6, device=device, devices=2)) for device in (0, 1)]
    assert [first + second for first, second in zip(*halves, strict=True)] == whole
    assert whole[0] == list(range(12, 18))
    parts = list(Steps(3, 5, batch=3, accumulate=2))
    assert [first + second for first, second in zip(parts[::2], parts[1::2], strict=True)] == whole


def test_rates() -> None:
    def rates(**settings: object) -> list[float]:
        return [learning_rate(Optimiser(lr=1.0, **settings), step, 100) for step in range(1, 101)]  # type: ignore[arg-type]

    assert set(rates()) == {1.0}
    cosine = rates(schedule="cosine", warmup_steps=10)
    assert cosine[:10] == pytest.approx([step / 10 for step in range(1, 11)])
    assert cosine[10:] == sorted(cosine[10:], reverse=True)
    assert cosine[-1] < 0.01
    steps = rates(schedule="step_at_half")
    assert (steps[49], steps[50]) == (1.0, 0.1)


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="here there is one")
def test_a_device_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"loop.accelerator = 'mps' with 1 devices cannot be had.* 'cpu' or 'auto'"):
        train(toy_recipe("loop.accelerator=mps"), run_dir=tmp_path)


def test_a_run_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(TrainingError, match=r"run folder .* cannot be made .*--run-dir"):
        train(toy_recipe(), run_dir=tmp_path / "file" / "run")
