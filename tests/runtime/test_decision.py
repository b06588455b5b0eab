"""The controls: what each promises about the decision."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scotopic.errors import ControlError
from scotopic.image import linear_to_srgb, srgb_to_linear
from scotopic.metrics import luma
from scotopic.runtime.curves import apply_curves
from scotopic.runtime.decision import Controls, adjust_curves, exposed_well

FREE = Controls(protect_highlights=False)


def curve(picture, maps, iterations):
    return apply_curves(picture, maps, iterations, top=0, height=len(picture))


def scene(mean, seed=0, size=(48, 64)):
    rng = np.random.default_rng(seed)
    coarse = rng.random((6, 8, 3)).astype(np.float32)
    picture = coarse.repeat(size[0] // 6, 0).repeat(size[1] // 8, 1)
    return (picture * np.float32(mean / picture.mean())).clip(0, 1)


def flat(amount, like, maps=3):
    return np.full((maps, *like.shape[:2]), amount, np.float32)


def test_strength_one_is_the_models_opinion_and_zero_is_none():
    dark = scene(0.1)
    maps = flat(0.3, dark, 24)
    assert np.array_equal(adjust_curves(maps, dark, FREE, 8), maps)
    assert not adjust_curves(maps, dark, Controls(strength=0), 8).any()


@given(st.floats(0, 2), st.floats(0, 2))
def test_more_strength_is_never_darker(one, other):
    dark = scene(0.1)
    less, more = sorted((one, other))
    out = [curve(dark, adjust_curves(flat(0.3, dark), dark, Controls(strength=s), 8), 8) for s in (less, more)]
    assert (out[1] >= out[0] - 1e-6).all()


@pytest.mark.parametrize("ev", [-1, 1, 2])
@pytest.mark.parametrize("light", [0.004, 0.02, 0.1])
def test_exposure_is_a_gain_in_light_from_shadows_to_middle_grey(ev, light):
    light = np.float32(light * 2.0 ** -max(ev, 0) * 2)
    dark = np.full((4, 4, 3), linear_to_srgb(np.array([light]))[0], np.float32)
    out = curve(dark, adjust_curves(flat(0, dark), dark, Controls(exposure_ev=ev), 8), 8)
    gain_ev = np.log2(srgb_to_linear(out).mean() / light)
    assert gain_ev == pytest.approx(ev, rel=0.25)


@pytest.mark.parametrize("mean", [0.48, 0.6, 0.8])
@pytest.mark.parametrize("amount", [-0.3, 0.5])
def test_a_well_exposed_picture_is_left_alone(mean, amount):
    bright = scene(mean)
    bright = bright * np.float32(mean / luma(bright).mean())
    assert np.abs(adjust_curves(flat(amount, bright), bright.clip(0, 1), Controls(), 8)).max() < 0.02


def test_a_lamp_is_not_blown_and_the_rest_is_lightened():
    picture = np.full((60, 90, 3), 0.05, np.float32)
    picture[20:30, 40:50] = [0.8, 0.5, 0.2]  # a lamp shade
    free, kept = (
        curve(picture, adjust_curves(flat(0.35, picture), picture, controls, 8), 8) for controls in (FREE, Controls())
    )
    shade = slice(22, 28), slice(42, 48)
    assert free[shade][..., 1].mean() > 0.95  # orange has turned yellow
    assert kept[shade][..., 1].mean() < 0.85
    assert np.allclose(kept[:10, :10], free[:10, :10], atol=0.01)


def test_protection_never_darkens_and_never_adds():
    dark = scene(0.15)
    rng = np.random.default_rng(0)
    maps = rng.uniform(-0.3, 0.6, (24, *dark.shape[:2])).astype(np.float32)
    kept = adjust_curves(maps, dark, Controls(), 8)
    assert (kept >= 0).all()
    assert (kept <= np.maximum(maps, 0) + 1e-6).all()


RISING = [(amount, rise) for amount in (-0.2, 0.0, 0.01, 0.05, 0.2, 0.6, 0.9) for rise in (-0.9, 0.1, 0.9)]


@pytest.mark.parametrize(("amount", "rise"), RISING)
@pytest.mark.parametrize("controls", [Controls(), Controls(strength=0.4), Controls(strength=2)], ids=str)
def test_amounts_that_rise_darken_nothing_and_keep_the_order(amount: float, rise: float, controls: Controls):
    """Whatever a model says: what its amounts may rise by is held within what they can bear."""
    dark = scene(0.1)
    dark[:2, :2] = np.linspace(0.3, 1, 12).reshape(2, 2, 3)
    size = dark.shape[:2]
    maps = np.concatenate([np.full((3, *size), amount, np.float32), np.full((3, *size), rise, np.float32)])
    maps = adjust_curves(maps, dark, controls, 8)
    values = np.linspace(0, 1, 1001, dtype=np.float32)[None, :, None].repeat(3, 2)
    for place in ((0, 0), (-1, -1), (5, 7)):
        out = apply_curves(values, np.ascontiguousarray(maps[:, place[0], place[1], None, None]), 8)
        assert (out - values).min() >= -1e-6
        assert np.diff(out, axis=1).min() >= 0


def test_exposure_moves_amounts_and_not_what_they_rise_by():
    dark = scene(0.1)
    maps = np.concatenate([flat(0.3, dark), flat(0.4, dark)])
    free, brighter = (
        adjust_curves(maps, dark, Controls(exposure_ev=ev, protect_highlights=False), 8) for ev in (0.0, 1.0)
    )
    assert (free == maps).all()
    assert (brighter[:3] > maps[:3]).all()
    assert brighter[3:].min() > 0.4
    assert brighter[3:].max() < 0.45


def test_a_photo_without_anything_bright_is_not_exposed_well():
    """Two stops too dark, a pale wall's shadows are as bright as those of a good photo; its lights are not."""
    pale = np.clip(0.75 + 0.25 * np.random.default_rng(0).standard_normal((60, 90, 1)), 0.3, 1).astype(np.float32)
    pale = pale.repeat(3, 2)
    assert exposed_well(pale) > 0.99
    assert exposed_well(linear_to_srgb(srgb_to_linear(pale) / 4)) < 0.2


def test_at_most_a_twelfth_is_newly_blown():
    half = np.full((40, 40, 3), 0.05, np.float32)
    half[:, 20:] = 0.4
    out = curve(half, adjust_curves(flat(0.6, half), half, Controls(), 8), 8)
    assert (out > 0.98).mean() < 0.08


def test_maps_stay_in_range_at_full_turn():
    dark = scene(0.1)
    out = adjust_curves(flat(0.9, dark), dark, Controls(strength=2, exposure_ev=4, protect_highlights=False), 8)
    assert out.max() <= 1
    assert out.dtype == np.float32


@pytest.mark.parametrize(
    "wrong", [{"strength": -0.1}, {"strength": 2.5}, {"exposure_ev": 5}, {"strength": float("nan")}]
)
def test_controls_outside_their_range_are_refused(wrong):
    with pytest.raises(ControlError, match="must be between"):
        Controls(**wrong)


@pytest.mark.parametrize("wrong", [{"strength": "1"}, {"exposure_ev": None}])
def test_controls_that_are_no_numbers_are_refused(wrong):
    with pytest.raises(ControlError, match="must be a number, got"):
        Controls(**wrong)


@pytest.mark.parametrize("size", [(1, 1), (1, 40), (40, 1), (3, 2)])
def test_any_size_of_thumbnail(size):
    picture = np.full((*size, 3), 0.1, np.float32)
    assert adjust_curves(flat(0.3, picture), picture, Controls(), 8).shape == (3, *size)
