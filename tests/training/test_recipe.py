"""Recipes: what is written down is what is followed, and a slip of the pen is answered with the right word."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from scotopic.errors import RecipeError
from scotopic.runtime.toml import dump_toml
from scotopic.training.recipe import read_recipe, recipe_from_table

from .toy_training import toy_recipe, toy_table


def test_shipped_recipes_can_be_followed() -> None:
    for path in (Path(__file__).parents[2] / "recipes").glob("*.toml"):
        recipe = read_recipe(path)
        assert recipe.name == path.stem
        assert recipe.export.licence
        assert recipe.export.data


def test_a_file_is_named_after_itself_and_its_defaults_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text('[network]\nname = "zero_dce_pp"\n[data]\nname = "toy"\nroot = "x"\n[losses]\nexposure = 10\n')
    recipe = read_recipe(path)
    assert recipe.name == "night"
    assert recipe.network.settings["width"] == 32
    assert recipe.network.settings["iterations"] == 8
    assert recipe.losses[0].weight == 10.0
    assert recipe.losses[0].settings == {"level": 0.6, "patch": 16}


def test_a_resolved_recipe_reads_back_as_itself() -> None:
    recipe = toy_recipe("loop.ema=0.99", 'export.title=Say "night"', "optimiser.schedule=cosine")
    assert recipe_from_table(tomllib.loads(recipe.to_toml())) == recipe


@pytest.mark.parametrize(
    ("assignment", "table", "key", "value"),
    [
        ("optimiser.lr=1e-3", "optimiser", "lr", 1e-3),
        ("optimiser.schedule=cosine", "optimiser", "schedule", "cosine"),
        ("loop.compile = true", "loop", "compile", True),
        ("network.width=16", "network", "width", 16),
        ("losses.exposure=2", "losses", "exposure", {"weight": 2.0, "level": 0.6, "patch": 8}),
        ("losses.l1=2", "losses", "l1", {"weight": 2.0}),
        ("losses.exposure.level=0.5", "losses", "exposure", {"weight": 0.1, "level": 0.5, "patch": 8}),
        ("losses.l1.weight=3.5", "losses", "l1", {"weight": 3.5}),
        ("data.root=a folder/with = signs", "data", "root", "a folder/with = signs"),
    ],
)
def test_overrides(assignment: str, table: str, key: str, value: object) -> None:
    assert toy_recipe(assignment).as_table()[table][key] == value


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("loop.stepz=1", r"\[loop\] has no key 'stepz'. Did you mean 'steps'\?"),
        ("optimizer.lr=1", r"no table \[optimizer\]. Did you mean 'optimiser'\?"),
        ("network.widht=8", r"\[network\] has no setting 'widht'. Did you mean 'width'\?"),
        ("network.name=zero_dce_p", r"no network 'zero_dce_p'. Did you mean 'zero_dce_pp'\?"),
        ("data.coutn=8", r"\[data\] has no setting 'coutn'. Did you mean 'count'\?"),
        ("data.split=val", r"\[data\] has no setting 'split'"),
        ("losses.exposre=1", r"no loss 'exposre'. Did you mean 'exposure'\?"),
        ("losses.exposure.levle=1", r"\[losses.exposure\] has no setting 'levle'. Did you mean 'level'\?"),
        ("losses.exposure.out=1", r"\[losses.exposure\] has no setting 'out'"),
        ("losses.l1=-1", r"losses.l1.weight must be at least 0, got -1"),
        ("losses.l1=strong", r"losses.l1.weight must be a number, got 'strong'"),
        ("optimiser.schedule=cosin", r"optimiser.schedule cannot be 'cosin'. Did you mean 'cosine'\?"),
        ("loop.steps=-1", r"loop.steps must be at least 0, got -1"),
        ("loop.steps=1.5", r"loop.steps must be a whole number, got 1.5"),
        ("loop.steps=true", r"loop.steps must be a whole number, got True"),
        ("loop.ema=1.0", r"loop.ema must be between 0 and 0.999999, got 1"),
        ("optimiser.lr=inf", r"optimiser.lr must be finite"),
        ("loop.devices=3", r"loop.batch \(4\) must divide evenly among loop.devices \(3\)"),
        ("network.width=wide", r"network.width must be a whole number, got 'wide'"),
        ("export.data=[{name='x'}]", r"\[export.data\] needs the key 'licence'"),
        ("name.x=1", r"'name' is 'toy', so it has no key 'x'"),
        ("loop.steps", r"An override reads key=value"),
        ("losses={l1=0}", r"gives no loss a weight"),
    ],
)
def test_slips_get_a_sentence(assignment: str, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        toy_recipe(assignment)


def test_what_is_missing_is_named() -> None:
    table = toy_table()
    del table["data"]
    with pytest.raises(RecipeError, match=r"needs the table \[data\]"):
        recipe_from_table(table)


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("[network\n")
    with pytest.raises(RecipeError, match="not valid TOML"):
        read_recipe(tmp_path / "broken.toml")


def test_the_hash_is_of_what_is_trained_not_of_how_it_was_spelt(tmp_path: Path) -> None:
    recipe = toy_recipe()
    (tmp_path / "again.toml").write_text(dump_toml(recipe.as_table()))
    assert read_recipe(tmp_path / "again.toml").sha256 == recipe.sha256
    assert replace(recipe, data=replace(recipe.data, root="elsewhere")).sha256 == recipe.sha256
    assert toy_recipe("losses.exposure.level=0.6").sha256 == recipe.sha256  # the default, spelt out
    assert toy_recipe("losses.exposure.level=0.61").sha256 != recipe.sha256
