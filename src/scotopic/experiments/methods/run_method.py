"""A network as a training run left it: the checkpoint's weights, or the average of them that the run kept."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from scotopic import __version__
from scotopic.image import RawFrame
from scotopic.networks import PictureNetwork, RawNetwork
from scotopic.runtime.card import ApplyCard, Card, LightCard, RawCard
from scotopic.runtime.decision import Controls
from scotopic.runtime.raws import RawModel, amplification
from scotopic.runtime.session import Loading
from scotopic.runtime.tiles import fit_tile, run_in_tiles
from scotopic.runtime.zoo import Model
from scotopic.training import checkpoint
from scotopic.training.checkpoint import Checkpoint
from scotopic.training.loop import build_network
from scotopic.training.objective import Develop
from scotopic.training.validation import to_numpy

from ...errors import CheckpointError, ControlError, LightMismatchError, ModelError
from .method import digest_of

if TYPE_CHECKING:
    from ..sets.item import Item
    from .method import Facts, Image, Opened, Ratio

TILE_AREA = 1_000_000
"""Pixels that go through a network at once, halo included."""


def open_run(path: Path, threads: int, ratio: Ratio, device: str) -> Opened:
    """The checkpoint at `path`: pictures and packed planes through its network, raw frames as its export would.

    Large pictures go through in tiles, with the same result; not those of networks that look at a picture as a whole.
    So do curve networks in training; exported, they see a thumbnail. Raises CheckpointError.
    """
    if not path.is_file():
        raise CheckpointError(
            f"There is no checkpoint at '{path}'. Give a run folder that has been validated once, or a checkpoint file."
        )
    saved = checkpoint.load(path)
    network = build_network(saved.recipe)
    checkpoint.fill(saved, network)
    torch.set_num_threads(threads)
    develop = Develop(on_device(network, device)).eval()
    if saved.recipe.loop.channels_last:
        develop.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # as it was trained: faster
    name = saved.recipe.network.name
    wanted = network.channels_in if isinstance(network, RawNetwork | PictureNetwork) else 3
    raw_model = _raw_model(network, name) if isinstance(network, RawNetwork) else None

    def enhance(item: Item) -> Image:
        low = item.low()
        if isinstance(low, RawFrame):
            if raw_model is None:
                raise _misfit(name, wanted, f"a raw frame from '{item.name}'")
            raw_model.check(low)
            return _developed_frame(raw_model, low, item.ratio if ratio == "given" else None)
        if isinstance(low, Tensor) and ratio == "estimated":
            raise ControlError(
                f"'{item.name}' is packed raw, amplified by its own ratio already, so none can be estimated. Score "
                "with the ratio given, or on raw frames."
            )
        with torch.no_grad():
            planes = low if isinstance(low, Tensor) else torch.from_numpy(np.ascontiguousarray(low.transpose(2, 0, 1)))
            if planes.shape[0] != wanted:
                raise _misfit(name, wanted, f"{planes.shape[0]} from '{item.name}'")
            return _developed(develop, network, planes)

    facts = _facts(saved, network)
    return facts | {"ratio": ratio} if raw_model else facts, enhance


def on_device(network: nn.Module, device: str) -> nn.Module:
    """The network on a device of torch's. Raises ControlError where there is none such."""
    try:
        return network.to(torch.device(device))
    except (RuntimeError, AssertionError) as error:  # unknown, or known and not there
        raise ControlError(f"The device '{device}' cannot be had here: {error}. Take 'cpu'.") from error


def _developed(develop: Develop, network: nn.Module, low: Tensor) -> Image:
    """`c h w` through the network, in tiles where it says how far it looks."""
    device = next(network.parameters()).device
    if not isinstance(network, PictureNetwork) or not hasattr(network, "halo"):
        return _finite(to_numpy(develop(low[None].to(device)).out))

    def run(part: Any) -> Any:
        planes = torch.from_numpy(np.ascontiguousarray(part.transpose(2, 0, 1)))[None].to(device)
        return to_numpy(develop(planes).out)

    height, width = low.shape[1:]
    tile = fit_tile(height, width, network.halo, network.multiple, TILE_AREA)
    strips = run_in_tiles(
        [low.permute(1, 2, 0).numpy()],
        run,
        height=height,
        width=width,
        halo=network.halo,
        multiple=network.multiple,
        scale=network.scale,
        tile=tile,
    )
    return _finite(np.concatenate(list(strips)))


def _finite(out: Image) -> Image:
    if not np.isfinite(out).all():
        raise ModelError("The network made values that are not numbers. Take another checkpoint of the run.")
    return out


def _raw_model(network: RawNetwork, name: str) -> RawModel:
    """What develops raw frames for an exported model, around the network itself."""
    raw = RawCard("bayer" if network.planes == 4 else "xtrans", network.normalisation)
    light = LightCard("packed-raw", network.light_out, network.channels_in, channels_out=3, scale=network.scale)
    parameters = sum(parameter.numel() for parameter in network.parameters())
    apply = ApplyCard("", "", network.halo, network.multiple)
    card = Card(name, name, "", "", parameters, __version__, light, apply=apply, raw=raw)
    model = RawModel(Model(card, Path(name), None, b""))
    device = next(network.parameters()).device

    @torch.no_grad()
    def graph(output: str, low: NDArray[np.float32]) -> Any:
        return network(torch.from_numpy(low).to(device)).cpu().numpy()

    model.graph = Loading(lambda: graph)  # type: ignore[arg-type, return-value]  # in place of ONNX Runtime's
    return model


def _developed_frame(model: RawModel, frame: RawFrame, ratio: float | None) -> Image:
    """As `Enhancer.enhance` develops a frame; without a ratio it is estimated. Highlights are clipped at white."""
    frame = frame.upright()
    amplified = amplification(frame, Controls(ratio=ratio))
    strips = model.strips(frame, amplified, space=model.space(None), bits=16, protect_highlights=False)
    return np.concatenate(list(strips)).astype(np.float32) / np.float32(65535)


def _misfit(name: str, wanted: int, got: str) -> LightMismatchError:
    what = {3: "sRGB pictures (3 channels)", 6: "a picture and the same brightened (6 channels)"}.get(
        wanted, f"packed raw ({wanted} channels) or raw frames"
    )
    return LightMismatchError(
        f"The run's network '{name}' takes {what}, got {got}. Score it on what its recipe holds out, or on a set of "
        "that kind."
    )


def _facts(saved: Checkpoint, network: nn.Module) -> Facts:
    recipe, progress = saved.recipe, saved.progress
    facts: Facts = {
        "network": recipe.network.name,
        "parameters": sum(parameter.numel() for parameter in network.parameters()),
        "bytes": sum(value.numel() * value.element_size() for value in network.state_dict().values()),
        "licence": recipe.export.licence,
        "recipe": recipe.name,
        "recipe_sha256": recipe.sha256[:16],
        "seed": recipe.loop.seed,
        "checkpoint": saved.path.stem,
        "step": progress.step,
        "machine": progress.machine,
        "sha256": digest_of(saved.path),
    }
    log = saved.path.parent.parent / "log.csv"
    if saved.path.parent.name == "checkpoints" and log.is_file():
        with open(log, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
        if rows:
            facts |= {"steps": int(rows[-1]["step"]), "minutes": round(float(rows[-1]["seconds"]) / 60, 1)}
    return {key: value for key, value in facts.items() if value != ""}
