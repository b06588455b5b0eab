"""What every network in NETWORKS and DISCRIMINATORS keeps to, and what the curves promise."""

from __future__ import annotations

import numpy as np
import onnxruntime
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from scotopic.networks import (
    DISCRIMINATORS,
    NETWORKS,
    CurveNetwork,
    PictureNetwork,
    RawNetwork,
    ZeroDCEPlusPlus,
    apply_curves,
)
from scotopic.networks.picture import continued
from scotopic.runtime.curves import apply_curves as apply_in_the_runtime
from scotopic.runtime.curves import map_counts
from scotopic.training.graphs import graphs_of

# (height, width): one pixel, a line, a prime, more than a receptive field.
SIZES = [(1, 1), (1, 9), (13, 2), (16, 16), (31, 53)]
CURVES = [name for name, build in NETWORKS.items() if issubclass(build, CurveNetwork)]

HARDEST = {"zero_dce_pp": {"scale": 4, "locality": 0.1}}
"""Settings that ask most of an exporter, where the defaults do not."""
SMALL = {
    "cnn": {"width": 4, "depth": 3},
    "dense_cnn": {"width": 4, "depth": 4},
    "unet": {"width": 2},
    "gan_generator": {"width": 4},
    "srgan_generator": {"width": 8},
    "rrdb": {"width": 4, "blocks": 1, "growth": 2},
    "bilateral_grid": {"width": 8, "bins": 4},
    "scotopic_denoiser": {"widths": (4, 6, 8)},
    "sid_unet": {"width": 4, "depth": 4},
    "can": {"width": 8, "depth": 6},
    "ksigma_unet": {"width": 4, "depth": 3},
    "dcgan_discriminator": {"width": 4},
    "patch_discriminator": {"width": 4},
}
"""Settings that keep the shape of a large network and take less time."""
SCALES = {"srgan_generator": (1, 2, 4), "rrdb": (2, 4)}


def settings_of(name: str) -> list[dict[str, int]]:
    """A network small, raw ones for both kinds of sensor, those that enlarge for every scale."""
    small = SMALL.get(name, {})
    if issubclass(NETWORKS[name], RawNetwork):
        return [{**small, "planes": planes} for planes in (4, 9)]
    return [{**small, "scale": scale} for scale in SCALES[name]] if name in SCALES else [small]


ALL = [(name, change) for name in NETWORKS for change in settings_of(name)]


def build(name: str, **settings: float) -> nn.Module:
    torch.manual_seed(0)
    network: nn.Module = {**NETWORKS, **DISCRIMINATORS}[name](**settings)
    for parameter in network.parameters():
        if isinstance(network, CurveNetwork):
            # Far enough from the small start that maps have something to say.
            nn.init.normal_(parameter, 0, 0.1)
        else:
            # Away from what an initialisation makes exactly 0.
            parameter.data += 0.02 * torch.randn_like(parameter)
    return network


def random_input(network: nn.Module, *size: int) -> Tensor:
    """Pictures, or with the same brightened, or planes of light and of what is told of their noise."""
    if isinstance(network, PictureNetwork) and network.channels_in == 6:
        bright = torch.rand(2, 3, *size)
        return torch.cat([bright * torch.rand(2, 3, *size), bright], 1)
    if not isinstance(network, RawNetwork):
        return torch.rand(2, 3, *size)
    low, planes = torch.rand(2, network.channels_in, *size), network.planes
    low[:, planes : 2 * planes] = 0.02 + 0.01 * low[:, planes : 2 * planes]  # variance per unit of light
    low[:, 2 * planes : 3 * planes] *= 0.001  # and without light
    return low


@pytest.mark.parametrize(("name", "change"), ALL)
@pytest.mark.parametrize("size", SIZES)
def test_any_size_is_kept(name: str, change: dict[str, float], size: tuple[int, int]) -> None:
    network = build(name, **change)
    scale = network.scale if isinstance(network, RawNetwork | PictureNetwork) else 1
    out = network(random_input(network, *size))
    assert out.shape == (2, 3, scale * size[0], scale * size[1])
    assert out.isfinite().all()


@pytest.mark.parametrize(
    ("name", "count"),
    [("zero_dce", 79_416), ("zero_dce_pp", 10_561), ("sid_unet", 7_760_268), ("can", 75_582)],
)
def test_parameters_as_published(name: str, count: int) -> None:
    assert sum(parameter.numel() for parameter in NETWORKS[name]().parameters()) == count


@pytest.mark.parametrize(("name", "change"), [*ALL, *((name, SMALL[name]) for name in DISCRIMINATORS)])
def test_every_parameter_gets_a_gradient(name: str, change: dict[str, float]) -> None:
    network = build(name, **change)
    network(random_input(network, 24, 24)).square().sum().backward()
    assert [
        key for key, value in network.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0
    ] == []


@pytest.mark.parametrize(("name", "change"), [*ALL, *((name, SMALL[name]) for name in DISCRIMINATORS)])
def test_a_seed_makes_the_network(name: str, change: dict[str, float]) -> None:
    def seeded(seed: int) -> dict[str, Tensor]:
        torch.manual_seed(seed)
        return {**NETWORKS, **DISCRIMINATORS}[name](**change).state_dict()

    first, again, other = seeded(1), seeded(1), seeded(2)
    assert all(torch.equal(first[key], again[key]) for key in first)
    assert any(not torch.equal(first[key], other[key]) for key in first)


@pytest.mark.parametrize("name", ["zero_dce", "zero_dce_pp"])
def test_a_fresh_curve_network_starts_near_the_identity(name: str) -> None:
    torch.manual_seed(0)
    low = torch.rand(1, 3, 16, 16)
    torch.testing.assert_close(NETWORKS[name]()(low), low, atol=0.03, rtol=0)


@pytest.mark.parametrize("name", CURVES)
def test_maps_are_bounded_and_of_the_pictures_size(name: str) -> None:
    network = build(name)
    assert isinstance(network, CurveNetwork)
    maps = network.decide(torch.rand(1, 3, 17, 9))
    assert maps.shape in [(1, count, 17, 9) for count in map_counts(network.iterations)]
    assert maps.abs().max() <= 1


@pytest.mark.parametrize("scale", [2, 4, 8])
@pytest.mark.parametrize("size", SIZES)
def test_zero_dce_pp_decides_smaller(scale: int, size: tuple[int, int]) -> None:
    network = ZeroDCEPlusPlus(width=4, scale=scale)
    assert network.decide(torch.rand(1, 3, *size)).shape == (1, 3, *size)


@settings(deadline=None, max_examples=50)
@given(st.lists(st.floats(-1, 1, width=32), min_size=8, max_size=8), st.integers(1, 8))
def test_curves_keep_black_white_and_order(strengths: list[float], iterations: int) -> None:
    values = torch.linspace(0, 1, 101).view(1, 1, 1, -1).expand(1, 3, 1, 101)
    maps = torch.tensor(strengths[:iterations]).repeat_interleave(3).view(1, -1, 1, 1).expand(1, -1, 1, 101)
    out = apply_curves(values, maps, iterations)
    assert (out[..., 0] == 0).all()
    assert (out[..., -1] == 1).all()
    assert (out.diff(dim=-1) >= -1e-6).all()


def test_curve_by_hand() -> None:
    """x = 0.5, a = 0.5 twice: 0.5 + 0.5 * 0.25 = 0.625; 0.625 + 0.5 * 0.625 * 0.375 = 0.7421875."""
    half = torch.full((1, 3, 1, 1), 0.5)
    assert apply_curves(half, half, iterations=2).unique().item() == 0.7421875


def test_three_maps_are_the_same_map_for_every_iteration() -> None:
    low, maps = torch.rand(1, 3, 5, 5), torch.rand(1, 3, 5, 5) * 2 - 1
    torch.testing.assert_close(apply_curves(low, maps, 4), apply_curves(low, maps.repeat(1, 4, 1, 1), 4))


@pytest.mark.parametrize("iterations", [1, 2, 3, 8])
def test_what_learns_is_what_the_runtime_does(iterations: int) -> None:
    low = torch.rand(1, 3, 6, 9)
    for count in map_counts(iterations):
        maps = torch.rand(1, count, 6, 9) - 0.5  # of two halves of six the sum stays within 1
        out = apply_in_the_runtime(low[0].numpy().transpose(1, 2, 0).copy(), maps[0].numpy(), iterations)
        np.testing.assert_allclose(out.transpose(2, 0, 1), apply_curves(low, maps, iterations)[0], atol=1e-6)


@pytest.mark.parametrize("name", CURVES)
def test_export_agrees_with_torch(name: str) -> None:
    network = build(name, **HARDEST.get(name, {}))
    assert isinstance(network, CurveNetwork)
    graphs = graphs_of(network)
    low = torch.rand(1, 3, 33, 59)
    with torch.no_grad():
        expected = network(low).numpy()
    decide, apply = (
        onnxruntime.InferenceSession(graphs[part].SerializeToString(), providers=["CPUExecutionProvider"])
        for part in ("decide", "apply")
    )
    maps = decide.run(None, {"low": continued(low, network.multiple).numpy()})[0][..., :33, :59]
    np.testing.assert_allclose(apply.run(None, {"low": low.numpy(), "maps": maps})[0], expected, atol=1e-4)
