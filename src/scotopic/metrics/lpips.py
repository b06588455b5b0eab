"""LPIPS, from a graph that the user brings: its networks' weights come from downloads, so they are not shipped."""

from __future__ import annotations

import hashlib
from math import inf
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import ModelError

from .metric import Metric
from .pictures import Image, check_pair

LEAST_LPIPS_PX = 64
"""AlexNet's and VGG's last maps have a few pixels left of it."""

EQUAL = 1e-6


def open_lpips(file: str | Path, *, threads: int = 1) -> Metric:
    """Learned perceptual image patch similarity (Zhang et al., CVPR 2018) as a metric; lower is better.

    `file` is an ONNX graph with two inputs `n 3 h w`, RGB in [-1, 1], and one output, a number for each picture
    (docs/metrics.md says how to make one). Which network it holds (AlexNet for comparing, usually) is not seen from
    outside: say so beside the score; `source` tells graphs apart. Raises ModelError for a file that is no such graph,
    or that puts a picture apart from itself, or not apart from another.
    """
    import onnxruntime  # only here: everything else in metrics is numpy alone

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 4  # what goes wrong is said by the exception
    try:
        session = onnxruntime.InferenceSession(str(file), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime's exceptions have no common root but this
        raise ModelError(
            f"'{file}' cannot be opened as an ONNX graph: {error}. Make it anew (docs/metrics.md)."
        ) from error
    names = [given.name for given in session.get_inputs()]

    def run(out: NDArray[np.float32], target: NDArray[np.float32]) -> float:
        try:
            (distance,) = session.run(None, dict(zip(names, (out, target), strict=True)))
            return float(np.asarray(distance).item())
        except Exception as error:
            raise ModelError(
                f"'{file}' does not take two pictures 1 3 {out.shape[2]} {out.shape[3]} to one number: {error}. Make "
                "it anew, with free height and width (docs/metrics.md)."
            ) from error

    def lpips(out: Image, target: Image) -> float:
        check_pair(out, target, channels=(3,), least_px=LEAST_LPIPS_PX)
        return run(_batch(out), _batch(target))

    ramp = np.linspace(-1, 1, 3 * LEAST_LPIPS_PX**2, dtype=np.float32).reshape(1, 3, LEAST_LPIPS_PX, LEAST_LPIPS_PX)
    same, other = run(ramp, ramp), run(ramp, -ramp)
    if not abs(same) < EQUAL < other:
        raise ModelError(
            f"'{file}' puts a picture {same:.4g} apart from itself and {other:.4g} from its negative: no LPIPS. "
            "Make it anew, in evaluation mode and of two different pictures (docs/metrics.md)."
        )
    digest = hashlib.sha256()
    for part in (Path(file), Path(f"{file}.data")):  # where PyTorch keeps large weights
        digest.update(part.read_bytes() if part.is_file() else b"")
    source = f"Zhang et al., CVPR 2018; graph {digest.hexdigest()[:16]}"
    return Metric("lpips", lpips, "", "lower", (0, inf), "both", True, source, 4, least_px=LEAST_LPIPS_PX)


def _batch(image: Image) -> NDArray[np.float32]:
    return np.ascontiguousarray(np.moveaxis(np.clip(image, 0, 1), 2, 0)[None] * 2 - 1, np.float32)
