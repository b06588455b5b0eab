"""What every shipped raw model owes the photographer, on frames made for one question."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

import scotopic
from scotopic.data.noise import SensorNoise
from scotopic.data.sensor import COLOUR_MATRICES, VirtualSensor, camera_to_srgb, capture
from scotopic.image import linear_to_srgb
from scotopic.image.mosaic import RGGB, XTRANS
from scotopic.metrics import luma, psnr
from scotopic.runtime import DEFAULT_RAW_MODELS, Controls, Enhancer, list_models, load_model

EXAMPLE = Path(__file__).parents[2] / "examples" / "crab.dng"
PATTERNS = {"bayer": RGGB, "xtrans": XTRANS}
MODELS = {card.name: card.raw.cfa for card in (load_model(name).card for name in list_models()) if card.raw}

pytestmark = pytest.mark.parametrize("model", MODELS)


def shot(model: str, light: NDArray[np.float64], ratio: float, gain_dn: float = 1.0) -> scotopic.RawFrame:
    matrix = camera_to_srgb(np.reshape(COLOUR_MATRICES["CanonEOS5D4"], (3, 3)) / 10000)
    noise = SensorNoise(gain_dn, read_scale_dn=2.0 + 2 * gain_dn)
    sensor = VirtualSensor(PATTERNS[MODELS[model]], (2.0, 1.0, 1.7), matrix, noise)
    return capture(light.astype(np.float32), ratio, sensor, np.random.default_rng(0))[0]


def developed(model: str, frame: scotopic.RawFrame, ratio: float | None) -> NDArray[np.float32]:
    return Enhancer(model).enhance(frame, Controls(ratio=ratio, protect_highlights=False)).pixels


def blocks(size: int = 24) -> NDArray[np.float64]:
    """Colours in squares, `240 288 3`, linear light."""
    rng = np.random.default_rng(1)
    return rng.uniform(0.02, 0.8, (240 // size, 288 // size, 3)).repeat(size, 0).repeat(size, 1)


def test_it_is_the_default_for_its_sensors(model: str) -> None:
    assert DEFAULT_RAW_MODELS[MODELS[model]] == model


@pytest.mark.parametrize("ratio", [1.0, 30.0, 100.0])
def test_grey_stays_grey_and_noise_goes(model: str, ratio: float) -> None:
    frame = shot(model, np.full((240, 288, 3), 0.2), ratio)
    out = developed(model, frame, ratio)
    expected = float(linear_to_srgb(np.float32(0.2)))
    np.testing.assert_allclose(out.mean((0, 1)), expected, atol=0.02)
    amplified = linear_to_srgb(np.maximum(frame.light() * ratio, 0))
    green = amplified[0::6, 1::6]  # green in both patterns
    assert out[..., 1].std() < 0.35 * green.std() + 0.003


def test_colours_are_those_of_the_scene(model: str) -> None:
    light = blocks(48)
    for ratio, most in ((1.0, 0.008), (100.0, 0.025)):
        out = developed(model, shot(model, light, ratio, 0.3), ratio)
        inner = [image.reshape(5, 48, 6, 48, 3)[:, 16:32, :, 16:32].mean((1, 3)) for image in (out, light)]
        assert np.abs(inner[0] - linear_to_srgb(inner[1])).mean() < most


def test_edges_are_sharp_and_without_fringes(model: str) -> None:
    light = blocks(12)[..., :1].repeat(3, 2)
    out = developed(model, shot(model, light, 1.0, 0.3), 1.0)
    assert psnr(out, linear_to_srgb(light)) > 27
    assert np.abs(out - out.mean(2, keepdims=True)).mean() < 0.012


def test_black_is_black_and_blown_lights_are_white(model: str) -> None:
    light = np.zeros((120, 144, 3))
    light[48:96, 60:108] = 40.0
    out = developed(model, shot(model, light, 4.0), 4.0)
    assert out[60:84, 72:96].min() > 0.97
    assert out[:24].max() < 0.08


def test_an_exposed_frame_is_not_amplified_and_a_dark_one_is(model: str) -> None:
    light = blocks(48) * 0.8
    assert luma(developed(model, shot(model, light, 1.0), None)).mean() == pytest.approx(
        float(luma(linear_to_srgb(light)).mean()), abs=0.04
    )
    assert 0.3 < luma(developed(model, shot(model, light, 100.0), None)).mean() < 0.7


def test_the_example_comes_out(model: str) -> None:
    frame = scotopic.read_raw(EXAMPLE)
    if frame.is_xtrans != (MODELS[model] == "xtrans"):
        with pytest.raises(scotopic.ScotopicError, match="is for X-Trans sensors, got Bayer"):
            Enhancer(model).enhance(frame)
        return
    out = scotopic.enhance(frame, model=model).pixels
    assert out.shape == (600, 900, 3)
    assert 0.3 < luma(out).mean() < 0.55
