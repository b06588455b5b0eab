"""What the two players of an adversarial training make small.

Scores are logits of one shape, the batch first: `n 1`, or a map `n 1 h w`. Above 0 they mean "real".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from torch import Tensor
from torch.nn.functional import relu, softplus

from ..errors import RecipeError

Kind = Literal["bce", "least_squares", "hinge", "relativistic"]

DOUBT: dict[str, Callable[[Tensor], Tensor]] = {
    "bce": lambda score: softplus(-score),
    "least_squares": lambda score: (score - 1).square() / 2,
    "hinge": lambda score: relu(1 - score),
    "relativistic": lambda score: softplus(-score),
}
"""What the score of a real picture costs the discriminator. That of a fake costs as much with the other sign."""


def adversarial_loss(fake_score: Tensor, real_score: Tensor, kind: Kind = "bce") -> Tensor:
    """What the generator makes small: how surely the discriminator tells its pictures from real ones.

    - `bce`: -log of the probability of "real", the form that does not saturate (Goodfellow et al., NIPS 2014, sec. 3)
    - `least_squares`: half the squared distance from 1 (Mao et al., LSGAN, ICCV 2017, eq. 2; real is 1 and fake is -1
      here, so that the border lies at 0 as for the others)
    - `hinge`: the score with a minus, which has no lower end (Miyato et al., spectral normalisation, ICLR 2018, eq. 17)
    - `relativistic`: how far fakes score below the average real picture, and real ones above the average fake
      (Wang et al., ESRGAN, ECCVW 2018, eq. 2); the only one to look at `real_score`

    Raises RecipeError for any other kind.

    >>> import torch; adversarial_loss(torch.full((2, 1), -1.0), torch.ones(2, 1), kind="least_squares").item()
    2.0
    """
    doubt = _doubt(kind)
    if kind == "relativistic":
        return discriminator_loss(fake_score, real_score, kind)  # the same game with the sides changed
    fake = fake_score.float()
    return -fake.mean() if kind == "hinge" else doubt(fake).mean()


def discriminator_loss(real_score: Tensor, fake_score: Tensor, kind: Kind = "bce") -> Tensor:
    """What the discriminator makes small: real pictures taken for fake, plus fake ones taken for real.

    The sources are those of `adversarial_loss` (ESRGAN: eq. 1). One that cannot tell, with 0 for all, pays 2 log 2
    (`bce`, `relativistic`), 1 (`least_squares`) or 2 (`hinge`). Give it fakes that are detached from their generator.
    Raises RecipeError for an unknown kind.

    >>> import torch; discriminator_loss(torch.zeros(2, 1), torch.zeros(2, 1), kind="hinge").item()
    2.0
    """
    doubt = _doubt(kind)
    real, fake = real_score.float(), fake_score.float()
    if kind == "relativistic":
        real, fake = real - fake.mean(), fake - real.mean()
    return doubt(real).mean() + doubt(-fake).mean()


def _doubt(kind: str) -> Callable[[Tensor], Tensor]:
    if kind not in DOUBT:
        raise RecipeError(f"An adversarial loss is of the kind {', '.join(DOUBT)}; got '{kind}'. Choose one of these.")
    return DOUBT[kind]
