"""The network that sees every sensor's noise alike."""

import pytest
import torch

from scotopic.networks import KSigmaUNet


def planes(light: torch.Tensor, slope: float, offset: float) -> torch.Tensor:
    return torch.cat([light, torch.full_like(light, slope), torch.full_like(light, offset)], 1)


@pytest.mark.parametrize(("n", "scale"), [(4, 2), (9, 3)])
def test_without_its_convolutions_it_hands_the_light_through(n: int, scale: int) -> None:
    """The transform there and back is the identity: what is not learned is not changed."""
    network = KSigmaUNet(planes=n, width=4, depth=2).eval()
    torch.nn.init.zeros_(network.last.weight)
    torch.nn.init.zeros_(network.last.bias)
    light = torch.linspace(0.0, 3.0, 36).reshape(1, 1, 6, 6).expand(1, n, 6, 6)
    low = planes(light, 0.01, 0.002)
    if n == 9:
        low = torch.cat([low, torch.zeros(1, 1, 6, 6)], 1)
    out = network(low)
    expected = light[:, :1].repeat_interleave(scale, 2).repeat_interleave(scale, 3).expand(1, 3, -1, -1)
    torch.testing.assert_close(out, expected, rtol=1e-4, atol=1e-5)


def test_it_sees_the_same_noise_whatever_the_gain() -> None:
    """Behind the root of the k-sigma transform the spread is the plane it is told: sqrt(slope) / 2."""
    generator = torch.Generator().manual_seed(0)
    for slope, offset, level in ((0.001, 1e-6, 0.2), (0.05, 1e-3, 0.5), (0.2, 0.05, 1.0)):
        mean = torch.full((200_000,), level / slope)
        light = torch.poisson(mean, generator=generator) * slope
        light = light + torch.randn(light.shape, generator=generator) * offset**0.5
        root = torch.sqrt(torch.clamp(light + offset / slope + 0.375 * slope, min=1e-8))
        assert root.std().item() == pytest.approx(slope**0.5 / 2, rel=0.05)


def test_its_size_is_as_documented() -> None:
    assert (
        sum(parameter.numel() for parameter in KSigmaUNet().parameters()) == 841_324
    )  # 55,264 in and between levels, 784,320 in blocks, 1,740 out
