"""From a batch to the number that is made small: what the network gives, each loss by name, the weighted sum."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from scotopic.losses import LOSSES
from scotopic.networks import CurveNetwork, PictureNetwork, RawNetwork

from ..errors import DivergedError, RecipeError
from .agreement import PICTURES, SCORES, TENSORS, looks_at
from .recipe import LossTerm

Scores = Callable[[Tensor, Tensor], dict[str, Tensor]]

GRADIENTS = ("grad_norm", "d_grad_norm")
CULPRITS = {
    "out": "The network's output",
    "grad_norm": "The gradient",
    "d_loss": "The discriminator's loss",
    "d_grad_norm": "The discriminator's gradient",
}


class Scaler(Protocol):
    """What of torch.amp.GradScaler is looked at."""

    def get_scale(self) -> float: ...


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


def in_colours(picture: Tensor, on: str) -> Tensor:
    """A picture `n 3 h w` of RGB in [0, 1] as "ycbcr", or its "y" alone, `n 1 h w`.

    YCbCr as JPEG has it: Rec. 601 at full range, in [0, 1], Cb and Cr of grey at 0.5. Y is what the metrics call luma.

    >>> in_colours(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1), "ycbcr").flatten().mul(1000).round().tolist()
    [299.0, 331.0, 1000.0]
    """
    red, green, blue = picture.unbind(1)
    y = 0.299 * red + 0.587 * green + 0.114 * blue
    return torch.stack([y] if on == "y" else [y, 0.5 + (blue - y) / 1.772, 0.5 + (red - y) / 1.402], dim=1)


class Objective:
    """The weighted losses of a recipe. A loss gets the tensors that its parameters name.

    `scores` gives those of a discriminator, of `out` and `target`; without it there are no adversarial losses.
    """

    def __init__(self, terms: tuple[LossTerm, ...], scores: Scores | None = None) -> None:
        self.terms = tuple(term for term in terms if scores or not looks_at(term.name, *SCORES))
        self.scores = scores
        self.functions = {term.name: LOSSES[term.name] for term in self.terms}
        self.wants = {term.name: looks_at(term.name, *TENSORS) for term in self.terms}

    def __call__(self, low: Tensor, target: Tensor, outcome: Outcome) -> dict[str, Tensor]:
        """Each loss by name, unweighted."""
        tensors: dict[str, Any] = {"low": low, "target": target, "out": outcome.out, "maps": outcome.maps}
        if self.scores:
            tensors |= self.scores(outcome.out, target)
        losses = {}
        for term in self.terms:
            seen = {name: tensors[name] for name in self.wants[term.name]}
            if term.on != "rgb":
                seen |= {name: in_colours(seen[name], term.on) for name in seen if name in PICTURES}
            losses[term.name] = self.functions[term.name](**seen, **term.settings)
        return losses

    def total(self, losses: Mapping[str, Tensor]) -> Tensor:
        # A weight of 0 only logs: left out here, it costs no gradient.
        weighted = [term.weight * losses[term.name] for term in self.terms if term.weight]
        return torch.stack(weighted).sum() if weighted else torch.zeros(())


def refuse_misfit(network: nn.Module, sample: Any, paired: bool = True) -> None:
    """Raise RecipeError unless the network takes what the data set gives: pictures, or packed raw of its kind.

    Where pictures are not `paired`, the target is another one, of any size.
    """
    wanted = network.channels_in if isinstance(network, RawNetwork | PictureNetwork) else 3
    scale = network.scale if isinstance(network, RawNetwork | PictureNetwork) else 1
    channels, height, width = sample.low.shape
    sizes_fit = not paired or tuple(sample.target.shape[1:]) == (scale * height, scale * width)
    if channels != wanted or not sizes_fit:
        target = f"{sample.target.shape[2]} x {sample.target.shape[1]}"
        raise RecipeError(
            f"The network takes {wanted} channels and makes 3 of {scale * width} x {scale * height} from "
            f"{width} x {height} pixels; the data set gives {channels} channels and targets of {target}. Take a data "
            "set, or settings of it, made for this network (its scale; raw networks: planes and normalisation)."
        )


def refuse_infinite(facts: Mapping[str, float], step: int, names: list[str], scaler: Scaler | None = None) -> None:
    """Raise DivergedError, naming culprit, step and pictures, unless every number of a step is finite.

    Half precision multiplies the loss by the scale of a `scaler` so that small gradients do not vanish. Where they grow
    infinite by that, the scaler skips the step and takes a smaller scale: nothing is wrong as long as it is above 1.
    """
    for name, value in facts.items():
        if math.isfinite(value):
            continue
        if name in GRADIENTS and scaler is not None and scaler.get_scale() >= 1:
            continue
        what = CULPRITS.get(name) or f"The loss '{name.removeprefix('loss_')}'"
        table = "discriminator.optimiser" if name.startswith("d_") else "optimiser"
        raise DivergedError(
            f"{what} became {value} at step {step}, on {', '.join(names)}. Look at these pictures; if they are sound, "
            f"start afresh (--fresh) with a lower {table}.lr or with {table}.clip_norm."
        )
