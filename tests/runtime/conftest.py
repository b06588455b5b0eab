"""Small models, made here: random weights, real graphs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from scotopic.image import Picture, read, write
from scotopic.runtime import (
    ApplyCard,
    Card,
    DecideCard,
    DenoiseCard,
    Enhancer,
    LightCard,
    list_models,
    load_model,
    write_card,
)

Nodes = list[onnx.NodeProto]
Weights = dict[str, np.ndarray]

CURVES = ["curves_3", "curves_24", "curves_small"]
TIERS = ["tiers", "tiers_half"]
KINDS = [*CURVES, "conv", "down_up", *TIERS]
PEAK = {np.uint8: 255, np.uint16: 65535, np.float32: 1}


def graph(nodes: Nodes, weights: Weights, output: str, inputs: tuple[str, ...] = ("low",)) -> bytes:
    """A graph from `low` (and other inputs) to `output`, all float32 (1, c, h, w) of any size."""
    sizes = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [1, 3, "h", "w"]) for name in inputs]
    result = (helper.make_tensor_value_info(output, TensorProto.FLOAT, [1, "c", "oh", "ow"]),)
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    made = helper.make_graph(nodes, "test", sizes, result, constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    return model.SerializeToString()


def weight(out: int, in_: int, side: int, seed: int) -> np.ndarray:
    values = np.random.default_rng(seed).normal(0, 0.6 / (in_ * side * side) ** 0.5, (out, in_, side, side))
    return values.astype(np.float32)


def decide_graph(maps: int, stride: int = 1) -> bytes:
    """Local brightness to curves: two convolutions and a tanh; `stride` makes the maps that much smaller."""
    nodes = [
        helper.make_node("Conv", ["low", "w1"], ["x1"], pads=[1, 1, 1, 1], strides=[stride, stride]),
        helper.make_node("Relu", ["x1"], ["x2"]),
        helper.make_node("Conv", ["x2", "w2"], ["x3"], pads=[1, 1, 1, 1]),
        helper.make_node("Tanh", ["x3"], ["maps"]),
    ]
    return graph(nodes, {"w1": 3 * weight(8, 3, 3, 1), "w2": 3 * weight(maps, 8, 3, 2)}, "maps")


def convolutional_graph() -> bytes:
    """Two zero-padded 3x3 convolutions: a receptive field of 5, a halo of 2."""
    nodes = [
        helper.make_node("Conv", ["low", "w1"], ["x1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["x1"], ["x2"]),
        helper.make_node("Conv", ["x2", "w2"], ["x3"], pads=[1, 1, 1, 1]),
        helper.make_node("Add", ["low", "x3"], ["out"]),
    ]
    return graph(nodes, {"w1": weight(6, 3, 3, 3), "w2": weight(3, 6, 3, 4)}, "out")


def down_and_up_graph() -> bytes:
    """Halved by a strided convolution, doubled by a transposed one: sides must be even, a pixel looks 3 far."""
    nodes = [
        helper.make_node("Conv", ["low", "w1"], ["x1"], pads=[1, 1, 1, 1], strides=[2, 2], kernel_shape=[4, 4]),
        helper.make_node("Relu", ["x1"], ["x2"]),
        helper.make_node("ConvTranspose", ["x2", "w2"], ["x3"], strides=[2, 2], kernel_shape=[2, 2]),
        helper.make_node("Add", ["low", "x3"], ["out"]),
    ]
    return graph(nodes, {"w1": weight(6, 3, 4, 5), "w2": weight(6, 3, 2, 6)}, "out")


def denoising_graph() -> bytes:
    """Moved by two zero-padded 3x3 convolutions where something was brightened, as far as it was: a halo of 2."""
    nodes = [
        helper.make_node("Sub", ["bright", "low"], ["more"]),
        helper.make_node("Conv", ["bright", "w1"], ["x1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["x1"], ["x2"]),
        helper.make_node("Conv", ["x2", "w2"], ["x3"], pads=[1, 1, 1, 1]),
        helper.make_node("Mul", ["x3", "more"], ["x4"]),
        helper.make_node("Add", ["bright", "x4"], ["out"]),
    ]
    return graph(nodes, {"w1": weight(6, 3, 3, 3), "w2": 4 * weight(3, 6, 3, 4)}, "out", ("low", "bright"))


def half_size_denoising_graph() -> bytes:
    """The same at half size: sides must be even, a pixel looks 3 far."""
    nodes = [
        helper.make_node("Sub", ["bright", "low"], ["more"]),
        helper.make_node("Conv", ["bright", "w1"], ["x1"], pads=[1, 1, 1, 1], strides=[2, 2], kernel_shape=[4, 4]),
        helper.make_node("Relu", ["x1"], ["x2"]),
        helper.make_node("ConvTranspose", ["x2", "w2"], ["x3"], strides=[2, 2], kernel_shape=[2, 2]),
        helper.make_node("Mul", ["x3", "more"], ["x4"]),
        helper.make_node("Add", ["bright", "x4"], ["out"]),
    ]
    return graph(nodes, {"w1": weight(6, 3, 4, 5), "w2": 4 * weight(6, 3, 2, 6)}, "out", ("low", "bright"))


def enlarging_graph() -> bytes:
    """A 3x3 convolution to twelve channels, laid out as a picture twice as wide and high."""
    nodes = [
        helper.make_node("Conv", ["low", "w1"], ["x1"], pads=[1, 1, 1, 1]),
        helper.make_node("DepthToSpace", ["x1"], ["out"], blocksize=2),
    ]
    return graph(nodes, {"w1": np.abs(weight(12, 3, 3, 7))}, "out")


MakeModel = Callable[..., Path]


@pytest.fixture
def make_model(tmp_path: Path) -> MakeModel:
    return lambda kind: write_model(tmp_path, kind)


def write_model(root: Path, kind: str, *, long_side: int = 64) -> Path:
    """A model folder of a kind: curves_3, curves_24, curves_small (strided), conv, down_up, enlarge, and with a
    denoiser: tiers, tiers_half."""
    folder = root / kind
    folder.mkdir()
    decide = apply = denoise = None
    scale = 1
    if kind.startswith(("curves", "tiers")):
        maps, stride = (24, 1) if kind == "curves_24" else (3, 4 if kind == "curves_small" else 1)
        data = decide_graph(maps, stride)
        (folder / "decide.onnx").write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        decide = DecideCard("decide.onnx", digest, long_side, iterations=8, maps=maps, multiple=stride)
    else:
        make, halo, multiple, scale = {
            "conv": (convolutional_graph, 2, 1, 1),
            "down_up": (down_and_up_graph, 3, 2, 1),
            "enlarge": (enlarging_graph, 1, 1, 2),
        }[kind]
        data = make()
        (folder / "apply.onnx").write_bytes(data)
        apply = ApplyCard("apply.onnx", hashlib.sha256(data).hexdigest(), halo, multiple)
    if kind in TIERS:
        make, halo, multiple = {"tiers": (denoising_graph, 2, 1), "tiers_half": (half_size_denoising_graph, 3, 2)}[kind]
        data = make()
        (folder / "denoise.onnx").write_bytes(data)
        denoise = DenoiseCard("denoise.onnx", hashlib.sha256(data).hexdigest(), halo, 234, multiple)
    light = LightCard("srgb", "srgb", 3, 3, scale)
    write_card(Card(kind, "A test", "none", "MIT", 1, "1", light, decide, apply, denoise), folder)
    return folder


PICTURE_MODELS = [name for name in list_models() if not load_model(name).card.raw]
"""The shipped models that take pictures."""


@pytest.fixture(scope="module")
def enhancers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Enhancer]:
    """One of each kind of test model, and every model that is shipped."""
    root = tmp_path_factory.mktemp("models")
    made = {kind: Enhancer(write_model(root, kind)) for kind in (*KINDS, "enlarge")}
    return made | {name: Enhancer(name) for name in list_models()}


def photo(height: int, width: int, bands: int = 3, dtype: Any = np.uint8, seed: int = 0) -> NDArray[Any]:
    """A dark picture with structure at every scale."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:height, :width] / max(height, width)
    smooth = 0.2 + 0.15 * np.sin(9 * x + 5 * y)[..., None] * np.array([1, 0.8, 0.6])[:bands]
    return ((smooth + rng.normal(0, 0.03, (height, width, bands))).clip(0, 1) * PEAK[dtype]).astype(dtype)


def save(pixels: NDArray[Any], path: Path) -> None:
    peak = PEAK[pixels.dtype.type]
    write(Picture((pixels / peak).astype(np.float32), bits=16 if peak == 65535 else 8), path)


def load(path: Path) -> NDArray[Any]:
    picture = read(path)
    peak = 65535 if picture.bits == 16 else 255
    return np.rint(picture.pixels * peak).astype(np.uint16 if picture.bits == 16 else np.uint8)
