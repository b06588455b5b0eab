"""What every shipped model for pictures owes the photographer, on the examples and on pictures made for a question."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

import scotopic
from scotopic.metrics import luma, psnr
from scotopic.runtime import Controls, list_models, load_model

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*.jpg"))

pytestmark = pytest.mark.parametrize("model", [name for name in list_models() if not load_model(name).card.raw])


def example(path: Path) -> NDArray[np.float32]:
    return scotopic.read(path).pixels[::2, ::2]


def hue(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """Mean colour as shares of red, green and blue."""
    mean = image.mean((0, 1))
    return mean / mean.sum()


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_dark_photos_come_out_well_exposed_and_keep_their_colour(model: str, path: Path) -> None:
    low = example(path)
    out = scotopic.enhance(low, model=model)
    assert luma(low).mean() < 0.15
    assert 0.3 < luma(out).mean() < 0.55
    assert (out.min(2) > 0.98).mean() < 0.02
    assert np.abs(hue(out) - hue(low)).max() < 0.06
    saturation = [(image.max(2) - image.min(2)).mean() / image.mean() for image in (low, out)]
    assert saturation[1] > 0.6 * saturation[0]


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_a_photo_that_is_well_exposed_is_hardly_touched(model: str, path: Path) -> None:
    well = scotopic.enhance(example(path), model=model, exposure_ev=0.7)
    assert psnr(scotopic.enhance(well, model=model), well) > 30


def test_black_stays_black_and_white_stays_white(model: str) -> None:
    for value in (0, 255):
        flat = np.full((40, 60, 3), value, np.uint8)
        assert np.array_equal(scotopic.enhance(flat, model=model), flat)


def test_grey_stays_grey(model: str) -> None:
    rng = np.random.default_rng(0)
    grey = (60 * rng.random((12, 18))).astype(np.uint8).repeat(20, 0).repeat(20, 1)
    out = scotopic.enhance(np.stack([grey] * 3, axis=2), model=model).astype(int)
    assert np.ptp(out, axis=2).max() == 0
    one_band = scotopic.enhance(grey, model=model)
    assert one_band.shape == grey.shape
    assert np.abs(one_band.astype(int) - out.mean(2)).max() <= 6


def test_a_lamp_keeps_its_colour(model: str) -> None:
    night = np.full((240, 320, 3), 12, np.uint8)
    night[90:150, 140:200] = [200, 110, 40]
    out = scotopic.enhance(night, model=model)
    assert luma(out[:60] / 255.0).mean() > 1.5 * luma(night[:60] / 255.0).mean()
    red, green, blue = out[110:130, 160:180].mean((0, 1))
    assert green < 0.85 * red
    assert blue < 0.6 * red


def test_the_curves_keep_order(model: str) -> None:
    ramp = np.linspace(0, 60, 256).astype(np.uint8)[None, :, None].repeat(64, 0).repeat(3, 2)
    out = scotopic.enhance(ramp, model=model, protect_highlights=False, tier="fast").astype(int)
    assert (np.diff(out.mean(0), axis=0) >= -1).all()


def test_strength_is_continuous_from_the_input_up(model: str) -> None:
    low = example(EXAMPLES[0])
    outs = [scotopic.enhance(low, model=model, strength=s) for s in (0, 0.25, 0.5, 0.75, 1)]
    assert np.array_equal(outs[0], low)
    means = [out.mean() for out in outs]
    assert means == sorted(means)
    assert max(np.diff(means)) < 3 * min(np.diff(means))


def test_the_apply_graph_does_what_the_fast_path_does(model: str) -> None:
    loaded = load_model(model)
    assert loaded.decide is not None
    assert loaded.apply is not None
    assert loaded.card.decide is not None
    low = example(EXAMPLES[0])[:192, :256]  # sides that no model has to make multiples of its own
    tensor = np.ascontiguousarray(low.transpose(2, 0, 1))[None]
    (maps,) = onnxruntime.InferenceSession(loaded.decide).run(None, {"low": tensor})
    (whole,) = onnxruntime.InferenceSession(loaded.apply).run(None, {"low": tensor, "maps": maps})
    fast = scotopic.Enhancer(model).enhance(low, Controls(protect_highlights=False, tier="fast"))
    assert np.abs(whole[0].transpose(1, 2, 0) - fast).max() < 2e-3
