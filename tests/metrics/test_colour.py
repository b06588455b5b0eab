"""Colour differences are the published ones, and each error sees its own kind of wrong alone."""

import numpy as np
import pytest
from skimage.color import deltaE_ciede2000, rgb2lab

from scotopic.image import linear_to_srgb, srgb_to_linear
from scotopic.metrics import angular_error, brightness_error, ciede2000, delta_e_2000, hue_loss

# Sharma, Wu and Dalal 2005, table 1: two colours in CIELAB, and their difference to four decimals.
SHARMA = np.array(
    [
        [50.0000, 2.6772, -79.7751, 50.0000, 0.0000, -82.7485, 2.0425],
        [50.0000, 3.1571, -77.2803, 50.0000, 0.0000, -82.7485, 2.8615],
        [50.0000, 2.8361, -74.0200, 50.0000, 0.0000, -82.7485, 3.4412],
        [50.0000, -1.3802, -84.2814, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -1.1848, -84.8006, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, -0.9009, -85.5211, 50.0000, 0.0000, -82.7485, 1.0000],
        [50.0000, 0.0000, 0.0000, 50.0000, -1.0000, 2.0000, 2.3669],
        [50.0000, -1.0000, 2.0000, 50.0000, 0.0000, 0.0000, 2.3669],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0009, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0010, 7.1792],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0011, 7.2195],
        [50.0000, 2.4900, -0.0010, 50.0000, -2.4900, 0.0012, 7.2195],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0009, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0010, -2.4900, 4.8045],
        [50.0000, -0.0010, 2.4900, 50.0000, 0.0011, -2.4900, 4.7461],
        [50.0000, 2.5000, 0.0000, 50.0000, 0.0000, -2.5000, 4.3065],
        [50.0000, 2.5000, 0.0000, 73.0000, 25.0000, -18.0000, 27.1492],
        [50.0000, 2.5000, 0.0000, 61.0000, -5.0000, 29.0000, 22.8977],
        [50.0000, 2.5000, 0.0000, 56.0000, -27.0000, -3.0000, 31.9030],
        [50.0000, 2.5000, 0.0000, 58.0000, 24.0000, 15.0000, 19.4535],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.1736, 0.5854, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2972, 0.0000, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 1.8634, 0.5757, 1.0000],
        [50.0000, 2.5000, 0.0000, 50.0000, 3.2592, 0.3350, 1.0000],
        [60.2574, -34.0099, 36.2677, 60.4626, -34.1751, 39.4387, 1.2644],
        [63.0109, -31.0961, -5.8663, 62.8187, -29.7946, -4.0864, 1.2630],
        [61.2901, 3.7196, -5.3901, 61.4292, 2.2480, -4.9620, 1.8731],
        [35.0831, -44.1164, 3.7933, 35.0232, -40.0716, 1.5901, 1.8645],
        [22.7233, 20.0904, -46.6940, 23.0331, 14.9730, -42.5619, 2.0373],
        [36.4612, 47.8580, 18.3852, 36.2715, 50.5065, 21.2231, 1.4146],
        [90.8027, -2.0831, 1.4410, 91.1528, -1.6435, 0.0447, 1.4441],
        [90.9257, -0.5406, -0.9208, 88.6381, -0.8985, -0.7239, 1.5381],
        [6.7747, -0.2908, -2.4247, 5.8714, -0.0985, -2.2286, 0.6377],
        [2.0776, 0.0795, -1.1350, 0.9033, -0.0636, -0.5514, 0.9082],
    ]
)


@pytest.fixture
def pair():
    rng = np.random.default_rng(0)
    target = rng.random((64, 80, 3))
    return np.clip(target + 0.1 * rng.standard_normal(target.shape), 0, 1), target


def test_ciede2000_is_sharmas():
    differences = delta_e_2000(SHARMA[:, :3], SHARMA[:, 3:6])
    np.testing.assert_allclose(differences, SHARMA[:, 6], atol=5.1e-5)
    np.testing.assert_allclose(delta_e_2000(SHARMA[:, 3:6], SHARMA[:, :3]), differences, atol=1e-9)


def test_ciede2000_of_pictures_is_scikit_images(pair):
    lab = [rgb2lab(image) for image in pair]
    assert ciede2000(*pair) == pytest.approx(deltaE_ciede2000(*lab).mean(), rel=2e-4)


@pytest.mark.parametrize("metric", [ciede2000, angular_error])
def test_the_bands_that_are_worked_on_do_not_show(metric):
    rng = np.random.default_rng(0)
    out, target = rng.random((2, 300, 200, 3))
    parts = [metric(out[i : i + 30], target[i : i + 30]) for i in range(0, 300, 30)]
    assert metric(out, target) == pytest.approx(np.mean(parts))


def test_more_of_the_same_light_keeps_colour_and_hue():
    rng = np.random.default_rng(0)
    target = 0.3 + 0.3 * rng.random((32, 32, 3))
    brighter = linear_to_srgb(2 * srgb_to_linear(target))
    assert angular_error(brighter, target) < 0.01
    assert hue_loss(target, brighter) < 0.01
    assert brightness_error(brighter, target) > 0.1
    assert ciede2000(brighter, target) > 5


def test_angles_are_those_of_vectors(pair):
    a, b = (srgb_to_linear(image).astype(np.float64).reshape(-1, 3) for image in pair)
    cosine = (a * b).sum(1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    assert angular_error(*pair) == pytest.approx(np.degrees(np.arccos(cosine)).mean(), rel=1e-3)


def test_black_counts_as_grey_to_angles():
    black, grey = np.zeros((4, 4, 3)), np.full((4, 4, 3), 0.5)
    red = np.tile([1.0, 0, 0], (4, 4, 1))
    assert angular_error(black, grey) == pytest.approx(0, abs=1e-3)
    assert angular_error(black, red) == pytest.approx(np.degrees(np.arccos(3**-0.5)), abs=1e-3)
    assert angular_error(np.roll(red, 1, axis=2), red) == pytest.approx(90, abs=1e-3)


def test_hue_turns_by_thirds_as_channels_change_places():
    rng = np.random.default_rng(0)
    low = rng.random((32, 32, 3))
    assert hue_loss(low, np.roll(low, 1, axis=2)) == pytest.approx(120)
    assert hue_loss(low, low[..., [0, 2, 1]]) < 120


def test_grey_has_no_hue_to_lose_and_can_swallow_one():
    rng = np.random.default_rng(0)
    colours, grey = rng.random((16, 16, 3)), np.repeat(rng.random((16, 16, 1)), 3, axis=2)
    assert hue_loss(grey, colours) == 0
    assert hue_loss(colours, grey) == pytest.approx(90)
    low = np.concatenate([colours, grey])
    assert hue_loss(low, np.concatenate([colours, colours])) == pytest.approx(0, abs=1e-6)
