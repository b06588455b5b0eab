"""Every recipe can be followed as it stands."""

from pathlib import Path

import pytest

from scotopic.networks import NETWORKS
from scotopic.training.recipe import read_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.toml"))


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_a_recipe_is_read_and_gives_its_command(path: Path) -> None:
    recipe = read_recipe(path)
    assert recipe.name == path.stem
    NETWORKS[recipe.network.name](**recipe.network.settings)
    assert f"scotopic train recipes/{path.name}" in path.read_text()
    assert recipe.export.data
