import numpy as np
import pytest

from scotopic.image.exposure import LARGEST_RATIO, estimate_ratio
from scotopic.image.mosaic import BAYER, CFA, RGGB, XTRANS, colour_map, rolled_cfa
from scotopic.image.raw_frame import RawFrame

BLACK, WHITE = 512, 16383
BALANCE = (2.0, 1.0, 1.6)


def scene(height: int = 300, width: int = 400, seed: int = 0) -> np.ndarray:
    """Something like a photo: patches of all brightnesses up to white, mean light a quarter, `h w 3`."""
    rng = np.random.default_rng(seed)
    patches = rng.lognormal(np.log(0.17), 0.9, (height // 20, width // 20, 1)) * rng.uniform(0.7, 1.3, (1, 1, 3))
    return np.minimum(patches.repeat(20, 0).repeat(20, 1), 1)


def shot(
    light: np.ndarray,
    ratio: float = 1.0,
    cfa: CFA = RGGB,
    read_dn: float = 0.0,
    black_error_dn: float = 0.0,
    balance: tuple[float, float, float] = BALANCE,
) -> RawFrame:
    """A frame of white-balanced `light`, 1 = white, exposed `ratio` times too short."""
    period = len(cfa)
    rows, columns = (np.arange(size) % period for size in light.shape[:2])
    colours = colour_map(cfa)[rows[:, None], columns].astype(np.intp)
    one = np.take_along_axis(light / np.array(balance) / ratio, colours[..., None], axis=2)[..., 0]
    signal = one * (WHITE - BLACK)
    if read_dn:
        rng = np.random.default_rng(0)
        signal = rng.poisson(signal) + rng.normal(0, read_dn, signal.shape)
    mosaic = np.clip(np.rint(BLACK + black_error_dn + signal), 0, WHITE).astype(np.uint16)
    black = np.full((period, period), BLACK, np.float32)
    return RawFrame(mosaic, cfa, black, WHITE, balance, np.eye(3, dtype=np.float32))


def stops(a: float, b: float) -> float:
    return abs(float(np.log2(a / b)))


@pytest.mark.parametrize("ratio", [1.0, 8.0, 20.0, 50.0, 100.0, 250.0])
def test_the_ratio_of_a_dark_frame_is_found(ratio: float):
    assert stops(estimate_ratio(shot(scene(), ratio)), ratio) < 0.5


def test_half_the_light_wants_twice_the_ratio():
    dark, darker = (estimate_ratio(shot(scene(), ratio)) for ratio in (60.0, 120.0))
    assert darker / dark == pytest.approx(2, rel=0.02)


@pytest.mark.parametrize("ratio", [30.0, 100.0, 250.0])
def test_noise_changes_little(ratio: float):
    clean, noisy = (estimate_ratio(shot(scene(), ratio, read_dn=sigma)) for sigma in (0.0, 25.0))
    assert stops(clean, noisy) < 0.1


def test_a_black_level_that_is_off_changes_little():
    right = estimate_ratio(shot(scene(), 100))
    for error in (-2.0, 2.0):
        assert stops(estimate_ratio(shot(scene(), 100, black_error_dn=error)), right) < 0.3


def test_lamps_count_by_their_area():
    night = 0.5 * scene()
    lamps = night.copy()
    lamps[100:120, 100:220] = 60.0  # 2 % of the picture
    assert stops(estimate_ratio(shot(lamps, 100)), estimate_ratio(shot(night, 100))) < 0.25


def test_a_night_with_lamps_at_white_is_brightened():
    light = 0.01 * scene()
    light[40:60, 80:100] = light[200:220, 300:320] = 1.0
    assert estimate_ratio(shot(light)) > 50


@pytest.mark.parametrize(
    "light",
    [
        np.full((200, 300, 3), 0.9),  # a page
        np.clip(0.75 + 0.2 * scene(200, 300), 0, 1),  # snow
        np.full((200, 300, 3), 0.25),  # a grey card
        scene(200, 300, seed=4),
        np.where(np.arange(300)[:, None] < 30, 0.95, 0.08) * np.ones((200, 300, 3)),  # a dark subject, lit from behind
    ],
    ids=["page", "snow", "grey", "photo", "dark subject"],
)
def test_well_exposed_frames_are_left_alone(light: np.ndarray):
    assert 1.0 <= estimate_ratio(shot(light)) <= 1.1


def test_an_underexposed_frame_is_brightened_until_its_highlights_are_white():
    light = np.where(np.arange(300)[:, None] < 30, 0.95, 0.08) * np.ones((200, 300, 3))
    assert 2.5 < estimate_ratio(shot(light, 4)) <= 4.2


@pytest.mark.parametrize("cfa", [*BAYER, XTRANS, rolled_cfa(XTRANS, 2, 5)], ids=lambda cfa: "".join(cfa)[:8])
def test_the_pattern_does_not_matter(cfa: CFA):
    assert estimate_ratio(shot(scene(), 100, cfa)) == pytest.approx(estimate_ratio(shot(scene(), 100)), rel=0.03)


def test_white_balance_is_undone():
    warm = estimate_ratio(shot(scene(), 100, balance=(1.3, 1.0, 3.0)))
    assert warm == pytest.approx(estimate_ratio(shot(scene(), 100)), rel=0.02)


@pytest.mark.parametrize("size", [(1, 1), (1, 9), (5, 3), (13, 700)])
@pytest.mark.parametrize("cfa", [RGGB, XTRANS], ids=["bayer", "xtrans"])
def test_any_size_and_any_content_stay_within_bounds(size: tuple[int, int], cfa: CFA):
    assert estimate_ratio(shot(np.zeros((*size, 3)), cfa=cfa)) == LARGEST_RATIO
    assert estimate_ratio(shot(np.full((*size, 3), 5.0), cfa=cfa)) == 1
    assert 1 <= estimate_ratio(shot(np.zeros((*size, 3)), cfa=cfa, black_error_dn=-5)) <= LARGEST_RATIO
