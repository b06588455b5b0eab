"""Raw frames and models for them, made here: graphs whose result is known, and small networks of random weights."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from scotopic.image import CFA, RawFrame
from scotopic.image.mosaic import RGGB, XTRANS, colour_map, rolled_cfa
from scotopic.image.spaces import SPACES
from scotopic.runtime import ApplyCard, Card, LightCard, RawCard, write_card

BAYER_CFAS: list[CFA] = [RGGB, ("GR", "BG"), ("GB", "RG"), ("BG", "GR")]
XTRANS_CFAS: list[CFA] = [rolled_cfa(XTRANS, top, left) for top, left in ((0, 0), (1, 2), (3, 0), (5, 4), (2, 1))]
TO_SRGB = np.array([[1.7, -0.6, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.5, 1.5]])
"""White-balanced camera RGB to linear sRGB of a camera like any other."""
BLACK, WHITE = 512, 15871
# Where in a 3x3 block the planes R0 R1 G0 G1 G2 G3 G4 B0 B1 lie, with red beside the centre and above it.
BESIDE, ABOVE = (3, 5, 0, 2, 4, 6, 8, 1, 7), (1, 7, 0, 2, 4, 6, 8, 3, 5)


def raw_frame(
    mosaic: NDArray[np.uint16],
    cfa: CFA = RGGB,
    orientation: int = 1,
    white_balance: tuple[float, float, float] = (2.0, 1.0, 1.5),
    to_srgb: NDArray[np.float64] = TO_SRGB,
) -> RawFrame:
    black = BLACK + np.arange(len(cfa) ** 2).reshape(len(cfa), -1) % 3
    matrix = (SPACES["srgb"].to_xyz @ to_srgb).astype(np.float32)
    levels = black.astype(np.float32)
    return RawFrame(
        mosaic, cfa, levels, WHITE, white_balance, matrix, 3200, 1 / 30, orientation, "night.dng", "Cam One"
    )


def noise(height: int, width: int, seed: int = 0, brightest: float = 1.0) -> NDArray[np.uint16]:
    top = round(BLACK + brightest * (WHITE - BLACK))
    return np.random.default_rng(seed).integers(BLACK - 20, top, (height, width)).astype(np.uint16)


def scene(height: int, width: int, cfa: CFA = RGGB, white_balance: tuple[float, float, float] = (2.0, 1.0, 1.5)):
    """A mosaic of something smooth and coloured, none of it clipped."""
    y, x = np.mgrid[:height, :width] / max(height, width)
    light = np.stack([0.3 + 0.2 * np.sin(5 * x), 0.3 + 0.2 * np.cos(4 * y), 0.3 + 0.2 * np.sin(3 * x + 3 * y)], -1)
    light /= white_balance
    period = len(cfa)
    colours = colour_map(cfa)[np.arange(height)[:, None] % period, np.arange(width) % period]
    one = np.take_along_axis(light, colours[..., None], axis=2)[..., 0]
    return np.rint(BLACK + 1 + one * (WHITE - BLACK - 1)).astype(np.uint16)


def write_raw_model(
    root: Path, kind: str, cfa: str = "bayer", normalisation: str = "k-sigma", *, light: str = "linear", name: str = ""
) -> Path:
    """A model folder. `copy` shows every pixel of the mosaic as grey, `blocks` the mean colour of each packed pixel
    (Bayer), `random` is a small network (halo 5, multiple 2).
    """
    planes, scale = {"bayer": (4, 2), "xtrans": (9, 3)}[cfa]
    channels = planes if normalisation == "ratio" else 3 * planes + (planes == 9)
    nodes, weights = {"copy": _copy, "blocks": _blocks, "random": _random}[kind](planes, scale, channels)
    sizes = [helper.make_tensor_value_info("low", TensorProto.FLOAT, [1, channels, "h", "w"])]
    result = [helper.make_tensor_value_info("out", TensorProto.FLOAT, [1, 3, "oh", "ow"])]
    constants = [numpy_helper.from_array(value.astype(np.float32), key) for key, value in weights.items()]
    nodes.append(helper.make_node("DepthToSpace", ["deep"], ["out"], blocksize=scale, mode="CRD"))
    made = helper.make_graph(nodes, "test", sizes, result, constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
    onnx.checker.check_model(model)
    data = model.SerializeToString()
    folder = root / (name or f"{kind}_{cfa}_{normalisation}_{light}")
    folder.mkdir(parents=True)
    (folder / "apply.onnx").write_bytes(data)
    halo, multiple = (5, 2) if kind == "random" else (0, 1)
    apply = ApplyCard("apply.onnx", hashlib.sha256(data).hexdigest(), halo, multiple)
    card = Card(
        folder.name,
        "A test",
        "none",
        "MIT",
        1,
        "1",
        LightCard("packed-raw", light, channels, 3, scale),  # type: ignore[arg-type]
        apply=apply,
        raw=RawCard(cfa, normalisation),  # type: ignore[arg-type]
    )
    write_card(card, folder)
    return folder


def _copy(planes: int, scale: int, channels: int) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    def conv(places: tuple[int, ...]) -> np.ndarray:
        weight = np.zeros((3, scale**2, channels, 1, 1))
        for plane, place in enumerate(places):
            weight[:, place, plane] = 1
        return weight.reshape(3 * scale**2, channels, 1, 1)

    if planes == 4:
        return [helper.make_node("Conv", ["low", "w"], ["deep"])], {"w": conv((0, 1, 2, 3))}
    phase = np.zeros((1, channels, 1, 1))
    phase[0, -1] = 1
    nodes = [
        helper.make_node("Conv", ["low", "beside"], ["a"]),
        helper.make_node("Conv", ["low", "above"], ["b"]),
        helper.make_node("Conv", ["low", "last"], ["phase"]),
        helper.make_node("Sub", ["b", "a"], ["difference"]),
        helper.make_node("Mul", ["difference", "phase"], ["change"]),
        helper.make_node("Add", ["a", "change"], ["deep"]),
    ]
    return nodes, {"beside": conv(BESIDE), "above": conv(ABOVE), "last": phase}


def _blocks(planes: int, scale: int, channels: int) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    assert planes == 4
    weight = np.zeros((3, 4, channels, 1, 1))
    weight[0, :, 0] = weight[2, :, 3] = 1
    weight[1, :, 1:3] = 0.5
    return [helper.make_node("Conv", ["low", "w"], ["deep"])], {"w": weight.reshape(12, channels, 1, 1)}


def _random(planes: int, scale: int, channels: int) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    rng = np.random.default_rng(0)
    nodes = [
        helper.make_node("Conv", ["low", "w1"], ["x1"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["x1"], ["x2"]),
        helper.make_node("Conv", ["x2", "w2"], ["x3"], strides=[2, 2]),
        helper.make_node("Conv", ["x3", "w3"], ["x4"], pads=[1, 1, 1, 1]),
        helper.make_node("ConvTranspose", ["x4", "w4"], ["x5"], strides=[2, 2]),
        helper.make_node("Add", ["x2", "x5"], ["x6"]),
        helper.make_node("Conv", ["x6", "w5"], ["deep"], pads=[1, 1, 1, 1]),
    ]
    shapes = {
        "w1": (6, channels, 3, 3),
        "w2": (6, 6, 2, 2),
        "w3": (6, 6, 3, 3),
        "w4": (6, 6, 2, 2),
        "w5": (3 * scale**2, 6, 3, 3),
    }
    return nodes, {name: 1.4 * np.abs(rng.normal(0, 1, shape)) / np.prod(shape[1:]) for name, shape in shapes.items()}
