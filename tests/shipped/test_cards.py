"""What every shipped model's card says is so."""

from pathlib import Path

import pytest

from scotopic.networks import NETWORKS
from scotopic.runtime import list_models, load_model
from scotopic.training.recipe import read_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
FREE = ("CC0", "CC-BY", "Public Domain", "MIT")


@pytest.mark.parametrize("model", list_models())
def test_the_card_tells_the_truth(model: str) -> None:
    card = load_model(model).card
    assert card.training is not None
    recipe = read_recipe(RECIPES / f"{card.training.recipe}.toml")
    assert card.training.recipe_sha256 == recipe.sha256
    network = NETWORKS[recipe.network.name](**recipe.network.settings)
    assert card.parameters == sum(parameter.numel() for parameter in network.parameters())
    assert all(data.licence.startswith(FREE) for data in card.training.data)
    assert card.scores
