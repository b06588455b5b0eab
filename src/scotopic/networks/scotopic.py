"""Our own network's decision: how much light a picture wants, and where, as curves (Guo et al., CVPR 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from .curves import CurveNetwork, apply_curves, rising_amounts

LUMA = (0.299, 0.587, 0.114)
EMPTY = 4 / 255
"""sRGB luma below which a place hardly holds anything; how bright it would become should not matter to the rest."""
SHARE_OF_EMPTY = 0.02
MOST = 0.98
"""Of an amount: at 1 nothing that the network says would change it."""
HALVINGS = 9
"""Steps that the exposure is searched in: to a 512th, a fiftieth of a stop."""
CELL = 16
"""Thumbnail pixels by which places differ, each way."""
FULL_CONTRAST = 0.06
"""Amount, on the scale of its inverse hyperbolic tangent, that half of the contrast comes with."""


class Scotopic(CurveNetwork):
    """A rule exposes the picture, a network says what the rule got wrong; both speak of Zero-DCE's curve.

    The rule finds the one curve that brings the mean luma to `level`: what photographers call grey world, and what no
    network here beat on pictures of cameras that it had not learned from. The network sees the picture as it came and
    as the rule would expose it, so that all pictures look alike to it whatever light they were taken in, and moves the
    three maps from there: for the whole picture by what it sees in all of it, and for each 16 x 16 pixels by their
    surroundings. It starts from the rule. `locality` is the share of the maps' variation that is kept
    (`CurveNetwork`).

    The same amount in every iteration lifts shadows and holds highlights far more than a longer exposure would, and
    takes the depth out of a picture. `contrast`, from 0 to 1, has the amounts rise from iteration to iteration around
    what was decided (`with_contrast`), which brings the curve nearer to an exposure.

    57,494 parameters with the defaults.
    """

    multiple = CELL

    def __init__(
        self,
        width: int = 32,
        iterations: int = 8,
        level: float = 0.45,
        locality: float = 0.3,
        contrast: float = 0.8,
    ) -> None:
        super().__init__(iterations, locality)
        if contrast and iterations <= 2:
            raise ValueError(f"amounts rise over three iterations or more, got {iterations}: set contrast to 0.")
        self.level = level
        self.contrast = contrast
        self.scene = SceneEncoder(width)
        self.place = nn.Conv2d(width, 3, 1)
        self.whole = nn.Linear(self.scene.summary, 3)
        start_with_rule(self.place, self.whole)

    def estimate(self, low: Tensor) -> Tensor:
        rule = exposing_amount(low, self.level, self.iterations, self.contrast)
        exposed = apply_curves(low, self._maps(torch.atanh(rule.expand(-1, 3, -1, -1))), self.iterations)
        places, summary = self.scene(low, exposed, rule)
        moved = self.place(places) + self.whole(summary)[..., None, None]
        return interpolate(self._maps(torch.atanh(rule) + moved), scale_factor=float(CELL), mode="bilinear")

    def _maps(self, decided: Tensor) -> Tensor:
        """Maps from what was decided, any numbers `n 3 h w`."""
        return with_contrast(decided, self.contrast) if self.contrast else torch.tanh(decided)


class SceneEncoder(nn.Module):
    """What is seen of a scene: features of each 16 x 16 pixels that know of the whole, and a summary of all of it."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.summary = 3 * width // 2
        self.stem = nn.Conv2d(6, width, 4, stride=4)
        self.down1 = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.down2 = nn.Conv2d(width, width, 3, stride=2, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, width, 3, padding=1)
        self.summarise = nn.Linear(4 * width + 3, self.summary)
        self.tell = nn.Linear(self.summary, width)

    def forward(self, low: Tensor, exposed: Tensor, rule: Tensor) -> tuple[Tensor, Tensor]:
        """`n width h/16 w/16` and `n summary` for a picture `n 3 h w`, the same exposed, and the amount that did it."""
        fine = relu(self.stem(torch.cat([low, exposed], 1) - 0.4))
        middle = relu(self.down1(fine))
        middle = middle + relu(self.conv1(middle))
        coarse = relu(self.down2(middle))
        coarse = coarse + relu(self.conv2(coarse))
        means = [features.mean((2, 3)) for features in (fine, middle, coarse)]
        brightness = [picture.mean((1, 2, 3))[:, None] for picture in (low, exposed)]
        summary = relu(self.summarise(torch.cat([*means, coarse.amax((2, 3)), rule.flatten(1), *brightness], 1)))
        told = coarse + self.tell(summary)[..., None, None]
        return relu(told + relu(self.conv3(relu(told)))), summary


def with_contrast(decided: Tensor, contrast: float) -> Tensor:
    """Maps `n 2c h w` from what was decided, any numbers `n c h w`: amounts, and how much they rise (`apply_curves`).

    First less brightening or even darkening, then more: a curve that is steeper where the picture will be. No amount
    gets beyond [-1, 1] for a `contrast` up to 1, and nothing decided is nothing done.

    >>> with_contrast(torch.tensor([0.0, 0.3])[:, None, None, None], 0.8).flatten(1)
    tensor([[0.0000, 0.0000],
            [0.2913, 0.4725]])
    """
    amount = torch.tanh(decided)
    rise = contrast * decided / (decided.abs() + FULL_CONTRAST) * (1 - amount.abs())
    return torch.cat([amount, rise], 1)


@torch.no_grad()
def exposing_amount(low: Tensor, level: float, iterations: int = 8, contrast: float = 0.0) -> Tensor:
    """The amount in [0, 0.98] of the curve that brings the mean luma of `low` (`n 3 h w`, sRGB) to `level`, `n 1 1 1`.

    Found by halving, on means of 4 x 4 pixels; places that are black already hardly count.

    >>> dim = torch.full((1, 3, 8, 8), 0.1)
    >>> apply_curves(dim, exposing_amount(dim, 0.45).expand(1, 3, 8, 8)).mean().mul(100).round().item()
    45.0
    """
    small = avg_pool2d(low, 4)
    red, green, blue = small.unbind(1)
    luma = LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue
    seen = (luma / EMPTY).clamp(0, 1)
    weight = seen * seen * (3 - 2 * seen) + SHARE_OF_EMPTY
    weight = weight / weight.mean((1, 2), keepdim=True)
    amount = torch.full_like(luma[:, :1, :1], 0.5)
    for halving in range(HALVINGS):
        mean, rise = with_contrast(torch.atanh(MOST * amount)[:, None], contrast).unbind(1)
        bright = luma
        for step in rising_amounts(mean, rise, iterations) if contrast else [mean] * iterations:
            bright = bright + step * (bright - bright * bright)
        too_dark = (weight * bright).mean((1, 2), keepdim=True) < level
        amount = amount + torch.where(too_dark, 0.25, -0.25) / 2**halving
    return MOST * amount.clamp(0, 1)[:, None]


def start_with_rule(*layers: nn.Conv2d | nn.Linear) -> None:
    """Last layers that say 0 at first: nothing was wrong."""
    for layer in layers:
        nn.init.zeros_(layer.weight)
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)
