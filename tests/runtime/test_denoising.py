"""The two tiers: brightened alone, or freed of the noise that this shows as well."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from onnx import helper

from scotopic.data.dng import write_dng
from scotopic.errors import CardError, ControlError, ModelError, NoDenoiserError
from scotopic.image import Picture
from scotopic.runtime import Controls, Enhancer, denoising, load_model, photos, read_card, work, write_card
from scotopic.runtime.decision import DENOISE

from .conftest import PEAK, TIERS, MakeModel, graph, load, photo, save
from .raw_models import noise, raw_frame, write_raw_model

FAST, BEST = Controls(tier="fast"), Controls(tier="best")
KINDS_OF_SAMPLES = [np.uint8, np.uint16, np.float32]


@pytest.fixture(autouse=True, scope="module")
def all_of_it() -> Iterator[None]:
    """Here all of the noise is taken away by default: what is left of it would hide what a test is about."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photos, "DENOISE", 1.0)
        yield


def with_denoiser(folder: Path, data: bytes) -> Enhancer:
    """The model in `folder` with another denoiser, for which its card vouches."""
    (folder / "denoise.onnx").write_bytes(data)
    card = read_card(folder)
    assert card.denoise
    denoise = dataclasses.replace(card.denoise, sha256=hashlib.sha256(data).hexdigest())
    write_card(dataclasses.replace(card, denoise=denoise), folder)
    return Enhancer(folder)


def level_graph(level: float) -> bytes:
    """`bright` and a level, whatever `low` is."""
    constant = {"level": np.array(level, np.float32)}
    return graph([helper.make_node("Add", ["bright", "level"], ["out"])], constant, "out", ("low", "bright"))


def by_hand(folder: Path, low: NDArray[Any]) -> NDArray[np.float32]:
    """What the denoiser makes of the picture as a whole, brightened in 16 bits or floating point."""
    model = load_model(folder)
    assert model.card.denoise
    assert model.denoise
    exact = low.astype(np.uint16) * np.uint16(257) if low.dtype == np.uint8 else low
    height, width, bands = low.shape
    more = ((0, -height % model.card.denoise.multiple), (0, -width % model.card.denoise.multiple), (0, 0))
    pictures = {"low": exact, "bright": Enhancer(folder).enhance(exact, FAST)}
    feed = {}
    for name, pixels in pictures.items():
        padded = np.pad(pixels, more, mode="edge").astype(np.float32) / np.float32(PEAK[exact.dtype.type])
        feed[name] = np.repeat(padded.transpose(2, 0, 1)[None], 3 // bands, axis=1)
    (out,) = onnxruntime.InferenceSession(model.denoise).run(None, feed)
    result: NDArray[np.float32] = out[0].transpose(1, 2, 0)[:height, :width].clip(0, 1)
    return result if bands == 3 else result.mean(axis=2, keepdims=True)


@pytest.mark.parametrize("kind", TIERS)
@pytest.mark.parametrize("dtype", KINDS_OF_SAMPLES)
@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("tile", [(8, 12), (512, 512)])
@pytest.mark.parametrize(("height", "width"), [(61, 47), (24, 24), (1, 30)])
def test_tiles_make_what_the_graph_makes_of_the_whole(
    make_model: MakeModel,
    kind: str,
    dtype: Any,
    bands: int,
    tile: tuple[int, int],
    height: int,
    width: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Rounded once: 8 bits are brightened in 16, so that next to no sample differs."""
    monkeypatch.setattr(denoising, "fit_tile", lambda *_: tile)
    monkeypatch.setattr(photos, "PAIR_SAMPLES", 500)
    folder, low = make_model(kind), photo(height, width, bands, dtype)
    out = Enhancer(folder).enhance(low)
    exact = by_hand(folder, low)
    if dtype == np.float32:
        assert np.abs(out - exact).max() <= 2e-6
    else:
        difference = np.abs(out - np.floor(exact * PEAK[dtype] + 0.5))
        assert difference.max() <= 1
        assert (difference != 0).sum() <= 2 + (0.01 if dtype == np.uint8 else 0.1) * low.size
    assert height == 1 or not np.array_equal(out, Enhancer(folder).enhance(low, FAST))


@pytest.mark.parametrize("dtype", KINDS_OF_SAMPLES)
@given(height=st.integers(1, 60), width=st.integers(1, 60), bands=st.sampled_from([1, 3]))
@settings(max_examples=10, deadline=None)
def test_without_denoising_the_fast_tier_to_the_last_bit(
    enhancers: dict[str, Enhancer], dtype: Any, height: int, width: int, bands: int
) -> None:
    low = photo(height, width, bands, dtype)
    fast = enhancers["tiers"].enhance(low, FAST)
    assert np.array_equal(fast, enhancers["curves_3"].enhance(low))
    for controls in (Controls(denoise=0), Controls(tier="best", denoise=0.0)):
        assert np.array_equal(enhancers["tiers"].enhance(low, controls), fast)


def test_the_best_tier_is_the_default_and_denoise_its_share(enhancers: dict[str, Enhancer]) -> None:
    model, low = enhancers["tiers"], photo(50, 40, dtype=np.float32)
    fast, best = model.enhance(low, FAST), model.enhance(low)
    assert np.array_equal(best, model.enhance(low, BEST))
    assert np.array_equal(best, model.enhance(low, Controls(denoise=1)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(photos, "DENOISE", DENOISE)
        assert np.array_equal(model.enhance(low), model.enhance(low, Controls(denoise=DENOISE)))
    for share in (0.25, 0.5, 0.9):
        np.testing.assert_allclose(model.enhance(low, Controls(denoise=share)), fast + share * (best - fast), atol=1e-6)


def test_a_graph_that_is_not_needed_is_not_opened(make_model: MakeModel, tmp_path: Path) -> None:
    model, low = with_denoiser(make_model("tiers"), b"no graph"), photo(30, 40)
    save(low, tmp_path / "a.png")
    for controls in (FAST, Controls(denoise=0)):
        assert not np.array_equal(model.enhance(low, controls), low)
        model.enhance_file(tmp_path / "a.png", tmp_path / "b.png", controls=controls, overwrite=True)
    with pytest.raises(CardError, match="'tiers/denoise' is not a graph ONNX Runtime can run"):
        model.enhance(low)


@pytest.mark.parametrize("dtype", KINDS_OF_SAMPLES)
def test_where_the_decision_changes_nothing_nothing_changes(make_model: MakeModel, dtype: Any, tmp_path: Path) -> None:
    """Also with a graph that would: a picture that needs no light keeps every bit."""
    model = with_denoiser(make_model("tiers"), level_graph(0.25))
    dark, well_lit = photo(31, 42, dtype=dtype), (photo(31, 42, dtype=np.float32) + 0.4).clip(0, 1)
    for name, low, controls in (
        ("dark.png", dark, Controls(strength=0)),
        ("well_lit.png", (well_lit * PEAK[dtype]).astype(dtype), BEST),
    ):
        assert np.array_equal(model.enhance(low, controls), low)
        if dtype != np.float32:
            source, out, compare = tmp_path / name, tmp_path / "b.png", tmp_path / "c.png"
            save(low, source)
            model.enhance_file(source, out, controls=controls, compare=compare, overwrite=True)
            assert np.array_equal(load(out), low)
            assert np.array_equal(load(compare)[:, -42:], low)
    assert not np.array_equal(model.enhance(dark), model.enhance(dark, FAST))


@pytest.mark.parametrize("dtype", KINDS_OF_SAMPLES)
def test_a_tile_in_which_nothing_was_amplified_is_left_alone(
    make_model: MakeModel, dtype: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Black stays black under any curve. The tile beside it sees it within its halo, and is denoised all the same."""
    monkeypatch.setattr(denoising, "fit_tile", lambda *_: (16, 16))
    model, low = with_denoiser(make_model("tiers"), level_graph(0.25)), photo(48, 32, dtype=dtype)
    low[:32] = 0
    low[47] = 0
    out = model.enhance(low).astype(np.float64) / PEAK[dtype]
    assert not out[:18].any()  # no halo above: the tile makes two rows more
    assert np.abs(out[18:32] - 0.25).max() < 0.01
    assert np.abs(out[47] - 0.25).max() < 0.01


def test_files_pictures_and_comparisons_are_denoised_alike(
    enhancers: dict[str, Enhancer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "STRIP_SAMPLES", 1)
    monkeypatch.setattr(denoising, "fit_tile", lambda *_: (24, 20))
    model, low = enhancers["tiers"], photo(61, 43)  # smaller than the thumbnail, so that both ways see the same
    save(low, tmp_path / "a.png")
    for controls in (BEST, Controls(denoise=0.5), FAST):
        out = model.enhance(low, controls)
        compare = tmp_path / "c.png"
        model.enhance_file(tmp_path / "a.png", tmp_path / "b.png", controls=controls, compare=compare, overwrite=True)
        assert np.abs(load(tmp_path / "b.png").astype(int) - out).max() <= 1
        both = load(compare)
        assert np.array_equal(both[:, :43], low)
        assert np.array_equal(both[:, -43:], load(tmp_path / "b.png"))
    alpha = np.random.default_rng(0).random((61, 43), np.float32)
    picture = Picture(low.astype(np.float32) / 255, alpha=alpha, bits=16, name="cat")
    made = model.enhance(picture, BEST)
    assert made.alpha is alpha
    assert np.array_equal(made.pixels, model.enhance(picture.pixels, BEST))


def test_what_ends_the_work_is_asked_before_each_tile(
    enhancers: dict[str, Enhancer], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A large picture is some rows of tiles of which each takes seconds."""
    monkeypatch.setattr(denoising, "fit_tile", lambda *_: (64, 8))
    save(photo(64, 64), tmp_path / "a.png")
    asked = 0

    def check() -> None:
        nonlocal asked
        asked += 1
        if asked == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        enhancers["tiers"].enhance_file(tmp_path / "a.png", tmp_path / "b.png", check=check)
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == ["a.png"]
    asked = -100
    enhancers["tiers"].enhance_file(tmp_path / "a.png", tmp_path / "b.png", check=check)
    assert asked + 100 >= 8


def test_a_denoiser_that_is_not_what_its_card_says_is_refused(make_model: MakeModel) -> None:
    folder, low = make_model("tiers"), photo(20, 20)
    with pytest.raises(ModelError, match=r"'tiers/denoise' made values that are not numbers.* or the fast tier"):
        with_denoiser(folder, level_graph(float("nan"))).enhance(low)
    grey = graph([helper.make_node("ReduceMean", ["bright"], ["out"], axes=[1])], {}, "out", ("low", "bright"))
    with pytest.raises(CardError, match=r"'tiers/denoise' gave \(1, 1, \d+, 20\) where \(1, 3, \d+, 20\) was due"):
        with_denoiser(folder, grey).enhance(low)
    alone = graph([helper.make_node("Identity", ["low"], ["out"])], {}, "out")
    with pytest.raises(CardError, match="'tiers/denoise' does not take low"):
        with_denoiser(folder, alone).enhance(low)


@pytest.mark.parametrize("kind", ["curves_3", "conv", "enlarge"])
def test_a_model_without_a_denoiser_has_the_fast_tier_alone(enhancers: dict[str, Enhancer], kind: str) -> None:
    model, low = enhancers[kind], photo(20, 20)
    assert np.array_equal(model.enhance(low, FAST), model.enhance(low))
    for source in (low, Picture(low.astype(np.float32) / 255, name="cat")):
        called = "cat" if isinstance(source, Picture) else "an array"
        with pytest.raises(NoDenoiserError, match=f"the best tier is for models .* model '{kind}', which '{called}'"):
            model.enhance(source, BEST)  # type: ignore[call-overload]
        for share in (0, 0.5):
            with pytest.raises(NoDenoiserError, match=r"denoise is for models with a denoiser.*see `scotopic models`"):
                model.enhance(source, Controls(denoise=share))  # type: ignore[call-overload]


def test_a_raw_has_one_tier(tmp_path: Path) -> None:
    model, frame = Enhancer(write_raw_model(tmp_path, "blocks")), raw_frame(noise(40, 60))
    write_dng(tmp_path / "a.dng", frame)
    assert np.array_equal(model.enhance(frame, FAST).pixels, model.enhance(frame, BEST).pixels)
    for tier in ("fast", "best"):
        model.enhance_file(tmp_path / "a.dng", tmp_path / f"{tier}.png", controls=Controls(tier=tier))
    with pytest.raises(NoDenoiserError, match=r"the raw network removes noise itself\. Leave it away"):
        model.enhance(frame, Controls(denoise=1))
    with pytest.raises(NoDenoiserError, match=r"'.*a.dng' is developed by a raw model"):
        model.enhance_file(tmp_path / "a.dng", tmp_path / "b.png", controls=Controls(denoise=1))
    assert not (tmp_path / "b.png").exists()


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"tier": "slow"}, "tier must be one of fast, best, got 'slow'"),
        ({"tier": 1}, "tier must be one of fast, best, got 1"),
        ({"denoise": 1.5}, "denoise must be between 0 and 1, got 1.5"),
        ({"denoise": -0.1}, "denoise must be between 0 and 1, got -0.1"),
        ({"denoise": float("nan")}, "denoise must be between 0 and 1, got nan"),
        ({"denoise": "much"}, "denoise must be a number, got 'much'"),
        ({"denoise": 0.5, "tier": "fast"}, "denoise is how much noise the best tier takes away, got tier fast"),
    ],
)
def test_controls_that_cannot_be_meant_are_refused(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(ControlError, match=says):
        Controls(**wrong)
