"""LPIPS comes from a graph that the user brings; a stand-in of one subtraction shows how it is run."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from scotopic.errors import ModelError, ScoreError
from scotopic.metrics import open_lpips


def graph(path, nodes, size=("n", 3, "h", "w")):
    inputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, size) for name in ("a", "b")]
    outputs = [helper.make_tensor_value_info("distance", TensorProto.FLOAT, None)]
    model = helper.make_model(
        helper.make_graph(nodes, "stand_in", inputs, outputs), opset_imports=[helper.make_opsetid("", 18)], ir_version=9
    )
    onnx.save(model, path)
    return path


APART = [helper.make_node("Sub", ["a", "b"], ["apart"]), helper.make_node("Abs", ["apart"], ["size"])]
MEAN = helper.make_node("ReduceMean", ["size"], ["distance"])


def test_pictures_reach_the_graph_in_minus_1_to_1(tmp_path):
    metric = open_lpips(graph(tmp_path / "lpips.onnx", [*APART, MEAN]))
    rng = np.random.default_rng(0)
    out, target = rng.random((2, 70, 90, 3))
    assert metric.score(out=out, target=target) == pytest.approx(2 * np.abs(out - target).mean(), rel=1e-5)
    assert (metric.name, metric.better, metric.needs) == ("lpips", "lower", "both")
    louder = helper.make_node("ReduceMax", ["size"], ["distance"])
    assert open_lpips(graph(tmp_path / "other.onnx", [*APART, louder])).source != metric.source
    with pytest.raises(ScoreError, match="64 x 64"):
        metric.score(out=out[:60], target=target[:60])


def test_what_is_no_lpips_is_refused(tmp_path):
    plain = tmp_path / "plain.onnx"
    plain.write_text("no graph")
    with pytest.raises(ModelError, match="cannot be opened as an ONNX graph"):
        open_lpips(plain)
    with pytest.raises(ModelError, match="cannot be opened"):
        open_lpips(tmp_path / "absent.onnx")
    maps = graph(tmp_path / "maps.onnx", [*APART, helper.make_node("Identity", ["size"], ["distance"])])
    with pytest.raises(ModelError, match="to one number"):
        open_lpips(maps)
    likeness = graph(
        tmp_path / "likeness.onnx",
        [*APART, helper.make_node("Exp", ["size"], ["exp"]), helper.make_node("ReduceMean", ["exp"], ["distance"])],
    )
    with pytest.raises(ModelError, match="1 apart from itself"):
        open_lpips(likeness)
    # Exported with one tensor given twice, a graph forgets that there are two.
    deaf = graph(tmp_path / "deaf.onnx", [helper.make_node("Sub", ["a", "a"], ["apart"]), *APART[1:], MEAN])
    with pytest.raises(ModelError, match="and 0 from its negative"):
        open_lpips(deaf)
