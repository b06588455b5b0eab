"""A run frozen between two steps: one safetensors file, its facts as JSON in the header. No pickle anywhere."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from ..errors import CheckpointError, RecipeError
from .optimise import Weights
from .recipe import PLACES, Recipe, recipe_from_table

VERSION = 1

Learner = tuple[nn.Module, torch.optim.Optimizer]
"""A network and the optimiser of its weights."""


@dataclass
class Progress:
    """How far a run has come: all that the loop must know besides the tensors and the recipe."""

    step: int = 0
    last_step: int = 0
    """The step that the run is to end at: with `loop.epochs` the data set decides it."""
    seconds: float = 0.0
    """Time spent in training and validating, over all sittings."""
    best_step: int = 0
    best: dict[str, float] = field(default_factory=dict)
    """The validation report of the best step."""
    since_best: int = 0
    """Validations without improvement."""
    stopped: str = ""
    """Why the run ended before its last step, in words."""
    machine: str = ""
    date: str = ""
    """Where and on what day the latest sitting began."""
    scaler: dict[str, float] = field(default_factory=dict)
    """The state of half precision's gradient scaler."""
    data: dict[str, str] = field(default_factory=dict)
    """What the splits train and val were made of (`made_of`); empty in checkpoints older than this."""


@dataclass(frozen=True)
class Checkpoint:
    """A file, read. Tensors are named `network.…`, `average.…` and `optimiser.<state>.…`.

    An adversarial run has `discriminator.…` and `discriminator_optimiser.<state>.…` too.
    """

    path: Path
    recipe: Recipe
    progress: Progress
    tensors: Weights

    def part(self, prefix: str) -> Weights:
        start = prefix + "."
        return {name.removeprefix(start): value for name, value in self.tensors.items() if name.startswith(start)}


def save(
    path: Path,
    recipe: Recipe,
    progress: Progress,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: Weights | None,
    rival: Learner | None = None,
) -> None:
    """Write the checkpoint beside `path`, then put it in its place: a reader finds the old one or the new, whole."""
    tensors = _tensors("network", network, "optimiser", optimiser)
    tensors |= {f"average.{name}": value for name, value in (average or {}).items()}
    if rival:
        tensors |= _tensors("discriminator", rival[0], "discriminator_optimiser", rival[1])
    tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    facts = {"version": VERSION, "recipe": recipe.as_table(), "progress": asdict(progress), "crc32": _crc32(tensors)}
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f".{path.name}.unfinished")
    save_file(tensors, unfinished, {"scotopic": json.dumps(facts)})
    with open(unfinished, "rb") as file:
        os.fsync(file.fileno())
    os.replace(unfinished, path)


def _tensors(prefix: str, network: nn.Module, states: str, optimiser: torch.optim.Optimizer) -> Weights:
    tensors = {f"{prefix}.{name}": value for name, value in network.state_dict().items()}
    for name, parameter in network.named_parameters():
        tensors |= {f"{states}.{key}.{name}": value for key, value in optimiser.state[parameter].items()}
    return tensors


def load(path: Path) -> Checkpoint:
    """The checkpoint at `path`, checked for damage. Raises CheckpointError."""
    try:
        with safe_open(path, "pt") as file:
            facts = json.loads((file.metadata() or {})["scotopic"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if facts["version"] != VERSION:
            raise CheckpointError(
                f"The checkpoint '{path}' is of version {facts['version']}, this scotopic reads "
                f"version {VERSION}. Resume it with the scotopic that wrote it."
            )
        if facts["crc32"] != _crc32(tensors):
            raise CheckpointError(f"The checkpoint '{path}' is damaged: its checksum does not match. {_ADVICE}")
        return Checkpoint(path, recipe_from_table(facts["recipe"]), Progress(**facts["progress"]), tensors)
    except OSError as error:
        why = error.strerror or str(error)
        raise CheckpointError(f"The checkpoint '{path}' cannot be read: {why}. {_ADVICE}") from error
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise CheckpointError(f"The checkpoint '{path}' is no checkpoint or damaged: {error}. {_ADVICE}") from error
    except RecipeError as error:
        raise CheckpointError(f"The checkpoint '{path}' holds a recipe this scotopic cannot follow: {error}") from error


_ADVICE = "Delete it and start the run again, or give another one."


@torch.no_grad()
def fill(checkpoint: Checkpoint, network: nn.Module) -> None:
    """Give the network the weights that are to be used. Raises CheckpointError where they do not fit."""
    _copy(checkpoint, "average" if checkpoint.part("average") else "network", network.state_dict())


@torch.no_grad()
def restore(
    checkpoint: Checkpoint,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    average: Weights | None,
    rival: Learner | None = None,
) -> None:
    """Put the tensors of a checkpoint where training uses them. Raises CheckpointError where they do not fit."""
    _copy(checkpoint, "network", network.state_dict())
    _recall(checkpoint, "optimiser", network, optimiser)
    if average is not None:
        _copy(checkpoint, "average", average)
    if rival:
        _copy(checkpoint, "discriminator", rival[0].state_dict())
        _recall(checkpoint, "discriminator_optimiser", *rival)


def _recall(checkpoint: Checkpoint, states: str, network: nn.Module, optimiser: torch.optim.Optimizer) -> None:
    parameters = dict(network.named_parameters())
    for name, value in checkpoint.part(states).items():
        key, _, parameter = name.partition(".")
        if parameter not in parameters:
            raise CheckpointError(
                f"The checkpoint '{checkpoint.path}' has optimiser state for '{parameter}', "
                f"which this network does not have. {_ADVICE}"
            )
        home = parameters[parameter]
        # Same memory layout as before the break, else the sums of a vectorised kernel may differ in the last bit.
        optimiser.state[home][key] = torch.empty_like(home).copy_(value) if key != "step" else value


def check_same_run(checkpoint: Checkpoint, recipe: Recipe, last_step: int, data: dict[str, str]) -> None:
    """Raise CheckpointError where `recipe` would have given other weights up to here than the checkpoint's.

    `last_step` is the step at which `recipe` ends on the data at hand, and `data` what its splits are made of.
    """
    planned = checkpoint.progress.last_step or checkpoint.recipe.loop.steps
    then, now = _what_decides(checkpoint.recipe, planned), _what_decides(recipe, last_step)
    changed = [key for key in sorted(then.keys() | now.keys()) if then.get(key) != now.get(key)]
    if changed:
        listing = "; ".join(f"{key} was {then.get(key, 'absent')}, is {now.get(key, 'absent')}" for key in changed)
        raise CheckpointError(
            f"The checkpoint '{checkpoint.path}' belongs to another recipe: {listing}. Take the "
            "recipe it was made with, or start a new run in another folder."
        )
    check_same_data(checkpoint, data)


def check_same_data(checkpoint: Checkpoint, data: dict[str, str]) -> None:
    """Raise CheckpointError where a split in `data` is made of other files than when the checkpoint was made."""
    then = checkpoint.progress.data
    changed = [split for split in data if then.get(split, data[split]) != data[split]]
    if changed:
        listing = "; ".join(f"{split} was {then[split]}, is {data[split]}" for split in changed)
        raise CheckpointError(
            f"The checkpoint '{checkpoint.path}' was made on other pictures: {listing}. What it learnt from may be "
            "held out now. Put the files and their splits back as they were, or start a new run in another folder."
        )


def _what_decides(recipe: Recipe, last_step: int) -> dict[str, Any]:
    """Every setting, by dotted name, that the weights of a step depend on."""
    table = recipe.as_table()
    loop = {name: table["loop"][name] for name in ("seed", "batch", "accumulate", "ema")}
    if recipe.optimiser.schedule != "constant":
        loop["steps"] = last_step  # however it was said: in steps, or in epochs over so many pictures
    data = {key: value for key, value in table["data"].items() if key not in PLACES}
    decisive = ("network", "losses", "discriminator", "optimiser")
    parts: dict[str, Any] = {key: table[key] for key in decisive if key in table}
    return dict(_flat({**parts, "data": data, "loop": loop}))


def _flat(table: dict[str, Any], where: str = "") -> Iterable[tuple[str, Any]]:
    for key, value in table.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{where}{key}.")
        else:
            yield f"{where}{key}", value


def _copy(checkpoint: Checkpoint, prefix: str, into: Weights) -> None:
    saved = checkpoint.part(prefix)
    wrong = [
        name
        for name in saved.keys() | into.keys()
        if name not in saved or name not in into or saved[name].shape != into[name].shape
    ]
    if wrong:
        raise CheckpointError(
            f"The checkpoint '{checkpoint.path}' does not fit the network in: {', '.join(sorted(wrong))}. {_ADVICE}"
        )
    for name, value in saved.items():
        into[name].copy_(value)


def _crc32(tensors: dict[str, Tensor]) -> int:
    crc = 0
    for name in sorted(tensors):
        crc = zlib.crc32(name.encode(), crc)
        crc = zlib.crc32(tensors[name].contiguous().view(-1).view(torch.uint8).numpy().tobytes(), crc)
    return crc
