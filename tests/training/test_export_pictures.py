"""Export of networks from picture to picture: the folder enhances arrays and files, in tiles, as the network does."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import pyvips
import torch
from torch import nn

from networks.test_networks import build, settings_of
from scotopic.image import read
from scotopic.networks import NETWORKS, CurveNetwork, PictureNetwork, RawNetwork
from scotopic.runtime import Enhancer, read_card
from scotopic.runtime.tiles import TILE
from scotopic.training.checkpoint import Progress
from scotopic.training.export import export_network

from .toy_training import toy_recipe

NOT_ALONE = ["bilateral_grid", "scotopic_denoiser"]
PICTURES = [name for name, kind in NETWORKS.items() if issubclass(kind, PictureNetwork) and name not in NOT_ALONE]

Exported = Callable[[str], tuple[PictureNetwork, Path]]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """Gives a network with the settings that ask most of it, and its model."""

    @cache
    def make(name: str) -> tuple[PictureNetwork, Path]:
        network = build(name, **settings_of(name)[-1]).eval()
        assert isinstance(network, PictureNetwork)
        if hasattr(network, "residual"):  # these end in a convolution: a part of what they say shall lie above 1
            convolutions = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
            assert convolutions[-1].bias is not None
            nn.init.constant_(convolutions[-1].bias, 0.7)
        folder = tmp_path_factory.mktemp(name) / "m"
        export_network(network, toy_recipe(), Progress(), folder, name)
        return network, folder

    return make


def test_every_network_is_exported_by_one_of_these_tests() -> None:
    """Curves: test_export.py. Raws: test_export_raw.py. What is no model by itself: test_denoiser.py."""
    assert all(issubclass(kind, CurveNetwork | RawNetwork | PictureNetwork) for kind in NETWORKS.values())


@pytest.mark.parametrize("name", PICTURES)
def test_the_folder_enhances_as_the_network_does(exported: Exported, name: str) -> None:
    network, folder = exported(name)
    card = read_card(folder)
    assert (card.light.input, card.light.output, card.decide, card.raw) == ("srgb", "srgb", None, None)
    assert card.apply is not None
    assert (card.light.scale, card.apply.halo, card.apply.multiple) == (network.scale, network.halo, network.multiple)

    height, width = TILE + 13, 2 * network.halo + 9  # two tiles, and a size that nothing divides
    pixels = np.random.default_rng(0).random((height, width, 3), np.float32)
    with torch.no_grad():
        said = network(torch.from_numpy(pixels.transpose(2, 0, 1))[None])[0].permute(1, 2, 0)
    assert said.max() > 1 or not hasattr(network, "residual")
    out = Enhancer(folder).enhance(pixels)
    assert out.shape == (network.scale * height, network.scale * width, 3)
    np.testing.assert_allclose(out, said.clamp(0, 1), atol=1e-4)

    graph = onnxruntime.InferenceSession(folder / "apply.onnx", providers=["CPUExecutionProvider"])
    bright = np.ones((1, 3, 2 * network.multiple, 2 * network.multiple), np.float32)
    for low in (bright, -bright):
        made = graph.run(None, {"low": low})[0]
        assert 0 <= made.min() <= made.max() <= 1, "clamped in the graph, whoever runs it"


def test_files_are_enlarged_with_what_belongs_to_them(tmp_path: Path, exported: Exported) -> None:
    """The pixels, the transparency, and the size that Exif notes."""
    network, folder = exported("srgan_generator")
    scale, enhancer = network.scale, Enhancer(folder)
    assert scale > 1
    samples = np.random.default_rng(0).integers(0, 256, (40, 30, 4)).astype(np.uint8)
    samples[:, :15, 3], samples[:, 15:, 3] = 0, 255
    pyvips.Image.new_from_array(samples).copy(interpretation="srgb").write_to_file(tmp_path / "low.png")
    result = enhancer.enhance_file(tmp_path / "low.png", tmp_path / "out.png", compare=tmp_path / "both.png")
    assert (result.width, result.height) == (scale * 30, scale * 40)
    out = pyvips.Image.new_from_file(tmp_path / "out.png").numpy()
    np.testing.assert_array_equal(out[..., :3], enhancer.enhance(samples[..., :3]))
    alpha = out[..., 3]
    assert (alpha[:, : scale * 14] == 0).all()
    assert (alpha[:, scale * 16 :] == 255).all()
    both = read(tmp_path / "both.png").pixels
    squares = samples[..., :3].repeat(scale, 0).repeat(scale, 1)
    np.testing.assert_array_equal(np.round(both[:, : scale * 30] * 255), squares)

    photo = pyvips.Image.new_from_array(samples[..., 0]).copy()
    photo.set_type(pyvips.GValue.gint_type, "orientation", 6)
    photo.write_to_file(tmp_path / "low.jpg")
    enhancer.enhance_file(tmp_path / "low.jpg", tmp_path / "out.jpg")
    header = pyvips.Image.new_from_file(tmp_path / "out.jpg")
    assert (header.width, header.height) == (scale * 40, scale * 30), "turned upright, too"
    noted = [header.get(f"exif-ifd2-Pixel{axis}Dimension").split()[0] for axis in "XY"]
    assert noted == [str(scale * 40), str(scale * 30)]
