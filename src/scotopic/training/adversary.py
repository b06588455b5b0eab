"""The other side of adversarial training: a discriminator, its step after the generator's, and who is winning."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from scotopic.losses.adversarial import Kind, discriminator_loss
from scotopic.networks import DISCRIMINATORS

from .objective import Scaler, refuse_infinite
from .optimise import build_optimiser, learning_rate, set_rate
from .recipe import DiscriminatorChoice, LossTerm
from .settings import build

if TYPE_CHECKING:
    from lightning_fabric import Fabric

WINDOW = 100
"""Steps whose average says who is winning: what a few batches say is chance."""

WINS, LOSES = 0.95, 0.55
"""Shares of pictures told right above and below which a discriminator teaches little: 0.5 is guessing."""

BACK = 0.05
"""How far the share must come back before the discriminator is called even again, so that it is not said twice."""


class Judge(nn.Module):
    """The discriminator on both sides in one `forward`, where several processes take hold of it.

    Real and made pictures go through it apart, so that batch normalisation does not give away how many are which.
    """

    def __init__(self, discriminator: nn.Module) -> None:
        super().__init__()
        self.discriminator = discriminator

    def forward(self, target: Tensor, out: Tensor) -> tuple[Tensor, Tensor]:
        return self.discriminator(target), self.discriminator(out)


class Adversary:
    """The discriminator of a recipe, ready to score pictures and to learn from them."""

    def __init__(self, fabric: Fabric, choice: DiscriminatorChoice, terms: tuple[LossTerm, ...]) -> None:
        self.fabric = fabric
        self.choice = choice
        self.kind: Kind = next(term.settings["kind"] for term in terms if term.name == "adversarial")
        self.discriminator = build(DISCRIMINATORS, choice.name, choice.settings, "discriminator").to(fabric.device)
        self.optimiser = build_optimiser(choice.optimiser, self.discriminator)
        self.judge, self.stepper = fabric.setup(Judge(self.discriminator), self.optimiser)
        self.balance = Balance()

    def scores(self, out: Tensor, target: Tensor) -> dict[str, Tensor]:
        """What the generator's losses see: the slope leads through `out`, not into the discriminator's weights."""
        self.discriminator.requires_grad_(False)
        with self.fabric.autocast():
            scores = {"fake_score": self.discriminator(out).float(), "real_score": self.discriminator(target).float()}
        self.discriminator.requires_grad_(True)
        return scores

    def learn(
        self, pairs: Sequence[tuple[Tensor, Tensor]], step: int, last_step: int, names: list[str], scaler: Scaler | None
    ) -> tuple[dict[str, float], str]:
        """One step on (out, target) of each of the step's batches, after the generator has made its own.

        Returns what is to be logged, and in words what is to be said, mostly nothing. Raises DivergedError.
        """
        set_rate(self.optimiser, learning_rate(self.choice.optimiser, step, last_step))
        self.stepper.zero_grad()
        seen = []
        for rest, (out, target) in zip(reversed(range(len(pairs))), pairs, strict=True):
            with self.fabric.no_backward_sync(self.judge, enabled=rest > 0):
                real, fake = self.judge(target, out)
                loss = discriminator_loss(real, fake, self.kind)
                self.fabric.backward(loss / len(pairs))
            seen.append(torch.stack([loss, told_right(real, fake, self.kind), real.mean(), fake.mean()]).detach())
        limit = self.choice.optimiser.clip_norm or math.inf
        norm = self.fabric.clip_gradients(self.judge, self.stepper, max_norm=limit, error_if_nonfinite=False)
        numbers = torch.stack([*torch.stack(seen).mean(0), torch.as_tensor(norm)]).tolist()
        loss_, accuracy, real_, fake_, norm_ = numbers
        facts = {"d_loss": loss_, "d_accuracy": accuracy, "d_grad_norm": norm_}
        refuse_infinite(facts, step, names, scaler)
        self.stepper.step()
        return facts, self.balance.note(step, accuracy, real_, fake_)


@torch.no_grad()
def told_right(real: Tensor, fake: Tensor, kind: str) -> Tensor:
    """The share of scores on the right side of 0, or, where only differences count, of the other side's mean.

    >>> told_right(torch.tensor([3.0, 1.0]), torch.tensor([2.0, -1.0]), "bce").item()
    0.75
    >>> told_right(torch.tensor([3.0, 1.0]), torch.tensor([2.5, -1.0]), "relativistic").item()
    0.75
    """
    above, below = (fake.mean(), real.mean()) if kind == "relativistic" else (0.0, 0.0)
    return ((real > above).float().mean() + (fake < below).float().mean()) / 2


class Balance:
    """Watches over the last steps who is winning, and says it once when it changes."""

    def __init__(self) -> None:
        self.seen: deque[tuple[float, float, float]] = deque(maxlen=WINDOW)
        self.phase = "even"

    def note(self, step: int, accuracy: float, real: float, fake: float) -> str:
        """Remember a step's share of right answers and its mean scores; words where the phase changes, else nothing."""
        self.seen.append((accuracy, real, fake))
        if len(self.seen) < WINDOW:
            return ""
        accuracy, real, fake = (sum(column) / WINDOW for column in zip(*self.seen, strict=True))
        before = self.phase
        if accuracy > WINS - BACK * (before == "wins"):
            self.phase = "wins"
        elif accuracy < LOSES + BACK * (before == "loses"):
            self.phase = "loses"
        else:
            self.phase = "even"
        if self.phase == before:
            return ""
        words = {
            "wins": "The discriminator wins: the generator learns little from it now. If it lasts, lower "
            "discriminator.optimiser.lr",
            "loses": "The discriminator guesses: the generator learns little from it now. If it lasts, raise "
            "discriminator.optimiser.lr",
            "even": "The discriminator and the generator are even again",
        }[self.phase]
        return (
            f"{words}. Over steps {step - WINDOW + 1} to {step} it told {accuracy:.0%} right "
            f"(mean scores: real {real:.3g}, made {fake:.3g})."
        )
