"""The Enhancer: arrays, Pictures and files, in strips and tiles, all the same picture."""

from __future__ import annotations

import dataclasses
import io
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from scotopic.errors import (
    CardError,
    ControlError,
    ImageTooLargeError,
    LightMismatchError,
    ModelError,
    OutputExistsError,
    ScotopicError,
    UnreadableImageError,
    UnsupportedImageError,
)
from scotopic.image import Picture
from scotopic.runtime import (
    Controls,
    Enhancer,
    adjust_curves,
    apply_curves,
    available_backends,
    denoising,
    list_models,
    photos,
    read_card,
    work,
    write_card,
)
from scotopic.runtime.curves import resize_maps
from scotopic.runtime.strips import GAP
from scotopic.runtime.thumbnail import shrink
from scotopic.runtime.tiles import run_in_tiles

from .conftest import CURVES, KINDS, PEAK, PICTURE_MODELS, MakeModel, load, photo, save


@pytest.mark.parametrize("kind", [*KINDS, *PICTURE_MODELS])
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@given(
    height=st.integers(1, 70),
    width=st.integers(1, 70),
    shape=st.sampled_from(["h w 3", "h w 1", "h w"]),
)
@settings(max_examples=8, deadline=None)
def test_any_size_and_type_keep_their_shape_and_strength_0_changes_nothing(
    enhancers: dict[str, Enhancer], kind: str, dtype: Any, height: int, width: int, shape: str
) -> None:
    low = photo(height, width, 3 if shape == "h w 3" else 1, dtype)
    low = low[..., 0] if shape == "h w" else low
    out = enhancers[kind].enhance(low)
    assert out.shape == low.shape
    assert out.dtype == low.dtype
    assert np.array_equal(enhancers[kind].enhance(low, Controls(strength=0)), low)


@pytest.mark.parametrize("kind", [*KINDS, *PICTURE_MODELS])
@pytest.mark.parametrize(("height", "width"), [(97, 131), (64, 64), (1, 50), (50, 1), (1, 1)])
@pytest.mark.parametrize("rows", [16, 7])
def test_strips_and_tiles_make_the_whole(
    enhancers: dict[str, Enhancer], kind: str, height: int, width: int, rows: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole: one array, one strip, one tile. Then in pieces, in the last digit the same."""
    model, low = enhancers[kind], photo(height, width, dtype=np.float32)
    whole = model.enhance(low)
    decision = None
    if model.card.decide:
        decision = model.decide(shrink(low, model.card.decide.long_side))
    monkeypatch.setattr(photos, "run_in_tiles", partial(run_in_tiles, tile=rows))
    monkeypatch.setattr(denoising, "fit_tile", lambda *_: (rows, rows))
    strips = [low[top : top + rows] for top in range(0, height, rows)]
    out = np.concatenate(list(model._for_photos("srgb", "it").finish(strips, height, width, decision, Controls())))
    assert np.abs(out - whole).max() <= 2e-6


@pytest.mark.parametrize("kind", CURVES)
@pytest.mark.parametrize(("height", "width"), [(64, 48), (61, 47), (5, 64)])
def test_the_decision_is_the_graphs_laid_over_the_picture(
    enhancers: dict[str, Enhancer], kind: str, height: int, width: int
) -> None:
    """A graph that wants multiples sees the last row and column repeated, and what it says of those is cut off."""
    model, low = enhancers[kind], photo(height, width, dtype=np.float32)  # small enough to be its own thumbnail
    card = model.card.decide
    assert card
    padded = np.pad(low, ((0, -height % card.multiple), (0, -width % card.multiple), (0, 0)), mode="edge")
    maps = model._for_photos("srgb", "it").graph.result()("maps", low=padded.transpose(2, 0, 1)[None])[0]
    maps = resize_maps(maps, *padded.shape[:2])[:, :height, :width]
    wanted = adjust_curves(maps, low, Controls(), 8)
    assert np.array_equal(model.decide(low).maps, wanted)
    assert np.array_equal(model.enhance(low), apply_curves(low, np.ascontiguousarray(wanted), 8))


def test_every_backend_enhances_alike(enhancers: dict[str, Enhancer], make_model: MakeModel) -> None:
    folder, low = make_model("curves_3"), photo(80, 70)
    results = [Enhancer(folder, backend=backend).enhance(low).astype(int) for backend in available_backends()]
    assert max(np.abs(result - results[0]).max() for result in results) <= 1


def test_more_strength_does_more(enhancers: dict[str, Enhancer]) -> None:
    low = photo(60, 60, dtype=np.float32)
    for kind in (*CURVES, "conv"):
        change = [np.abs(enhancers[kind].enhance(low, Controls(strength=s)) - low).mean() for s in (0, 0.5, 1, 1.5)]
        assert change == sorted(change)
        assert change[0] == 0 < change[1]


def test_a_picture_keeps_what_travels_with_it(enhancers: dict[str, Enhancer]) -> None:
    alpha = np.random.default_rng(0).random((20, 30), np.float32)
    low = Picture(photo(20, 30, dtype=np.float32), alpha=alpha, bits=16, name="cat")
    out = enhancers["curves_3"].enhance(low)
    assert out.alpha is alpha
    assert (out.bits, out.name) == (16, "cat")
    assert np.array_equal(out.pixels, enhancers["curves_3"].enhance(low.pixels))


def test_a_model_may_enlarge(enhancers: dict[str, Enhancer], tmp_path: Path) -> None:
    low = photo(37, 53)
    out = enhancers["enlarge"].enhance(low)
    assert out.shape == (74, 106, 3)
    assert enhancers["enlarge"].enhance(low[..., 0]).shape == (74, 106)
    save(low, tmp_path / "a.png")
    result = enhancers["enlarge"].enhance_file(tmp_path / "a.png", tmp_path / "b.png", compare=tmp_path / "c.png")
    assert (result.width, result.height) == (106, 74)
    assert np.array_equal(load(tmp_path / "b.png"), out)
    both = load(tmp_path / "c.png")
    assert np.array_equal(both[:, :106], low.repeat(2, axis=0).repeat(2, axis=1))
    assert np.array_equal(both[:, -106:], out)


@pytest.mark.parametrize("kind", ["curves_3", "conv", "tiers_half", *PICTURE_MODELS])
@pytest.mark.parametrize(("bands", "dtype"), [(3, np.uint8), (3, np.uint16), (1, np.uint8), (1, np.uint16)])
def test_a_file_gets_what_its_array_gets(
    enhancers: dict[str, Enhancer], kind: str, bands: int, dtype: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Smaller than the thumbnail, so that both ways see the same; many strips, so that there is something to join."""
    monkeypatch.setattr(work, "STRIP_SAMPLES", 1)
    monkeypatch.setattr(denoising, "fit_tile", lambda *_: (24, 16))
    model, low = enhancers[kind], photo(61, 43, bands, dtype)
    save(low, tmp_path / "a.png")
    result = model.enhance_file(tmp_path / "a.png", tmp_path / "b.png", compare=tmp_path / "c.png")
    out = load(tmp_path / "b.png")
    assert out.dtype == dtype
    assert np.abs(out.astype(int) - model.enhance(low)).max() <= 1  # the thumbnail of 8 bits is not a float picture's
    both = load(tmp_path / "c.png")
    assert np.array_equal(both[:, :43], low)
    assert np.array_equal(both[:, -43:], out)
    assert both.shape[1] == 2 * 43 + GAP
    assert (result.width, result.height, result.target) == (43, 61, str(tmp_path / "b.png"))
    assert result.name.endswith("a.png")
    assert result.seconds > 0
    assert result.mean_before == pytest.approx(low.mean() / PEAK[dtype], abs=0.02)
    assert result.mean_after == pytest.approx(out.mean() / PEAK[dtype], abs=0.02)


def test_a_comparison_of_many_tiles_keeps_its_halves_together(enhancers: dict[str, Enhancer], tmp_path: Path) -> None:
    low = photo(1100, 30)
    save(low, tmp_path / "a.png")
    enhancers["down_up"].enhance_file(tmp_path / "a.png", tmp_path / "b.png", compare=tmp_path / "c.png")
    both = load(tmp_path / "c.png")
    assert np.array_equal(both[:, :30], low)
    assert np.array_equal(both[:, -30:], load(tmp_path / "b.png"))


def test_a_large_file_gets_what_its_array_gets(enhancers: dict[str, Enhancer], tmp_path: Path) -> None:
    """Larger than the thumbnail: two ways to make it small, so not to the last digit."""
    low = photo(901, 1203)
    save(low, tmp_path / "a.png")
    enhancers["curves_3"].enhance_file(tmp_path / "a.png", tmp_path / "b.png")
    difference = load(tmp_path / "b.png").astype(int) - enhancers["curves_3"].enhance(low)
    assert np.abs(difference).mean() < 1


def test_bytes_and_streams_go_through(enhancers: dict[str, Enhancer], tmp_path: Path) -> None:
    save(photo(30, 40), tmp_path / "a.png")
    data, out = (tmp_path / "a.png").read_bytes(), io.BytesIO()
    result = enhancers["curves_3"].enhance_file(io.BytesIO(data), out, format="png", name="standard input")
    assert (result.name, result.target) == ("standard input", None)
    enhancers["curves_3"].enhance_file(data, tmp_path / "b.png")
    assert np.array_equal(load(tmp_path / "b.png"), enhancers["curves_3"].enhance(load(tmp_path / "a.png")))
    (tmp_path / "c.png").write_bytes(out.getvalue())
    assert np.array_equal(load(tmp_path / "c.png"), load(tmp_path / "b.png"))


def test_several_files_at_once_with_one_enhancer(enhancers: dict[str, Enhancer], tmp_path: Path) -> None:
    pictures = [photo(50 + i, 70 - i, seed=i) for i in range(8)]
    for kind in ("curves_3", "conv", "tiers"):
        wanted = [enhancers[kind].enhance(low) for low in pictures]
        with ThreadPoolExecutor(4) as pool:
            for out, want in zip(pool.map(enhancers[kind].enhance, pictures), wanted, strict=True):
                assert np.array_equal(out, want)


@pytest.mark.parametrize(
    ("options", "error", "says"),
    [
        ({"compare": "taken.png"}, OutputExistsError, "taken.png' exists already"),
        ({"compare": "c.xyz"}, UnsupportedImageError, "which picture format"),
        ({"target": "taken.png"}, OutputExistsError, "taken.png' exists already"),
        ({"max_pixels": 100}, ImageTooLargeError, "more than the cap"),
        ({"source": "absent.jpg"}, UnreadableImageError, "does not exist"),
        ({"source": "broken.jpg"}, UnreadableImageError, "damaged or incomplete"),
        ({"quality": 0}, UnsupportedImageError, "quality goes from 1 to 100"),
    ],
)
def test_a_file_that_cannot_be_done_leaves_nothing(
    enhancers: dict[str, Enhancer], tmp_path: Path, options: dict[str, Any], error: type[ScotopicError], says: str
) -> None:
    save(photo(300, 400), tmp_path / "a.png")
    save(photo(1, 1), tmp_path / "taken.png")
    save(photo(300, 400), tmp_path / "broken.jpg")
    (tmp_path / "broken.jpg").write_bytes((tmp_path / "broken.jpg").read_bytes()[:9000])
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    paths = {"source": tmp_path / "a.png", "target": tmp_path / "b.png"}
    given = {key: tmp_path / value if isinstance(value, str) else value for key, value in options.items()}
    with pytest.raises(error, match=says):
        enhancers["curves_3"].enhance_file(**(paths | given))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_overwriting_when_asked(enhancers: dict[str, Enhancer], tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "c.png"):
        save(photo(20, 20), tmp_path / name)
    options: dict[str, Any] = {"compare": tmp_path / "c.png", "overwrite": True}
    enhancers["curves_3"].enhance_file(tmp_path / "a.png", tmp_path / "b.png", **options)
    assert load(tmp_path / "c.png").shape == (20, 40 + GAP, 3)


def test_a_file_may_become_its_own_result(enhancers: dict[str, Enhancer], tmp_path: Path) -> None:
    low, path = photo(40, 50), tmp_path / "a.png"
    save(low, path)
    enhancers["curves_3"].enhance_file(path, path, compare=tmp_path / "c.png", overwrite=True)
    assert np.array_equal(load(path), enhancers["curves_3"].enhance(low))
    assert np.array_equal(load(tmp_path / "c.png")[:, :50], low)
    assert np.array_equal(load(tmp_path / "c.png")[:, -50:], load(path))


@pytest.mark.parametrize("pixels", [np.zeros((2, 2, 3)), np.zeros((2, 2, 2), np.uint8), np.zeros((0, 2, 3), np.uint8)])
def test_arrays_that_are_no_picture_are_refused(enhancers: dict[str, Enhancer], pixels: NDArray[Any]) -> None:
    with pytest.raises(ControlError, match="enhance wants uint8, uint16 or float32 of shape"):
        enhancers["curves_3"].enhance(pixels)


def test_light_that_does_not_fit_is_refused(
    enhancers: dict[str, Enhancer], make_model: MakeModel, tmp_path: Path
) -> None:
    linear = Picture(photo(4, 4, dtype=np.float32), light="linear", name="cat")
    with pytest.raises(LightMismatchError, match=r"model 'curves_3' wants srgb light .* got linear .* from 'cat'"):
        enhancers["curves_3"].enhance(linear)
    folder = make_model("conv")
    card = read_card(folder)
    light = dataclasses.replace(card.light, channels_in=4)
    write_card(dataclasses.replace(card, light=light), folder)
    save(photo(4, 4), tmp_path / "a.png")
    with pytest.raises(LightMismatchError, match=r"wants srgb light \(4 channels\).* from '.*a.png'"):
        Enhancer(folder).enhance_file(tmp_path / "a.png", tmp_path / "b.png")


def test_controls_that_would_do_nothing_are_refused(enhancers: dict[str, Enhancer]) -> None:
    with pytest.raises(ControlError, match="model 'conv' makes pixels in one step, so exposure cannot be turned"):
        enhancers["conv"].enhance(photo(4, 4), Controls(exposure_ev=1))
    with pytest.raises(ControlError, match="nor its strength, as it enlarges"):
        enhancers["enlarge"].enhance(photo(4, 4), Controls(strength=0.5))
    with pytest.raises(ModelError, match="model 'conv' has no decision"):
        enhancers["conv"].decide(photo(4, 4, dtype=np.float32))


def test_a_graph_that_is_not_what_its_card_says_is_refused(make_model: MakeModel) -> None:
    folder = make_model("curves_24")
    card = read_card(folder)
    assert card.decide
    write_card(dataclasses.replace(card, decide=dataclasses.replace(card.decide, maps=3)), folder)
    with pytest.raises(CardError, match="made 24 maps, its card says 3"):
        Enhancer(folder).enhance(photo(4, 4))


@pytest.mark.parametrize("name", list_models())
def test_a_shipped_model_has_a_complete_card(enhancers: dict[str, Enhancer], name: str) -> None:
    card = enhancers[name].card
    assert card.name == name
    assert card.training, "where its weights come from"
    assert all(data.licence for data in card.training.data)
    assert card.scores, "what it is worth"


def test_importing_is_cheap_and_quiet() -> None:
    """Neither torch nor ONNX Runtime nor libvips, until they are used."""
    code = "import sys, scotopic.runtime; print([m for m in ('torch', 'onnxruntime', 'pyvips') if m in sys.modules])"
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (done.stdout, done.stderr) == ("[]\n", "")
