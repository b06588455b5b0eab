"""`import scotopic`: the few names that most programs need."""

from pathlib import Path

import numpy as np
import pytest

import scotopic
from scotopic.errors import ControlError, ImageTooLargeError, UnreadableImageError, UnsupportedImageError
from scotopic.runtime.decision import DENOISE


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32])
@pytest.mark.parametrize("shape", [(20, 30), (20, 30, 1), (20, 30, 3)])
def test_an_array_comes_back_as_it_was_only_brighter(model, dtype, shape):
    white = 1 if dtype == np.float32 else np.iinfo(dtype).max
    low = np.full(shape, 0.1 * white, dtype)
    out = scotopic.enhance(low, model=model)
    assert out.dtype == dtype
    assert out.shape == shape
    assert out.mean() > 2 * low.mean()


def test_a_path_gives_a_picture_and_so_does_a_picture(photo, model):
    path = photo("n.png")
    from_path = scotopic.enhance(path, model=model)
    from_picture = scotopic.enhance(scotopic.read(path), model=Path(model))
    assert isinstance(from_path, scotopic.Picture)
    assert np.array_equal(from_path.pixels, from_picture.pixels)
    scotopic.write(from_path, "out.png")
    assert scotopic.read("out.png").pixels == pytest.approx(from_path.pixels, abs=0.5 / 255 + 1e-6)


def test_with_output_a_file_is_made(photo, model):
    result = scotopic.enhance(photo("n.jpg"), output="bright.png", bits=16, compare="both.png", model=model)
    assert isinstance(result, scotopic.Result)
    assert (result.width, result.height, result.target) == (60, 40, "bright.png")
    assert result.mean_after > result.mean_before
    assert scotopic.read("bright.png").bits == 16
    assert scotopic.read("both.png").width > 120


def test_controls_reach_the_model(model):
    low = np.full((8, 8, 3), 0.2, np.float32)
    assert scotopic.enhance(low, model=model, strength=0) == pytest.approx(low, abs=1e-6)
    assert scotopic.enhance(low, model=model, exposure_ev=1).mean() > scotopic.enhance(low, model=model).mean()
    with pytest.raises(ControlError):
        scotopic.enhance(low, model=model, strength=9)


def test_the_tiers_reach_the_model(photo, model, tiers_model):
    low = np.full((8, 8, 3), 0.2, np.float32)
    fast = scotopic.enhance(low, model=model)
    assert np.array_equal(scotopic.enhance(low, model=tiers_model, tier="fast"), fast)
    assert not np.array_equal(fast, low)
    for given, share in ((None, DENOISE), (0.5, 0.5), (1, 1.0)):  # all of it is half of the way back to the file's
        clean = fast + share * ((low + fast) / 2 - fast)
        assert scotopic.enhance(low, model=tiers_model, denoise=given) == pytest.approx(clean, abs=1e-6)
    photo("n.png")
    seen = [scotopic.enhance("n.png", model=tiers_model, denoise=share).pixels.mean() for share in (0, 0.5, 1)]
    made = [
        scotopic.enhance("n.png", output=f"{share}.png", model=tiers_model, denoise=share).mean_after
        for share in (0, 0.5, 1)
    ]
    assert seen == sorted(seen, reverse=True) == pytest.approx(made, abs=0.01)
    with pytest.raises(ControlError, match="the best tier is for models with a denoiser"):
        scotopic.enhance(low, model=model, tier="best")


def test_what_cannot_be_meant_is_refused(photo, model):
    low = np.zeros((8, 8, 3), np.float32)
    with pytest.raises(ControlError, match=r"scotopic\.write"):
        scotopic.enhance(low, output="x.png", model=model)
    with pytest.raises(ControlError, match="need output="):
        scotopic.enhance(photo("n.jpg"), quality=3, model=model)
    with pytest.raises(UnreadableImageError):
        scotopic.enhance("gone.jpg", model=model)


@pytest.mark.parametrize("output", [None, "o.png"])
def test_the_limit_that_an_error_speaks_of_can_be_raised(photo, model, output):
    photo("n.png", width=60, height=40)
    more = {} if output is None else {"output": output}
    with pytest.raises(ImageTooLargeError, match="Raise max_pixels"):
        scotopic.enhance("n.png", model=model, max_pixels=2399, **more)
    scotopic.enhance("n.png", model=model, max_pixels=2400, **more)


def test_the_format_can_be_named(photo, model):
    photo("n.png")
    scotopic.enhance("n.png", output="o", format="tiff", bits=16, model=model)
    assert Path("o").read_bytes()[:2] in (b"II", b"MM")


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ({"strength": "1"}, "strength must be a number, got '1'"),
        ({"exposure_ev": None}, "exposure_ev must be a number, got None"),
        ({"threads": 1.5}, "threads must be a whole number"),
        ({"quality": 50}, "need output="),
        ({"format": "png"}, "need output="),
        ({"output": "o.png", "quality": 50}, "png keeps every pixel as it is"),
        ({"output": "o.tif", "quality": 50}, "tiff keeps every pixel as it is"),
        ({"output": "o.jpg", "bits": 16}, "jpeg has 8 bits, not 16"),
        ({"output": "o.png", "format": "jpeg"}, "is no jpeg"),
    ],
)
def test_options_that_cannot_be_meant_are_refused(photo, model, options, why):
    photo("n.jpg")
    with pytest.raises(ControlError, match=why):
        scotopic.enhance("n.jpg", model=model, **options)
    assert [path.name for path in Path().iterdir()] == ["n.jpg"]


def test_a_suffix_that_says_nothing_is_refused(photo, model):
    photo("n.jpg")
    with pytest.raises(UnsupportedImageError, match="which picture format"):
        scotopic.enhance("n.jpg", output="o", model=model)


@pytest.mark.parametrize("wrong", [None, [[1, 2]], b"bytes", 5])
@pytest.mark.parametrize("output", [None, "o.png"])
def test_what_is_no_source_is_refused(here, model, wrong, output):
    with pytest.raises(
        ControlError, match=rf"wants a path, a Picture, a RawFrame or a numpy array, got {type(wrong).__name__}"
    ):
        scotopic.enhance(wrong, model=model, output=output)


def test_a_limit_on_what_is_in_memory_already_is_refused(model):
    with pytest.raises(ControlError, match="max_pixels is for files"):
        scotopic.enhance(np.zeros((4, 4, 3), np.uint8), model=model, max_pixels=100)


def test_the_model_is_loaded_once(model, monkeypatch):
    import scotopic._enhance as home

    home._enhancer.cache_clear()
    low = np.zeros((8, 8, 3), np.float32)
    for _ in range(3):
        scotopic.enhance(low, model=model)
    scotopic.enhance(low, model=model, threads=1)
    assert home._enhancer.cache_info().misses == 2


def test_every_name_is_there_and_no_other():
    assert all(getattr(scotopic, name) is not None for name in scotopic.__all__)
    assert set(scotopic.__all__) <= set(dir(scotopic))
    with pytest.raises(AttributeError, match="enhence"):
        scotopic.enhence  # noqa: B018
