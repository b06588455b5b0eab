"""Our own network's denoiser: what it leaves alone, how far it looks, and what it is told."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad, pixel_shuffle, pixel_unshuffle

from scotopic.networks import ScotopicDenoiser
from scotopic.networks.scotopic_denoiser import DARKEST, FULL_GAIN_EV, gain_ev, unpacked

from .test_picture_networks import small
from .test_raw_networks import reach, tiles_agree

SHAPES: list[dict[str, Any]] = [
    {"widths": (4,), "encoders": (0,), "decoders": (1,)},
    {"widths": (4, 6), "encoders": (0, 1), "decoders": (1, 1)},
    {"widths": (4, 6), "encoders": (2, 0), "decoders": (0, 1)},
    {"widths": (4, 4, 4), "encoders": (0, 0, 0), "decoders": (0, 0, 0)},
    {"widths": (4, 4, 4, 4), "encoders": (0, 1, 0, 1), "decoders": (1, 0, 0, 0)},
]


def denoiser(**settings: Any) -> ScotopicDenoiser:
    network = small("scotopic_denoiser", **settings)
    assert isinstance(network, ScotopicDenoiser)
    return network


def noisy(height: int = 32, width: int = 40) -> Tensor:
    return torch.rand(2, 3, height, width, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("told", [True, False])
def test_2_x_2_pixels_are_seen_as_one_with_twelve_channels(told: bool) -> None:
    network, bright = denoiser(told=told), noisy()
    gain = noisy(16, 20)
    packed = torch.cat([pixel_unshuffle(bright, 2), gain / 4], 1) if told else pixel_unshuffle(bright, 2)
    wanted = network.first(pad(packed, (1, 1, 1, 1), mode="replicate"))
    torch.testing.assert_close(network.enter(bright, gain), wanted, rtol=0, atol=1e-5)


def test_twelve_channels_become_2_x_2_pixels() -> None:
    packed = torch.rand(2, 12, 5, 7, generator=torch.Generator().manual_seed(0))
    assert torch.equal(unpacked(packed), pixel_shuffle(packed, 2))


def test_a_gain_is_of_the_means_of_4_x_4_pixels() -> None:
    bright, low = noisy(), 0.3 * noisy(32, 40)
    wanted = torch.log2((avg_pool2d(bright, 4) + DARKEST) / (avg_pool2d(low, 4) + DARKEST))
    torch.testing.assert_close(gain_ev(low, bright), wanted, rtol=0, atol=1e-5)


def test_it_is_small() -> None:
    with torch.device("meta"):
        assert sum(parameter.numel() for parameter in ScotopicDenoiser().parameters()) <= 500_000


def test_it_starts_with_nothing_taken_away() -> None:
    torch.manual_seed(0)
    bright = noisy()
    for settings in ({}, {"told": False}):
        assert torch.equal(ScotopicDenoiser(**settings)(torch.cat([0.2 * bright, bright], 1)), bright)


@pytest.mark.parametrize("told", [True, False])
def test_what_was_not_amplified_comes_back_untouched(told: bool) -> None:
    network, bright = denoiser(told=told), noisy()
    for low in (bright, (1.5 * bright).clamp(max=1)):
        assert torch.equal(network.denoise(low, bright), bright)
    assert (network.denoise(0.5 * bright, bright) - bright).abs().mean() > 1e-3


def test_from_half_a_stop_on_all_is_taken_away_and_below_a_share() -> None:
    """Where the network is not told, what it would take away depends on `bright` alone."""
    network, bright = denoiser(told=False), noisy().clamp(min=0.2)

    def taken(gain: float) -> Tensor:
        low = (bright + 1 / 64) * 2**-gain - 1 / 64
        return network.denoise(low, bright) - bright

    whole = taken(FULL_GAIN_EV)
    torch.testing.assert_close(taken(4.0), whole, rtol=0, atol=1e-6)
    torch.testing.assert_close(taken(FULL_GAIN_EV / 4), whole / 4, rtol=1e-3, atol=1e-5)


def test_each_place_is_dealt_with_by_its_own_gain() -> None:
    network, bright = denoiser(), noisy()
    low = bright.clone()
    low[..., 24:] *= 0.3
    changed = (network.denoise(low, bright) - bright).abs().amax((0, 1, 2)) > 0
    assert not changed[:24].any()
    assert changed[24:].all()


def test_it_is_told_by_how_much_was_amplified() -> None:
    bright = noisy()
    for told in (True, False):
        network = denoiser(told=told)
        outs = [network.denoise(share * bright, bright) for share in (0.1, 0.4)]
        assert torch.equal(*outs) != told


def test_gain_is_in_stops() -> None:
    """(0.4 + 1/64) / (0.1 + 1/64) = 3.595 = 2^1.846; of black nothing is known."""
    gain = gain_ev(torch.full((1, 3, 8, 4), 0.1), torch.full((1, 3, 8, 4), 0.4))
    assert gain.shape == (1, 3, 2, 1)
    assert gain.unique().item() == pytest.approx(1.846, abs=1e-3)
    assert gain_ev(torch.zeros(1, 3, 4, 4), torch.zeros(1, 3, 4, 4)).unique().item() == 0


@pytest.mark.parametrize("settings", SHAPES, ids=str)
def test_the_halo_and_the_multiple_follow_the_levels(settings: dict[str, Any]) -> None:
    network = denoiser(**settings)
    assert network.halo - network.multiple < reach(network) <= network.halo
    tiles_agree(denoiser(**settings))


def test_blocks_belong_to_their_levels() -> None:
    network = ScotopicDenoiser(widths=(4, 6, 8), encoders=(0, 1, 2), decoders=(3, 0, 1))
    assert [len(blocks) for blocks in network.encode] == [0, 1, 2]
    assert [len(blocks) for blocks in network.decode] == [3, 0, 1]
    with pytest.raises(ValueError, match="one number a level each, got 3, 2 and 3"):
        ScotopicDenoiser(encoders=(1, 1))
