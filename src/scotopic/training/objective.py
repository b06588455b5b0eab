"""From a batch to the number that is made small: what the network gives, each loss by name, the weighted sum."""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from scotopic.losses import LOSSES
from scotopic.networks import CurveNetwork

from ..errors import DivergedError
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
        return Outcome(self.network(low), None)


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


def refuse_infinite(facts: Mapping[str, float], step: int, names: list[str]) -> None:
    """Raise DivergedError, naming culprit, step and pictures, unless every number of a step is finite."""
    for name, value in facts.items():
        if not math.isfinite(value):
            what = "The gradient" if name == "grad_norm" else f"The loss '{name.removeprefix('loss_')}'"
            raise DivergedError(
                f"{what} became {value} at step {step}, on {', '.join(names)}. Look at these pictures; "
                "if they are sound, lower optimiser.lr or set optimiser.clip_norm, and resume."
            )
