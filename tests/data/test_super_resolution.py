"""Degraded photos: held against Pillow, against their formulas, and against themselves."""

import csv

import numpy as np
import pytest
import torch
from PIL import Image

from scotopic.data.degrade import DEGRADATIONS, blur, degrade, jpeg, sensor_noise
from scotopic.data.super_resolution import SuperResolution
from scotopic.errors import DataError

RNG = np.random.default_rng


def smooth(height, width, seed=0):
    """uint8 `h w 3` with detail at several sizes."""
    coarse = RNG(seed).integers(0, 256, (height // 6, width // 6, 3), np.uint8)
    return np.asarray(Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC))


def tensor(pixels):
    return torch.from_numpy(pixels.transpose(2, 0, 1).astype(np.float32) / 255)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("photos")
    for i in range(10):
        Image.fromarray(smooth(96, 120, i)).save(root / f"photo{i}.png")
    return root


@pytest.mark.parametrize("scale", [2, 3, 4])
def test_bicubic_is_pillows(scale):
    pixels = smooth(96, 120)
    out = degrade(tensor(pixels), scale, "bicubic", RNG(0))
    for channel, values in zip(out.numpy(), pixels.transpose(2, 0, 1), strict=True):
        whole = Image.fromarray(values.astype(np.float32))  # of 8 bits, Pillow would round twice
        small = np.asarray(whole.resize((120 // scale, 96 // scale), Image.Resampling.BICUBIC))
        assert channel == pytest.approx(small.clip(0, 255) / 255, abs=1e-4)


def test_same_size_is_a_mean_brought_back_linearly():
    pixels = smooth(96, 120)
    out = degrade(tensor(pixels), 4, "same_size", RNG(0))
    pooled = pixels.reshape(24, 4, 30, 4, 3).mean(axis=(1, 3)) / 255
    assert out.shape == (3, 96, 120)
    # Half-way between the centres of two pools along a row, and a quarter of a pool from them down the column.
    expected = np.mean([0.875 * pooled[5, 5:7] + 0.125 * pooled[4, 5:7]], axis=(0, 1))
    got = out[:, 20 + 1, 23:25].mean(dim=1).numpy()
    assert got == pytest.approx(expected, abs=1e-5)


def test_a_view_knows_what_lies_around_it(folder):
    """The small version of a part is that part of the small version of the whole."""
    sample = SuperResolution(folder, "val", scale=4, held_out_size=48)[0]
    with Image.open(folder / sample.name) as photo:
        small = np.asarray(photo.resize((30, 24), Image.Resampling.BICUBIC))
    assert sample.low.shape == (3, 12, 12)
    assert (sample.low - tensor(small[6:18, 9:21])).abs().max() < 2.01 / 255


@pytest.mark.parametrize("degradation", DEGRADATIONS)
def test_low_shows_the_same_place_as_the_target(folder, degradation):
    data = SuperResolution(
        folder, "train", size=48, degradation=degradation, blur=(0.2, 0.5), noise=(0, 2), quality=(90, 95)
    )
    for i in range(len(data)):
        sample = data[i]
        assert sample.low.shape == ((3, 48, 48) if degradation == "same_size" else (3, 24, 24))
        assert sample.low.min() >= 0
        assert sample.low.max() <= 1
        assert torch.equal((sample.low * 255).round() / 255, sample.low)  # what an 8-bit file can hold
        small = torch.nn.functional.interpolate(sample.target[None], size=sample.low.shape[1:], mode="area")[0]
        right = (sample.low - small).square().mean()
        assert right < 0.2 * (sample.low - small.flip(2)).square().mean()
        assert right < 0.2 * (sample.low - small.rot90(1, (1, 2))).square().mean()


def test_held_out_pictures_are_degraded_alike_at_every_visit(folder):
    one, other = (SuperResolution(folder, "val", degradation="realistic", held_out_size=64) for _ in range(2))
    first = one[0].low
    one.set_epoch(9)
    assert torch.equal(first, one[0].low)
    assert torch.equal(first, other[0].low)


def test_realistic_takes_more_away_the_worse_it_is_set(folder):
    def loss(**wear):
        data = SuperResolution(
            folder, "train", size=48, degradation="realistic", flips=False, quarter_turns=False, **wear
        )
        clean = SuperResolution(folder, "train", size=48, flips=False, quarter_turns=False)
        return np.mean([(data[i].low - clean[i].low).square().mean().item() for i in range(3)])

    best = {"blur": (0.2, 0.2), "noise": (0, 0), "quality": (95, 95)}
    for worse in ({"blur": (4, 4)}, {"noise": (30, 30)}, {"quality": (10, 10)}):
        assert loss(**best | worse) > 1.5 * loss(**best)


def test_blur_spreads_a_point_as_wide_as_it_says():
    point = torch.zeros(3, 41, 41)
    point[:, 20, 20] = 1
    out = blur(point, 3.0, 1.0, 0.0)[0].numpy()
    y, x = np.mgrid[-20:21, -20:21]
    assert out.sum() == pytest.approx(1, abs=1e-5)
    assert np.sqrt((out * x**2).sum()) == pytest.approx(3, rel=0.05)
    assert np.sqrt((out * y**2).sum()) == pytest.approx(1, rel=0.05)


def test_noise_is_as_strong_at_middle_grey_as_it_says_and_shot_noise_grows_with_light():
    def sigma(level, shot):
        grey = torch.full((3, 200, 200), level)
        return float((sensor_noise(grey, RNG(0), 0.02, shot) - grey).std())

    assert sigma(0.5, 0.0) == pytest.approx(0.02, rel=0.1)
    assert sigma(0.5, 1.0) == pytest.approx(0.02, rel=0.1)
    assert sigma(0.8, 1.0) > 1.3 * sigma(0.8, 0.0)


def test_jpeg_is_a_real_file():
    picture = tensor(smooth(64, 64))
    losses = [float((jpeg(picture, quality) - picture).square().mean()) for quality in (95, 60, 10)]
    assert 0 < losses[0] < losses[1] < losses[2] < 0.01


def test_a_table_of_sources_gives_split_licence_and_scale(folder, tmp_path):
    with (tmp_path / "SOURCES.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["file", "kind", "split", "licence", "rec_scale"])
        for i, split in enumerate(["train", "train", "val", "test"]):
            (tmp_path / f"p{i}.png").write_bytes((folder / f"photo{i}.png").read_bytes())
            table.writerow([f"p{i}.png", "photo", split, "CC0" if i else "GPL", 0.5])
    data = SuperResolution(tmp_path, "train", size=48, licences=["CC0"])
    assert [path.name for path, _ in data.photos] == ["p1.png"]
    assert data[0].target.shape == (3, 48, 48)
    with Image.open(tmp_path / "p2.png") as photo:
        half = tensor(np.asarray(photo.resize((60, 48), Image.Resampling.BOX)))
    held_out = SuperResolution(tmp_path, "val", held_out_size=48)[0]
    assert (held_out.target - half[:, :, 6:54]).abs().mean() < 0.05
    assert len(SuperResolution(tmp_path, "test", held_out_size=48)) == 1


def test_photos_smaller_than_a_view_are_continued(folder):
    assert SuperResolution(folder, "train", size=128)[0].target.shape == (3, 128, 128)


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"degradation": "bilinear"}, "same_size, bicubic, realistic"),
        ({"size": 50, "scale": 4}, r"data\.size must be a multiple of data\.scale \(4\), got 50"),
        ({"scale": 0}, "at least 1"),
        ({"quality": (0, 95)}, r"data\.quality"),
        ({"blur": (3, 1)}, r"data\.blur"),
    ],
)
def test_settings_that_cannot_be_meant_are_refused(folder, settings, why):
    with pytest.raises(DataError, match=why):
        SuperResolution(folder, "train", **settings)
