"""What every network in DISCRIMINATORS keeps to, and what is published of them."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from scotopic.networks import DISCRIMINATORS, DCGANDiscriminator, PatchDiscriminator

from .test_networks import SMALL, build


@pytest.mark.parametrize("name", DISCRIMINATORS)
@pytest.mark.parametrize("size", [(1, 1), (9, 70), (32, 32), (41, 37), (64, 129)])
def test_a_picture_of_any_size_gets_scores(name: str, size: tuple[int, int]) -> None:
    score = build(name, **SMALL[name])(torch.rand(2, 3, *size))
    assert score.shape[:2] == (2, 1)
    assert score.ndim in (2, 4)
    assert score.numel() >= 2
    assert score.isfinite().all()


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_scores_are_logits(name: str) -> None:
    """They are what the last convolution says, as large as that is: nothing squeezes them into [0, 1]."""
    network = build(name, **SMALL[name]).eval()
    pictures = torch.rand(2, 3, 64, 64)
    scores = network(pictures)
    last = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][-1]
    last.register_forward_hook(lambda _layer, _given, said: -900 * said)
    torch.testing.assert_close(network(pictures), -900 * scores)


@pytest.mark.parametrize("name", DISCRIMINATORS)
def test_real_and_made_pictures_can_be_judged_before_going_back(name: str) -> None:
    """Both steps change what batch and spectral normalisation remember."""
    network = build(name, **SMALL[name])
    made = torch.rand(2, 3, 40, 40, requires_grad=True)
    (network(torch.rand(2, 3, 40, 40)).mean() - network(made).mean()).backward()
    assert made.grad is not None
    assert made.grad.abs().sum() > 0


@pytest.mark.parametrize(
    ("name", "count"),
    [
        # 4x4 kernels without bias; a weight and a bias for each channel of the three batch normalisations.
        (
            "dcgan_discriminator",
            16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1) + 2 * (128 + 256 + 512),
        ),
        # 4x4 kernels and a bias each: nothing normalises it away.
        (
            "patch_discriminator",
            16 * (3 * 64 + 64 * 128 + 128 * 256 + 256 * 512 + 512 * 1) + (64 + 128 + 256 + 512 + 1),
        ),
    ],
)
def test_parameters_as_published(name: str, count: int) -> None:
    assert sum(parameter.numel() for parameter in DISCRIMINATORS[name]().parameters()) == count
    assert f"{count:,} parameters" in " ".join((DISCRIMINATORS[name].__doc__ or "").split())


def test_dcgan_sees_the_average_over_64_by_64_places() -> None:
    network = build("dcgan_discriminator", **SMALL["dcgan_discriminator"]).eval()
    picture = torch.rand(1, 3, 64, 64)
    larger = picture.repeat_interleave(2, 2).repeat_interleave(3, 3)
    torch.testing.assert_close(network(larger), network(picture))
    assert [layer.stride for layer in network.modules() if isinstance(layer, nn.Conv2d)][:4] == [(2, 2)] * 4


def test_a_finished_dcgan_judges_each_picture_by_itself() -> None:
    network = build("dcgan_discriminator", **SMALL["dcgan_discriminator"]).eval()
    pictures = torch.rand(3, 3, 50, 40)
    torch.testing.assert_close(network(pictures)[:1], network(pictures[:1]))


def test_dcgan_starts_as_published() -> None:
    torch.manual_seed(0)
    for layer in DCGANDiscriminator().modules():
        if isinstance(layer, nn.Conv2d):
            assert layer.weight.std().item() == pytest.approx(0.02, rel=0.05)
        elif isinstance(layer, nn.BatchNorm2d):
            assert layer.weight.mean().item() == pytest.approx(1, abs=0.01)


def test_a_score_of_the_patch_discriminator_sees_70_by_70_pixels() -> None:
    """As published: 70 = 4 + 3 and + 3, times 2 and + 2 three times."""
    network = build("patch_discriminator", **SMALL["patch_discriminator"]).double().eval()
    picture = torch.rand(1, 3, 160, 160, dtype=torch.float64, requires_grad=True)
    scores = network(picture)
    scores[0, 0, scores.shape[2] // 2, scores.shape[3] // 2].backward()
    assert picture.grad is not None
    for axis in (1, 2):
        seen = (picture.grad[0].abs().sum(0).sum(axis - 1) > 0).nonzero()
        assert len(seen) == seen.max() - seen.min() + 1 == 70


def test_no_convolution_of_the_patch_discriminator_stretches_and_no_weight_can_grow_to_win() -> None:
    torch.manual_seed(0)
    network = PatchDiscriminator(width=4)
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in network.modules())
    convs = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    for conv in convs:
        conv.parametrizations.weight.original.data *= 100  # type: ignore[union-attr]
    with torch.no_grad():
        for _ in range(40):  # each finds the singular vectors a little better
            network(torch.rand(1, 3, 24, 24))
    network.eval()
    for conv in convs:
        assert torch.linalg.svdvals(conv.weight.detach().flatten(1)).max().item() == pytest.approx(1, abs=0.03)
