"""What an Enhancer is given besides plain pictures: profiles, values that are none, a check that ends its work."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.errors import ControlError
from scotopic.image import Metadata, Picture, read, write
from scotopic.runtime import Enhancer, apply_curves, photos, work
from scotopic.runtime.blocks import default_threads

from .conftest import PICTURE_MODELS, MakeModel, load, photo, save


def wide_profile() -> bytes:
    """Display P3, as libvips has it."""
    import pyvips

    return bytes(pyvips.Image.profile_load("p3"))


@pytest.mark.parametrize("kind", ["curves_3", *PICTURE_MODELS])
def test_a_picture_is_looked_at_through_its_profile_as_its_file_is(
    enhancers: dict[str, Enhancer], tmp_path: Path, kind: str
) -> None:
    model = enhancers[kind]
    low = (photo(61, 43) / 255 * np.array([2.5, 0.4, 0.2])).astype(np.float32)  # a red that sRGB does not have
    picture = Picture(low, bits=16, metadata=Metadata(icc=wide_profile()))
    write(picture, tmp_path / "a.tif")
    model.enhance_file(tmp_path / "a.tif", tmp_path / "b.tif")
    by_file = read(tmp_path / "b.tif").pixels
    assert np.abs(model.enhance(read(tmp_path / "a.tif")).pixels - by_file).max() < 0.001
    if model.card.decide:
        without = model.enhance(dataclasses.replace(picture, metadata=Metadata())).pixels
        assert np.abs(without - by_file).max() > 0.004


@pytest.mark.parametrize("icc", [b"not a profile", wide_profile()[:200], wide_profile()])
def test_a_picture_with_a_profile_that_does_not_fit_is_taken_for_srgb(
    enhancers: dict[str, Enhancer], icc: bytes
) -> None:
    low = Picture(photo(20, 30, 1, dtype=np.float32))
    odd = dataclasses.replace(low, metadata=Metadata(icc=icc))
    assert np.array_equal(enhancers["curves_3"].enhance(odd).pixels, enhancers["curves_3"].enhance(low).pixels)


@pytest.mark.parametrize("kind", ["curves_3", "conv"])
@pytest.mark.parametrize(
    ("value", "says"),
    [(np.nan, "not finite numbers"), (np.inf, "not finite numbers"), (-np.inf, "not finite numbers")],
)
@pytest.mark.parametrize("size", [(8, 8), (300, 200)])
def test_values_that_are_no_numbers_are_refused(
    enhancers: dict[str, Enhancer], kind: str, value: float, says: str, size: tuple[int, int]
) -> None:
    low = photo(*size, dtype=np.float32)
    low[size[0] // 2, -1, 1] = value
    with pytest.raises(ControlError, match=f"the array holds values that are {says}"):
        enhancers[kind].enhance(low)
    with pytest.raises(ControlError, match=f"'cat' holds values that are {says}"):
        enhancers[kind].enhance(Picture(low, name="cat"))


@pytest.mark.parametrize("kind", ["curves_3", "conv"])
def test_floats_in_levels_are_refused_and_those_a_little_beyond_are_not(
    enhancers: dict[str, Enhancer], kind: str
) -> None:
    low = photo(300, 200, dtype=np.float32)
    with pytest.raises(ControlError, match=r"from .* to .*, but floating-point pixels go from 0 to 1. Divide by 255"):
        enhancers[kind].enhance(low * 255)
    low[0, 0], low[1, 1] = 1.2, -0.1
    assert np.isfinite(enhancers[kind].enhance(low)).all()


@pytest.mark.parametrize("wrong", [None, [[1, 2], [3, 4]], b"bytes"])
def test_what_is_neither_picture_nor_array_is_refused(enhancers: dict[str, Enhancer], wrong: Any) -> None:
    with pytest.raises(ControlError, match=f"got {type(wrong).__name__}.*scotopic.read"):
        enhancers["curves_3"].enhance(wrong)


def test_a_comparison_can_be_made_alone(enhancers: dict[str, Enhancer], tmp_path: Path) -> None:
    save(photo(40, 50), tmp_path / "a.png")
    both = enhancers["curves_3"].enhance_file(tmp_path / "a.png", tmp_path / "b.png", compare=tmp_path / "c.png")
    alone = enhancers["curves_3"].enhance_file(tmp_path / "a.png", None, compare=tmp_path / "d.png")
    assert np.array_equal(load(tmp_path / "d.png"), load(tmp_path / "c.png"))
    assert dataclasses.replace(alone, seconds=0) == dataclasses.replace(both, seconds=0, target=None)
    with pytest.raises(ControlError, match="nothing to make"):
        enhancers["curves_3"].enhance_file(tmp_path / "a.png", None)


@pytest.mark.parametrize("compare", [None, "c.png"])
def test_a_check_that_raises_ends_the_work_and_leaves_nothing(
    enhancers: dict[str, Enhancer], tmp_path: Path, compare: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "STRIP_SAMPLES", 1)
    save(photo(200, 50), tmp_path / "a.png")
    strips = 13 if compare is None else 26  # of 16 rows, for each file

    def check_until(last: int) -> Any:
        left = iter(range(last))

        def check() -> None:
            if next(left, None) is None:
                raise KeyboardInterrupt

        return check

    place = tmp_path / compare if compare else None
    for last in (0, 3, strips - 1):
        with pytest.raises(KeyboardInterrupt):
            enhancers["curves_3"].enhance_file(
                tmp_path / "a.png", tmp_path / "b.png", compare=place, check=check_until(last)
            )
        assert [path.name for path in tmp_path.iterdir()] == ["a.png"]
    enhancers["curves_3"].enhance_file(tmp_path / "a.png", tmp_path / "b.png", compare=place, check=check_until(strips))


def test_threads_beyond_the_processors_are_not_started(make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    asked: list[int] = []

    def apply(*words: Any, threads: int, **more: Any) -> Any:
        asked.append(threads)
        return apply_curves(*words, threads=threads, **more)

    class Options(onnxruntime.SessionOptions):  # type: ignore[misc]
        def __setattr__(self, name: str, value: Any) -> None:
            if name == "intra_op_num_threads":
                asked.append(value)
            super().__setattr__(name, value)

    monkeypatch.setattr(photos, "apply_curves", apply)
    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    Enhancer(make_model("curves_3"), threads=100_000).enhance(photo(300, 400))
    assert len(asked) == 2
    assert max(asked) <= default_threads()
