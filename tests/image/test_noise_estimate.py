import math

import numpy as np
import pytest

from scotopic.image import noise_estimate
from scotopic.image.mosaic import BAYER, CFA, RGGB, XTRANS, colour_map, rolled_cfa
from scotopic.image.noise_estimate import estimate_noise
from scotopic.image.noise_level import NoiseLevel
from scotopic.image.raw_frame import RawFrame

WHITE = 16383
CFAS: list[CFA] = [*BAYER, XTRANS, rolled_cfa(XTRANS, 1, 0), rolled_cfa(XTRANS, 4, 5)]


def smooth_scene(height: int = 384, width: int = 512, brightest: float = 0.5) -> np.ndarray:
    """Light from nearly none to `brightest`, with a few edges: share of what the sensor holds, `h w`."""
    y, x = np.mgrid[:height, :width] / [[[height]], [[width]]]
    light = brightest * (0.02 + 0.98 * x**2) * (0.6 + 0.4 * np.cos(3 * y))
    light[height // 3 : height // 2, width // 4 : width // 2] *= 0.3
    return light


def shot(
    light: np.ndarray,
    noise: NoiseLevel,
    cfa: CFA = RGGB,
    black: int = 512,
    seed: int = 0,
    read: str = "normal",
    step: int = 1,
) -> RawFrame:
    """A frame of grey light with this noise, colours as a sensor sees them (green brightest)."""
    rng = np.random.default_rng(seed)
    period = len(cfa)
    rows, columns = (np.arange(size) % period for size in light.shape)
    seen = np.array([0.5, 1.0, 0.6])[colour_map(cfa)][rows[:, None], columns]
    electrons = rng.poisson(light * seen * (WHITE - black) / noise.gain_dn)
    spread = {"normal": rng.normal, "laplace": rng.laplace}[read](size=light.shape)
    sigma = noise.read_sigma_dn / (math.sqrt(2) if read == "laplace" else 1)
    dn = np.rint((black + electrons * noise.gain_dn + sigma * spread) / step) * step
    levels = np.full((period, period), black, np.float32)
    identity = np.eye(3, dtype=np.float32)
    return RawFrame(np.clip(dn, 0, WHITE).astype(np.uint16), cfa, levels, WHITE, (2.0, 1.0, 1.6), identity)


def assert_near(found: NoiseLevel, truth: NoiseLevel, gain: float = 0.15, sigma: float = 0.2) -> None:
    assert found.gain_dn == pytest.approx(truth.gain_dn, rel=gain)
    assert found.read_sigma_dn == pytest.approx(truth.read_sigma_dn, rel=sigma)


@pytest.mark.parametrize("cfa", CFAS, ids=lambda cfa: "".join(cfa)[:8])
def test_gain_and_read_noise_are_found_in_every_pattern(cfa: CFA):
    truth = NoiseLevel(gain_dn=2.0, read_sigma_dn=20.0)
    assert_near(estimate_noise(shot(smooth_scene(), truth, cfa)), truth)


@pytest.mark.parametrize("gain", [0.3, 3.0, 15.0])
@pytest.mark.parametrize("brightest", [0.02, 0.1, 1.0])
def test_dark_and_bright_frames(gain: float, brightest: float):
    truth = NoiseLevel(gain, 4 * gain**0.6)
    frame = shot(smooth_scene(brightest=brightest), truth)
    found = estimate_noise(frame)
    # Read noise matters where it is not drowned in shot noise; but for that, the variance must be right everywhere.
    light = np.array([0.02, 0.2, 0.6]) * brightest * (WHITE - 512)
    assert found.variance_dn(light) == pytest.approx(truth.variance_dn(light), rel=0.2)


def test_a_few_dn_above_black_read_noise_is_found():
    truth = NoiseLevel(gain_dn=1.0, read_sigma_dn=6.0)
    found = estimate_noise(shot(smooth_scene(brightest=8 / WHITE), truth))
    assert found.read_sigma_dn == pytest.approx(6.0, rel=0.1)


def test_texture_is_not_noise():
    truth = NoiseLevel(gain_dn=1.0, read_sigma_dn=5.0)
    light = smooth_scene(512, 512)
    light[:, :] = np.where(
        np.mgrid[:512, :512][0] % 256 < 160, light * np.random.default_rng(1).uniform(0.6, 1, light.shape), light
    )
    assert_near(estimate_noise(shot(light, truth)), truth, gain=0.25, sigma=0.4)


def test_hot_pixels_are_not_noise():
    truth = NoiseLevel(gain_dn=1.0, read_sigma_dn=5.0)
    frame = shot(smooth_scene(), truth)
    hot = np.random.default_rng(2).random(frame.mosaic.shape) < 2e-4
    frame.mosaic[hot] = 12000
    assert_near(estimate_noise(frame), truth)


def test_values_at_white_do_not_count():
    truth = NoiseLevel(gain_dn=2.0, read_sigma_dn=10.0)
    light = smooth_scene()
    light[:, 256:] = 1.5
    assert_near(estimate_noise(shot(light, truth)), truth)


@pytest.mark.parametrize("black", [0, 3])
def test_values_cut_off_at_zero_are_seen_through(black: int):
    truth = NoiseLevel(gain_dn=2.0, read_sigma_dn=12.0)
    frame = shot(smooth_scene(brightest=0.01), truth, black=black)
    assert (frame.mosaic == 0).mean() > 0.02
    assert_near(estimate_noise(frame), truth, gain=0.2)


def test_heavy_tails_have_their_standard_deviation():
    truth = NoiseLevel(gain_dn=0.5, read_sigma_dn=10.0)
    assert_near(estimate_noise(shot(smooth_scene(brightest=0.3), truth, read="laplace")), truth)


def test_every_place_of_the_pattern_may_have_its_own_black():
    frame = shot(smooth_scene(), NoiseLevel(1.0, 5.0), RGGB)
    offsets = np.array([[0, 9], [4, 30]])
    raised = RawFrame(
        (frame.mosaic + np.tile(offsets, (192, 256))).astype(np.uint16),
        RGGB,
        frame.black_level_dn + offsets.astype(np.float32),
        WHITE + 20,
        frame.white_balance,
        frame.camera_to_xyz,
    )
    expected = estimate_noise(frame)
    assert_near(estimate_noise(raised), expected, gain=0.02, sigma=0.02)


def test_other_units_give_the_same_noise():
    frame = shot(smooth_scene(brightest=0.2), NoiseLevel(2.0, 9.0))
    larger = RawFrame(
        frame.mosaic * np.uint16(3),
        RGGB,
        3 * frame.black_level_dn,
        3 * WHITE,
        frame.white_balance,
        frame.camera_to_xyz,
    )
    once, thrice = estimate_noise(frame), estimate_noise(larger)
    assert_near(thrice, NoiseLevel(3 * once.gain_dn, 3 * once.read_sigma_dn), gain=0.05, sigma=0.05)


def test_rounding_to_four_is_part_of_read_noise():
    truth = NoiseLevel(gain_dn=1.0, read_sigma_dn=3.0)
    found = estimate_noise(shot(smooth_scene(brightest=0.03), truth, step=4))
    assert found.read_sigma_dn == pytest.approx(math.sqrt(3.0**2 + 4**2 / 12), rel=0.15)


def test_large_frames_are_sampled_evenly(monkeypatch: pytest.MonkeyPatch):
    truth = NoiseLevel(gain_dn=2.0, read_sigma_dn=10.0)
    frame = shot(smooth_scene(768, 512).T.copy(), truth)
    monkeypatch.setattr(noise_estimate, "SAMPLED_PIXELS", 100_000)
    assert_near(estimate_noise(frame), truth, gain=0.2, sigma=0.25)


@pytest.mark.parametrize("size", [(1, 1), (3, 40), (15, 15), (16, 16), (40, 33)])
@pytest.mark.parametrize("cfa", [RGGB, XTRANS], ids=["bayer", "xtrans"])
@pytest.mark.parametrize("level", [0, 600, WHITE])
def test_frames_without_anything_to_measure_get_an_ordinary_noise(size: tuple[int, int], cfa: CFA, level: int):
    black = np.full((len(cfa), len(cfa)), 512, np.float32)
    frame = RawFrame(np.full(size, level, np.uint16), cfa, black, WHITE, (2.0, 1.0, 1.6), np.eye(3, dtype=np.float32))
    found = estimate_noise(frame)
    assert 0.01 < found.gain_dn < 100
    assert 0.2 < found.read_sigma_dn < 100
