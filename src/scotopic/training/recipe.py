"""A recipe: one TOML file that says everything about a training run, read into frozen dataclasses."""

from __future__ import annotations

import hashlib
import inspect
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from scotopic.data import DATASETS
from scotopic.losses import LOSSES
from scotopic.networks import NETWORKS, RawNetwork
from scotopic.runtime.toml import dump_toml

from ..errors import RecipeError
from .settings import Table, check, check_settings, choice, number, override, pick, read_section, suggestion

TENSORS = ("low", "out", "target", "maps")
"""What a loss may ask for by naming a parameter so; its other parameters are hyperparameters."""

PLACES = ("root", "cache")
"""Settings of [data] that weights do not depend on."""


@dataclass(frozen=True)
class NetworkChoice:
    """`[network]`: a name in NETWORKS; the other keys are its keyword arguments."""

    name: str
    settings: Table = field(default_factory=dict)


@dataclass(frozen=True)
class DataChoice:
    """`[data]`: a name in DATASETS and the folder the pictures lie in; the other keys are its keyword arguments.

    A relative `root` starts at the current folder. `root` and `cache` say where data lies, not what it is.
    """

    name: str
    root: str
    settings: Table = field(default_factory=dict)


@dataclass(frozen=True)
class LossTerm:
    """One line of `[losses]`: `name = weight`, or `name = { weight = …, hyperparameter = … }`.

    A weight of 0 keeps the loss in the log and out of the sum.
    """

    name: str
    weight: float
    settings: Table = field(default_factory=dict)


@dataclass(frozen=True)
class Optimiser:
    """`[optimiser]`. `clip_norm` 0 clips nothing; the rate climbs over `warmup_steps`, then follows `schedule`."""

    name: str = choice("adam", "adam", "adamw")
    lr: float = number(1e-4, least=0)
    weight_decay: float = number(0.0, least=0)
    clip_norm: float = number(0.0, least=0)
    schedule: str = choice("constant", "constant", "cosine", "step_at_half")
    warmup_steps: int = number(0, least=0)


@dataclass(frozen=True)
class Loop:
    """`[loop]`. The length is `steps`, or `epochs` over the data set (an epoch shows every item once); the other is 0.

    `batch` counts over all devices. `patience` (validations) and `ema` (decay): 0 switches them off. `strip_every` 0
    paints no pictures. Devices are processes: two on a CPU train with gloo, several GPUs with NCCL.
    """

    steps: int = number(1000, least=0)
    epochs: int = number(0, least=0)
    batch: int = number(8, least=1)
    workers: int = number(0, least=0)
    seed: int = number(0, least=0)
    val_every: int = number(100, least=1)
    checkpoint_every: int = number(100, least=1)
    strip_every: int = number(0, least=0)
    patience: int = number(0, least=0)
    best_by: str = choice("psnr", "psnr", "psnr_gt_mean", "ssim", "loss")
    ema: float = number(0.0, least=0, most=0.999999)
    accelerator: str = choice("cpu", "cpu", "cuda", "mps", "auto")
    devices: int = number(1, least=1)
    precision: str = choice("32-true", "32-true", "bf16-mixed")
    compile: bool = False
    channels_last: bool = False


@dataclass(frozen=True)
class Credit:
    """One `[[export.data]]`: whose pictures the weights were made of."""

    name: str
    licence: str
    credit: str = ""
    url: str = ""


@dataclass(frozen=True)
class Export:
    """`[export]`: what the model's card shall say, and the longest side in pixels of the picture it decides on."""

    long_side: int = number(512, least=16, most=8192)
    title: str = ""
    licence: str = ""
    source: str = ""
    data: tuple[Credit, ...] = ()


@dataclass(frozen=True)
class Recipe:
    """A training run, resolved: every default filled in, every name and value checked."""

    name: str
    network: NetworkChoice
    data: DataChoice
    losses: tuple[LossTerm, ...]
    optimiser: Optimiser = Optimiser()
    loop: Loop = Loop()
    export: Export = Export()

    def as_table(self) -> Table:
        """The recipe as the TOML tables it could have been read from, nothing left out."""
        table = asdict(self)
        for part in ("network", "data"):
            table[part] |= table[part].pop("settings")
        table["losses"] = {term.name: {"weight": term.weight, **term.settings} for term in self.losses}
        table["export"]["data"] = list(table["export"]["data"])
        return table

    @property
    def sha256(self) -> str:
        """A number for all that is trained by; where the data lies and what the card shall say do not enter."""
        table = self.as_table()
        del table["export"]
        table["data"] = {key: value for key, value in table["data"].items() if key not in PLACES}
        if not self.loop.epochs:
            del table["loop"]["epochs"]  # recipes without epochs keep the number they had before there were any
        return hashlib.sha256(json.dumps(table, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def last_step(self, pictures: int) -> int:
        """The step that the run ends at, for a data set of so many pictures; the last epoch is seen to its end.

        >>> Recipe("r", NetworkChoice("n"), DataChoice("d", ""), (), loop=Loop(steps=0, epochs=3, batch=4)).last_step(9)
        7
        """
        return self.loop.steps or -(-self.loop.epochs * pictures // self.loop.batch)

    def to_toml(self) -> str:
        return dump_toml(self.as_table())


def read_recipe(path: str | Path, overrides: Iterable[str] = ()) -> Recipe:
    """The recipe in the TOML file `path`, with `dotted.key=value` overrides, checked. Raises RecipeError."""
    path = Path(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"The recipe '{path}' cannot be read ({error.strerror}). Give a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"The recipe '{path}' is not valid TOML: {error}.") from error
    for assignment in overrides:
        table = override(table, assignment)
    return recipe_from_table({"name": path.stem, **table})


def recipe_from_table(table: Mapping[str, Any]) -> Recipe:
    """The recipe in parsed TOML tables, checked. Raises RecipeError."""
    known = ["name", "network", "data", "losses", "optimiser", "loop", "export"]
    for key in table:
        if key not in known:
            raise RecipeError(f"A recipe has no table [{key}]. {suggestion(key, known)}")
    for key in ("network", "data", "losses"):
        if not isinstance(table.get(key), dict):
            raise RecipeError(f"A recipe needs the table [{key}], got {table.get(key)!r}.")
    network, data, losses = dict(table["network"]), dict(table["data"]), table["losses"]
    build = pick(NETWORKS, network.pop("name", None), "network")
    collect = pick(DATASETS, data.pop("name", None), "data set")
    root = check(data.pop("root", None), str, "data.root")
    optimiser = read_section(Optimiser, table.get("optimiser", {}), "optimiser")
    loop = _loop(table.get("loop", {}))
    recipe = Recipe(
        name=check(table.get("name", "recipe"), str, "name"),
        network=NetworkChoice(table["network"]["name"], check_settings(build, network, "network")),
        data=DataChoice(table["data"]["name"], root, check_settings(collect, data, "data", ("root", "split", "seed"))),
        losses=tuple(_loss_term(name, value, build) for name, value in losses.items()),
        optimiser=optimiser,
        loop=loop,
        export=_export(table.get("export", {})),
    )
    if not any(term.weight for term in recipe.losses):
        raise RecipeError(
            f"[losses] gives no loss a weight, so there is nothing to learn. Add one: {', '.join(sorted(LOSSES))}."
        )
    if issubclass(build, RawNetwork):
        _check_light(recipe.data.settings, recipe.network.name, build)
    return recipe


def _loop(table: Any) -> Loop:
    if isinstance(table, dict) and table.get("epochs"):
        table = {"steps": 0, **table}
    loop = read_section(Loop, table, "loop")
    if bool(loop.steps) == bool(loop.epochs):
        raise RecipeError(
            f"A run is as long as loop.steps or loop.epochs says, got steps {loop.steps} and epochs {loop.epochs}. "
            "Give one of them, and 0 for the other."
        )
    if loop.batch % loop.devices:
        raise RecipeError(f"loop.batch ({loop.batch}) must divide evenly among loop.devices ({loop.devices}).")
    return loop


def _check_light(data: Table, name: str, network: type[RawNetwork]) -> None:
    """A data set that can make several kinds of planes and targets must make this network's."""
    wanted = {"normalisation": network.normalisation, "colour": {"srgb": "srgb", "linear": "camera"}[network.light_out]}
    for key, value in wanted.items():
        if data.get(key, value) != value:
            raise RecipeError(
                f"The network '{name}' wants data.{key} to be '{value}', got '{data[key]}'. Set it so, or take "
                "another network."
            )


def _loss_term(name: str, value: Any, network: type) -> LossTerm:
    function = pick(LOSSES, name, "loss")
    where = f"losses.{name}"
    settings = dict(value) if isinstance(value, dict) else {"weight": value}
    if "weight" not in settings:
        raise RecipeError(f"[{where}] needs the key 'weight'. Add it: weight = 1.0")
    weight = check(settings.pop("weight"), float, f"{where}.weight", {"least": 0})
    parameters = inspect.signature(function).parameters
    if "maps" in parameters and not hasattr(network, "decide"):
        raise RecipeError(f"The loss '{name}' looks at curve maps, and this network makes none. Leave the loss out.")
    if "low" in parameters and issubclass(network, RawNetwork):
        raise RecipeError(
            f"The loss '{name}' compares with the picture that goes in, and this network takes raw planes. "
            "Leave the loss out."
        )
    return LossTerm(name, weight, check_settings(function, settings, where, TENSORS))


def _export(table: Any) -> Export:
    if not isinstance(table, dict) or not isinstance(table.get("data", []), list):
        raise RecipeError(f"[export] must be a table and export.data a list of tables, got {table!r}.")
    credits = tuple(read_section(Credit, entry, "export.data") for entry in table.get("data", []))
    return read_section(Export, {**table, "data": credits}, "export")
