"""Export: the folder computes what the network computes, and its card tells the truth about it."""

from __future__ import annotations

import hashlib
import sys
import tomllib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from torch import Tensor, nn

import scotopic
import scotopic.data
import scotopic.networks
from scotopic.errors import CheckpointError, RecipeError, TrainingError
from scotopic.runtime.card import read_card
from scotopic.training import RunSummary, checkpoint, export, train
from scotopic.training.checkpoint import Progress
from scotopic.training.export import export_network
from scotopic.training.loop import build_network
from scotopic.training.objective import Develop, Objective
from scotopic.training.validation import validate

from .toy_training import ToyPictures, toy_recipe


def run(graph: Path, **inputs: Tensor) -> np.ndarray:
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {name: value.numpy() for name, value in inputs.items()})[0])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunSummary, Path]:
    """A run, and the model made of it."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(scotopic.data.DATASETS, "toy", ToyPictures)
        summary = train(toy_recipe("loop.ema=0.5", "export.long_side=128"), run_dir=place / "run")
        export(place / "run", place / "zoo/toy", "toy", ["export.title=A toy"])
    return summary, place / "zoo/toy"


def test_a_run_becomes_a_model(made: tuple[RunSummary, Path]) -> None:
    summary, folder = made
    card = read_card(folder)
    assert sorted(path.name for path in folder.parent.rglob("*")) == ["apply.onnx", "card.toml", "decide.onnx", "toy"]
    assert (card.name, card.title, card.licence) == ("toy", "A toy", "CC0-1.0")
    assert card.decide is not None
    assert card.apply is not None
    assert (card.decide.long_side, card.decide.iterations, card.decide.maps, card.apply.halo) == (128, 8, 3, 0)
    for graph in (card.decide, card.apply):
        assert hashlib.sha256((folder / graph.file).read_bytes()).hexdigest() == graph.sha256
    assert card.training is not None
    assert (card.training.recipe, card.training.recipe_sha256) == ("toy", toy_recipe("loop.ema=0.5").sha256)
    assert (card.training.steps, card.training.data[0].credit) == (summary.best_step, "nobody")

    # The averaged weights of the best step, at sizes that nothing divides.
    network = build_network(toy_recipe())
    saved = checkpoint.load(summary.best_checkpoint)
    network.load_state_dict(saved.part("average"))
    held_out = validate(Develop(network), Objective(saved.recipe.losses), ToyPictures("", "val"), torch.device("cpu"))
    assert summary.best == pytest.approx(held_out, rel=1e-5), "what is exported is what was validated"
    assert not torch.equal(saved.part("average")["conv1.0.weight"], saved.part("network")["conv1.0.weight"])
    assert card.parameters == sum(parameter.numel() for parameter in network.parameters())
    for size in ((1, 1), (7, 31), (64, 1), (101, 55)):
        low = torch.rand(1, 3, *size)
        with torch.no_grad():
            maps = network.decide(low)
            np.testing.assert_allclose(run(folder / "decide.onnx", low=low), maps, atol=1e-5)
            np.testing.assert_allclose(run(folder / "apply.onnx", low=low, maps=maps), network(low), atol=1e-5)


@pytest.fixture
def nearby(monkeypatch: pytest.MonkeyPatch) -> type[nn.Module]:
    class Nearby(nn.Module):
        halo = 2

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 3, 5, padding=2)

        def forward(self, low: Tensor) -> Tensor:
            return torch.sigmoid(self.conv(low))

    monkeypatch.setitem(scotopic.networks.NETWORKS, "nearby", Nearby)
    return Nearby


def test_a_network_without_curves_is_apply_alone(tmp_path: Path, nearby: type[nn.Module]) -> None:
    network = nearby()
    card = export_network(network, toy_recipe("network={name='nearby'}"), Progress(), tmp_path / "m", "m")
    assert card.decide is None
    assert card.apply is not None
    assert card.apply.halo == 2
    low = torch.rand(1, 3, 33, 12)
    np.testing.assert_allclose(run(tmp_path / "m/apply.onnx", low=low), network(low).detach(), atol=1e-5)


def test_a_graph_that_computes_something_else_is_refused(tmp_path: Path, nearby: type[nn.Module]) -> None:
    class Counting(nearby):  # type: ignore[misc, valid-type]
        calls = 0

        def forward(self, low: Tensor) -> Tensor:
            self.calls += 1  # a graph keeps the number it saw
            return low / self.calls

    with pytest.raises(TrainingError, match=r"graph 'apply' is off by"):
        export_network(Counting(), toy_recipe(), Progress(), tmp_path / "m", "m")
    assert not any(tmp_path.iterdir())


def test_a_network_says_how_far_it_looks(tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="attribute `halo`"):
        export_network(nn.Conv2d(3, 3, 3, padding=1), toy_recipe(), Progress(), tmp_path / "m", "m")


def test_graphs_hold_nothing_of_this_computer(made: tuple[RunSummary, Path]) -> None:
    for path in made[1].glob("*.onnx"):
        content = path.read_bytes()
        assert b".py" not in content
        assert str(Path(scotopic.__file__).parent).encode() not in content
        assert len(onnx.load(path).graph.node) <= 40


def test_a_card_names_data_and_licence(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"no export.data"):
        export_network(build_network(toy_recipe()), toy_recipe("export.data=[]"), Progress(), tmp_path / "m", "m")
    with pytest.raises(RecipeError, match=r"no export.licence"):
        export_network(build_network(toy_recipe()), toy_recipe("export.licence=''"), Progress(), tmp_path / "m", "m")


def test_a_model_is_replaced_and_nothing_else_is(
    tmp_path: Path, made: tuple[RunSummary, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    graphs = {path.stem: onnx.load(path) for path in made[1].glob("*.onnx")}
    monkeypatch.setattr(sys.modules[export_network.__module__], "graphs_of", lambda network: graphs)
    network = build_network(toy_recipe())
    for title in ("first", "second"):
        export_network(network, toy_recipe(f"export.title={title}"), Progress(), tmp_path / "m", "m")
    assert tomllib.loads((tmp_path / "m/card.toml").read_text())["title"] == "second"
    assert [path.name for path in tmp_path.iterdir()] == ["m"]
    (tmp_path / "photos").mkdir()
    with pytest.raises(TrainingError, match="is no model folder"):
        export_network(network, toy_recipe(), Progress(), tmp_path / "photos", "m")


def test_what_cannot_be_exported(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="There is no checkpoint"):
        export(tmp_path, tmp_path / "m", "m")
    train(toy_recipe("loop.steps=1"), run_dir=tmp_path / "run")
    with pytest.raises(RecipeError, match=r"Only \[export\] can be changed after training"):
        export(tmp_path / "run", tmp_path / "m", "m", ["loop.steps=9"])
