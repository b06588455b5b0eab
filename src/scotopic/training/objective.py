"""From a batch to the number that is made small: what the network gives, each loss by name, the weighted sum."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from scotopic.losses import LOSSES
from scotopic.networks import CurveNetwork, RawNetwork

from ..errors import DivergedError, RecipeError
from .recipe import TENSORS, LossTerm


class Outcome(NamedTuple):
    """`out` is the finished picture, `n 3 h w` sRGB; `maps` what a curve network decided, `n c h w`, else None."""

    out: Tensor
    maps: Tensor | None


class Develop(nn.Module):
    """The network as the losses see it: one `forward`, where compiling and several processes take hold of it."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, low: Tensor) -> Outcome:
        if isinstance(self.network, CurveNetwork):
            maps = self.network.decide(low)
            return Outcome(self.network.apply_decision(low, maps), maps)
        out = self.network(low)
        if isinstance(self.network, RawNetwork) and self.network.light_out == "linear":
            out = srgb_encoded(out)
        return Outcome(out, None)


def srgb_encoded(light: Tensor) -> Tensor:
    """sRGB codes of linear light; the curve goes on above 1, its straight part below 0, so that no gradient is lost.

    >>> srgb_encoded(torch.tensor([-0.5, 0.0, 0.214, 1.0])).mul(100).round().tolist()
    [-646.0, 0.0, 50.0, 100.0]
    """
    bent = 1.055 * light.clamp(min=0.0031308) ** (1 / 2.4) - 0.055
    return torch.where(light <= 0.0031308, 12.92 * light, bent)


class Objective:
    """The weighted losses of a recipe. A loss gets the tensors that its parameters name."""

    def __init__(self, terms: tuple[LossTerm, ...]) -> None:
        self.terms = terms
        self.wants: dict[str, list[str]] = {}
        self.functions: dict[str, Callable[..., Tensor]] = {}
        for term in terms:
            self.functions[term.name] = LOSSES[term.name]
            parameters = inspect.signature(LOSSES[term.name]).parameters
            self.wants[term.name] = [name for name in parameters if name in TENSORS]

    def __call__(self, low: Tensor, target: Tensor, outcome: Outcome) -> dict[str, Tensor]:
        """Each loss by name, unweighted."""
        tensors = {"low": low, "target": target, "out": outcome.out, "maps": outcome.maps}
        return {
            term.name: self.functions[term.name](*[tensors[name] for name in self.wants[term.name]], **term.settings)
            for term in self.terms
        }

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        # A weight of 0 only logs: left out here, it costs no gradient.
        return torch.stack([term.weight * losses[term.name] for term in self.terms if term.weight]).sum()


def refuse_misfit(network: nn.Module, sample: Any) -> None:
    """Raise RecipeError unless the network takes what the data set gives: pictures, or packed raw of its kind."""
    wanted = network.channels_in if isinstance(network, RawNetwork) else 3
    scale = network.scale if isinstance(network, RawNetwork) else 1
    channels, height, width = sample.low.shape
    if channels != wanted or tuple(sample.target.shape[1:]) != (scale * height, scale * width):
        target = f"{sample.target.shape[2]} x {sample.target.shape[1]}"
        raise RecipeError(
            f"The network takes {wanted} channels and makes 3 of {scale * width} x {scale * height} from "
            f"{width} x {height} pixels; the data set gives {channels} channels and targets of {target}. Take a data "
            "set, or settings of it, made for this network (raw networks want packed raw: planes and normalisation)."
        )


def refuse_infinite(facts: Mapping[str, float], step: int, names: list[str]) -> None:
    """Raise DivergedError, naming culprit, step and pictures, unless every number of a step is finite."""
    for name, value in facts.items():
        if not math.isfinite(value):
            what = "The gradient" if name == "grad_norm" else f"The loss '{name.removeprefix('loss_')}'"
            raise DivergedError(
                f"{what} became {value} at step {step}, on {', '.join(names)}. Look at these pictures; "
                "if they are sound, lower optimiser.lr or set optimiser.clip_norm, and resume."
            )
