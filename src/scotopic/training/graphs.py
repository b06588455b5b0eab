"""A network as small clean ONNX graphs, and the proof that they compute what the network computes."""

from __future__ import annotations

import copy
import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import Tensor, nn

from scotopic.image.mosaic import XTRANS, xtrans_phase
from scotopic.image.noise_level import NoiseLevel
from scotopic.image.packed import k_sigma_planes, ratio_planes
from scotopic.networks import CurveNetwork, PictureNetwork, RawNetwork, ScotopicDenoiser

from ..errors import TrainingError

OPSET = 18  # the first with antialiased Resize; ONNX Runtime 1.19 runs up to 21
TOLERANCE = 1e-4
SIZES = ((64, 64), (65, 97), (127, 66), (81, 160))
"""Heights and widths, odd ones too, at which graph and network are compared."""
LARGEST_WHOLE = 16_000_000
"""Bytes of weights up to which they are stored as they are; larger ones are stored as 16-bit numbers."""
HALF_TOLERANCE = 1 / 255
"""How much that may change the result."""


class _Function(nn.Module):
    """A method of a network as a module, which is what the exporter takes."""

    def __init__(self, network: nn.Module, method: Callable[..., Tensor]) -> None:
        super().__init__()
        self.network = network
        self.method = method

    def forward(self, *tensors: Tensor) -> Tensor:
        return self.method(*tensors)


def graphs_of(network: nn.Module) -> dict[str, onnx.ModelProto]:
    """The network's graphs by name, proved: `decide` and `apply` of a curve network, `denoise`, else `apply` alone.

    decide: `low` (1, 3, h, w) -> `maps` (1, c, h, w). apply: `low`, and `maps` where there is a decide -> `out`.
    denoise: `low`, and `bright`, the same after a curve -> `out`. Sides of `low` are multiples of the network's
    `multiple`; a raw network's is packed planes. Raises TrainingError when a graph's output is off by more than 1e-4
    anywhere. Weights of more than 16 MB are stored as 16-bit numbers, and computed with as 32-bit ones: then it may be
    off by 1/255 from the network, and by 1e-4 from the network so rounded.
    """
    network = network.eval().float().cpu()
    size = 4 * sum(parameter.numel() for parameter in network.parameters())
    if size > LARGEST_WHOLE and not isinstance(network, CurveNetwork):
        return _halved_graphs(network)
    return _graphs(network)


def _graphs(network: nn.Module) -> dict[str, onnx.ModelProto]:
    multiple = int(getattr(network, "multiple", 1))
    sizes = [(-(-height // multiple) * multiple, -(-width // multiple) * multiple) for height, width in SIZES]
    graphs: dict[str, onnx.ModelProto] = {}
    with torch.no_grad():
        if isinstance(network, CurveNetwork):
            pictures = _pictures(sizes)
            decisions = [network.maps(low) for low in pictures]
            graphs["decide"] = _graph(network, network.maps, {"low": pictures[1]}, "maps")
            _prove("decide", graphs["decide"], network.maps, [{"low": low} for low in pictures])
            given = [{"low": low, "maps": maps} for low, maps in zip(pictures, decisions, strict=True)]
            graphs["apply"] = _graph(network, network.apply_decision, given[1], "out")
            _prove("apply", graphs["apply"], network.apply_decision, given)
        elif isinstance(network, ScotopicDenoiser):
            graphs["denoise"] = _denoiser(network, sizes)
        else:
            method, cases = _method(network), _cases(network, sizes)
            graphs["apply"] = _graph(network, method, cases[1], "out")
            _prove("apply", graphs["apply"], method, cases)
    return graphs


def _denoiser(network: ScotopicDenoiser, sizes: list[tuple[int, int]]) -> onnx.ModelProto:
    def denoise(low: Tensor, bright: Tensor) -> Tensor:
        return network.denoise(low, bright).clamp(0, 1)

    cases = [{"low": 0.3 * low, "bright": low} for low in _pictures(sizes)]
    graph = _graph(network, denoise, cases[1], "out")
    _prove("denoise", graph, denoise, cases)
    return graph


def _method(network: nn.Module) -> Callable[..., Tensor]:
    """What is exported of a network without a decision: what happens between padding and cutting, where it does either.

    A picture is clamped to [0, 1] in its graph: in training the losses see what lies beyond.
    """
    if isinstance(network, PictureNetwork):
        return lambda low: network.process(low).clamp(0, 1)
    return network.process if isinstance(network, RawNetwork) else network.forward


def _halved_graphs(network: nn.Module) -> dict[str, onnx.ModelProto]:
    """The graphs of the network with its weights rounded to 16 bits, which is how they are stored."""
    rounded = copy.deepcopy(network)
    with torch.no_grad():
        for parameter in rounded.parameters():
            if parameter.ndim > 1:
                parameter.copy_(parameter.half())
        graphs = _graphs(rounded)
        for graph in graphs.values():
            _store_halves(graph)
        _prove("apply", graphs["apply"], _method(network), _cases(network, [SIZES[0]]), HALF_TOLERANCE)
    return graphs


def _store_halves(model: onnx.ModelProto) -> None:
    """Every weight of more than one dimension as 16-bit numbers and a Cast, which ONNX Runtime computes once."""
    graph = model.graph
    casts = []
    for weight in graph.initializer:
        if weight.data_type != TensorProto.FLOAT or len(weight.dims) < 2:
            continue
        name = weight.name
        weight.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weight).astype(np.float16), f"{name}_half"))
        casts.append(helper.make_node("Cast", [weight.name], [name], to=TensorProto.FLOAT))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    onnx.checker.check_model(model, full_check=True)


def _pictures(sizes: list[tuple[int, int]], channels: int = 3) -> list[Tensor]:
    return [torch.rand(1, channels, *size, generator=torch.Generator().manual_seed(0)) for size in sizes]


def _cases(network: nn.Module, sizes: list[tuple[int, int]]) -> list[dict[str, Tensor]]:
    """Inputs as the network gets them: pictures, or packed planes with noise below black and light above white."""
    if not isinstance(network, RawNetwork):
        return [{"low": low} for low in _pictures(sizes)]
    cases = []
    for light in _pictures(sizes, network.planes):
        dark = (0.012 * light[0].numpy() - 0.001).astype(np.float32)
        if network.normalisation == "ratio":
            low = ratio_planes(dark, 100)
        else:
            phase = xtrans_phase(XTRANS, *dark.shape[1:]) if network.planes == 9 else None
            low = k_sigma_planes(dark, (2.0, 1.0, 1.5), 100, NoiseLevel(2.0, 5.0), 16383 - 512, phase)
        cases.append({"low": torch.from_numpy(low)[None]})
    return cases


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


def _prove(
    name: str,
    model: onnx.ModelProto,
    method: Callable[..., Tensor],
    cases: list[dict[str, Tensor]],
    tolerance: float = TOLERANCE,
) -> None:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    for inputs in cases:
        expected = method(*inputs.values()).numpy()
        got: Any = session.run(None, {key: value.numpy() for key, value in inputs.items()})[0]
        worst = float(np.abs(expected - got).max()) if expected.shape == got.shape else float("inf")
        if not worst <= tolerance:
            height, width = inputs["low"].shape[-2:]
            raise TrainingError(
                f"The exported graph '{name}' is off by {worst:.2g} at {width} x {height} pixels, "
                f"{tolerance:g} is allowed. Write the network with operations that ONNX has, and export again."
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
