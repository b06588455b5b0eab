"""Export of raw networks: the folder develops a frame as the network does, and its card says for which sensor."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import scotopic.data
from scotopic.errors import TrainingError
from scotopic.image import RawFrame, pack, xtrans_phase
from scotopic.image.border import mirrored_around
from scotopic.image.mosaic import RGGB, XTRANS, rolled_cfa
from scotopic.image.noise_estimate import estimate_noise
from scotopic.image.packed import k_sigma_planes, ratio_planes
from scotopic.image.spaces import SPACES
from scotopic.networks import CAN, KSigmaUNet, RawNetwork, SIDUNet
from scotopic.runtime import Controls, Enhancer, read_card
from scotopic.runtime.raws import MARGIN
from scotopic.runtime.tone import Tone, quantised
from scotopic.training.checkpoint import Progress
from scotopic.training.export import export_network
from scotopic.training.graphs import graphs_of

from .toy_training import ToyPictures, toy_recipe

RATIO = 8.0
NETWORKS = {
    "ksigma": lambda: KSigmaUNet(4, width=8, depth=3),
    "ksigma_xtrans": lambda: KSigmaUNet(9, width=8, depth=2),
    "sid": lambda: SIDUNet(4, width=4, depth=3),
    "sid_xtrans": lambda: SIDUNet(9, width=4, depth=2),
    "can": lambda: CAN(4, width=4, depth=3),
}


@pytest.fixture(autouse=True)
def _toys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(scotopic.data.DATASETS, "toy", ToyPictures)


def frame_for(planes: int) -> RawFrame:
    cfa = rolled_cfa(RGGB, 1, 0) if planes == 4 else rolled_cfa(XTRANS, 2, 1)
    mosaic = np.random.default_rng(0).integers(500, 2000, (101, 95)).astype(np.uint16)
    black = np.full((len(cfa), len(cfa)), 512, np.float32)
    return RawFrame(mosaic, cfa, black, 16383, (2.0, 1.0, 1.5), SPACES["srgb"].to_xyz.astype(np.float32))


def developed(network: RawNetwork, frame: RawFrame) -> np.ndarray:
    """The whole frame through the network in torch, 16-bit sRGB."""
    ready, top, left = mirrored_around(frame, MARGIN["xtrans" if frame.is_xtrans else "bayer"])
    light = pack(ready.light(), ready.cfa)
    if network.normalisation == "ratio":
        low = ratio_planes(light, RATIO)
    else:
        phase = xtrans_phase(ready.cfa, *light.shape[1:]) if network.planes == 9 else None
        low = k_sigma_planes(light, frame.white_balance, RATIO, estimate_noise(frame), 16383 - 512, phase)
    with torch.no_grad():
        out = network.eval()(torch.from_numpy(low)[None])[0].numpy()
    out = np.moveaxis(out, 0, 2)[top : top + frame.height, left : left + frame.width]
    if network.light_out == "srgb":
        return quantised(16)(out)
    return Tone(frame.camera_to_xyz, SPACES["srgb"], 16, white=4.0)(out)


@pytest.mark.parametrize("name", NETWORKS)
def test_the_folder_develops_as_the_network_does(tmp_path: Path, name: str) -> None:
    torch.manual_seed(0)
    network = NETWORKS[name]()
    card = export_network(network, toy_recipe(), Progress(), tmp_path / "m", "m")
    assert read_card(tmp_path / "m") == card
    assert card.raw is not None
    assert card.apply is not None
    assert (card.raw.cfa, card.raw.normalisation) == (
        "xtrans" if network.planes == 9 else "bayer",
        network.normalisation,
    )
    assert (card.light.input, card.light.output) == ("packed-raw", network.light_out)
    assert (card.apply.halo, card.apply.multiple) == (network.halo, network.multiple)
    frame = frame_for(network.planes)
    out = Enhancer(tmp_path / "m").enhance(frame, Controls(ratio=RATIO)).pixels
    expected = developed(network, frame)
    assert np.ptp(expected) > 1000, "a test of something"
    assert np.abs(out * 65535 - expected).max() <= 16


def test_many_weights_are_stored_in_half_the_space(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = SIDUNet(4, width=8, depth=3)
    whole = graphs_of(network)["apply"].SerializeToString()
    graphs = sys.modules[graphs_of.__module__]
    monkeypatch.setattr(graphs, "LARGEST_WHOLE", 1000)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    export_network(network, toy_recipe(), Progress(), tmp_path / "m", "m")
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    content = (tmp_path / "m/apply.onnx").read_bytes()
    assert len(content) < 0.6 * len(whole)
    kinds = {w.data_type for w in onnx.load_from_string(content).graph.initializer if len(w.dims) > 1}
    assert kinds == {onnx.TensorProto.FLOAT16}
    frame = frame_for(4)
    out = Enhancer(tmp_path / "m").enhance(frame, Controls(ratio=RATIO)).pixels
    assert np.abs(out - developed(network, frame) / 65535).max() <= 1 / 255
    monkeypatch.setattr(graphs, "HALF_TOLERANCE", 1e-7)
    with pytest.raises(TrainingError, match="graph 'apply' is off by"):
        graphs_of(network)
