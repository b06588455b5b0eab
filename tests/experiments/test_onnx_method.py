"""Anybody's network as an .onnx file: fed and read as its graph and its card say, and a wrong card is told so."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from scotopic.errors import CardError, ModelError
from scotopic.experiments.methods import Method, open_method
from scotopic.experiments.sets.items import Item
from scotopic.image import linear_to_srgb, srgb_to_linear

Image = np.ndarray


def picture(height: int = 21, width: int = 34, seed: int = 0) -> Image:
    return np.random.default_rng(seed).random((height, width, 3), np.float32) / 3


def item(low: Image) -> Item:
    return Item("night", "night", "", None, lambda: low, lambda: picture(), "night")


def graph_file(
    path: Path,
    expression: Callable[[str], tuple[list[onnx.NodeProto], dict[str, np.ndarray]]],
    *,
    shape: Any = (1, 3, "h", "w"),
    type: int = TensorProto.FLOAT,
    out_type: int | None = None,
    more_inputs: tuple[tuple[str, int, Any], ...] = (),
    outputs: tuple[str, ...] = ("out",),
) -> Path:
    nodes, weights = expression("pic")
    inputs = [helper.make_tensor_value_info("pic", type, shape)]
    inputs += [helper.make_tensor_value_info(*entry) for entry in more_inputs]
    given = [helper.make_tensor_value_info(name, out_type or type, ["n", "a", "b", "c"]) for name in outputs]
    constants = [numpy_helper.from_array(value, name) for name, value in weights.items()]
    made = helper.make_graph(nodes, "test", inputs, given, constants)
    onnx.save(helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)
    return path


def power(low: str) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    """out = pic ** 0.5 by channel gains: red, green and blue are told apart."""
    nodes = [helper.make_node("Sqrt", [low], ["root"]), helper.make_node("Mul", ["root", "gain"], ["out"])]
    return nodes, {"gain": np.array([1.0, 0.9, 0.8], np.float32).reshape(1, 3, 1, 1)}


def identity(low: str) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    return [helper.make_node("Identity", [low], ["out"])], {}


def with_card(path: Path, card: str) -> Method:
    path.with_suffix(".toml").write_text(card, encoding="utf-8")
    return open_method(str(path))


def test_a_graph_needs_no_card_where_it_says_everything(tmp_path: Path) -> None:
    low = picture()
    method = open_method(str(graph_file(tmp_path / "net.onnx", power)))
    assert (method.name, method.kind, method.facts["parameters"]) == ("net", "onnx", 3)
    expected = np.sqrt(low) * np.array([1.0, 0.9, 0.8], np.float32)
    assert np.allclose(method.enhance(item(low)), expected, atol=1e-6)
    with ThreadPoolExecutor(4) as pool:
        outs = pool.map(method.enhance, [item(picture(20 + n, 30, n)) for n in range(8)])
        assert [out.shape[0] for out in outs] == [*range(20, 28)]


def test_weights_beside_the_graph_are_part_of_it(tmp_path: Path) -> None:
    path = graph_file(tmp_path / "net.onnx", power)
    model = onnx.load(path)
    onnx.save(model, path, save_as_external_data=True, location="net.onnx.data", size_threshold=0)
    before = open_method(str(path)).facts
    (tmp_path / "net.onnx.data").write_bytes(np.full(3, 0.5, np.float32).tobytes())
    after = open_method(str(path)).facts
    assert before["sha256"] != after["sha256"]
    assert after["bytes"] == path.stat().st_size + 12


def test_channels_can_be_swapped(tmp_path: Path) -> None:
    low = picture()
    method = with_card(graph_file(tmp_path / "net.onnx", power), 'channels = "bgr"')
    assert np.allclose(method.enhance(item(low)), np.sqrt(low) * np.array([0.8, 0.9, 1.0], np.float32), atol=1e-6)


@pytest.mark.parametrize("range", ["0..1", "-1..1", "0..255"])
@pytest.mark.parametrize("light", ["srgb", "linear"])
def test_ranges_and_light_are_undone_as_they_were_done(tmp_path: Path, range: str, light: str) -> None:
    """A graph that darkens by half in its own numbers: what is 1 there tells whether they were understood."""
    scale, offset = {"0..1": (0.5, 0.0), "-1..1": (0.5, -0.5), "0..255": (0.5, 0.0)}[range]

    def half(low: str) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
        nodes = [helper.make_node("Mul", [low, "k"], ["x"]), helper.make_node("Add", ["x", "b"], ["out"])]
        return nodes, {"k": np.float32([scale]), "b": np.float32([offset])}

    low = picture()
    method = with_card(graph_file(tmp_path / "net.onnx", half), f'range = "{range}"\nlight = "{light}"')
    expected = low / 2 if light == "srgb" else linear_to_srgb(srgb_to_linear(low) / 2)
    assert np.allclose(method.enhance(item(low)), expected, atol=2e-6)


def test_bytes_are_bytes(tmp_path: Path) -> None:
    low = picture()
    path = graph_file(tmp_path / "net.onnx", identity, shape=(1, "h", "w", 3), type=TensorProto.UINT8)
    assert np.array_equal(open_method(str(path)).enhance(item(low)), np.round(low * 255) / np.float32(255))


def test_half_precision_is_fed_and_read(tmp_path: Path) -> None:
    path = graph_file(tmp_path / "net.onnx", identity, type=TensorProto.FLOAT16)
    assert np.allclose(open_method(str(path)).enhance(item(picture())), picture(), atol=1e-3)


def test_sides_are_padded_to_a_multiple_and_cut_again(tmp_path: Path) -> None:
    def quarters(low: str) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
        nodes = [
            helper.make_node("SpaceToDepth", [low], ["x"], blocksize=4),
            helper.make_node("DepthToSpace", ["x"], ["out"], blocksize=4),
        ]
        return nodes, {}

    path = graph_file(tmp_path / "net.onnx", quarters)
    with pytest.raises(CardError, match="multiple = 32"):
        open_method(str(path)).enhance(item(picture()))
    assert np.allclose(with_card(path, "multiple = 4").enhance(item(picture())), picture(), atol=1e-6)
    assert with_card(path, "multiple = 4").enhance(item(picture(1, 1))).shape == (1, 1, 3)


def test_a_graph_may_enlarge(tmp_path: Path) -> None:
    def twice(low: str) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
        return [helper.make_node("Resize", [low, "", "s"], ["out"])], {"s": np.float32([1, 1, 2, 2])}

    path = graph_file(tmp_path / "net.onnx", twice)
    out = with_card(path, "multiple = 8").enhance(item(picture()))
    assert np.allclose(out, picture().repeat(2, 0).repeat(2, 1), atol=1e-6)


def two_outputs(low: str) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    nodes = [helper.make_node("Sqrt", [low], ["out"]), helper.make_node("Identity", [low], ["maps"])]
    return nodes, {}


def strong(low: str) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
    return [helper.make_node("Mul", [low, "strength"], ["out"])], {}


def test_a_choice_is_made_by_the_card_and_not_by_chance(tmp_path: Path) -> None:
    path = graph_file(tmp_path / "net.onnx", two_outputs, outputs=("maps", "out"))
    with pytest.raises(CardError, match=r"2 outputs: maps .*output = 'maps'"):
        open_method(str(path))
    assert np.allclose(with_card(path, 'output = "out"').enhance(item(picture())), np.sqrt(picture()), atol=1e-6)
    path = graph_file(tmp_path / "more.onnx", strong, more_inputs=(("strength", TensorProto.FLOAT, [1]),))
    with pytest.raises(CardError, match=r"\[constants\] strength"):
        open_method(str(path))
    method = with_card(path, "[constants]\nstrength = 2.0")
    assert np.allclose(method.enhance(item(picture())), 2 * picture(), atol=1e-6)


def test_a_card_elsewhere_goes_before_the_one_beside(tmp_path: Path) -> None:
    path = graph_file(tmp_path / "net.onnx", power)
    path.with_suffix(".toml").write_text('channels = "bgr"')
    elsewhere = tmp_path / "card.toml"
    elsewhere.write_text('name = "Nets, 2020"\nlicence = "MIT"')
    method = open_method(str(path), card=elsewhere)
    assert (method.facts["title"], method.facts["licence"]) == ("Nets, 2020", "MIT")
    assert np.allclose(method.enhance(item(picture()))[..., 0], np.sqrt(picture())[..., 0], atol=1e-6)
    assert method.facts["sha256"] != open_method(str(path)).facts["sha256"]


@pytest.mark.parametrize(
    ("card", "sentence"),
    [
        ("chanels = 'bgr'", "unknown key 'chanels'. Did you mean 'channels'"),
        ("range = '0-255'", "range to be one of 0..1, -1..1, 0..255, got '0-255'"),
        ("multiple = 'eight'", "multiple to be a whole number"),
        ("multiple = 0", "multiple to be at least 1"),
        ("input = 'image'", r"no input 'image' as its card says. It has: pic"),
        ("output = 'image'", r"no output 'image' as its card says. It has: out"),
        ("layout = 'nhwc'", "does not fit layout = 'nhwc'"),
        ("[constants]\nratio = 1.0", "no input ratio as its card says"),
        ("range = ", "not valid TOML"),
    ],
)
def test_a_wrong_card_is_told_what_is_wrong(tmp_path: Path, card: str, sentence: str) -> None:
    path = graph_file(tmp_path / "net.onnx", power)
    with pytest.raises(CardError) as caught:
        with_card(path, card)
    assert sentence in str(caught.value)


@pytest.mark.parametrize(
    ("gain", "offset", "card", "due"),
    [
        (255.0, 0.0, "", "0..1"),
        (2.0, -1.0, "", "0..1"),
        (1 / 255, 0.0, "range = '0..255'", "0..255"),
    ],
)
def test_a_range_that_cannot_be_is_noticed(tmp_path: Path, gain: float, offset: float, card: str, due: str) -> None:
    def other(low: str) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
        nodes = [helper.make_node("Mul", [low, "k"], ["x"]), helper.make_node("Add", ["x", "b"], ["out"])]
        return nodes, {"k": np.float32([gain]), "b": np.float32([offset])}

    method = with_card(graph_file(tmp_path / "net.onnx", other), card)
    with pytest.raises(CardError, match=f"do not fit the range {due}.*output_range"):
        method.enhance(item(picture()))


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [((1, 1, "h", "w"), "three channels"), (("n", "c"), "four sides")],
)
def test_a_graph_that_takes_no_picture_is_refused(tmp_path: Path, shape: Any, sentence: str) -> None:
    path = graph_file(tmp_path / "net.onnx", identity, shape=shape)
    with pytest.raises(CardError, match=sentence):
        open_method(str(path))


def test_a_fixed_size_is_no_reason_to_resize(tmp_path: Path) -> None:
    path = graph_file(tmp_path / "net.onnx", identity, shape=(1, 3, 64, 96))
    with pytest.raises(ModelError, match="96 x 64 alone, got 34 x 21"):
        open_method(str(path)).enhance(item(picture()))
    assert open_method(str(path)).enhance(item(picture(64, 96))).shape == (64, 96, 3)


def test_what_comes_out_must_be_a_picture_of_that_size(tmp_path: Path) -> None:
    def mean(low: str) -> tuple[list[onnx.NodeProto], dict[str, np.ndarray]]:
        return [helper.make_node("GlobalAveragePool", [low], ["out"])], {}

    with pytest.raises(CardError, match="that size, or a multiple of it"):
        open_method(str(graph_file(tmp_path / "net.onnx", mean))).enhance(item(picture()))
    (tmp_path / "broken.onnx").write_bytes(b"no graph")
    with pytest.raises(CardError, match="not a graph"):
        open_method(str(tmp_path / "broken.onnx"))
