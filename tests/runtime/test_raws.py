"""Raw frames through raw models: every pixel in its place, tiles like the whole, the right colours, files complete."""

from __future__ import annotations

import dataclasses
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rawpy
from numpy.typing import NDArray

from scotopic.data.dng import write_dng
from scotopic.errors import CardError, ControlError, LightMismatchError, RawOnlyError, UnreadableImageError
from scotopic.image import CFA, Picture, RawFrame, describe, linear_to_srgb, open_source, read_raw, srgb_to_linear
from scotopic.image.spaces import SPACES
from scotopic.runtime import Controls, Enhancer, zoo
from scotopic.runtime.as_shot import as_shot
from scotopic.runtime.raws import RawModel, amplification
from scotopic.runtime.strips import GAP
from scotopic.runtime.zoo import load_model

from .conftest import load, photo, save
from .raw_models import BAYER_CFAS, BLACK, TO_SRGB, WHITE, XTRANS_CFAS, noise, raw_frame, scene, write_raw_model

SIZES = [(12, 18), (13, 17), (1, 1), (7, 2), (6, 31)]
TURNS: dict[int, Any] = {
    1: lambda x: x,
    2: np.fliplr,
    3: lambda x: np.rot90(x, 2),
    4: np.flipud,
    5: lambda x: np.swapaxes(x, 0, 1),
    6: lambda x: np.rot90(x, -1),
    7: lambda x: np.rot90(np.swapaxes(x, 0, 1), 2),
    8: np.rot90,
}
"""What makes a picture of each Exif orientation upright."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("raws")
    made = [write_raw_model(root, "blocks")]
    for cfa, normalisation in itertools.product(("bayer", "xtrans"), ("ratio", "k-sigma")):
        made.append(write_raw_model(root, "random", cfa, normalisation))
    made += [write_raw_model(root, "copy", cfa) for cfa in ("bayer", "xtrans")]
    made += [write_raw_model(root, "random", "bayer", "ratio", light="srgb")]
    return {folder.name: folder for folder in made}


def model_for(models: dict[str, Path], kind: str, cfa: CFA, end: str = "k-sigma_linear") -> Path:
    return models[f"{kind}_{'xtrans' if len(cfa) == 6 else 'bayer'}_{end}"]


def whole(strips: Any) -> NDArray[Any]:
    return np.concatenate(list(strips))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("cfa", [*BAYER_CFAS, *XTRANS_CFAS])
def test_every_pixel_of_the_mosaic_comes_out_at_its_place(models: dict[str, Path], cfa: CFA, orientation: int) -> None:
    """A network that shows each mosaic pixel as grey, without white balance: the mosaic itself, upright, encoded."""
    enhancer = Enhancer(model_for(models, "copy", cfa))
    for height, width in SIZES:
        frame = raw_frame(noise(height, width, brightest=0.1), cfa, orientation, (1, 1, 1))
        out = enhancer.enhance(frame, Controls(ratio=8.0, protect_highlights=False))
        period = len(cfa)
        black = frame.black_level_dn[np.arange(height)[:, None] % period, np.arange(width) % period]
        light = 8 * (frame.mosaic - black) / (WHITE - black)
        expected = TURNS[orientation](linear_to_srgb(np.clip(light, 0, 1)))
        assert isinstance(out, Picture)
        assert (out.bits, out.light, out.name) == (16, "srgb", "night.dng")
        assert out.pixels.shape == (*expected.shape, 3)
        np.testing.assert_allclose(out.pixels, np.repeat(expected[..., None], 3, axis=2), atol=2e-4)


@pytest.mark.parametrize("end", ["ratio_linear", "k-sigma_linear"])
@pytest.mark.parametrize("cfa", [*BAYER_CFAS, *XTRANS_CFAS])
def test_tiles_make_the_whole(models: dict[str, Path], cfa: CFA, end: str) -> None:
    model = RawModel(load_model(model_for(models, "random", cfa, end)))
    for height, width in ((97, 131), (64, 60), (5, 200), (131, 3)):
        frame = raw_frame(noise(height, width, brightest=0.05), cfa)
        made = [
            whole(model.strips(frame, 12.0, space=SPACES["srgb"], bits=16, tile=tile)).astype(int)
            for tile in ((1000, 1000), (8, 14), (2, 1000))
        ]
        assert made[0].shape == (height, width, 3)
        assert len(np.unique(made[0])) > height, "a test of something"
        assert np.abs(made[1] - made[0]).max() <= 2  # of 65535: a convolution may sum up in another order
        assert np.abs(made[2] - made[0]).max() <= 2


@pytest.mark.parametrize("cfa", [BAYER_CFAS[0], BAYER_CFAS[3]])
@pytest.mark.parametrize("orientation", [1, 6])
def test_colours_and_turning_are_libraws(models: dict[str, Path], tmp_path: Path, cfa: CFA, orientation: int) -> None:
    """At a ratio of 1, a network that gives each block its mean colour is LibRaw's half-size development."""
    path = tmp_path / "a.dng"
    frame = raw_frame(scene(64, 96, cfa), cfa, orientation)
    write_dng(path, frame)
    out = Enhancer(models["blocks_bayer_k-sigma_linear"]).enhance(read_raw(path), Controls(ratio=1.0))
    with rawpy.imread(str(path)) as raw:
        linear = raw.postprocess(
            half_size=True, use_camera_wb=True, no_auto_bright=True, gamma=(1, 1), output_bps=16, adjust_maximum_thr=0
        )
    # Where the upright pattern begins with another colour than red, our blocks lie one pixel off theirs.
    off = 1 if frame.upright().cfa != BAYER_CFAS[0] else 0
    ours = srgb_to_linear(out.pixels[2 + off : -2 : 2, 2 + off : -2 : 2])
    theirs = linear[1:-1, 1:-1][: ours.shape[0], : ours.shape[1]] / 65535
    assert np.abs(ours - theirs).max() < (0.05 if off else 0.002)
    assert np.median(np.abs(ours - theirs)) < 0.01
    assert np.ptp(ours, axis=(0, 1)).min() > 0.1, "a test of something"


def test_a_flat_frame_is_flat_to_its_border(models: dict[str, Path]) -> None:
    """A network of a few convolutions sees the picture go on where it ends, not zeros."""
    for cfa in (BAYER_CFAS[0], XTRANS_CFAS[0]):
        frame = raw_frame(np.full((84, 84), 3000, np.uint16), cfa)
        out = Enhancer(model_for(models, "random", cfa)).enhance(frame, Controls(ratio=3.0)).pixels
        period = 4 if len(cfa) == 2 else 12  # of the pattern and of the network
        blocks = out.reshape(84 // period, period, 84 // period, period, 3)
        middle = blocks[len(blocks) // 2, :, len(blocks) // 2]
        assert np.ptp(middle) > 0.01, "a test of something"
        for at in (0, 1, -1):
            np.testing.assert_allclose(blocks[at, :, len(blocks) // 2], middle, atol=0.005)
            np.testing.assert_allclose(blocks[len(blocks) // 2, :, at], middle, atol=0.005)


def test_what_is_clipped_comes_out_white(models: dict[str, Path]) -> None:
    frame = raw_frame(np.full((20, 20), WHITE, np.uint16))
    enhancer = Enhancer(models["blocks_bayer_k-sigma_linear"])
    for ratio in (1.0, 1.7, 3.0, 100.0):
        for protect in (True, False):
            out = enhancer.enhance(frame, Controls(ratio=ratio, protect_highlights=protect))
            assert out.pixels.min() == 1
    darker = enhancer.enhance(frame, Controls(ratio=0.25)).pixels
    np.testing.assert_allclose(darker, linear_to_srgb(np.array(0.25)), atol=1e-3)


def test_strength_and_exposure_turn_the_ratio() -> None:
    frame = raw_frame(noise(20, 20))
    assert amplification(frame, Controls(ratio=64)) == 64
    assert amplification(frame, Controls(ratio=64, strength=0.5)) == pytest.approx(8)
    assert amplification(frame, Controls(ratio=64, strength=0)) == 1
    assert amplification(frame, Controls(ratio=64, strength=0, exposure_ev=-2)) == 0.25
    assert amplification(frame, Controls(ratio=64, exposure_ev=1)) == 128
    assert amplification(frame, Controls(ratio=100, strength=1.5)) == pytest.approx(100 * 2**0.5)
    assert amplification(frame, Controls(ratio=100, strength=2)) == pytest.approx(200)
    assert amplification(frame, Controls(ratio=4800, strength=2)) == 4800
    for ratio in (0, -1, 5000, float("nan")):
        with pytest.raises(ControlError, match="ratio must be between"):
            Controls(ratio=ratio)
    with pytest.raises(ControlError, match="ratio must be a number, got 'much'"):
        Controls(ratio="much")  # type: ignore[arg-type]


def test_the_ratio_is_estimated_if_not_given(models: dict[str, Path]) -> None:
    dark, bright = raw_frame(scene(64, 64) // 32 + BLACK * 31 // 32), raw_frame(scene(64, 64))
    assert amplification(dark, Controls()) > 3 * amplification(bright, Controls()) >= 3
    enhancer = Enhancer(models["blocks_bayer_k-sigma_linear"])
    estimated = enhancer.enhance(dark).pixels
    given = enhancer.enhance(dark, Controls(ratio=amplification(dark, Controls()))).pixels
    assert np.array_equal(estimated, given)


@pytest.fixture
def dng(tmp_path: Path) -> Path:
    path = tmp_path / "night.dng"
    write_dng(path, raw_frame(scene(61, 90) // 8 + BLACK * 7 // 8, orientation=6))
    return path


def test_a_file_gets_what_its_frame_gets(models: dict[str, Path], dng: Path, tmp_path: Path) -> None:
    enhancer = Enhancer(models["random_bayer_k-sigma_linear"])
    controls = Controls(ratio=8.0)
    memory = enhancer.enhance(read_raw(dng), controls)
    for name, bits in (("a.png", 16), ("a.tiff", 16), ("a.jpg", 8)):
        result = enhancer.enhance_file(dng, tmp_path / name, controls=controls)
        assert (result.width, result.height, result.ratio, result.note) == (61, 90, 8.0, None)
        assert 0 < result.mean_before < result.mean_after < 1
        seen = describe(tmp_path / name)
        assert (seen.bits, seen.orientation, seen.model, seen.iso) == (bits, 1, "One", 3200)
        assert seen.exposure_s == pytest.approx(1 / 30)
        if bits == 16:
            assert np.array_equal(load(tmp_path / name), np.rint(memory.pixels * 65535).astype(np.uint16))
    enhancer.enhance_file(dng.read_bytes(), tmp_path / "b.png", controls=controls, bits=8)
    assert np.abs(load(tmp_path / "b.png") / 255 - memory.pixels).max() <= 0.5 / 255 + 1e-4
    assert result.mean_after == pytest.approx(memory.pixels.mean(), abs=0.05)
    assert enhancer.enhance(enhancer.read(dng), controls).pixels.shape == (90, 61, 3)


@pytest.mark.parametrize("profile", ["display-p3", "prophoto"])
def test_a_profile_keeps_the_colours(models: dict[str, Path], tmp_path: Path, profile: str) -> None:
    """Colours that sRGB has too look the same through either profile."""
    dng = tmp_path / "a.dng"
    write_dng(dng, raw_frame(scene(64, 64), to_srgb=np.eye(3)))
    enhancer = Enhancer(models["blocks_bayer_k-sigma_linear"])
    controls = Controls(ratio=1.0)
    enhancer.enhance_file(dng, tmp_path / "s.tiff", controls=controls)
    enhancer.enhance_file(dng, tmp_path / "p.tiff", controls=controls, profile=profile)
    with open_source(tmp_path / "s.tiff") as source:
        expected = source.thumbnail(64)
        assert source.profile is None
    with open_source(tmp_path / "p.tiff") as source:
        assert source.profile is not None
        np.testing.assert_allclose(source.thumbnail(64), expected, atol=0.005)
    assert np.abs(load(tmp_path / "p.tiff").astype(int) - load(tmp_path / "s.tiff")).max() > 1000


def test_a_comparison_shows_what_the_camera_saw(models: dict[str, Path], dng: Path, tmp_path: Path) -> None:
    enhancer = Enhancer(models["blocks_bayer_k-sigma_linear"])
    both = enhancer.enhance_file(dng, tmp_path / "a.png", compare=tmp_path / "c.png", controls=Controls(ratio=8.0))
    alone = enhancer.enhance_file(dng, None, compare=tmp_path / "d.png", controls=Controls(ratio=8.0))
    halves = load(tmp_path / "c.png")
    assert halves.shape == (90, 2 * 61 + GAP, 3)
    assert np.array_equal(halves, load(tmp_path / "d.png"))
    assert np.array_equal(halves[:, -61:], load(tmp_path / "a.png"))
    as_it_was = enhancer.enhance(read_raw(dng), Controls(ratio=1.0)).pixels
    assert np.abs(halves[2:-2, 2:59] / 65535 - as_it_was[2:-2, 2:59]).mean() < 0.01
    assert alone.mean_before == pytest.approx(both.mean_before)
    assert alone.mean_before == pytest.approx(as_it_was.mean(), abs=0.02)


@pytest.mark.parametrize("cfa", [BAYER_CFAS[2], XTRANS_CFAS[3]])
def test_a_plain_development_of_one_colour_is_that_colour(cfa: CFA) -> None:
    frame = raw_frame(scene(30, 40, cfa), cfa)
    parts = np.concatenate([as_shot(frame, 0, 7), as_shot(frame, 7, 30)])
    np.testing.assert_allclose(parts, as_shot(frame, 0, 30), atol=1e-6)
    y, x = np.mgrid[:30, :40] / 40
    light = np.stack([0.3 + 0.2 * np.sin(5 * x), 0.3 + 0.2 * np.cos(4 * y), 0.3 + 0.2 * np.sin(3 * x + 3 * y)], -1)
    assert np.abs(parts - light)[3:-3, 3:-3].max() < 0.03


def in_the_zoo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *cfas: str) -> None:
    """A zoo with raw models for these sensors beside the models that are shipped."""
    (tmp_path / "zoo").mkdir()
    for name in ("zero_dce_pp", zoo.DEFAULT_MODEL):
        (tmp_path / "zoo" / name).symlink_to(zoo.zoo_folder() / name)
    for cfa in cfas:
        write_raw_model(tmp_path / "zoo", "random", cfa, name=zoo.DEFAULT_RAW_MODELS[cfa])
    monkeypatch.setattr(zoo, "zoo_folder", lambda: tmp_path / "zoo")


def test_each_kind_of_picture_gets_its_model(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, models: dict[str, Path], dng: Path
) -> None:
    in_the_zoo(monkeypatch, tmp_path, "bayer", "xtrans")
    enhancer = Enhancer()
    save(photo(40, 50), tmp_path / "a.png")
    plain = enhancer.enhance_file(tmp_path / "a.png", tmp_path / "b.png")
    assert (plain.ratio, plain.note) == (None, None)
    assert np.array_equal(load(tmp_path / "b.png"), Enhancer(zoo.DEFAULT_MODEL).enhance(load(tmp_path / "a.png")))
    for cfa in (BAYER_CFAS[1], XTRANS_CFAS[1]):
        frame = raw_frame(scene(40, 50, cfa), cfa)
        write_dng(tmp_path / "r.dng", frame)
        result = enhancer.enhance_file(
            tmp_path / "r.dng", tmp_path / "r.png", controls=Controls(ratio=2.0), overwrite=True
        )
        assert (result.ratio, result.note) == (2.0, None)
        expected = Enhancer(model_for(models, "random", cfa)).enhance(frame, Controls(ratio=2.0))
        # The file's levels and white balance are fractions, rounded a little.
        assert np.abs(load(tmp_path / "r.png") - expected.pixels * 65535).max() < 10


def test_a_raw_without_a_model_is_developed_and_says_so(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dng: Path
) -> None:
    in_the_zoo(monkeypatch, tmp_path, "xtrans")
    result = Enhancer().enhance_file(dng, tmp_path / "a.png")
    assert result.ratio is None
    assert result.note is not None
    assert "no raw model for this kind of sensor" in result.note
    Enhancer(zoo.DEFAULT_MODEL).enhance_file(dng, tmp_path / "b.png")
    assert np.array_equal(load(tmp_path / "a.png"), load(tmp_path / "b.png"))
    for wish in ({"controls": Controls(ratio=3.0)}, {"profile": "prophoto"}):
        with pytest.raises(RawOnlyError):
            Enhancer().enhance_file(dng, tmp_path / "c.png", **wish)
    assert not (tmp_path / "c.png").exists()


def test_four_colours_are_developed_and_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dng: Path, models: dict[str, Path]
) -> None:
    from scotopic.errors import UnsupportedImageError
    from scotopic.runtime import enhancer

    def refuse(*words: Any, **more: Any) -> RawFrame:
        raise UnsupportedImageError("'night.dng' has filters of four colours.")

    in_the_zoo(monkeypatch, tmp_path, "bayer")
    monkeypatch.setattr(enhancer, "read_raw_file", refuse)
    result = Enhancer().enhance_file(dng, tmp_path / "a.png")
    assert result.note == "developed by LibRaw, without a raw model. 'night.dng' has filters of four colours."
    with pytest.raises(UnsupportedImageError, match="four colours"):
        Enhancer(models["random_bayer_k-sigma_linear"]).enhance_file(dng, tmp_path / "b.png")


def test_what_does_not_fit_is_refused(models: dict[str, Path], dng: Path, tmp_path: Path) -> None:
    save(photo(20, 20), tmp_path / "a.png")
    bayer = Enhancer(models["random_bayer_k-sigma_linear"])
    with pytest.raises(
        LightMismatchError, match=r"wants packed-raw light .* got srgb .*a.png'. Give it a camera's raw"
    ):
        bayer.enhance_file(tmp_path / "a.png", tmp_path / "b.png")
    with pytest.raises(LightMismatchError, match="packed-raw"):
        bayer.enhance(photo(20, 20))
    with pytest.raises(LightMismatchError, match=r"is for Bayer sensors, got X-Trans from 'night.dng'"):
        bayer.enhance(raw_frame(noise(20, 20), XTRANS_CFAS[0]))
    with pytest.raises(LightMismatchError, match=r"wants srgb light, got a raw frame"):
        Enhancer("zero_dce_pp").enhance(raw_frame(noise(20, 20)))
    photos = Enhancer("zero_dce_pp")
    with pytest.raises(RawOnlyError, match=r"ratio is what the light of a camera raw"):
        photos.enhance(photo(20, 20), Controls(ratio=2.0))
    with pytest.raises(RawOnlyError, match=r"'.*a.png' is not developed"):
        photos.enhance_file(tmp_path / "a.png", tmp_path / "b.png", controls=Controls(ratio=2.0))
    with pytest.raises(RawOnlyError, match=r"keeps the profile that it has"):
        photos.enhance_file(tmp_path / "a.png", tmp_path / "b.png", profile="srgb")
    with pytest.raises(ControlError, match=r"profile must be one of srgb, display-p3, prophoto, got 'adobe'"):
        bayer.enhance_file(dng, tmp_path / "b.png", profile="adobe")
    with pytest.raises(ControlError, match=r"makes sRGB and no other colours"):
        Enhancer(models["random_bayer_ratio_srgb"]).enhance_file(dng, tmp_path / "b.png", profile="prophoto")
    write_dng(tmp_path / "cut.dng", dataclasses.replace(raw_frame(noise(60, 60)), iso=None, exposure_s=None))
    (tmp_path / "cut.dng").write_bytes((tmp_path / "cut.dng").read_bytes()[:3000])
    with pytest.raises(UnreadableImageError):
        bayer.enhance_file(tmp_path / "cut.dng", tmp_path / "b.png")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "cut.dng", "night.dng"]


def test_a_network_may_give_srgb_itself(models: dict[str, Path], dng: Path, tmp_path: Path) -> None:
    enhancer = Enhancer(models["random_bayer_ratio_srgb"])
    frame = read_raw(dng)
    picture = enhancer.enhance(frame, Controls(ratio=4.0))
    enhancer.enhance_file(dng, tmp_path / "a.png", controls=Controls(ratio=4.0))
    assert np.array_equal(load(tmp_path / "a.png"), np.rint(picture.pixels * 65535))


def test_interrupted_work_leaves_nothing(models: dict[str, Path], dng: Path, tmp_path: Path) -> None:
    calls: list[int] = []

    def check() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Enhancer(models["random_bayer_k-sigma_linear"]).enhance_file(
            dng, tmp_path / "a.png", compare=tmp_path / "c.png", controls=Controls(ratio=2.0), check=check
        )
    assert [path.name for path in tmp_path.iterdir()] == ["night.dng"]


def test_a_graph_that_is_not_what_its_card_says_is_refused(tmp_path: Path) -> None:
    folder = write_raw_model(tmp_path, "blocks")
    other = write_raw_model(tmp_path, "copy", "xtrans")
    card = (folder / "card.toml").read_text()
    digest, wrong = (load_model(path).card.apply.sha256 for path in (folder, other))  # type: ignore[union-attr]
    (folder / "apply.onnx").write_bytes((other / "apply.onnx").read_bytes())
    (folder / "card.toml").write_text(card.replace(digest, wrong))
    with pytest.raises(CardError, match="does not take low"):
        Enhancer(folder).enhance(raw_frame(noise(20, 20)), Controls(ratio=2.0))


def test_colours_beyond_srgb_survive_in_a_wider_space(models: dict[str, Path], tmp_path: Path) -> None:
    """Pure camera red lies outside sRGB for this camera; ProPhoto holds it."""
    mosaic = np.full((16, 16), BLACK + 1, np.uint16)
    mosaic[::2, ::2] = BLACK + (WHITE - BLACK) // 4
    frame = raw_frame(mosaic, white_balance=(1, 1, 1))
    model = RawModel(load_model(models["blocks_bayer_k-sigma_linear"]))
    rgb = {name: whole(model.strips(frame, 1.0, space=space, bits=16))[8, 8] / 65535 for name, space in SPACES.items()}
    assert rgb["srgb"][1] == 0, "clipped"
    light = rgb["prophoto"] ** 1.8
    back = np.linalg.solve(SPACES["prophoto"].from_camera(frame.camera_to_xyz), light)
    np.testing.assert_allclose(back, [0.25, 0, 0], atol=0.002)
    assert TO_SRGB[1, 0] < 0
