"""What networks are given."""

import numpy as np
import pytest

from scotopic.image.noise_level import NoiseLevel
from scotopic.image.packed import HEADROOM, k_sigma_planes, ratio_planes

WHITE_BALANCE = (2.0, 1.0, 1.5)


def test_sids_own_normalisation_falls_out() -> None:
    dn = np.array([400, 512, 592, 16383], np.float32)
    light = np.broadcast_to(((dn - 512) / (16383 - 512))[None, None], (4, 1, 4))
    np.testing.assert_allclose(ratio_planes(light, 100)[2, 0], [0, 0, 100 * 80 / 15871, 1], rtol=1e-6)


@pytest.mark.parametrize("planes", [4, 9])
@pytest.mark.parametrize("ratio", [1.0, 20.0])
def test_planes_say_how_noisy_they_are(planes: int, ratio: float) -> None:
    """Noise of a known level, through `k_sigma_planes`: each plane's variance is slope * light + offset."""
    rng = np.random.default_rng(1)
    noise, range_dn = NoiseLevel(2.0, 10.0), 15871.0
    signal = 150.0
    dn = rng.poisson(signal / 2.0, (planes, 200, 200)) * 2.0 + rng.normal(0, 10.0, (planes, 200, 200))
    out = k_sigma_planes((dn / range_dn).astype(np.float32), WHITE_BALANCE, ratio, noise, range_dn)
    light, slope, offset = np.split(out, 3)
    assert out.dtype == np.float32
    assert out.shape == (3 * planes, 200, 200)
    for plane in range(planes):
        expected = slope[plane, 0, 0] * light[plane].mean() + offset[plane, 0, 0]
        assert light[plane].var() == pytest.approx(expected, rel=0.03)


def test_grey_is_grey_and_white_is_white() -> None:
    grey = np.array([0.1, 0.2, 0.2, 0.2 / 1.5], np.float32)[:, None, None]
    out = k_sigma_planes(grey, WHITE_BALANCE, 2.0, NoiseLevel(1, 1), 1000)
    np.testing.assert_allclose(out[:4, 0, 0], 0.4, rtol=1e-6)
    full = np.ones((4, 1, 1), np.float32)
    for ratio, white in ((1.0, 1.0), (2.0, 2.0), (100.0, HEADROOM)):
        assert k_sigma_planes(full, WHITE_BALANCE, ratio, NoiseLevel(1, 1), 1000)[:4].ravel().tolist() == [white] * 4


def test_the_phase_of_xtrans_comes_last() -> None:
    phase = np.array([[0.0, 1.0]], np.float32)
    out = k_sigma_planes(np.zeros((9, 1, 2), np.float32), WHITE_BALANCE, 1.0, NoiseLevel(1, 1), 1000, phase)
    assert out.shape == (28, 1, 2)
    assert out[27].tolist() == [[0.0, 1.0]]
