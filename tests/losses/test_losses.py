"""What every loss must be: a number, with a gradient, on any picture and in any precision; and 0 for the truth."""

import inspect

import pytest
import torch

from scotopic.errors import RecipeError
from scotopic.losses import LOSSES

TENSORS = ("out", "low", "target", "maps", "real_score", "fake_score")
COLOUR = ("colour_constancy", "chroma", "colour_angle", "perceptual")
SUPERVISED = [name for name, loss in LOSSES.items() if {"out", "target"} <= set(inspect.signature(loss).parameters)]
HALF = pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16], ids=["float16", "bfloat16"])


@pytest.fixture
def settings(vgg):
    """The settings that a loss cannot do without."""
    needed = {"perceptual": {"backbone": vgg(layers=3), "layers": ["conv1_2", "relu2_1"]}}
    return lambda name: needed.get(name, {})


def tensors_of(name, size=(32, 48), channels=3):
    shapes = {"maps": (2, 24, *size), "real_score": (2, 1), "fake_score": (2, 1)}
    generator = torch.Generator().manual_seed(0)
    wanted = [field for field in inspect.signature(LOSSES[name]).parameters if field in TENSORS]
    return {field: torch.rand(shapes.get(field, (2, channels, *size)), generator=generator) for field in wanted}


def learned(fields):
    return fields[next(field for field in ("maps", "fake_score", "out") if field in fields)]


def finite_with_gradient(name, fields, settings):
    for tensor in fields.values():
        tensor.requires_grad_()
    loss = LOSSES[name](**fields, **settings)
    loss.backward()
    gradients = [tensor.grad for tensor in fields.values() if tensor.grad is not None]
    return loss.shape == () and loss.isfinite() and bool(gradients) and all(g.isfinite().all() for g in gradients)


@pytest.mark.parametrize("name", LOSSES)
def test_a_loss_is_a_finite_scalar_with_a_gradient(name, settings):
    fields = tensors_of(name)
    assert finite_with_gradient(name, fields, settings(name))
    assert LOSSES[name](**fields, **settings(name)) > 0
    assert learned(fields).grad.abs().sum() > 0


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_flat_and_equal_pictures_give_no_nan(name, value, dtype, settings):
    flat = {field: torch.full_like(tensor, value, dtype=dtype) for field, tensor in tensors_of(name).items()}
    assert finite_with_gradient(name, flat, settings(name))


@pytest.mark.parametrize("name", LOSSES)
def test_black_beside_white_gives_no_nan(name, settings):
    fields = tensors_of(name)
    learned(fields).zero_()
    for tensor in fields.values():
        if tensor is not learned(fields):
            tensor.fill_(1)
    assert finite_with_gradient(name, fields, settings(name))


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("size", [(1, 1), (1, 40), (7, 3), (33, 12)])
def test_any_size_will_do(name, size, settings):
    assert finite_with_gradient(name, tensors_of(name, size), settings(name))


@pytest.mark.parametrize("name", LOSSES)
@HALF
def test_half_precision_is_computed_in_float32(name, dtype, settings):
    halves = {field: tensor.to(dtype) for field, tensor in tensors_of(name).items()}
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = LOSSES[name](**halves, **settings(name))
    full = LOSSES[name](**{field: half.float() for field, half in halves.items()}, **settings(name))
    assert loss.dtype == torch.float32
    assert loss == full
    assert finite_with_gradient(name, halves, settings(name))


@pytest.mark.parametrize("name", LOSSES)
def test_an_outcome_far_outside_the_range_is_no_nan(name, settings):
    fields = tensors_of(name)
    learned(fields).sub_(0.5).mul_(1e4)
    assert finite_with_gradient(name, fields, settings(name))


@pytest.mark.parametrize("name", SUPERVISED)
def test_the_truth_costs_nothing_and_noise_costs_more_and_more(name, settings):
    picture, noise = torch.rand(2, 3, 32, 48), torch.randn(2, 3, 32, 48)
    losses = [LOSSES[name](picture + sigma * noise, picture, **settings(name)).item() for sigma in (0, 0.01, 0.03, 0.1)]
    least = 1e-3 if name == "charbonnier" else 0  # its eps
    assert losses[0] == pytest.approx(least, abs=1e-6)
    assert losses == sorted(losses)
    assert losses[1] - losses[0] > 1e-5


@pytest.mark.parametrize("name", [name for name in LOSSES if name not in COLOUR])
def test_brightness_alone_will_do(name, settings):
    assert finite_with_gradient(name, tensors_of(name, channels=1), settings(name))


@pytest.mark.parametrize("name", COLOUR)
def test_losses_of_colour_refuse_brightness_alone(name, settings):
    with pytest.raises(RecipeError, match=rf"'{name}' looks at colours .* got 1\. Set losses\.{name}\.on"):
        LOSSES[name](**tensors_of(name, channels=1), **settings(name))
