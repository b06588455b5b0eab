"""Tiny photos and a tiny model, made here."""

import dataclasses
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from scotopic.cli import main
from scotopic.runtime import Card, DecideCard, DenoiseCard, LightCard, ScoreCard, read_card, write_card


@pytest.fixture(scope="session")
def model(tmp_path_factory) -> str:
    """A model folder that brightens everything alike: 3 maps of 0.3 whatever it sees, 8 iterations."""
    folder = tmp_path_factory.mktemp("models") / "plain"
    folder.mkdir()
    shape = [1, 3, "h", "w"]
    graph = helper.make_graph(
        [
            helper.make_node("Mul", ["low", "zero"], ["nothing"]),
            helper.make_node("Add", ["nothing", "level"], ["maps"]),
        ],
        "decide",
        [helper.make_tensor_value_info("low", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("maps", TensorProto.FLOAT, shape)],
        [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(np.float32(0.3), "level")],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    (folder / "decide.onnx").write_bytes(data)
    card = Card(
        name="plain",
        title="The same for everyone",
        source="",
        licence="CC0-1.0",
        parameters=1234567,
        version="1",
        light=LightCard("srgb", "srgb", 3, 3),
        decide=DecideCard("decide.onnx", hashlib.sha256(data).hexdigest(), long_side=64, iterations=8, maps=3),
        scores=(
            ScoreCard("pairs", "as is", 12, 17.5, 20.25, 0.7, 0.75),
            ScoreCard("others", "as is", 3, 16, 19, 0.6, 0.65),
        ),
    )
    write_card(card, folder)
    return str(folder)


@pytest.fixture(scope="session")
def tiers_model(model, tmp_path_factory) -> str:
    """The same with a denoiser, which takes half of the brightening back."""
    folder = tmp_path_factory.mktemp("models") / "tiers"
    shutil.copytree(model, folder)
    shape = [1, 3, "h", "w"]
    graph = helper.make_graph(
        [helper.make_node("Mean", ["low", "bright"], ["out"])],
        "denoise",
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in ("low", "bright")],
        [helper.make_tensor_value_info("out", TensorProto.FLOAT, shape)],
    )
    data = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8).SerializeToString()
    (folder / "denoise.onnx").write_bytes(data)
    denoise = DenoiseCard("denoise.onnx", hashlib.sha256(data).hexdigest(), halo=0, parameters=4321)
    write_card(dataclasses.replace(read_card(folder), name="tiers", denoise=denoise), folder)
    return str(folder)


@pytest.fixture
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photo(here):
    """Makes a dark photo: `photo("a/night.jpg", width=60, height=40)`."""

    def make(name: str, width: int = 60, height: int = 40, level: int = 25) -> Path:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        pixels = np.random.default_rng(0).integers(level - 10, level + 10, (height, width, 3), np.uint8)
        Image.fromarray(pixels).save(path)
        return path

    return make


@pytest.fixture
def scotopic():
    """Runs the command in this process: `scotopic("enhance", ...)` -> click's Result."""

    def run(*words: object, **more: object):
        return CliRunner().invoke(main, [str(word) for word in words], prog_name="scotopic", **more)

    return run


def brightness(path) -> float:
    with Image.open(path) as image:
        return float(np.asarray(image.convert("RGB")).mean())
