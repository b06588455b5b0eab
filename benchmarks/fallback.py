"""What to apply curves with where nothing is compiled: numpy in blocks, an ONNX graph over strips, or numexpr.

    pip install numexpr
    python benchmarks/fallback.py

One 12 MP picture of 8 bits, three maps from a 512 px thumbnail, two threads; every candidate upsamples, iterates and
rounds. Repetitions are interleaved; each candidate has its best strip height of those tried.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

import numexpr
import numpy as np
import onnxruntime

from apply import HEIGHT, ITERATIONS, MEGAPIXELS, REPETITIONS, WIDTH, cpu_name, decision, picture
from scotopic.runtime import apply_curves, load_model

Strip = Callable[[np.ndarray, np.ndarray], np.ndarray]
STRIP_ROWS = (2, 8, 32, 128)


def positions(cells: int, pixels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Half-pixel bilinear: the two cells that each pixel lies between, and the weight of the second."""
    at = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    first = np.minimum(at.astype(int), cells - 2)
    return first, first + 1, (at - first).astype(np.float32)


def over_strips(low: np.ndarray, maps: np.ndarray, finish: Strip, rows: int) -> np.ndarray:
    """`finish(low, maps)` over strips, both `n w 3` float32, low in [0, 1]; its result is rounded to 8 bits."""
    left, right, across = positions(maps.shape[2], WIDTH)
    wide = (maps[..., left] * (1 - across) + maps[..., right] * across).transpose(1, 2, 0)  # h' w 3
    upper, lower, down = positions(maps.shape[1], HEIGHT)
    out = np.empty_like(low)
    for top in range(0, HEIGHT, rows):
        part = slice(top, top + rows)
        weight = down[part, None, None]
        tall = wide[upper[part]] * (1 - weight) + wide[lower[part]] * weight
        out[part] = finish(low[part].astype(np.float32) * np.float32(1 / 255), tall) * np.float32(255) + np.float32(0.5)
    return out


def onnx_graph() -> Strip:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    graph = load_model("zero_dce_pp").apply
    assert graph is not None
    session = onnxruntime.InferenceSession(graph, options)

    def finish(low: np.ndarray, maps: np.ndarray) -> np.ndarray:
        planes = [np.ascontiguousarray(array.transpose(2, 0, 1)[None]) for array in (low, maps)]
        (out,) = session.run(None, dict(zip(("low", "maps"), planes, strict=True)))
        return np.asarray(out[0].transpose(1, 2, 0))

    return finish


def with_numexpr(low: np.ndarray, maps: np.ndarray) -> np.ndarray:
    for _ in range(ITERATIONS):
        low = numexpr.evaluate("x + a * (x - x * x)", {"x": low, "a": maps})
    return low


def main() -> None:
    numexpr.set_num_threads(2)
    low, maps = picture(), decision(3)
    truth = apply_curves(low, maps, ITERATIONS, backend="numpy")
    rows: dict[str, Callable[[], np.ndarray]] = {
        "numpy in blocks": lambda: apply_curves(low, maps, ITERATIONS, backend="numpy", threads=2)
    }
    for name, finish in (("ONNX graph", onnx_graph()), ("numexpr", with_numexpr)):
        for height in STRIP_ROWS:
            rows[f"{name}, {height} rows"] = lambda finish=finish, height=height: over_strips(low, maps, finish, height)  # type: ignore[misc]
    seconds: dict[str, list[float]] = {name: [] for name in rows}
    for name, run in rows.items():
        assert np.abs(run().astype(int) - truth).max() <= 1, f"{name} makes another picture"
    for _ in range(REPETITIONS // 2 + 1):
        for name, run in rows.items():
            began = time.perf_counter()
            run()
            seconds[name].append(time.perf_counter() - began)
    best: dict[str, tuple[float, str]] = {}
    for name, times in seconds.items():
        kind = name.partition(",")[0]
        best[kind] = min(best.get(kind, (np.inf, "")), (statistics.median(times), name))
    print(f"{cpu_name()}, {MEGAPIXELS:g} MP, 8 bit:\n\n| | ms/MP |\n|---|---:|")
    for median, name in best.values():
        print(f"| {name} | {median * 1e3 / MEGAPIXELS:.1f} |")


if __name__ == "__main__":
    main()
