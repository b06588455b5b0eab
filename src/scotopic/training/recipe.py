"""A recipe: one TOML file that says everything about a training run, read into frozen dataclasses."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from scotopic.data import DATASETS
from scotopic.losses import LOSSES
from scotopic.networks import DISCRIMINATORS, NETWORKS
from scotopic.runtime.toml import dump_toml

from ..errors import RecipeError
from .agreement import PICTURES, TENSORS, check_agreement, looks_at
from .settings import Table, check, check_settings, choice, number, override, pick, read_section, suggestion

PLACES = ("root", "cache")
"""Settings of [data] that weights do not depend on."""

RGB_LOSSES = ("colour_constancy", "chroma", "colour_angle", "perceptual")
"""Losses whose three channels can be nothing but red, green and blue."""

LATER: dict[str, Table] = {
    "data": {"darker": 1.0, "retouched": 0.0, "unprocessed": 0.0, "amplified": 0.0},
    "optimiser": {"momentum": 0.9},
    "loop": {"epochs": 0, "accumulate": 1, "nodes": 1},
}
"""Settings younger than the first recipes. At these values they leave no trace in `sha256`: old numbers stay."""


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
    """One line of `[losses]`: `name = weight`, or `name = { weight = …, on = …, hyperparameter = … }`.

    A weight of 0 keeps the loss in the log and out of the sum. `on` "ycbcr" or "y" makes the loss look at YCbCr, or at
    its Y alone, where "rgb" is the picture as it is.
    """

    name: str
    weight: float
    settings: Table = field(default_factory=dict)
    on: str = "rgb"


@dataclass(frozen=True)
class Optimiser:
    """`[optimiser]`. `clip_norm` 0 clips nothing; the rate climbs over `warmup_steps`, then follows `schedule`.

    `momentum` is how much of its direction a step keeps: sgd's, or the beta 1 of adam and adamw; adagrad has none.
    """

    name: str = choice("adam", "adam", "adamw", "adagrad", "sgd")
    lr: float = number(1e-4, least=0)
    momentum: float = number(0.9, least=0, most=0.999999)
    weight_decay: float = number(0.0, least=0)
    clip_norm: float = number(0.0, least=0)
    schedule: str = choice("constant", "constant", "cosine", "step_at_half")
    warmup_steps: int = number(0, least=0)

    def as_table(self) -> Table:
        table = asdict(self)
        if self.name == "adagrad":
            del table["momentum"]
        return table


@dataclass(frozen=True)
class DiscriminatorChoice:
    """`[discriminator]`: a name in DISCRIMINATORS; the other keys are its keyword arguments.

    `[discriminator.optimiser]` is like `[optimiser]`, which it follows in what it does not say.
    """

    name: str
    settings: Table = field(default_factory=dict)
    optimiser: Optimiser = Optimiser()


@dataclass(frozen=True)
class Loop:
    """`[loop]`. The length is `steps`, or `epochs` over the data set (an epoch shows every item once); the other is 0.

    `val_every` and `checkpoint_every` are in steps; 0 = at the end of each epoch. The last step has both.

    `batch` is what is seen at once, over all devices; a step is made of `accumulate` batches as if they were one.
    `best_by` is a number of the validation: psnr, psnr_gt_mean, ssim, mae, loss, or loss_<name>. `patience`
    (validations) and `ema` (decay): 0 switches them off. `strip_every` 0 paints no pictures. Devices are processes: two
    on a CPU train with gloo, several GPUs with NCCL. With `nodes` the command is started on each of so many machines,
    which share the run folder, with MASTER_ADDR, MASTER_PORT and NODE_RANK set, or by torchrun or SLURM.
    """

    steps: int = number(1000, least=0)
    epochs: int = number(0, least=0)
    batch: int = number(8, least=1)
    accumulate: int = number(1, least=1)
    workers: int = number(0, least=0)
    seed: int = number(0, least=0)
    val_every: int = number(100, least=0)
    checkpoint_every: int = number(100, least=0)
    strip_every: int = number(0, least=0)
    patience: int = number(0, least=0)
    best_by: str = "psnr"
    ema: float = number(0.0, least=0, most=0.999999)
    accelerator: str = choice("cpu", "cpu", "cuda", "mps", "auto")
    devices: int = number(1, least=1)
    nodes: int = number(1, least=1)
    precision: str = choice("32-true", "32-true", "bf16-mixed", "16-mixed")
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
    discriminator: DiscriminatorChoice | None = None
    optimiser: Optimiser = Optimiser()
    loop: Loop = Loop()
    export: Export = Export()

    def as_table(self) -> Table:
        """The recipe as the TOML tables it could have been read from, nothing left out."""
        table = asdict(self)
        for part in ("network", "data"):
            table[part] |= table[part].pop("settings")
        table["losses"] = {}
        for term in self.losses:
            on = {} if term.on == "rgb" else {"on": term.on}
            table["losses"][term.name] = {"weight": term.weight, **on, **term.settings}
        table["optimiser"] = self.optimiser.as_table()
        if self.discriminator is None:
            del table["discriminator"]
        else:
            rival = self.discriminator
            table["discriminator"] = {"name": rival.name, **rival.settings, "optimiser": rival.optimiser.as_table()}
        table["export"]["data"] = list(table["export"]["data"])
        return table

    @property
    def sha256(self) -> str:
        """A number for all that is trained by; where the data lies and what the card shall say do not enter."""
        table = self.as_table()
        del table["export"]
        table["data"] = {key: value for key, value in table["data"].items() if key not in PLACES}
        for part, defaults in LATER.items():
            table[part] = {key: value for key, value in table[part].items() if defaults.get(key) != value}
        return hashlib.sha256(json.dumps(table, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def last_step(self, pictures: int) -> int:
        """The step that the run ends at, for a data set of so many pictures; the last epoch is seen to its end.

        >>> Recipe("r", NetworkChoice("n"), DataChoice("d", ""), (), loop=Loop(steps=0, epochs=3, batch=4)).last_step(9)
        7
        """
        return self.loop.steps or -(-self.loop.epochs * pictures // (self.loop.batch * self.loop.accumulate))

    def is_due(self, every: int, step: int, pictures: int) -> bool:
        """Whether `step` is one of `every` so many or, with 0, one in which an epoch of so many pictures ends.

        >>> recipe = Recipe("r", NetworkChoice("n"), DataChoice("d", ""), (), loop=Loop(batch=4))
        >>> [step for step in range(1, 8) if recipe.is_due(0, step, 9)], recipe.is_due(2, 4, 9)
        ([3, 5, 7], True)
        """
        if every:
            return step % every == 0
        seen = self.loop.batch * self.loop.accumulate
        return step * seen // pictures > (step - 1) * seen // pictures

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
    known = ["name", "network", "data", "losses", "discriminator", "optimiser", "loop", "export"]
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
    optimiser = _optimiser(table.get("optimiser", {}), "optimiser")
    recipe = Recipe(
        name=check(table.get("name", "recipe"), str, "name"),
        network=NetworkChoice(table["network"]["name"], check_settings(build, network, "network")),
        data=DataChoice(table["data"]["name"], root, check_settings(collect, data, "data", ("root", "split", "seed"))),
        losses=tuple(_loss_term(name, value) for name, value in losses.items()),
        discriminator=_discriminator(table["discriminator"], optimiser) if "discriminator" in table else None,
        optimiser=optimiser,
        loop=_loop(table.get("loop", {})),
        export=_export(table.get("export", {})),
    )
    check_agreement(recipe)
    return recipe


def _optimiser(table: Any, where: str, follows: Table | None = None) -> Optimiser:
    """`follows` gives what the table leaves out."""
    if isinstance(table, dict):
        given, table = table, {**(follows or {}), **table}
        if table.get("name") == "adagrad" and "momentum" in given:
            raise RecipeError(f"The optimiser adagrad has no momentum. Leave {where}.momentum out.")
    return read_section(Optimiser, table, where)


def _discriminator(table: Any, generator: Optimiser) -> DiscriminatorChoice:
    if not isinstance(table, dict):
        raise RecipeError(f"[discriminator] must be a table, got {table!r}.")
    settings = dict(table)
    build = pick(DISCRIMINATORS, settings.pop("name", None), "discriminator")
    optimiser = _optimiser(settings.pop("optimiser", {}), "discriminator.optimiser", asdict(generator))
    return DiscriminatorChoice(table["name"], check_settings(build, settings, "discriminator"), optimiser)


def _loop(table: Any) -> Loop:
    if isinstance(table, dict) and table.get("epochs"):
        table = {"steps": 0, **table}
    loop = read_section(Loop, table, "loop")
    if bool(loop.steps) == bool(loop.epochs):
        raise RecipeError(
            f"A run is as long as loop.steps or loop.epochs says, got steps {loop.steps} and epochs {loop.epochs}. "
            "Give one of them, and 0 for the other."
        )
    if loop.batch % (loop.devices * loop.nodes):
        machines = f" on each of loop.nodes ({loop.nodes})" if loop.nodes > 1 else ""
        raise RecipeError(
            f"loop.batch ({loop.batch}) must divide evenly among loop.devices ({loop.devices}){machines}."
        )
    if loop.precision == "16-mixed" and loop.accelerator != "cuda":
        raise RecipeError(
            f"loop.precision '16-mixed' wants loop.accelerator 'cuda', got '{loop.accelerator}'. Take 'bf16-mixed'."
        )
    return loop


def _loss_term(name: str, value: Any) -> LossTerm:
    function = pick(LOSSES, name, "loss")
    where = f"losses.{name}"
    settings = dict(value) if isinstance(value, dict) else {"weight": value}
    if "weight" not in settings:
        raise RecipeError(f"[{where}] needs the key 'weight'. Add it: weight = 1.0")
    weight = check(settings.pop("weight"), float, f"{where}.weight", {"least": 0})
    on = check(settings.pop("on", "rgb"), Literal["rgb", "ycbcr", "y"], f"{where}.on")
    if on != "rgb" and (name in RGB_LOSSES or not looks_at(name, *PICTURES)):
        raise RecipeError(
            f"The loss '{name}' knows no other colours than 'rgb', got {where}.on = '{on}'. Leave it out."
        )
    return LossTerm(name, weight, check_settings(function, settings, where, TENSORS), on)


def _export(table: Any) -> Export:
    if not isinstance(table, dict) or not isinstance(table.get("data", []), list):
        raise RecipeError(f"[export] must be a table and export.data a list of tables, got {table!r}.")
    credits = tuple(read_section(Credit, entry, "export.data") for entry in table.get("data", []))
    return read_section(Export, {**table, "data": credits}, "export")
