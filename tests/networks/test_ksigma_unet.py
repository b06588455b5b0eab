"""The network that sees every sensor's noise alike."""

import pytest
import torch

from scotopic.networks import KSigmaUNet


def planes(light: torch.Tensor, slope: float, offset: float) -> torch.Tensor:
    return torch.cat([light, torch.full_like(light, slope), torch.full_like(light, offset)], 1)


@pytest.mark.parametrize(("n", "scale"), [(4, 2), (9, 3)])
def test_before_it_has_learned_anything_flat_light_goes_through(n: int, scale: int) -> None:
    """The transform there and back is the identity, and a demosaicing of one light is that light."""
    network = KSigmaUNet(planes=n, width=4, depth=2).eval()
    for level in (0.0, 0.2, 3.0):
        low = planes(torch.full((1, n, 6, 6), level), 0.01, 0.002)
        if n == 9:
            low = torch.cat([low, torch.zeros(1, 1, 6, 6)], 1)
        out = network(low)
        torch.testing.assert_close(out, torch.full((1, 3, 6 * scale, 6 * scale), level), rtol=1e-4, atol=1e-5)


def test_it_begins_with_a_demosaicing_that_keeps_slopes_and_colours() -> None:
    """Malvar's filters are exact where brightness is a plane and colour differences are constant."""
    y, x = torch.meshgrid(torch.arange(20.0), torch.arange(24.0), indexing="ij")
    green = 0.3 + 0.01 * x - 0.004 * y
    truth = torch.stack([green + 0.1, green, green - 0.15])
    mosaic = truth[1].clone()
    mosaic[0::2, 0::2], mosaic[1::2, 1::2] = truth[0, 0::2, 0::2], truth[2, 1::2, 1::2]
    root = torch.stack([mosaic[row::2, column::2] for row in (0, 1) for column in (0, 1)])[None]
    out = KSigmaUNet()(planes(root**2, 1e-9, 0.0))[0].sqrt()
    torch.testing.assert_close(out[:, 2:-2, 2:-2], truth[:, 2:-2, 2:-2], rtol=0, atol=1e-4)


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
    # In and between levels, in blocks, out of the last level, in the demosaicing.
    assert sum(parameter.numel() for parameter in KSigmaUNet().parameters()) == 55_408 + 784_320 + 1_740 + 432


def test_black_looks_alike_whatever_the_read_noise() -> None:
    """No light is 0 to the network, of a quiet sensor as of a noisy one, and it is told which of the two it is."""
    network, seen = KSigmaUNet(), []
    network.first.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    told = []
    for read_electrons in (1.3, 5.0):
        slope = torch.full((1, 4, 16, 16), 0.05)
        offset = slope**2 * read_electrons**2
        network(torch.cat([torch.zeros_like(slope), slope, offset], 1))
        assert seen[-1][:, :4].abs().max() < 1e-5
        told.append(seen[-1][:, 8].mean().item())
    assert told == pytest.approx([2 * (electrons**2 + 0.375) ** 0.5 / 8 for electrons in (1.3, 5.0)], rel=1e-4)
