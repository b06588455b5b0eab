"""A trained network as a model folder: its graphs, proved, and the card that vouches for them."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from torch import nn

from scotopic import __version__
from scotopic.networks import CurveNetwork, PictureNetwork, RawNetwork, ScotopicDenoiser
from scotopic.runtime.card import (
    ApplyCard,
    Card,
    DataCard,
    DecideCard,
    DenoiseCard,
    LightCard,
    RawCard,
    TrainingCard,
    write_card,
)

from ..errors import CheckpointError, RecipeError, TrainingError
from . import checkpoint
from .checkpoint import Progress
from .graphs import graphs_of
from .loop import build_network
from .recipe import Recipe, recipe_from_table
from .settings import override


def export(
    run_or_checkpoint: str | Path,
    folder: str | Path,
    name: str,
    overrides: Iterable[str] = (),
    denoiser: str | Path | None = None,
) -> Card:
    """Make the model `name` in `folder` from a run folder (its best checkpoint) or a checkpoint file.

    Where the run kept an average of its weights, the average is exported. The folder appears complete or not at all;
    one that exists is replaced. `overrides` (`export.title=…`) mend what the recipe said about the card. A model whose
    decision is a curve may get a `denoiser`, from a run or checkpoint of its own. Returns the card. Raises
    CheckpointError, RecipeError, and TrainingError when a graph and the network disagree.
    """
    trained = _load(run_or_checkpoint, overrides)
    return export_network(*trained, folder, name, None if denoiser is None else _load(denoiser))


class Trained(NamedTuple):
    """A network with what its card says of how it came to be."""

    network: nn.Module
    recipe: Recipe
    progress: Progress


def _load(run_or_checkpoint: str | Path, overrides: Iterable[str] = ()) -> Trained:
    source = Path(run_or_checkpoint)
    path = source / "checkpoints/best.safetensors" if source.is_dir() else source
    if not path.exists():
        raise CheckpointError(
            f"There is no checkpoint at '{path}'. Give a run folder that has been validated once, or a checkpoint file."
        )
    saved = checkpoint.load(path)
    table = saved.recipe.as_table()
    for assignment in overrides:
        if not assignment.startswith("export."):
            raise RecipeError(f"Only [export] can be changed after training, got '{assignment}'.")
        table = override(table, assignment)
    network = build_network(saved.recipe)
    checkpoint.fill(saved, network)
    return Trained(network, recipe_from_table(table), saved.progress)


def export_network(
    network: nn.Module,
    recipe: Recipe,
    progress: Progress,
    folder: str | Path,
    name: str,
    denoiser: Trained | None = None,
) -> Card:
    """Make a model folder from a live network. Raises TrainingError when a graph and the network disagree."""
    folder = Path(folder)
    if folder.exists() and not (folder / "card.toml").exists():
        raise TrainingError(f"'{folder}' exists and is no model folder, so it stays. Give another place to export to.")
    _refuse_nameless(recipe, ", or give it here: export.{}=…")
    if denoiser:
        _refuse_nameless(denoiser.recipe, " of the denoiser's recipe, and train it again.")
    _refuse_misplaced(network, denoiser)
    halo = _halo(network)
    graphs = graphs_of(network) | (graphs_of(denoiser.network) if denoiser else {})
    files = {f"{part}.onnx": graph.SerializeToString() for part, graph in graphs.items()}
    sha256 = {file: hashlib.sha256(content).hexdigest() for file, content in files.items()}
    multiple = int(getattr(network, "multiple", 1))
    decide = None
    if isinstance(network, CurveNetwork):
        maps = graphs["decide"].graph.output[0].type.tensor_type.shape.dim[1].dim_value
        decide = DecideCard(
            "decide.onnx", sha256["decide.onnx"], recipe.export.long_side, network.iterations, maps, multiple
        )
    apply = ApplyCard("apply.onnx", sha256["apply.onnx"], halo, multiple)
    card = _card(name, network, recipe, progress, decide, apply)
    if denoiser:
        card = replace(card, denoise=_denoise_card(denoiser, sha256["denoise.onnx"]))
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{folder.name}.", dir=folder.parent) as workshop:
        unfinished, replaced = Path(workshop) / "new", Path(workshop) / "old"
        unfinished.mkdir()
        for file, content in files.items():
            (unfinished / file).write_bytes(content)
        write_card(card, unfinished)
        if folder.exists():
            folder.rename(replaced)
        unfinished.rename(folder)
    return card


def _card(
    name: str, network: nn.Module, recipe: Recipe, progress: Progress, decide: DecideCard | None, apply: ApplyCard
) -> Card:
    scale = network.scale if isinstance(network, PictureNetwork) else 1
    light, raw = LightCard("srgb", "srgb", channels_in=3, channels_out=3, scale=scale), None
    if isinstance(network, RawNetwork):
        light = LightCard("packed-raw", network.light_out, network.channels_in, channels_out=3, scale=network.scale)
        raw = RawCard("bayer" if network.planes == 4 else "xtrans", network.normalisation)
    return Card(
        name=name,
        title=recipe.export.title or name,
        source=recipe.export.source,
        licence=recipe.export.licence,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        version=__version__,
        light=light,
        raw=raw,
        decide=decide,
        apply=apply,
        training=_training(recipe, progress),
    )


def _training(recipe: Recipe, progress: Progress) -> TrainingCard:
    return TrainingCard(
        recipe=recipe.name,
        recipe_sha256=recipe.sha256,
        data=tuple(DataCard(d.name, d.licence, d.credit, d.url) for d in recipe.export.data),
        hours=round(progress.seconds / 3600, 2),
        machine=progress.machine,
        steps=progress.step,
        date=progress.date,
    )


def _denoise_card(denoiser: Trained, sha256: str) -> DenoiseCard:
    network = denoiser.network
    assert isinstance(network, ScotopicDenoiser), "it was refused otherwise"
    return DenoiseCard(
        "denoise.onnx",
        sha256,
        network.halo,
        parameters=sum(parameter.numel() for parameter in network.parameters()),
        multiple=network.multiple,
        training=_training(denoiser.recipe, denoiser.progress),
    )


def _refuse_nameless(recipe: Recipe, remedy: str) -> None:
    for key in ("data", "licence"):
        if not getattr(recipe.export, key):
            raise RecipeError(
                f"A model's card names its {key}, and the recipe '{recipe.name}' has no export.{key}. "
                f"Add it to [export]{remedy.format(key)}"
            )


def _refuse_misplaced(network: nn.Module, denoiser: Trained | None) -> None:
    """A denoiser follows a curve: it is no model without one, nor does it follow anything else."""
    if isinstance(network, ScotopicDenoiser):
        raise TrainingError(
            "A denoiser takes the noise from what a curve has brightened, so it is no model by itself. Export the run "
            "of a curve network, and give this one as its denoiser."
        )
    if denoiser is None:
        return
    if not isinstance(denoiser.network, ScotopicDenoiser):
        raise TrainingError(
            f"The denoiser is to be a run of 'scotopic_denoiser', got one of '{denoiser.recipe.network.name}'."
        )
    if not isinstance(network, CurveNetwork):
        raise TrainingError(
            f"'{type(network).__name__}' makes pixels in one step, so there is no curve for a denoiser to follow. "
            "Export it without one, or take the run of a curve network."
        )


def _halo(network: nn.Module) -> int:
    """How far a pixel of the result looks: curves look at their own pixel alone, any other network says it."""
    if isinstance(network, CurveNetwork):
        return 0
    halo = getattr(network, "halo", None)
    if not isinstance(halo, int):
        raise TrainingError(
            f"{type(network).__name__} does not say how far a pixel of its result looks. Give it "
            "an attribute `halo`, in pixels: tiles are cut by it."
        )
    return halo
