"""What every network on packed raw keeps to: how far it looks, tiles, export. And the published U-Net, written anew."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import onnxruntime
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, leaky_relu, max_pool2d

from scotopic.networks import CAN, NETWORKS, PictureNetwork, RawNetwork, SIDUNet
from scotopic.runtime.tiles import run_in_tiles
from scotopic.training.graphs import graphs_of

from .test_networks import SMALL, build, random_input

RAW = [(name, planes) for name, kind in NETWORKS.items() if issubclass(kind, RawNetwork) for planes in (4, 9)]


def small(name: str, planes: int = 4, **settings: float) -> RawNetwork:
    network = build(name, **{**SMALL[name], **settings, "planes": planes}).eval()
    assert isinstance(network, RawNetwork)
    return network


def reach(network: RawNetwork | PictureNetwork) -> int:
    """How far the network looks beyond a tile of `multiple` pixels, by trying.

    A column that is not a number makes everything not a number that looks at it. In float64, as torch computes
    32-bit convolutions in ways that let it leak further.
    """
    network = network.double()
    multiple = network.multiple
    middle = (network.halo // multiple + 2) * multiple
    low = random_input(network, multiple, 2 * middle + multiple)[:1].double().repeat(multiple, 1, 1, 1)
    for i in range(multiple):
        low[i, ..., middle + i] = torch.nan
    with torch.no_grad():
        spoilt = network(low).isnan().any(dim=(1, 2))
    farthest = 0
    for i in range(multiple):
        seen = spoilt[i].nonzero()[:, 0] // network.scale // multiple
        first, last = int(seen.min()), int(seen.max())
        assert first > 0, "the picture is too small to see how far it goes"
        farthest = max(farthest, middle + i - (first + 1) * multiple + 1, last * multiple - middle - i)
    return farthest


@pytest.mark.parametrize(("name", "planes"), RAW)
def test_the_halo_is_what_is_looked_at(name: str, planes: int) -> None:
    network = small(name, planes)
    assert network.halo - network.multiple < reach(network) <= network.halo


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 6])
def test_the_halo_follows_the_depth_of_a_unet(depth: int) -> None:
    assert reach(small("sid_unet", depth=depth)) == SIDUNet(depth=depth, width=1).halo


@pytest.mark.parametrize(
    ("depth", "field", "dilations"),
    [(10, 513, [1, 2, 4, 8, 16, 32, 64, 128, 1]), (9, 257, [1, 2, 4, 8, 16, 32, 64, 1])],
    ids=["CAN32", "CAN24"],
)
def test_receptive_fields_of_can_as_published(depth: int, field: int, dilations: list[int]) -> None:
    network = CAN(depth=depth)
    assert [conv.dilation for conv in network.convs] == [(dilation, dilation) for dilation in dilations]
    assert 2 * network.halo + 1 == field


@pytest.mark.parametrize(("name", "planes"), RAW)
def test_tiles_give_what_the_whole_gives(name: str, planes: int) -> None:
    tiles_agree(small(name, planes))


def tiles_agree(network: RawNetwork | PictureNetwork) -> None:
    height, width = 2 * network.halo + 37, network.halo + 61
    low = random_input(network, height, width)[:1]
    with torch.no_grad():
        whole = network(low)[0].permute(1, 2, 0).numpy()

    def run(part: NDArray[np.float32]) -> NDArray[np.float32]:
        with torch.no_grad():
            return network.process(torch.from_numpy(part).permute(2, 0, 1)[None])[0].permute(1, 2, 0).numpy()

    rows = np.ascontiguousarray(low[0].permute(1, 2, 0).numpy())
    shape = {"height": height, "width": width, "multiple": network.multiple, "scale": network.scale, "tile": 48}
    tiled = np.concatenate(list(run_in_tiles([rows], run, halo=network.halo, **shape)))
    np.testing.assert_allclose(tiled, whole, atol=2e-5)


@pytest.mark.parametrize(("name", "planes"), [*((name, 4) for name, planes in RAW if planes == 4), ("sid_unet", 9)])
def test_export_agrees_with_torch(name: str, planes: int) -> None:
    network = small(name, planes)
    graphs = graphs_of(network)
    assert list(graphs) == ["apply"]
    low = random_input(network, 3 * network.multiple, 5 * network.multiple)[:1]
    with torch.no_grad():
        expected = network(low).numpy()
    session = onnxruntime.InferenceSession(graphs["apply"].SerializeToString(), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"low": low.numpy()})[0], expected, atol=1e-4)


def test_a_fresh_can_hands_its_planes_on() -> None:
    """Identity kernels and mu = 0: what goes into the last layer is what came in."""
    network = CAN(width=6, depth=5).train()
    nn.init.zeros_(network.last.weight)
    network.last.weight.data[:4, :4, 0, 0] = torch.eye(4)
    low = torch.rand(1, 4, 9, 9)
    out = network(low)
    for place in range(4):
        torch.testing.assert_close(out[:, 0, place // 2 :: 2, place % 2 :: 2], low[:, place])


def test_a_finished_can_normalises_by_its_training_not_by_the_picture() -> None:
    network = small("can")
    low = torch.rand(1, 4, 8, 8)
    alone = network(low)
    beside = network(torch.cat([low, 5 * torch.rand(1, 4, 8, 8)]))[:1]
    torch.testing.assert_close(alone, beside)


def published(weights: dict[str, Tensor], low: Tensor) -> Tensor:
    """The U-Net as its authors wrote it down, with TensorFlow's layouts; `low` is R, G1, B, G2, `n 4 h w`."""

    def convs(x: Tensor, layer: int) -> Tensor:
        for i in (1, 2):
            kernel = weights[f"g_conv{layer}_{i}"].permute(3, 2, 0, 1)
            x = leaky_relu(conv2d(x, kernel, weights[f"b_conv{layer}_{i}"], padding=1), 0.2)
        return x

    x, skips = low, []
    for layer in range(1, 6):
        x = convs(x if layer == 1 else max_pool2d(x, 2), layer)
        skips.append(x)
    for layer, skip in zip(range(6, 10), reversed(skips[:-1]), strict=True):
        x = conv_transpose2d(x, weights[f"up{layer}"].permute(3, 2, 0, 1), stride=2)
        x = convs(torch.cat([x, skip], 1), layer)
    x = conv2d(x, weights["g_conv10"].permute(3, 2, 0, 1), weights["b_conv10"])
    # depth_to_space: plane 3 * k + c is colour c at place k of each 2 x 2
    n, _, height, width = x.shape
    return x.view(n, 2, 2, 3, height, width).permute(0, 3, 4, 1, 5, 2).reshape(n, 3, 2 * height, 2 * width)


def test_published_weights_fit_as_the_docstring_says() -> None:
    torch.manual_seed(0)
    widths = [4, 3, 6, 12, 24, 48]
    weights = {}
    for layer, (a, b) in enumerate(pairwise(widths), start=1):
        weights |= {f"g_conv{layer}_1": torch.randn(3, 3, a, b), f"g_conv{layer}_2": torch.randn(3, 3, b, b)}
    for layer, b in zip(range(6, 10), reversed(widths[1:-1]), strict=True):
        weights |= {f"up{layer}": torch.randn(2, 2, b, 2 * b)}
        weights |= {f"g_conv{layer}_1": torch.randn(3, 3, 2 * b, b), f"g_conv{layer}_2": torch.randn(3, 3, b, b)}
    weights["g_conv10"] = torch.randn(1, 1, 3, 12)
    weights = {name: value / value[..., 0].numel() ** 0.5 for name, value in weights.items()}
    weights |= {
        name.replace("g_", "b_"): torch.randn(value.shape[3]) for name, value in weights.items() if name[0] == "g"
    }

    state = {}
    for name, place in {
        **{f"{level + 1}_{i}": f"encode.{level}.conv{i}" for level in range(5) for i in (1, 2)},
        **{f"{9 - level}_{i}": f"decode.{level}.conv{i}" for level in range(4) for i in (1, 2)},
        "10": "last",
    }.items():
        state[f"{place}.weight"] = weights[f"g_conv{name}"].permute(3, 2, 0, 1)
        state[f"{place}.bias"] = weights[f"b_conv{name}"]
    for level in range(4):
        state[f"up.{level}.weight"] = weights[f"up{9 - level}"].permute(3, 2, 0, 1)
    order = [3 * k + c for c in range(3) for k in range(4)]
    state["last.weight"], state["last.bias"] = state["last.weight"][order], state["last.bias"][order]
    state["encode.0.conv1.weight"] = state["encode.0.conv1.weight"][:, [0, 1, 3, 2]]

    network = SIDUNet(width=3)
    network.load_state_dict(state)
    low = torch.rand(1, 4, 32, 48)  # R, G1, G2, B
    torch.testing.assert_close(network(low), published(weights, low[:, [0, 1, 3, 2]]), atol=1e-4, rtol=1e-4)


def test_relu_is_the_other_activation() -> None:
    plain, leaky = SIDUNet(width=2, activation="relu"), SIDUNet(width=2)
    plain.load_state_dict(leaky.state_dict())
    low = torch.rand(1, 4, 32, 32)
    assert not torch.equal(plain(low), leaky(low))
    assert (plain.encode[0](low) >= 0).all()
    assert (leaky.encode[0](low) < 0).any()
