"""What every loss must be, and what the zero-reference losses say about pictures one can judge."""

import inspect

import pytest
import torch

from scotopic.losses import LOSSES
from scotopic.losses.zero_reference import (
    colour_constancy_loss,
    exposure_loss,
    illumination_smoothness_loss,
    spatial_consistency_loss,
)

TENSORS = ("out", "low", "target", "maps")


def tensors_of(loss, **given):
    names = [name for name in inspect.signature(loss).parameters if name in TENSORS]
    shapes = {"maps": (2, 24, 32, 48)}
    generator = torch.Generator().manual_seed(0)
    return {name: given.get(name, torch.rand(shapes.get(name, (2, 3, 32, 48)), generator=generator)) for name in names}


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_a_finite_scalar_with_a_gradient(name):
    fields = tensors_of(LOSSES[name])
    learned = "maps" if "maps" in fields else "out"
    fields[learned].requires_grad_()
    loss = LOSSES[name](**fields)
    loss.backward()
    assert loss.shape == ()
    assert loss.isfinite()
    assert loss > 0
    assert fields[learned].grad.abs().sum() > 0


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_flat_pictures_give_no_nan(name, value):
    loss = LOSSES[name]
    flat = {field: torch.full_like(tensor, value) for field, tensor in tensors_of(loss).items()}
    for tensor in flat.values():
        tensor.requires_grad_()
    result = loss(**flat)
    result.backward()
    assert result.isfinite()
    assert all(tensor.grad.isfinite().all() for tensor in flat.values() if tensor.grad is not None)


@pytest.mark.parametrize("name", ["l1", "mse", "chroma"])
def test_the_truth_costs_nothing(name):
    picture = torch.rand(1, 3, 16, 16)
    assert LOSSES[name](picture, picture) == 0


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
