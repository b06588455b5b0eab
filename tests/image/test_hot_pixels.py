"""Hot pixels go, stars stay."""

import numpy as np
import pytest

from scotopic.data.noise import SensorNoise
from scotopic.data.sensor import VirtualSensor, capture
from scotopic.image import RawFrame
from scotopic.image.hot_pixels import without_hot_pixels
from scotopic.image.mosaic import RGGB, XTRANS
from scotopic.image.noise_level import NoiseLevel

NOISE = SensorNoise(gain_dn=1.0, read_scale_dn=4.0)


def taken(light: np.ndarray, cfa: tuple[str, ...] = RGGB, ratio: float = 20.0) -> RawFrame:
    sensor = VirtualSensor(cfa, (2.0, 1.0, 1.6), np.eye(3, dtype=np.float32), NOISE)
    return capture(light.astype(np.float32), ratio, sensor, np.random.default_rng(0))[0]


@pytest.mark.parametrize("cfa", [RGGB, ("GB", "RG"), XTRANS])
def test_hot_pixels_go_and_nothing_else_changes(cfa: tuple[str, ...]) -> None:
    frame = taken(np.full((300, 402, 3), 0.2), cfa)
    mosaic = frame.mosaic.copy()
    rng = np.random.default_rng(1)
    places = (np.arange(5, 295, 10), rng.permutation(np.arange(5, 395, 13))[:29])
    mosaic[places] += rng.integers(400, 5000, 29).astype(np.uint16)
    hot = RawFrame(**{**frame.__dict__, "mosaic": mosaic})
    clean = without_hot_pixels(hot, NOISE.level)
    # What stands there now is what its colour has there, as far as noise lets one see.
    assert np.abs(clean.mosaic[places].astype(float) - frame.mosaic[places]).max() < 7 * 15
    others = np.ones(mosaic.shape, bool)
    others[places] = False
    assert np.array_equal(clean.mosaic[others], mosaic[others])
    assert not np.array_equal(clean.mosaic, hot.mosaic)  # the frame that was given stays
    assert without_hot_pixels(hot, NOISE.level, in_place=True).mosaic is hot.mosaic
    assert np.array_equal(hot.mosaic, clean.mosaic)


def test_stars_lamps_and_edges_stay() -> None:
    y, x = np.mgrid[0:200, 0:240].astype(np.float32)
    light = np.full((200, 240, 3), 0.01, np.float32)
    rng = np.random.default_rng(2)
    for _ in range(60):  # as sharp as lenses draw them: two pixels wide at half their height
        cy, cx = rng.uniform(5, 195), rng.uniform(5, 235)
        light += (rng.uniform(0.5, 20) * np.exp(-((y - cy) ** 2 + (x - cx) ** 2) / (2 * 0.85**2)))[..., None]
    light[60:120, 100:102] += 3.0
    frame = taken(light)
    changed = np.count_nonzero(without_hot_pixels(frame, NOISE.level).mosaic != frame.mosaic)
    assert changed <= 3  # of some 60 stars of 10 pixels each


def test_noise_alone_is_left_alone() -> None:
    frame = taken(np.random.default_rng(3).random((400, 400, 3)) * 0.3)
    assert np.count_nonzero(without_hot_pixels(frame, NOISE.level).mosaic != frame.mosaic) <= 2


@pytest.mark.parametrize("size", [(1, 1), (3, 9), (9, 4), (5, 5)])
def test_frames_too_small_to_tell_stay(size: tuple[int, int]) -> None:
    frame = taken(np.full((*size, 3), 0.2))
    assert without_hot_pixels(frame, NoiseLevel(1.0, 4.0)).mosaic.shape == size
