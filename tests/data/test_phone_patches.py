"""Patches for a denoiser: the file's picture and its truth under one curve."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from scotopic.data import PhonePatches, phone_patches
from scotopic.data.darken import curve
from scotopic.data.phone import UNPROCESSED
from scotopic.data.phone_patches import brightened
from scotopic.errors import DataError
from scotopic.image import Picture, linear_to_srgb, srgb_to_linear, write


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve, each large enough for a patch; and two that are not."""
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(0)
    for index in range(12):
        write(Picture(rng.random((9, 12, 3), np.float32).repeat(16, 0).repeat(16, 1)), root / f"photo{index}.png")
    for index in range(2):
        write(Picture(rng.random((5, 6, 3), np.float32).repeat(4, 0).repeat(4, 1)), root / f"small{index}.png")
    return root


def patches(root: Path, seed: int = 0, **settings: Any) -> PhonePatches:
    return PhonePatches(root, "train", seed, **{"size": 32, "panoramas": 0.0, **settings})


def test_an_item_is_a_function_of_seed_epoch_and_index(photos: Path) -> None:
    one, other = patches(photos, views=2), patches(photos, views=2)
    other.set_epoch(3)
    assert not torch.equal(one[0].low, other[0].low)
    other.set_epoch(0)
    last = len(one) - 1
    for index in (last, 0, len(one) // 2):  # a photo's views are different ones
        assert torch.equal(one[index].low, other[index].low)
        assert torch.equal(one[index].target, other[index].target)
    assert not torch.equal(one[0].target, one[len(one) // 2].target)
    assert not torch.equal(one[0].low, patches(photos, seed=1, views=2)[0].low)
    assert not torch.equal(one[0].low, PhonePatches(photos, "val", size=32, panoramas=0.0)[0].low)


@pytest.mark.parametrize("size", [16, 48])
def test_patches_have_one_size_whatever_the_phone_and_the_photo(photos: Path, size: int) -> None:
    data = patches(photos, size=size)
    shrunk = 0
    for epoch in range(2):
        data.set_epoch(epoch)
        for index in range(len(data)):
            low, target, ratio, name = data[index]
            assert low.shape == (6, size, size)
            assert target.shape == (3, size, size)
            assert low.dtype == target.dtype == torch.float32
            assert low.min() >= 0
            assert low.max() <= 1
            assert 1 <= ratio <= 64
            assert name.endswith(f"-{np.log2(ratio):.1f} EV")
            shrunk += name.startswith("small")
    assert shrunk


def test_a_patch_and_its_truth_lie_on_each_other(photos: Path) -> None:
    """Cut at one place: with little noise a patch is most like its truth where it is."""
    data = patches(photos, darker_ev=(0.0, 0.0))
    found = 0
    for index in range(len(data)):
        low, target = (image.mean(0).numpy() for image in (data[index].low[3:], data[index].target))
        if target.std() < 0.1:
            continue
        shifts = [(y, x) for y in (-1, 0, 1) for x in (-1, 0, 1)]
        errors = [np.abs(np.roll(low, shift, (0, 1)) - target)[1:-1, 1:-1].mean() for shift in shifts]
        assert shifts[int(np.argmin(errors))] == (0, 0)
        found += 1
    assert found > 5


def test_both_go_through_the_same_curve(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the camera adds nothing, what was brightened is the target; and the curve is Zero-DCE's."""
    plain = phone_patches.take

    def noiseless(*arguments: Any) -> Any:
        _, clean = plain(*arguments)
        return clean, clean

    monkeypatch.setattr(phone_patches, "take", noiseless)
    data = patches(photos)
    for index in range(4):
        low, target, _, _ = data[index]
        assert torch.equal(low[3:], target)
        assert (low[3:] >= low[:3]).all(), "a curve brightens"
    monkeypatch.setattr(PhonePatches, "_amount", lambda *_: np.float32(0.3))
    low, target, _, _ = patches(photos)[0]
    np.testing.assert_allclose(target, curve(low[:3].numpy(), 0.3), atol=1e-6)


def test_the_curve_keeps_order_but_for_its_slope_over_the_patch(photos: Path) -> None:
    data = patches(photos)
    for index in range(6):
        low = data[index].low.numpy()
        for channel in range(3):
            before, after = low[channel, 8:12, 8:12].ravel(), low[3 + channel, 8:12, 8:12].ravel()
            order = np.argsort(before, kind="stable")
            assert (np.diff(after[order]) >= -0.01).all()
        assert (low[3:][low[:3] == 0] == 0).all()


def test_a_curve_may_be_partly_an_exposure() -> None:
    """Of two stops: all of it gives the light times four, clipped; half of it lies in the middle."""
    picture = np.linspace(0, 1, 33, dtype=np.float32).reshape(1, 33, 1).repeat(3, 2)
    amount = np.float32(2**0.2 - 1)
    by_curve, half, all_of_it = (brightened(picture, amount, share) for share in (0.0, 0.5, 1.0))
    np.testing.assert_array_equal(by_curve, curve(picture, float(amount)))
    np.testing.assert_allclose(all_of_it, linear_to_srgb(np.clip(4 * srgb_to_linear(picture), 0, 1)), atol=1e-5)
    np.testing.assert_allclose(half, (by_curve + all_of_it) / 2, atol=1e-6)


def test_how_much_of_an_exposure_is_drawn_afresh(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shares: list[float] = []

    def noting(picture: Any, amount: Any, amplified: float = 0.0) -> Any:
        shares.append(amplified)
        return brightened(picture, amount, amplified)

    monkeypatch.setattr(phone_patches, "brightened", noting)
    data = patches(photos, amplified=0.6)
    for index in range(len(data)):
        shares.clear()
        data[index]
        assert len(set(shares)) == 1, "picture and target have one curve"
        assert 0 < shares[0] < 0.6
    patches(photos)[0]
    assert shares[-1] == 0


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_a_share_of_files_is_unprocessed(photos: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    plain, seen = phone_patches.take, []

    def noting(light: Any, ratio: float, phone: Any, rng: Any) -> Any:
        seen.append(phone)
        return plain(light, ratio, phone, rng)

    monkeypatch.setattr(phone_patches, "take", noting)
    data = patches(photos, unprocessed=share)
    for index in range(len(data)):
        data[index]
    as_it_is = [replace(phone, contrast=0.0, mosaic=True) == UNPROCESSED for phone in seen]
    assert all(as_it_is) if share else not any(as_it_is)
    assert len({phone.contrast for phone in seen}) > 1, "its tone curve is its own"


def test_the_curve_ends_near_a_good_exposure(photos: Path) -> None:
    """Even five stops down, and as near as `off_ev` says."""

    def brightness(**settings: Any) -> np.ndarray:
        data = patches(photos, views=4, **settings)
        assert data[0].ratio == 2 ** settings["darker_ev"][0]
        return np.array([data[index].target.mean().item() for index in range(len(data))])

    dark = brightness(darker_ev=(5.0, 5.0), off_ev=0.0)
    light = brightness(darker_ev=(1.0, 1.0), off_ev=0.0)
    assert dark.mean() == pytest.approx(light.mean(), abs=0.06)
    assert brightness(darker_ev=(5.0, 5.0), off_ev=1.0).std() > 1.3 * dark.std()


def test_panoramas_are_looked_into(photos: Path, tmp_path: Path) -> None:
    import OpenEXR

    for photo in photos.iterdir():
        (tmp_path / photo.name).symlink_to(photo)
    light = (np.random.default_rng(0).random((64, 128, 3)) ** 4 * 50).astype(np.float16)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"RGB": OpenEXR.Channel(np.ascontiguousarray(light))}) as file:
        file.write(str(tmp_path / "sky.exr"))
    assert all(patches(tmp_path, panoramas=1.0)[index].name.startswith("sky.exr") for index in range(3))
    assert not any(patches(tmp_path)[index].name.startswith("sky.exr") for index in range(3))
    assert "sky.exr" in patches(tmp_path, panoramas=1.0).files


def test_odd_sizes_are_refused(photos: Path) -> None:
    with pytest.raises(DataError, match=r"data\.size must be even, got 33"):
        patches(photos, size=33)


def test_no_photo_is_enlarged_to_be_shrunk(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where a photo has too few pixels for a phone that shrinks, the phone does not."""
    plain, shrunk = phone_patches.take, set()

    def noting(light: Any, ratio: float, phone: Any, rng: Any) -> Any:
        shrunk.add((name.startswith("small"), phone.shrink < 1))
        return plain(light, ratio, phone, rng)

    monkeypatch.setattr(phone_patches, "take", noting)
    data = patches(photos, views=12)
    for index in range(len(data)):
        name = data.pictures.photos[index % len(data.pictures.photos)].name
        data[index]
    assert shrunk == {(True, False), (False, False), (False, True)}
