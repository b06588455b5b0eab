"""Raw pairs from clean pictures."""

from pathlib import Path

import numpy as np
import pytest
import torch

from scotopic.data import VirtualCamera
from scotopic.data.noise import SensorNoise
from scotopic.data.panorama import look, read_panorama
from scotopic.data.sensor import COLOUR_MATRICES, VirtualSensor, camera_to_srgb, capture, sample_colours
from scotopic.data.virtual_camera import blur
from scotopic.errors import DataError
from scotopic.image import Picture, linear_to_srgb, write
from scotopic.image.mosaic import RGGB, XTRANS, pack, unpack
from scotopic.image.noise_level import NoiseLevel
from scotopic.image.packed import planes_of

QUIET = SensorNoise(gain_dn=1e-3, read_scale_dn=0.0, step_dn=1.0)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photos enough for both splits, and a panorama in the training split."""
    import OpenEXR

    root = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(0)
    for index in range(12):
        coarse = rng.random((8, 12, 3)).astype(np.float32)
        write(Picture(coarse.repeat(24, 0).repeat(24, 1)), root / f"photo{index}.png")
    light = (rng.random((64, 128, 3)) ** 4 * 50).astype(np.float16)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    with OpenEXR.File(header, {"RGB": OpenEXR.Channel(np.ascontiguousarray(light))}) as file:
        file.write(str(root / "sky.exr"))
    return root


def sensor(cfa: tuple[str, ...] = RGGB, noise: SensorNoise = QUIET) -> VirtualSensor:
    matrix = camera_to_srgb(np.reshape(COLOUR_MATRICES["SonyA7S2"], (3, 3)) / 10000)
    return VirtualSensor(cfa, (2.0, 1.0, 1.6), matrix, noise)


@pytest.mark.parametrize("cfa", [RGGB, XTRANS, ("GB", "RG")])
def test_without_noise_the_frame_is_the_truth_through_the_filters(cfa: tuple[str, ...]) -> None:
    light = np.random.default_rng(0).uniform(0.1, 0.8, (24, 36, 3)).astype(np.float32)
    frame, truth = capture(light, 4.0, sensor(cfa), np.random.default_rng(1))
    seen = frame.light() * 4.0
    for row in range(24):
        for column in range(36):
            colour = "RGB".index(cfa[row % len(cfa)][column % len(cfa)])
            gain = (2.0, 1.0, 1.6)[colour]
            assert seen[row, column] * gain == pytest.approx(truth[row, column, colour], abs=1e-3, rel=0.01)
    # The frame's own colours lead back to the light.
    to_srgb = np.linalg.inv(camera_xyz()) @ frame.camera_to_xyz
    np.testing.assert_allclose(truth @ to_srgb.T, light, atol=1e-4)


def camera_xyz() -> np.ndarray:
    from scotopic.data.sensor import XYZ_OF_SRGB

    return XYZ_OF_SRGB


def test_white_stays_white_in_every_camera() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        white_balance, matrix = sample_colours(rng)
        np.testing.assert_allclose(matrix.sum(axis=1), 1, atol=1e-4)
        assert 1.0 < white_balance[0] < 3.2
        assert white_balance[1] == 1.0
        assert 1.0 < white_balance[2] < 4


def test_a_full_well_is_white_and_stays_below_the_ratio() -> None:
    light = np.full((8, 8, 3), 50.0, np.float32)
    frame, truth = capture(light, 3.0, sensor(), np.random.default_rng(3))
    assert truth.max() == 3.0
    assert np.all(frame.mosaic[:, 1::2][::2] == 16383)  # green


def test_more_light_is_less_noise() -> None:
    light = np.full((64, 64, 3), 0.4, np.float32)
    noise = SensorNoise(gain_dn=2.0, read_scale_dn=3.0)
    spreads = []
    for ratio in (1.0, 10.0, 100.0):
        frame, _ = capture(light, ratio, sensor(noise=noise), np.random.default_rng(4))
        spreads.append(float((pack(frame.light(), frame.cfa)[1] * ratio).std()))
    assert spreads[0] < spreads[1] < spreads[2]


@pytest.mark.parametrize(("cfa", "size", "channels", "scale"), [("bayer", 32, 12, 2), ("xtrans", 36, 28, 3)])
def test_samples(pictures: Path, cfa: str, size: int, channels: int, scale: int) -> None:
    camera = VirtualCamera(pictures, "train", 0, size=size, cfa=cfa, panoramas=0.5)
    low, target, ratio, name = camera[3]
    assert low.shape == (channels, size // scale, size // scale)
    assert low.dtype == torch.float32
    assert target.shape == (3, size, size)
    assert target.dtype == torch.float32
    assert 1 <= ratio <= 300
    assert f"x{ratio:.0f}" in name
    assert torch.isfinite(low).all()
    assert target.min() >= 0
    assert target.max() <= float(linear_to_srgb(np.float32(4.0)))
    again = VirtualCamera(pictures, "train", 0, size=size, cfa=cfa, panoramas=0.5)[3]
    assert torch.equal(again.low, low)
    assert torch.equal(again.target, target)
    camera.set_epoch(1)
    assert not torch.equal(camera[3].low, low)


def test_darker_draws_ratios_as_the_largest_of_so_many_draws(pictures: Path) -> None:
    def share_of_high(darker: float) -> float:
        camera = VirtualCamera(pictures, "train", size=48, views=40, ratio=(1, 100), darker=darker, panoramas=0)
        return float(np.mean([camera[index].ratio > 10 for index in range(len(camera))]))

    assert share_of_high(1.0) == pytest.approx(0.5, abs=0.1)  # 400 draws and more
    assert share_of_high(2.0) == pytest.approx(0.75, abs=0.1)


def test_panoramas_are_looked_into(pictures: Path) -> None:
    camera = VirtualCamera(pictures, "train", 0, size=32, panoramas=1.0)
    assert all(camera[index].name.startswith("sky.exr") for index in range(4))
    none = VirtualCamera(pictures, "train", 0, size=32, panoramas=0.0)
    assert not any(none[index].name.startswith("sky.exr") for index in range(4))


def test_the_planes_show_the_target(pictures: Path) -> None:
    """Averaged over a view, what goes in is as bright as what shall come out: white balance and ratio are right."""
    camera = VirtualCamera(pictures, "train", 1, size=128, ratio=(1.5, 1.5), gain_dn=(0.2, 0.2), panoramas=0.0)
    for index in range(4):
        low, target, _, _ = camera[index]
        light = torch.where(target > 0.04045, ((target + 0.055) / 1.055) ** 2.4, target / 12.92)
        seen = torch.stack([low[0], (low[1] + low[2]) / 2, low[3]])
        unclipped = (light < 1.0).all(0)
        if unclipped.float().mean() > 0.95:
            torch.testing.assert_close(seen.mean((1, 2)), light.mean((1, 2)), rtol=0.05, atol=0.01)


def test_sids_planes_and_colours(pictures: Path) -> None:
    camera = VirtualCamera(pictures, "train", 0, size=32, normalisation="ratio", colour="srgb", panoramas=0.0)
    low, target, _, _ = camera[0]
    assert low.shape == (4, 16, 16)
    assert low.min() >= 0
    assert low.max() <= 1
    assert target.min() >= 0
    assert target.max() <= 1


def test_planes_pack_what_the_frame_holds() -> None:
    frame, _ = capture(np.full((12, 12, 3), 0.3, np.float32), 2.0, sensor(XTRANS), np.random.default_rng(5))
    planes = planes_of(frame, 2.0, NoiseLevel(1.0, 1.0), "ratio")
    np.testing.assert_allclose(unpack(planes, frame.cfa, (12, 12)), frame.light() * 2, rtol=1e-5)


def test_looking_straight_ahead_keeps_levels_and_looking_far_keeps_sizes(pictures: Path) -> None:
    flat = np.full((32, 64, 3), 3.0, np.float16)
    rng = np.random.default_rng(6)
    for _ in range(5):
        np.testing.assert_allclose(look(flat, rng, 20, 30), 3.0, rtol=1e-3)
    # A panorama whose brightness is its height: up is up in every view.
    slope = np.broadcast_to(np.linspace(1, 0, 64, dtype=np.float16)[:, None, None], (64, 128, 3))
    for _ in range(5):
        seen = look(slope, rng, 16, 16)[..., 0]
        assert seen[0].mean() > seen[-1].mean()
    assert read_panorama(pictures / "sky.exr").shape == (64, 128, 3)


def test_blur_keeps_light_and_lowers_contrast() -> None:
    light = np.random.default_rng(7).random((32, 32, 3)).astype(np.float32)
    soft = blur(light, 1.0)
    assert soft.mean() == pytest.approx(light.mean(), rel=0.02)
    assert soft.std() < 0.5 * light.std()


def test_what_cannot_be_is_refused(pictures: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="darker must be above 0"):
        VirtualCamera(pictures, "train", darker=0.0)
    with pytest.raises(DataError, match="multiple of 4"):
        VirtualCamera(pictures, "train", size=33)
    with pytest.raises(DataError, match=r"data\.cfa must be one of bayer, xtrans"):
        VirtualCamera(pictures, "train", cfa="foveon")
    with pytest.raises(DataError, match="no folder"):
        VirtualCamera(tmp_path / "nowhere", "train")
    broken = tmp_path / "broken.exr"
    broken.write_bytes(b"v/1\x01 nothing follows")
    with pytest.raises(DataError, match=r"broken\.exr"):
        read_panorama(broken)
