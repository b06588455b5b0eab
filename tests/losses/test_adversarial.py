"""The two players pull against each other, and pay what the papers say."""

import math

import pytest
import torch
from torch import nn
from torch.nn.functional import binary_cross_entropy

from scotopic.errors import RecipeError
from scotopic.losses import adversarial_loss, discriminator_loss

KINDS = ("bce", "least_squares", "hinge", "relativistic")


def scores(seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 1, 4, 5, generator=generator), torch.randn(3, 1, 4, 5, generator=generator)


def test_bce_is_the_cross_entropy_of_probabilities():
    real, fake = scores()
    ones, zeros = torch.ones_like(real), torch.zeros_like(real)
    expected = binary_cross_entropy(real.sigmoid(), ones) + binary_cross_entropy(fake.sigmoid(), zeros)
    assert discriminator_loss(real, fake, "bce").item() == pytest.approx(expected.item(), rel=1e-5)
    expected = binary_cross_entropy(fake.sigmoid(), ones)
    assert adversarial_loss(fake, real, "bce").item() == pytest.approx(expected.item(), rel=1e-5)


def test_relativistic_is_esrgans():
    real, fake = scores()
    real_over_fake, fake_over_real = (real - fake.mean()).sigmoid(), (fake - real.mean()).sigmoid()
    expected = -real_over_fake.log().mean() - (1 - fake_over_real).log().mean()  # eq. 1
    assert discriminator_loss(real, fake, "relativistic").item() == pytest.approx(expected.item(), rel=1e-5)
    expected = -(1 - real_over_fake).log().mean() - fake_over_real.log().mean()  # eq. 2
    assert adversarial_loss(fake, real, "relativistic").item() == pytest.approx(expected.item(), rel=1e-5)


@pytest.mark.parametrize(
    ("kind", "critic", "generator"),
    # Real at 0.5 and fake at -2, by hand.
    [("least_squares", 0.5 * 0.5**2 + 0.5 * 1**2, 0.5 * 3**2), ("hinge", 0.5 + 0, 2)],
)
def test_least_squares_and_hinge_by_hand(kind, critic, generator):
    real, fake = torch.full((4, 1), 0.5), torch.full((4, 1), -2.0)
    assert discriminator_loss(real, fake, kind).item() == pytest.approx(critic)
    assert adversarial_loss(fake, real, kind).item() == pytest.approx(generator)


@pytest.mark.parametrize(
    ("kind", "price"),
    [("bce", 2 * math.log(2)), ("least_squares", 1), ("hinge", 2), ("relativistic", 2 * math.log(2))],
)
def test_who_cannot_tell_pays_the_price_of_a_guess(kind, price):
    undecided = torch.zeros(4, 1)
    assert discriminator_loss(undecided, undecided, kind).item() == pytest.approx(price, rel=1e-6)


@pytest.mark.parametrize("kind", KINDS)
def test_the_players_pull_the_score_of_a_fake_apart(kind):
    real, fake = scores()
    fake.requires_grad_()
    (down,) = torch.autograd.grad(discriminator_loss(real, fake, kind), fake)
    (up,) = torch.autograd.grad(adversarial_loss(fake, real, kind), fake)
    assert down.sum() > 0 > up.sum()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32])
def test_scores_that_are_sure_of_themselves_are_no_nan(kind, dtype):
    real, fake = torch.full((2, 1), 3e4, dtype=dtype), torch.full((2, 1), -3e4, dtype=dtype)
    for a, b in ((real, fake), (fake, real)):
        for loss in (discriminator_loss, adversarial_loss):
            leaf = a.clone().requires_grad_()
            value = loss(leaf, b, kind)
            value.backward()
            assert value.dtype == torch.float32
            assert value.isfinite()
            assert leaf.grad.isfinite().all()


@pytest.mark.parametrize("kind", KINDS)
def test_a_generator_finds_what_is_real(kind):
    # Real is a number near 3; the generator makes one from nothing, the critic is a bent line.
    torch.manual_seed(0)
    made = nn.Parameter(torch.zeros(1))
    critic = nn.Sequential(nn.Linear(1, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
    generators = torch.optim.Adam([made], lr=0.05, betas=(0.5, 0.9))
    critics = torch.optim.Adam(critic.parameters(), lr=0.02, betas=(0.5, 0.9), weight_decay=0.1)
    for _ in range(150):
        real, fake = 3 + 0.5 * torch.randn(32, 1), made + 0.5 * torch.randn(32, 1)
        critics.zero_grad()
        discriminator_loss(critic(real), critic(fake.detach()), kind).backward()
        critics.step()
        generators.zero_grad()
        adversarial_loss(critic(fake), critic(real).detach(), kind).backward()
        generators.step()
    assert made.item() == pytest.approx(3, abs=0.8)


@pytest.mark.parametrize("loss", [adversarial_loss, discriminator_loss])
def test_another_kind_is_refused(loss):
    with pytest.raises(RecipeError, match="bce, least_squares, hinge, relativistic; got 'wasserstein'"):
        loss(*scores(), kind="wasserstein")
