"""Our own network's decision: what the rule exposes, where the network starts from it, and what stands beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scotopic.errors import TrainingError
from scotopic.image import linear_to_srgb, srgb_to_linear
from scotopic.networks import BilateralGrid, Scotopic, apply_curves
from scotopic.networks.scotopic import exposing_amount, with_contrast
from scotopic.training.checkpoint import Progress
from scotopic.training.export import export_network
from scotopic.training.recipe import recipe_from_table

from .test_networks import build

STEP = 2**-9
"""The rule's amount is as near as this."""


def flat(level: float, height: int = 32, width: int = 32) -> Tensor:
    return torch.full((1, 3, height, width), level)


def squares(dark: float = 0.2) -> Tensor:
    """Greys between black and `dark`, none of them black, in squares of 4 x 4 pixels."""
    grey = 0.02 + (dark - 0.02) * torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0))
    return grey.repeat_interleave(4, 2).repeat_interleave(4, 3).expand(1, 3, 64, 64)


def exposed(low: Tensor, level: float = 0.45) -> Tensor:
    return apply_curves(low, exposing_amount(low, level).expand(-1, 3, -1, -1))


@pytest.mark.parametrize("level", [0.3, 0.45, 0.6])
@pytest.mark.parametrize("low", [flat(0.03), flat(0.1), flat(0.25), squares()], ids=["0.03", "0.1", "0.25", "squares"])
def test_the_rule_reaches_the_level(low: Tensor, level: float) -> None:
    assert exposed(low, level).mean().item() == pytest.approx(level, abs=0.005)


def test_colours_count_by_their_luma() -> None:
    """Green looks brightest, so a green picture wants the least light."""
    amounts = []
    for colour in range(3):
        low = torch.zeros(1, 3, 16, 16)
        low[:, colour] = 0.3
        amounts.append(exposing_amount(low, 0.45).item())
        grey = flat(0.3 * (0.299, 0.587, 0.114)[colour])
        assert exposing_amount(grey, 0.45).item() == amounts[-1]
    assert amounts[1] < amounts[0] < amounts[2]


@pytest.mark.parametrize("level", [0.45, 0.6, 0.9, 1.0])
def test_the_rule_darkens_nothing_and_leaves_what_is_bright(level: float) -> None:
    amount = exposing_amount(flat(level), 0.45).item()
    assert 0 <= amount <= STEP
    assert (exposed(flat(level)) - level).abs().max() <= 0.5 / 255


def test_black_stays_black_and_hardly_counts() -> None:
    """Half a picture without anything in it does not make the other half twice as bright."""
    assert torch.equal(exposed(flat(0.0)), flat(0.0))
    low = squares()
    low = torch.cat([low, torch.zeros_like(low)], 3)
    out = exposed(low)
    assert out[..., 64:].max() == 0
    assert 0.45 < out[..., :64].mean() < 0.47


def test_each_picture_of_a_batch_has_its_own_amount() -> None:
    pictures = [squares(0.1), squares(0.3), torch.rand(1, 3, 64, 64)]
    together = exposing_amount(torch.cat(pictures), 0.45)
    assert together.shape == (3, 1, 1, 1)
    alone = [exposing_amount(picture, 0.45) for picture in pictures]
    assert torch.equal(together, torch.cat(alone))
    assert together[0] > together[1] > together[2]


@pytest.mark.parametrize(("height", "width"), [(4, 4), (5, 7), (17, 9), (30, 31)])
def test_sides_need_not_be_multiples_of_anything(height: int, width: int) -> None:
    assert torch.equal(exposing_amount(flat(0.1, height, width), 0.45), exposing_amount(flat(0.1), 0.45))


def test_nothing_is_learned_through_the_rule() -> None:
    low = squares().clone().requires_grad_()
    assert not exposing_amount(low, 0.45).requires_grad


def test_it_starts_from_the_rule() -> None:
    torch.manual_seed(0)
    low = torch.cat([squares(0.1), squares(0.3), torch.rand(1, 3, 64, 64)])
    network = Scotopic()
    rule = exposing_amount(low, network.level, contrast=network.contrast)
    maps = with_contrast(torch.atanh(rule), network.contrast).repeat_interleave(3, 1)
    torch.testing.assert_close(network.decide(low), maps.expand(3, 6, 64, 64), rtol=0, atol=1e-6)
    brightness = network(low).mean((1, 2, 3))
    assert brightness[:2].tolist() == pytest.approx([0.45, 0.45], abs=0.02)


def test_it_is_as_small_as_documented() -> None:
    count = sum(parameter.numel() for parameter in Scotopic().parameters())
    assert count <= 60_000
    assert f"{count:,} parameters" in (Scotopic.__doc__ or "")


@pytest.mark.parametrize(("height", "width"), [(16, 16), (16, 80), (48, 32), (176, 176)])
def test_maps_have_the_size_of_a_picture_of_whole_cells(height: int, width: int) -> None:
    network = build("scotopic")
    assert isinstance(network, Scotopic)
    maps = network.maps(torch.rand(2, 3, height, width))
    assert maps.shape == (2, 6, height, width)
    assert maps.std() > 0


def test_other_sizes_are_seen_as_the_runtime_shows_them() -> None:
    """Continued by the last row and column, which is how an exported decision gets its thumbnail."""
    network = build("scotopic")
    assert isinstance(network, Scotopic)
    for height, width in ((1, 1), (17, 33), (31, 50)):
        low = torch.rand(1, 3, height, width)
        shown = np.pad(low, ((0, 0), (0, 0), (0, -height % 16), (0, -width % 16)), mode="edge")
        maps = network.maps(torch.from_numpy(shown))
        torch.testing.assert_close(network.decide(low), maps[..., :height, :width])


def test_maps_stay_within_the_curves_reach_whatever_the_network_says() -> None:
    network = build("scotopic")
    assert isinstance(network, Scotopic)
    for parameter in (network.whole.bias, network.place.weight):
        parameter.data *= 1000
    for low in (torch.rand(1, 3, 32, 32), flat(0.0), flat(1.0)):
        maps = network.decide(low)
        assert maps.isfinite().all()
        assert maps.abs().max() <= 1


def test_one_step_moves_the_last_layers_and_the_next_all_others() -> None:
    """The last layers say 0 at first, so nothing before them learns until they have moved."""
    torch.manual_seed(0)
    network = Scotopic()
    optimiser = torch.optim.SGD(network.parameters(), lr=0.1)
    low, target = torch.rand(2, 3, 48, 48) / 4, torch.rand(2, 3, 48, 48)
    for _ in range(2):
        optimiser.zero_grad()
        (network(low) - target).square().mean().backward()
        optimiser.step()
    still = [name for name, value in network.named_parameters() if value.grad is None or not value.grad.any()]
    assert still == []


def test_all_of_a_picture_has_a_say_everywhere() -> None:
    """A window far away changes the map here: by the summary, as its place is 160 pixels off."""
    network = build("scotopic", locality=1.0, contrast=0.0)
    assert isinstance(network, Scotopic)
    low = 0.2 * torch.rand(1, 3, 16, 320)
    window = low.clone()
    window[..., 272:] = 0.9
    # The rule alone would move it, too; so what is left of the rule is taken away.
    moved = [torch.atanh(network.decide(x)) - torch.atanh(exposing_amount(x, network.level)) for x in (low, window)]
    assert (moved[0] - moved[1])[..., :64].abs().max() > 1e-3


@pytest.mark.parametrize("contrast", [0.0, 0.8, 1.0])
@pytest.mark.parametrize("decided", [0.0, 0.01, 0.05, 0.2, 0.5, 1.0, 2.2])
def test_contrast_darkens_nothing_and_keeps_the_order(decided: float, contrast: float) -> None:
    values = torch.linspace(0, 1, 2001).view(1, 1, 1, -1).expand(1, 3, 1, -1)
    out = apply_curves(values, with_contrast(torch.full((1, 3, 1, 1), decided), contrast))
    assert (out[..., 0] == 0).all()
    assert (out[..., -1] == 1).all()
    assert (out - values).min() >= -1e-6
    assert out.diff().min() >= 0
    assert decided or torch.equal(out, values)


@pytest.mark.parametrize("stops", [2, 3, 4])
def test_contrast_brings_a_curve_nearer_to_a_longer_exposure(stops: int) -> None:
    truth = np.linspace(0, 1, 256, dtype=np.float32)
    dark = linear_to_srgb(srgb_to_linear(truth) / 2**stops)
    low = torch.from_numpy(dark).view(1, 1, 1, -1).expand(1, 3, 1, -1)
    decided = torch.linspace(0, 3, 301)[:, None, None, None]
    off = []
    for contrast in (0.0, 0.8):
        outs = apply_curves(low.expand(301, -1, -1, -1), with_contrast(decided, contrast).repeat_interleave(3, 1))
        out = outs[(outs.mean((1, 2, 3)) - 0.5).abs().argmin()]
        off.append((out - torch.from_numpy(truth)).square().mean().sqrt().item())
    assert off[1] < 0.85 * off[0]


def test_without_contrast_there_are_three_maps() -> None:
    network = Scotopic(contrast=0.0)
    assert network.decide(squares()).shape == (1, 3, 64, 64)


def test_two_iterations_have_no_room_for_contrast() -> None:
    """Six maps would be taken for three of each."""
    with pytest.raises(ValueError, match="three iterations or more, got 2: set contrast to 0"):
        Scotopic(iterations=2)
    assert Scotopic(iterations=2, contrast=0.0).decide(squares()).shape == (1, 3, 64, 64)


def test_a_grid_starts_from_the_rule() -> None:
    torch.manual_seed(0)
    for bins in (1, 8):
        assert torch.equal(BilateralGrid(bins=bins)(squares()), exposed(squares()))


def gains(network: BilateralGrid, row: int, column: int, *values: float) -> None:
    """One entry of the matrices of all places, for each bin of brightness."""
    first = (4 * row + column) * network.bins
    nn.init.zeros_(network.whole.bias)
    network.whole.bias.data[first : first + network.bins] = torch.tensor(values)


def test_a_grid_adds_what_its_matrices_say() -> None:
    """Rows are red, green and blue of what is added, columns those of the exposed picture, and a constant."""
    low = 0.1 + 0.1 * torch.rand(1, 3, 32, 48)
    bright = exposed(low)
    grid = BilateralGrid(bins=2)
    gains(grid, 0, 1, 0.25, 0.25)
    torch.testing.assert_close(grid(low)[:, 0], bright[:, 0] + 0.25 * bright[:, 1])
    assert torch.equal(grid(low)[:, 1:], bright[:, 1:])
    gains(grid, 2, 3, 0.5, 0.5)
    torch.testing.assert_close(grid(low)[:, 2], bright[:, 2] + 0.5)


def test_a_grid_is_looked_up_by_brightness() -> None:
    """Of two bins the first is that of luma up to 1/4, the second from 3/4 on; between them both count."""
    low = torch.cat([flat(0.1), flat(0.5), flat(0.9)], 3)  # on average bright enough
    grid = BilateralGrid(bins=2)
    gains(grid, 1, 3, 0.0, 0.4)
    added = (grid(low) - exposed(low))[0, 1, 16]
    assert added[[16, 48, 80]].tolist() == pytest.approx([0.0, 0.2, 0.4], abs=0.005)


def test_a_grid_is_no_model(tmp_path: Path) -> None:
    recipe = recipe_from_table(
        {
            "name": "grid",
            "network": {"name": "bilateral_grid"},
            "data": {"name": "darkened_photos", "root": ""},
            "losses": {"l1": 1.0},
            "export": {"licence": "MIT", "data": [{"name": "none", "licence": "MIT"}]},
        }
    )
    with pytest.raises(TrainingError, match=r"BilateralGrid does not say how far a pixel .* attribute `halo`"):
        export_network(BilateralGrid(), recipe, Progress(), tmp_path / "m", "m")
    assert not any(tmp_path.iterdir())
