"""Darkened photos: made in the test, darker than their targets, and the same at every visit."""

import csv

import numpy as np
import pytest
import torch

from scotopic.data import DarkenedPhotos, Night, darken, expose
from scotopic.data.darken import curve, s_curve, smooth_field, uncurve
from scotopic.errors import DataError
from scotopic.image import Picture, linear_to_srgb, srgb_to_linear, write


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    rng = np.random.default_rng(1)
    for i in range(24):
        coarse = rng.random((6, 8, 3)).astype(np.float32)
        write(Picture(0.2 + 0.6 * coarse.repeat(10, 0).repeat(10, 1)), root / f"photo{i}.png")
    return root


def test_items_depend_on_seed_epoch_and_index_alone(folder):
    one, other = (DarkenedPhotos(folder, "train", seed=3, size=32) for _ in range(2))
    other[5]
    other.set_epoch(7)
    other.set_epoch(0)
    assert torch.equal(one[2].low, other[2].low)
    other.set_epoch(1)
    assert not torch.equal(one[2].low, other[2].low)
    assert not torch.equal(one[2].low, DarkenedPhotos(folder, "train", seed=4, size=32)[2].low)


def test_splits_share_no_photo(folder):
    train, val = DarkenedPhotos(folder, "train"), DarkenedPhotos(folder, "val")
    assert not set(train.paths) & set(val.paths)
    assert len(train.paths) + len(val.paths) == 24


def test_well_exposed_pictures_come_back_nearly_as_they_are(folder):
    data = DarkenedPhotos(folder, "train", size=32, exposed_well=1, cast=0)
    differences = [(data[i].low - data[i].target).mean().abs().item() for i in range(len(data))]
    assert max(differences) < 0.08


def test_dark_pictures_are_dark_and_their_targets_are_not(folder):
    data = DarkenedPhotos(folder, "train", size=32, exposed_well=0, darker_ev=(3, 3), relit=0)
    for sample in (data[i] for i in range(len(data))):
        assert sample.ratio == pytest.approx(8)
        assert sample.low.mean() < 0.5 * sample.target.mean()
        assert 0.35 < sample.target.mean() < 0.55


def test_a_table_of_sources_decides(folder, tmp_path):
    with (tmp_path / "SOURCES.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "kind", "split", "licence"])
        for i in range(4):
            source = folder / f"photo{i}.png"
            (tmp_path / source.name).write_bytes(source.read_bytes())
            table.writerow([source.name, "photo-srgb8", "train" if i else "val", "CC0-1.0" if i < 3 else "GPL-2+"])
    names = [path.name for path in DarkenedPhotos(tmp_path, "train", licences=["CC0"]).paths]
    assert names == ["photo1.png", "photo2.png"]
    assert len(DarkenedPhotos(tmp_path, "train").paths) == 3
    with pytest.raises(DataError, match="No photos"):
        DarkenedPhotos(tmp_path, "val", licences=["MIT"])


def test_missing_and_empty_folders_are_named(folder, tmp_path):
    with pytest.raises(DataError, match="no folder"):
        DarkenedPhotos(tmp_path / "nowhere", "train")
    with pytest.raises(DataError, match="No photos"):
        DarkenedPhotos(tmp_path, "train")
    with pytest.raises(DataError, match="licences"):
        DarkenedPhotos(folder, "train", licences=["CC0"])


def test_darkening_by_one_stop_halves_the_light():
    quiet = Night(darker_ev=(1, 1), relit=0, cast=0, contrast=(0, 0), read_noise=(1e-9, 1e-9), shot_noise=(1e-9, 1e-9))
    grey = np.full((8, 8, 3), 0.5, np.float32)  # 0.2140 of the light
    low, ratio = darken(grey, np.random.default_rng(0), quiet)
    assert ratio == 2
    assert np.allclose(low, 0.3607, atol=1 / 255)  # 0.1070 of the light, by the sRGB standard


def test_noise_follows_the_shot_and_read_formula():
    night = Night(
        darker_ev=(0, 0), relit=0, cast=0, contrast=(0, 0), read_noise=(0.02, 0.02), shot_noise=(0.004, 0.004)
    )
    grey = np.full((200, 200, 3), 0.7354, np.float32)  # half of the light
    low, _ = darken(grey, np.random.default_rng(0), night)
    light = ((low + 0.055) / 1.055) ** 2.4
    assert light.var() == pytest.approx(0.02**2 + 0.004 * 0.5, rel=0.05)


def test_exposing_keeps_order_and_ends():
    ramp = np.linspace(0, 1, 64, dtype=np.float32)[None, :, None].repeat(32, 0).repeat(3, 2)
    out = expose(ramp, level=0.7)
    assert (np.diff(out, axis=1) >= 0).all()
    assert out.min() == 0
    assert out.max() == 1
    assert out.mean() == pytest.approx(0.7, abs=0.01)


def test_fields_of_light_are_smooth_and_span_zero_to_one():
    for seed in range(20):
        field = smooth_field(np.random.default_rng(seed), 64, 96)
        assert field.min() == 0
        assert field.max() == 1
        assert max(np.abs(np.diff(field, axis=axis)).max() for axis in (0, 1)) < 0.25


QUIET = {"relit": 0, "cast": 0, "contrast": (0, 0), "read_noise": (1e-9, 1e-9), "shot_noise": (1e-9, 1e-9)}


def darkened_before_there_was_retouched(target, rng, night, need):
    """As it was written down first: a shorter exposure, and nothing drawn for anything else."""
    contrast, field_ev = rng.uniform(*night.contrast), 0.0
    if need:
        ev = rng.uniform(*night.darker_ev)
        if rng.random() < night.relit:
            field_ev = smooth_field(rng, *target.shape[:2])[..., None] * np.float32(rng.uniform(*night.relit_ev))
            ev = max(ev - float(np.max(field_ev)), rng.uniform(0, 0.5))
    else:
        ev, contrast = rng.uniform(-0.25, 0.25), 0.3 * contrast
    light = srgb_to_linear(target) * np.exp2(-np.float32(ev) - field_ev)
    gains = np.exp(rng.normal(0, night.cast, 3)).astype(np.float32)
    light = light * (gains / gains[1])
    read, shot = (np.exp(rng.uniform(*np.log(noise))) for noise in (night.read_noise, night.shot_noise))
    light = light + rng.standard_normal(light.shape, np.float32) * np.sqrt(read**2 + shot * light).astype(np.float32)
    low = s_curve(linear_to_srgb(np.clip(light, 0, 1)), contrast)
    return (np.round(np.clip(low, 0, 1) * 255) / 255).astype(np.float32), float(2.0**ev)


@pytest.mark.parametrize("need", [True, False])
def test_without_retouching_the_data_is_what_it_was(need):
    target = np.random.default_rng(9).random((24, 30, 3)).astype(np.float32)
    for seed in range(8):
        rng, other = (np.random.default_rng(seed) for _ in range(2))
        now, ratio = darken(target, rng, Night(relit=0.5), need)
        then, ratio_then = darkened_before_there_was_retouched(target, other, Night(relit=0.5), need)
        assert np.array_equal(now, then)
        assert ratio == ratio_then
        assert rng.random() == other.random(), "nothing else was drawn"


@pytest.mark.parametrize("ev", [1, 3, 5])
def test_one_curve_brings_a_retouched_picture_back(ev):
    """A stop is a tenth of what the amount of 1 doubles eight times over: 2^(ev / 10) - 1."""
    target = np.random.default_rng(3).random((32, 32, 3)).astype(np.float32)
    night = Night(darker_ev=(ev, ev), retouched=1, **QUIET)
    low, ratio = darken(target, np.random.default_rng(0), night)
    amount = 2 ** (ev / 10) - 1
    assert ratio == 2**ev
    assert low.mean() < target.mean() - 0.05 * ev
    # 8 bits are off by half a code, which the curve makes (1 + amount)^8 as much at most.
    assert np.abs(curve(low, amount) - target).max() < (0.51 / 255) * (1 + amount) ** 8 + 1e-4
    exposed, _ = darken(target, np.random.default_rng(0), Night(darker_ev=(ev, ev), **QUIET))
    best = min(np.abs(curve(exposed, a) - target).max() for a in np.linspace(0, 1, 50))
    assert best > 2 * np.abs(curve(low, amount) - target).max()


def test_no_place_of_a_retouched_picture_gets_more_light():
    """However unevenly it is lit."""
    target = np.random.default_rng(3).random((24, 24, 3)).astype(np.float32)
    unevenly = Night(retouched=1, **QUIET | {"relit": 1})
    for seed in range(8):
        low, _ = darken(target, np.random.default_rng(seed), unevenly)
        assert (low <= target + 0.51 / 255).all()
        assert (target - low)[target.max(2) < 0.9].std() > 0.02


def test_a_share_is_retouched(folder):
    """Of pictures that need light; those that need none stay as they are."""
    target = np.full((8, 8, 3), 0.5, np.float32)
    night = Night(darker_ev=(3, 3), retouched=0.3, **QUIET)
    lows = [darken(target, np.random.default_rng(seed), night)[0].mean() for seed in range(400)]
    # Three stops less of 0.2140 is 0.0268 of the light: 0.177 in sRGB.
    shorter = np.abs(np.array(lows) - 0.177) < 0.003
    assert 1 - shorter.mean() == pytest.approx(0.3, abs=0.07)
    assert len({float(low) for low in np.array(lows)[~shorter]}) == 1
    well, same = (
        DarkenedPhotos(folder, "train", size=16, exposed_well=1, retouched=share)[0].low for share in (1.0, 0.0)
    )
    assert torch.equal(well, same)


@pytest.mark.parametrize("amount", [0.07, 0.4, 1.0])
def test_uncurve_undoes_the_curve(amount):
    x = np.linspace(0, 1, 101, dtype=np.float32)
    assert np.abs(curve(uncurve(x, amount), amount) - x).max() < 1e-5
    assert uncurve(x, amount)[[0, -1]].tolist() == pytest.approx([0, 1], abs=1e-5)
    here, there = np.float32(amount), np.float32(amount / 2)
    both = uncurve(np.stack([x, x])[..., None], np.array([here, there])[:, None, None])
    assert np.allclose(both[..., 0], [uncurve(x, amount), uncurve(x, amount / 2)])
