"""Pointwise apply at 12 MP: from curve maps to 8-bit pixels, beside Zero-DCE++ run whole in ONNX Runtime.

    python benchmarks/apply.py

Prints a Markdown table, and the peak memory of a process that does nothing else, for the network and for ours. Needs
scotopic[train]: the network comes from torch, with random weights, as speed does not depend on them. Repetitions
of all rows are interleaved, so that what else the machine does falls on all of them.
"""

from __future__ import annotations

import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from scotopic.runtime import apply_curves, available_backends
from scotopic.runtime.blocks import default_threads

HEIGHT, WIDTH = 3000, 4000
MEGAPIXELS = HEIGHT * WIDTH / 1e6
THUMBNAIL = (384, 512)
ITERATIONS = 8
STRIP_ROWS = 96
REPETITIONS = 9


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        graph = str(Path(folder) / "whole.onnx")
        export_whole_network(graph)
        low = picture()
        rows: dict[str, Callable[[], object]] = {"Zero-DCE++ whole, ONNX Runtime": whole_network(low, graph)}
        peaks = [peak_mb("network", graph), peak_mb("curves")]
    for count in (3, 6, 24):
        for backend in available_backends():
            rows[f"{count} maps, {backend}"] = applied(low, decision(count), backend)
    rows[f"3 maps, {available_backends()[0]}, in strips of {STRIP_ROWS} rows, output reused"] = in_strips(
        low, decision(3)
    )
    for run in rows.values():
        run()
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    for _ in range(REPETITIONS):
        for name, run in rows.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)

    print(f"{cpu_name()}, {default_threads()} threads, {MEGAPIXELS:g} MP, 8 bit, median of {REPETITIONS}:\n")
    print("| | ms/MP | times faster |\n|---|---:|---:|")
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    first = next(iter(medians.values()))
    for name, median in medians.items():
        print(f"| {name} | {median * 1e3 / MEGAPIXELS:.1f} | {first / median:.1f} |")
    print(f"\nPeak memory, all in: Zero-DCE++ whole {peaks[0]:,.0f} MB, 3 maps {peaks[1]:,.0f} MB.")


def peak_mb(*what: str) -> float:
    """Peak memory of a process of its own that makes the picture twice, by the network in a file or by curves."""
    command = [sys.executable, __file__, "--peak", *what]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def report_peak(what: str, *graph: str) -> None:
    low = picture()
    run = whole_network(low, *graph) if what == "network" else applied(low, decision(3), available_backends()[0])
    for _ in range(2):
        run()
    # Not from getrusage: Linux counts the process that started this one there.
    status = Path("/proc/self/status").read_text()
    print(int(status.split("VmHWM:")[1].split()[0]) / 1024)


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 90, (HEIGHT, WIDTH, 3), dtype=np.uint8)


def decision(maps: int) -> np.ndarray:
    return np.random.default_rng(maps).uniform(-1, 1, (maps, *THUMBNAIL)).astype(np.float32)


def export_whole_network(path: str) -> None:
    """The network as published for large pictures, curves at a twelfth of the size; at full size it needs 22 GB."""
    import torch  # here: it must not count as memory of what is measured

    from scotopic.networks import NETWORKS

    network = NETWORKS["zero_dce_pp"](scale=12).eval()
    axes = {name: {2: "h", 3: "w"} for name in ("low", "out")}
    example = (torch.zeros(1, 3, 64, 64),)
    torch.onnx.export(
        network, example, path, input_names=["low"], output_names=["out"], dynamic_axes=axes, dynamo=False
    )


def whole_network(low: np.ndarray, path: str) -> Callable[[], object]:
    """On float32, already prepared: 8 bits in and out would come on top."""
    import onnxruntime

    session = onnxruntime.InferenceSession(path)
    planes = np.ascontiguousarray(low.transpose(2, 0, 1)[None]).astype(np.float32) / np.float32(255)
    return lambda: session.run(None, {"low": planes})


def applied(low: np.ndarray, maps: np.ndarray, backend: str) -> Callable[[], object]:
    return lambda: apply_curves(low, maps, ITERATIONS, backend=backend)


def in_strips(low: np.ndarray, maps: np.ndarray) -> Callable[[], object]:
    """As a file is enhanced: the memory of one strip serves them all."""
    out = np.empty_like(low[:STRIP_ROWS])

    def run() -> None:
        for top in range(0, HEIGHT, STRIP_ROWS):
            strip = low[top : top + STRIP_ROWS]
            apply_curves(strip, maps, ITERATIONS, top=top, height=HEIGHT, out=out[: len(strip)])

    return run


def cpu_name() -> str:
    """What Linux calls the processor, or what Python can tell elsewhere."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--peak"]:
        report_peak(*sys.argv[2:])
    else:
        main()
