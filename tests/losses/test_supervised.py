"""Losses against the truth, on pictures one can judge."""

import pytest
import torch

from scotopic.losses.colour import chroma_loss, colour_angle_loss
from scotopic.losses.supervised import charbonnier_loss, gradient_loss, l1_loss


def pixel(*rgb):
    return torch.tensor(rgb).view(1, 3, 1, 1)


def test_charbonnier_is_the_absolute_error_but_near_0():
    out, target = torch.rand(2, 3, 16, 16), torch.rand(2, 3, 16, 16)
    assert charbonnier_loss(out, target, eps=1e-6).item() == pytest.approx(l1_loss(out, target).item(), abs=1e-5)
    assert charbonnier_loss(out, out, eps=0.25).item() == pytest.approx(0.25)


def test_gradient_compares_steps_and_not_brightness():
    target = torch.rand(1, 3, 16, 16)
    assert gradient_loss(target + 0.3, target) < 1e-6
    # A column of 16 that is 0.5 too bright is off by two steps of 15 across, and none down.
    out = target.clone()
    out[..., 7] += 0.5
    assert gradient_loss(out, target).item() == pytest.approx(2 * 0.5 / 15, abs=1e-6)


def test_colour_angle_is_one_minus_its_cosine():
    # 45 degrees between red and yellow; `dark` so small that all pixels count in full.
    loss = colour_angle_loss(pixel(0.5, 0.0, 0.0), pixel(0.4, 0.4, 0.0), dark=1e-4)
    assert loss.item() == pytest.approx(1 - 0.5**0.5, abs=1e-6)


def test_a_gain_is_no_change_of_colour_and_a_cast_is():
    target = 0.2 + 0.5 * torch.rand(1, 3, 16, 16)
    assert colour_angle_loss(0.3 * target, target).item() == pytest.approx(0, abs=1e-6)
    casts = [colour_angle_loss(target * pixel(1.0, 1.0, blue), target).item() for blue in (0.9, 0.7, 0.4)]
    assert 1e-4 < casts[0] < casts[1] < casts[2]


def test_colours_near_black_count_little():
    red, blue = pixel(1.0, 0.0, 0.0), pixel(0.0, 0.0, 1.0)
    losses = [colour_angle_loss(level * red, level * blue).item() for level in (0.0, 0.01, 0.1, 1.0)]
    assert losses == pytest.approx([0, 1e-4 / 1.01e-2, 0.5, 1 / 1.01], abs=1e-5)


def test_the_angle_has_a_true_gradient():
    out, target = (0.1 + torch.rand(1, 3, 4, 4, dtype=torch.float64) for _ in range(2))
    assert torch.autograd.gradcheck(colour_angle_loss, (out.requires_grad_(), target))


def test_a_cast_is_a_difference_of_chroma():
    # Green is 0.1 short: R-G and B-G are both off by 0.1.
    target = torch.rand(1, 3, 8, 8)
    assert chroma_loss(target - pixel(0.0, 0.1, 0.0), target).item() == pytest.approx(0.1, abs=1e-6)
