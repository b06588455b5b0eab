"""What the losses without a truth say about pictures one can judge."""

import pytest
import torch

from scotopic.losses.zero_reference import (
    colour_constancy_loss,
    exposure_loss,
    illumination_smoothness_loss,
    spatial_consistency_loss,
    total_variation_loss,
)


def test_spatial_consistency_by_hand():
    # Two patches of 4 x 4, 0 and 0.5 before, 0 and 1 after: one pair, seen from both sides, over two patches.
    low = torch.zeros(1, 3, 4, 8)
    low[..., 4:] = 0.5
    assert spatial_consistency_loss(2 * low, low).item() == pytest.approx(2 * 0.5**2 / 2)


def test_exposure_is_measured_by_the_patch():
    half = torch.zeros(1, 3, 16, 32)
    half[..., 16:] = 1
    assert exposure_loss(half, level=0.5, patch=16).item() == pytest.approx(0.5)
    assert exposure_loss(half[..., 8:24], level=0.5, patch=16).item() == pytest.approx(0)


def test_grey_has_no_cast_and_a_cast_costs_its_squares():
    picture = torch.full((1, 3, 8, 8), 0.5)
    assert colour_constancy_loss(picture) == 0
    picture[:, 2] = 0.7
    assert colour_constancy_loss(picture).item() == pytest.approx(2 * 0.2**2)


def test_smoothness_by_hand():
    # A slope of 0.1 per pixel to the right in all channels: 3 x 0.1 squared.
    slope = (0.1 * torch.arange(8.0)).expand(1, 24, 8, 8)
    assert illumination_smoothness_loss(slope).item() == pytest.approx(3 * 0.1**2)


def test_total_variation_by_hand():
    # Across: a step of 1 in each of two rows of three. Down: none.
    edge = torch.tensor([0.0, 0.0, 1.0]).expand(1, 1, 2, 3)
    assert total_variation_loss(edge).item() == pytest.approx(1 / 2)
    assert total_variation_loss(edge.mT).item() == pytest.approx(1 / 2)
    assert total_variation_loss(torch.full((1, 3, 8, 8), 0.7)) == 0
