"""What every network from picture to picture keeps to: how far it looks, tiles, what is published of it."""

from __future__ import annotations

from inspect import signature

import pytest
import torch
from torch import nn
from torch.nn.functional import interpolate

from scotopic.networks import NETWORKS, RRDB, GANGenerator, PictureNetwork, UNet

from .test_networks import SMALL, build, settings_of
from .test_raw_networks import reach, tiles_agree

PICTURES = [name for name, kind in NETWORKS.items() if issubclass(kind, PictureNetwork)]
WHOLE = ["bilateral_grid"]
"""Those that look at the whole picture, so that it cannot be cut."""
CASES = [(name, change) for name in PICTURES if name not in WHOLE for change in settings_of(name)]
WITH_ACTIVATION = ["cnn", "dense_cnn", "unet"]
WITH_RESIDUAL = [name for name in PICTURES if "residual" in signature(NETWORKS[name]).parameters]
"""Those that end in a convolution, whose result may be added to the input."""


def small(name: str, **settings: float) -> PictureNetwork:
    network = build(name, **{**SMALL.get(name, {}), **settings}).eval()
    assert isinstance(network, PictureNetwork)
    return network


@pytest.mark.parametrize(("name", "change"), CASES)
def test_the_halo_is_what_is_looked_at(name: str, change: dict[str, int]) -> None:
    network = small(name, **change)
    assert network.halo - network.multiple < reach(network) <= network.halo


@pytest.mark.parametrize(
    ("name", "change"),
    [
        *((name, {"depth": depth}) for name in ("cnn", "dense_cnn") for depth in (1, 5)),
        *(("unet", {"depth": depth, "width": 1}) for depth in (1, 2, 4)),
        ("rrdb", {"blocks": 2, "scale": 2}),
        ("rrdb", {"blocks": 2, "scale": 4}),
        ("scotopic_denoiser", {"widths": (4,), "encoders": (1,), "decoders": (1,)}),
    ],
)
def test_the_halo_follows_the_depth(name: str, change: dict[str, int]) -> None:
    network = small(name, **change)
    assert reach(network) == network.halo


@pytest.mark.parametrize(("name", "change"), CASES)
def test_tiles_give_what_the_whole_gives(name: str, change: dict[str, int]) -> None:
    tiles_agree(small(name, **change))


@pytest.mark.parametrize("name", WITH_RESIDUAL)
def test_a_loss_sees_what_lies_outside_the_range(name: str) -> None:
    network = small(name)
    last = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)][-1]
    for level in (5.0, -5.0):
        nn.init.constant_(last.bias, level)  # type: ignore[arg-type]
        out = network(torch.rand(1, 3, 9, 9))
        assert ((out > 1) if level > 0 else (out < 0)).all()


def test_the_sigmoid_of_the_gan_generator_keeps_the_range() -> None:
    network = small("gan_generator")
    network.up1.weight.data *= 30
    out = network(torch.rand(1, 3, 32, 32))
    assert 0 <= out.min() < 0.1 < 0.9 < out.max() <= 1


@pytest.mark.parametrize(("name", "change"), [case for case in CASES if case[0] in WITH_RESIDUAL])
def test_a_residual_is_added_to_the_input_enlarged(name: str, change: dict[str, int]) -> None:
    low = torch.rand(1, 3, 9, 13)
    with_input, alone = (small(name, **change, residual=residual) for residual in (True, False))
    alone.load_state_dict(with_input.state_dict())
    enlarged = low if with_input.scale == 1 else interpolate(low, scale_factor=with_input.scale, mode="bicubic")
    torch.testing.assert_close(with_input(low) - alone(low), enlarged, atol=1e-5, rtol=0)


@pytest.mark.parametrize(("name", "change"), [case for case in CASES if case[0] in WITH_RESIDUAL])
def test_a_fresh_network_with_residual_gives_the_input_enlarged(name: str, change: dict[str, int]) -> None:
    low = torch.rand(1, 3, 16, 16)
    network = NETWORKS[name](**change, residual=True)
    enlarged = low if network.scale == 1 else interpolate(low, scale_factor=network.scale, mode="bicubic")
    assert torch.equal(network(low), enlarged)


@pytest.mark.parametrize("name", WITH_ACTIVATION)
def test_activations(name: str) -> None:
    plain, leaky = small(name, activation="relu"), small(name, activation="leaky_relu")
    leaky.load_state_dict(plain.state_dict())
    low = torch.rand(1, 3, 16, 16)
    assert not torch.equal(plain(low), leaky(low))
    with pytest.raises(ValueError, match="activation must be one of leaky_relu, relu, got 'tanh'"):
        small(name, activation="tanh")


@pytest.mark.parametrize("name", ["srgan_generator", "rrdb"])
def test_other_scales_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"scale must be .* got 3"):
        small(name, scale=3)


def conv(before: int, filters: int, kernel: int) -> int:
    """Weights and biases of a convolution."""
    return kernel**2 * before * filters + filters


# Wang et al.'s own network, 23 blocks, counts 16,697,987; its two doublings are convolutions to 64 channels.
ESRGAN_WITHOUT_DOUBLING = 16_697_987 - 2 * conv(64, 64, 3)
SRCNN_3_COLOURS = 20_099
COUNTS = [
    ("cnn", {}, conv(3, 32, 3) + conv(32, 64, 3) + conv(64, 128, 3) + conv(128, 3, 3)),
    (
        "cnn",
        {"depth": 5, "width": 16},
        sum(conv(a, b, 3) for a, b in ((3, 16), (16, 32), (32, 64), (64, 128), (128, 3))),
    ),
    (
        "dense_cnn",
        {},
        conv(3, 32, 3) + conv(3 + 32, 64, 3) + conv(3 + 32 + 64, 128, 3) + conv(3 + 32 + 64 + 128, 3, 3),
    ),
    (
        "unet",
        {},
        (conv(3, 16, 3) + conv(16, 16, 3))
        + (conv(16, 64, 3) + conv(64, 64, 3))
        + (conv(64, 256, 3) + conv(256, 256, 3))
        + (conv(256, 256, 2) + conv(2 * 256, 256, 3))
        + (conv(256, 64, 2) + conv(2 * 64, 64, 3))
        + (conv(64, 16, 2) + conv(2 * 16, 16, 3))
        + conv(16, 3, 3),
    ),
    (
        "gan_generator",
        {},
        (conv(3, 64, 4) + conv(64, 128, 4) + conv(128, 256, 4))
        + (conv(256, 128, 4) + conv(128, 64, 4) + conv(64, 3, 4)),
    ),
    ("srgan_generator", {}, SRCNN_3_COLOURS),
    ("srgan_generator", {"scale": 2}, SRCNN_3_COLOURS + conv(32, 12, 5) - conv(32, 3, 5)),
    ("rrdb", {"scale": 4}, ESRGAN_WITHOUT_DOUBLING + 2 * conv(64, 4 * 64, 3)),
    ("rrdb", {"scale": 2}, ESRGAN_WITHOUT_DOUBLING + conv(64, 4 * 64, 3)),
]


@pytest.mark.parametrize(("name", "change", "count"), COUNTS)
def test_parameters_as_published(name: str, change: dict[str, int], count: int) -> None:
    with torch.device("meta"):  # counting needs no memory
        network = NETWORKS[name](**change)
    assert sum(parameter.numel() for parameter in network.parameters()) == count
    if not change:
        assert f"{count:,} parameters" in " ".join((NETWORKS[name].__doc__ or "").split())


def test_a_dense_block_that_says_nothing_hands_on_a_fifth_more() -> None:
    """x + 0.2 * (three blocks of x + 0.2 * 0), as the authors compute it."""
    network = RRDB(width=4, growth=2, blocks=1)
    for block in network.blocks[0].blocks:
        nn.init.zeros_(block.last.weight)
    x = torch.rand(1, 4, 5, 5)
    torch.testing.assert_close(network.blocks(x), 1.2 * x)


def test_a_dense_block_starts_at_a_tenth_of_hes() -> None:
    torch.manual_seed(0)
    first, last = RRDB(blocks=1).blocks[0].blocks[0].convs[0], RRDB(blocks=1).blocks[0].blocks[0].last
    for layer, before in ((first, 64), (last, 64 + 4 * 32)):
        assert layer.weight.std().item() == pytest.approx(0.1 * (2 / (9 * before)) ** 0.5, rel=0.03)


def test_skips_are_added_and_joined_at_every_level() -> None:
    """Without anything coming up from below, detail still goes through."""
    low = torch.rand(1, 3, 32, 32)
    for network, deepest in ((UNet(width=4), "up.2"), (GANGenerator(width=4), "up3")):
        for parameter in network.get_submodule(deepest).parameters():
            nn.init.zeros_(parameter)
        out = network(low)
        assert not torch.equal(out, network(low.flip(-1)).flip(-1))
        assert out.std() > 0
