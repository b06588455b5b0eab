"""`scotopic train` and `scotopic export` as a front for the training package, which has tests of its own."""

import sys
import types
from pathlib import Path

import pytest


@pytest.fixture
def training(monkeypatch):
    """A training package that only notes what it is asked for."""
    calls = []
    fake = types.ModuleType("scotopic.training")
    fake.read_recipe = lambda path, changes: calls.append((path, changes)) or types.SimpleNamespace(name="tiny")

    def train(recipe, *, run_dir, resume):
        calls.append((run_dir, resume))
        best = run_dir / "checkpoints/best.safetensors"
        return types.SimpleNamespace(best_checkpoint=best, steps=1000, best_step=900)

    def export(run, folder, name, changes, denoiser):
        calls.append((run, folder, name, changes, denoiser))
        return types.SimpleNamespace(name=name, parameters=10561, raw="raw" in run or None)

    fake.train, fake.export = train, export
    monkeypatch.setitem(sys.modules, "scotopic.training", fake)
    monkeypatch.setattr("scotopic.training", fake, raising=False)
    return calls, fake


def test_train_follows_the_recipe(scotopic, training):
    calls, _ = training
    run = scotopic("train", "tiny.toml", "loop.steps=10", "data.root=photos")
    assert run.exit_code == 0, run.stderr
    assert calls == [("tiny.toml", ("loop.steps=10", "data.root=photos")), (Path("runs/tiny"), True)]
    assert "best.safetensors" in run.stdout
    assert "scotopic export runs/tiny" in run.stderr
    scotopic("train", "tiny.toml", "--run-dir", "x", "--fresh")
    assert calls[-1] == (Path("x"), False)


def test_an_interrupted_run_says_how_it_goes_on(scotopic, training):
    def train(*_, **__):
        raise KeyboardInterrupt

    training[1].train = train
    run = scotopic("train", "tiny.toml")
    assert run.exit_code == 130
    assert "goes on from the last checkpoint" in run.stderr


def test_export_names_the_model_after_its_folder(scotopic, training):
    calls, _ = training
    run = scotopic("export", "runs/tiny", "-o", "models/mine/", "export.title=Mine")
    assert run.exit_code == 0, run.stderr
    assert calls == [("runs/tiny", "models/mine/", "mine", ("export.title=Mine",), None)]
    scotopic("export", "runs/tiny", "-o", "models/mine", "--name", "other")
    assert calls[-1][2] == "other"


def test_export_takes_a_denoiser(scotopic, training):
    calls, _ = training
    run = scotopic("export", "runs/tiny", "--denoiser", "runs/clean", "-o", "mine")
    assert run.exit_code == 0, run.stderr
    assert calls == [("runs/tiny", "mine", "mine", (), "runs/clean")]


def test_export_says_what_the_model_can_be_tried_on(scotopic, training):
    assert "enhance night.jpg --model m" in scotopic("export", "runs/tiny", "-o", "m").stderr
    assert "enhance night.dng --model m" in scotopic("export", "runs/raw", "-o", "m").stderr


@pytest.mark.parametrize("words", [("train", "tiny.toml"), ("export", "run", "-o", "model")])
def test_without_torch_it_says_what_to_install(scotopic, monkeypatch, words):
    for name in [name for name in sys.modules if name.startswith("scotopic.training")]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("torch", "onnx", "safetensors", "lightning_fabric"):
        monkeypatch.setitem(sys.modules, name, None)
    run = scotopic(*words)
    assert run.exit_code == 1
    assert "pip install 'scotopic[train]'" in run.stderr


def test_a_recipe_that_is_not_there_is_one_line(scotopic, here):
    pytest.importorskip("torch")
    run = scotopic("train", "gone.toml")
    assert run.exit_code == 1
    assert run.stderr.count("\n") == 1
    assert "gone.toml" in run.stderr
