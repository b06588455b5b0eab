"""A network as small clean ONNX graphs, and the proof that they compute what the network computes."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from torch import Tensor, nn

from scotopic.networks import CurveNetwork

from ..errors import TrainingError

OPSET = 18  # the first with antialiased Resize; ONNX Runtime 1.19 runs up to 21
TOLERANCE = 1e-4
SIZES = ((64, 64), (65, 97), (127, 66), (81, 160))
"""Heights and widths, odd ones too, at which graph and network are compared."""


class _Function(nn.Module):
    """A method of a network as a module, which is what the exporter takes."""

    def __init__(self, network: nn.Module, method: Callable[..., Tensor]) -> None:
        super().__init__()
        self.network = network
        self.method = method

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.method(*tensors)


def graphs_of(network: nn.Module) -> dict[str, onnx.ModelProto]:
    """The network's graphs by name, proved: `decide` and `apply` of a curve network, else `apply` alone.

    decide: `low` (1, 3, h, w) -> `maps` (1, c, h, w). apply: `low`, and `maps` where there is a decide -> `out`.
    Raises TrainingError when a graph's output is off by more than 1e-4 anywhere.
    """
    network = network.eval().float().cpu()
    multiple = int(getattr(network, "multiple", 1))
    sizes = [(-(-height // multiple) * multiple, -(-width // multiple) * multiple) for height, width in SIZES]
    pictures = [torch.rand(1, 3, *size, generator=torch.Generator().manual_seed(0)) for size in sizes]
    graphs: dict[str, onnx.ModelProto] = {}
    with torch.no_grad():
        if isinstance(network, CurveNetwork):
            decisions = [network.decide(low) for low in pictures]
            graphs["decide"] = _graph(network, network.decide, {"low": pictures[1]}, "maps")
            _prove("decide", graphs["decide"], network.decide, [{"low": low} for low in pictures])
            given = [{"low": low, "maps": maps} for low, maps in zip(pictures, decisions, strict=True)]
            graphs["apply"] = _graph(network, network.apply_decision, given[1], "out")
            _prove("apply", graphs["apply"], network.apply_decision, given)
        else:
            graphs["apply"] = _graph(network, network.forward, {"low": pictures[1]}, "out")
            _prove("apply", graphs["apply"], network.forward, [{"low": low} for low in pictures])
    return graphs


def _graph(
    network: nn.Module, method: Callable[..., Tensor], inputs: dict[str, Tensor], output: str
) -> onnx.ModelProto:
    free = {2: torch.export.Dim.DYNAMIC, 3: torch.export.Dim.DYNAMIC}
    with _quiet_exporter():
        program = torch.onnx.export(
            _Function(network, method).eval(),
            tuple(inputs.values()),
            dynamo=True,
            verbose=False,
            opset_version=OPSET,
            input_names=list(inputs),
            output_names=[output],
            dynamic_shapes=(tuple(free for _ in inputs),),
        )
    assert program is not None
    model: onnx.ModelProto = program.model_proto
    _tidy(model)
    onnx.checker.check_model(model, full_check=True)
    return model


def _tidy(model: onnx.ModelProto) -> None:
    """Leave what computes. The exporter notes source lines and file names of this computer beside every node."""
    graph = model.graph
    for thing in (model, graph, *graph.node, *graph.input, *graph.output, *graph.initializer):
        del thing.metadata_props[:]
        thing.doc_string = ""
    del graph.value_info[:]
    graph.name = "scotopic"
    for value in (*graph.input, *graph.output):
        for axis, name in ((2, "h"), (3, "w")):
            value.type.tensor_type.shape.dim[axis].dim_param = name


def _prove(name: str, model: onnx.ModelProto, method: Callable[..., Tensor], cases: list[dict[str, Tensor]]) -> None:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for inputs in cases:
        expected = method(*inputs.values()).numpy()
        got: Any = session.run(None, {key: value.numpy() for key, value in inputs.items()})[0]
        worst = float(np.abs(expected - got).max()) if expected.shape == got.shape else float("inf")
        if not worst <= TOLERANCE:
            height, width = inputs["low"].shape[-2:]
            raise TrainingError(
                f"The exported graph '{name}' is off by {worst:.2g} at {width} x {height} pixels, "
                f"{TOLERANCE:g} is allowed. Write the network with operations that ONNX has, and export again."
            )


@contextmanager
def _quiet_exporter() -> Iterator[None]:
    """The exporter warns about torch's own future and about torchvision, neither of which is ours to mend."""
    registration = logging.getLogger("torch.onnx._internal.exporter._registration")
    level = registration.level
    registration.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".*LeafSpec.* is deprecated", FutureWarning)
            yield
    finally:
        registration.setLevel(level)
