"""Darkened photos: made in the test, darker than their targets, and the same at every visit."""

import csv

import numpy as np
import pytest
import torch

from scotopic.data import DarkenedPhotos, Night, darken, expose
from scotopic.data.darken import smooth_field
from scotopic.errors import DataError
from scotopic.image import Picture, write


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
