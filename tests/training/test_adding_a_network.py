"""The worked example of docs/adding-a-network.md is true: its network, its tests and its recipe do what it says."""

from __future__ import annotations

import importlib.util
import re
import sys
import tomllib
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import scotopic.networks
from networks import test_networks, test_picture_networks
from scotopic.networks import NETWORKS
from scotopic.runtime import Enhancer, read_card
from scotopic.training import export, train
from scotopic.training.recipe import recipe_from_table
from scotopic.training.settings import override

PAGE = (Path(__file__).parents[2] / "docs" / "adding-a-network.md").read_text(encoding="utf-8")
SHORT = (
    "data={name='toy', root='nowhere'}",
    "loop={steps=2, batch=4, val_every=2, checkpoint_every=2, strip_every=2}",
)


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.DOTALL | re.MULTILINE)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's network in NETWORKS, and the module of its tests."""

    def write(name: str, code: str) -> ModuleType:
        path = tmp_path / f"{name}.py"
        path.write_text(code, encoding="utf-8")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return module

    network, tests = blocks("python")
    kind = write("scotopic.networks.aod_net", network).AODNet
    monkeypatch.setitem(NETWORKS, "aod_net", kind)
    monkeypatch.setattr(scotopic.networks, "AODNet", kind, raising=False)
    return write("networks.test_aod_net", tests)


def test_its_tests_pass(example: ModuleType) -> None:
    found = [name for name in vars(example) if name.startswith("test_")]
    assert len(found) == 3
    for name in found:
        getattr(example, name)()
    test_networks.test_every_parameter_gets_a_gradient("aod_net", {})
    test_picture_networks.test_the_halo_is_what_is_looked_at("aod_net", {})


def test_its_recipe_trains_and_becomes_a_model(example: ModuleType, tmp_path: Path) -> None:
    (recipe,) = blocks("toml")
    table = tomllib.loads(recipe)
    plan = recipe_from_table(table)
    assert f"scotopic train recipes/{plan.name}.toml" in recipe
    for assignment in SHORT:
        table = override(table, assignment)
    train(recipe_from_table(table), run_dir=tmp_path / "run")
    export(tmp_path / "run", tmp_path / "my_model", "my_model")
    card = read_card(tmp_path / "my_model")
    assert (card.parameters, card.title, card.licence) == (1_761, plan.export.title, plan.export.licence)
    assert card.apply is not None
    assert card.apply.halo == NETWORKS["aod_net"].halo
    out = Enhancer(tmp_path / "my_model").enhance(np.full((20, 30, 3), 0.1, np.float32))
    assert out.shape == (20, 30, 3)
