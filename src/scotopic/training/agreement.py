"""Whether the parts of a recipe go together: losses with network, data and discriminator, network with data."""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

from scotopic.data import DATASETS
from scotopic.losses import LOSSES
from scotopic.networks import NETWORKS, PictureNetwork, RawNetwork

from ..errors import RecipeError
from .settings import suggestion

if TYPE_CHECKING:
    from .recipe import Recipe

PICTURES = ("low", "out", "target")
SCORES = ("real_score", "fake_score")
TENSORS = (*PICTURES, "maps", *SCORES)
"""What a loss may ask for by naming a parameter so; its other parameters are hyperparameters."""

SCORES_OF_PAIRS = {
    "psnr": ("psnr_db", 1),
    "psnr_gt_mean": ("psnr_gt_mean_db", 1),
    "ssim": ("ssim", 1),
    "mae": ("mae", -1),
}
"""What `loop.best_by` can be besides a loss, where there is a truth: the number of a validation's report, and whether
more (1) or less (-1) of it is better."""


def looks_at(loss: str, *tensors: str) -> list[str]:
    """Those of `tensors` that the loss asks for, in its order."""
    return [name for name in inspect.signature(LOSSES[loss]).parameters if name in tensors]


def check_agreement(recipe: Recipe) -> None:
    """Raise RecipeError, saying what does not fit, unless the recipe can be followed."""
    if not any(term.weight for term in recipe.losses):
        raise RecipeError(
            f"[losses] gives no loss a weight, so there is nothing to learn. Add one: {', '.join(sorted(LOSSES))}."
        )
    for term in recipe.losses:
        _check_loss(term.name, recipe)
    judged = [term.name for term in recipe.losses if looks_at(term.name, *SCORES)]
    if judged and not recipe.discriminator:
        raise RecipeError(f"The loss '{judged[0]}' wants a discriminator. Add the table [discriminator] with its name.")
    if recipe.discriminator and not judged:
        raise RecipeError("Nobody listens to the [discriminator]. Add the loss 'adversarial', or leave it out.")
    _check_best_by(recipe)
    _check_light(recipe)


def is_paired(pictures: object) -> bool:
    """Whether the targets of a data set (or of its class) show what its low pictures show."""
    return bool(getattr(pictures, "paired", True))


def has_truth(recipe: Recipe) -> bool:
    return is_paired(DATASETS[recipe.data.name])


def _check_loss(loss: str, recipe: Recipe) -> None:
    network = NETWORKS[recipe.network.name]
    if looks_at(loss, "maps") and not hasattr(network, "decide"):
        raise RecipeError(f"The loss '{loss}' looks at curve maps, and this network makes none. Leave the loss out.")
    if looks_at(loss, "low") and issubclass(network, RawNetwork):
        raise RecipeError(
            f"The loss '{loss}' compares with the picture that goes in, and this network takes raw planes. "
            "Leave the loss out."
        )
    if looks_at(loss, "low") and issubclass(network, PictureNetwork) and recipe.network.settings.get("scale", 1) != 1:
        raise RecipeError(
            f"The loss '{loss}' compares with the picture that goes in, and this network makes a larger one. "
            "Leave the loss out."
        )
    if looks_at(loss, "low") and issubclass(network, PictureNetwork) and network.channels_in != 3:
        raise RecipeError(
            f"The loss '{loss}' compares with the picture that goes in, and this network takes two. Leave the loss out."
        )
    if len(looks_at(loss, "out", "target")) == 2 and not has_truth(recipe):
        raise RecipeError(
            f"The loss '{loss}' compares with the truth, and the targets of '{recipe.data.name}' are other pictures. "
            "Leave the loss out, or take a data set of pairs."
        )


def _check_best_by(recipe: Recipe) -> None:
    """The best step is told by a number that validation gives: it measures what needs no discriminator."""
    measured = [term.name for term in recipe.losses if not looks_at(term.name, *SCORES)]
    numbers = list(SCORES_OF_PAIRS) if has_truth(recipe) else []
    numbers += ["loss", *(f"loss_{name}" for name in measured)] if measured else []
    best_by = recipe.loop.best_by
    if best_by not in numbers:
        raise RecipeError(
            f"Validation on '{recipe.data.name}' by these losses gives no number '{best_by}' to take for loop.best_by. "
            f"{suggestion(best_by, numbers)} A loss of weight 0 is measured too."
        )


def _check_light(recipe: Recipe) -> None:
    """A data set that can make several kinds of planes and targets must make those of a raw network."""
    network, data = NETWORKS[recipe.network.name], recipe.data.settings
    if not issubclass(network, RawNetwork):
        return
    wanted = {"normalisation": network.normalisation, "colour": {"srgb": "srgb", "linear": "camera"}[network.light_out]}
    for key, value in wanted.items():
        if data.get(key, value) != value:
            raise RecipeError(
                f"The network '{recipe.network.name}' wants data.{key} to be '{value}', got '{data[key]}'. Set it so, "
                "or take another network."
            )
