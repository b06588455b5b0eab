"""The tables of docs/training.md, as the code has them, and that of recipes/README.md, as the recipes have it."""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import torch

from scotopic.data import DATASETS
from scotopic.losses import LOSSES
from scotopic.networks import DISCRIMINATORS, NETWORKS, CurveNetwork, RawNetwork, ScotopicDenoiser
from scotopic.runtime import list_models, load_model
from scotopic.training import read_recipe
from scotopic.training.agreement import TENSORS, looks_at

RECIPES = Path(__file__).parents[1] / "recipes"


def tables() -> dict[str, str]:
    """Each table by the name that its place in the page has."""
    return {
        "networks": _table(
            ("name", "from", "what it is", "parameters", "settings"),
            (
                (name, _light(kind), _source(kind), _parameters(kind), _settings(kind))
                for name, kind in NETWORKS.items()
            ),
        ),
        "discriminators": _table(
            ("name", "what it is", "parameters", "settings"),
            ((name, _source(kind), _parameters(kind), _settings(kind)) for name, kind in DISCRIMINATORS.items()),
        ),
        "losses": _table(
            ("name", "what it is", "looks at", "settings"),
            (
                (name, _first(loss.__doc__), ", ".join(_code(looks_at(name, *TENSORS))), _settings(loss, TENSORS))
                for name, loss in LOSSES.items()
            ),
        ),
        "data sets": _table(
            ("name", "what it is", "settings"),
            (
                (name, _first(kind.__doc__), _settings(kind, ("root", "split", "seed")))
                for name, kind in DATASETS.items()
            ),
        ),
        "recipes": _table(("name", "what it is for", "network", "data set", "weights"), _recipes()),
    }


def _recipes() -> Iterable[tuple[str, ...]]:
    cards = [(name, load_model(name).card) for name in list_models()]
    training = [(name, by) for name, card in cards for by in (card.training, card.denoise and card.denoise.training)]
    shipped = {by.recipe: f"`{name}`" for name, by in training if by}
    for path in sorted(RECIPES.glob("*.toml")):
        recipe = read_recipe(path)
        network, data = _code((recipe.network.name, recipe.data.name))
        yield path.stem, _purpose(path.read_text(encoding="utf-8")), network, data, shipped.get(path.stem, "")


def _purpose(text: str) -> str:
    """The first sentence of a recipe's header."""
    header = " ".join(line.removeprefix("#").strip() for line in text.split("\n#\n")[0].splitlines())
    return re.split(r"(?<=\.) ", header)[0].replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *((f"`{name}`", *cells) for name, *cells in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _first(text: str | None) -> str:
    """The first paragraph of a docstring, as one line that a table can hold."""
    return " ".join(inspect.cleandoc(text or "").split("\n\n")[0].split()).replace("|", "\\|")


def _source(kind: type) -> str:
    """What the file of an architecture says it is, and after whom."""
    return _first(sys.modules[kind.__module__].__doc__)


def _light(kind: type) -> str:
    if issubclass(kind, CurveNetwork):
        return "picture, by curves"
    if issubclass(kind, ScotopicDenoiser):
        return "picture, and the same brightened"
    return "packed raw" if issubclass(kind, RawNetwork) else "picture"


def _parameters(kind: Callable[[], torch.nn.Module]) -> str:
    """How many, with the defaults; counting needs no memory."""
    with torch.device("meta"):
        return f"{sum(parameter.numel() for parameter in kind().parameters()):,}"


def _settings(function: Callable[..., Any], given: tuple[str, ...] = ()) -> str:
    chosen = [value for name, value in inspect.signature(function).parameters.items() if name not in given]
    return ", ".join(_code(_setting(parameter) for parameter in chosen))


def _setting(parameter: inspect.Parameter) -> str:
    if parameter.default is inspect.Parameter.empty:
        return f"{parameter.name} = …"
    value = parameter.default
    if isinstance(value, tuple):
        return f"{parameter.name} = {list(value)}".replace("'", '"')
    if isinstance(value, bool):
        return f"{parameter.name} = {str(value).lower()}"
    return f'{parameter.name} = "{value}"' if isinstance(value, str) else f"{parameter.name} = {value}"


def _code(words: Iterable[str]) -> list[str]:
    return [f"`{word}`" for word in words]
