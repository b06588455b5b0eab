"""The two tiers of a model: time and memory of arrays and of whole processes, and of the denoiser's graph alone.

    python benchmarks/tiers.py [MODEL] [--runs 5]

Pictures of 1, 12 and 24 MP: an example, too dark, repeated as an array or enlarged with fresh noise as a JPEG file.
An array is enhanced in a process of its own, which holds it and the result, its model loaded; a file by `scotopic
enhance`, from start to end, beside a process that decodes and re-encodes it with libvips. Two threads; medians; the
rows of a size in turn, so that a machine that slows down slows them all. Memory is the peak resident set of the
process, Python and ONNX Runtime included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from files import COPY, EXAMPLE, enlarged_elsewhere, measured

MEGAPIXELS = (1, 12, 24)
TIERS = ("fast", "best")


def picture(megapixels: int) -> np.ndarray:
    """The example repeated, 4:3, as bytes."""
    import scotopic

    small = np.round(scotopic.read(EXAMPLE).pixels * 255).astype(np.uint8)
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(megapixels * 1e6 / height)
    return np.ascontiguousarray(
        np.tile(small, (-(-height // small.shape[0]), -(-width // small.shape[1]), 1))[:height, :width]
    )


def array_run(model: str, tier: str, megapixels: str, threads: str) -> None:
    """In a process of its own: what an array takes, the second time, and the peak of memory."""
    import scotopic
    from scotopic.runtime import Controls

    enhancer, low = scotopic.Enhancer(model, threads=int(threads)), picture(int(megapixels))
    controls = Controls(tier=tier)  # type: ignore[arg-type]
    enhancer.enhance(low[:64, :64], controls)
    began = time.perf_counter()
    out = enhancer.enhance(low, controls)
    seconds = time.perf_counter() - began
    assert not np.array_equal(out, low), "the example must be too dark to be left alone"
    # Not from getrusage: Linux counts the process that started this one there.
    status = Path("/proc/self/status").read_text()
    print(json.dumps([seconds, int(status.split("VmHWM:")[1].split()[0]) / 1024]))


def graph_run(model: str, megapixels: str, threads: str, runs: str) -> None:
    """In a process of its own: the denoiser's graph on one tile of a picture of that size, and the decision's."""
    from scotopic.runtime import load_model
    from scotopic.runtime.denoising import ENCODING, TILE_AREA
    from scotopic.runtime.session import open_graph
    from scotopic.runtime.tiles import fit_tile

    loaded = load_model(model)
    card = loaded.card.denoise
    assert card is not None, "main looked"
    assert loaded.denoise is not None, "the card was checked"
    low = picture(int(megapixels))
    inner = fit_tile(*low.shape[:2], card.halo, card.multiple, TILE_AREA, ENCODING)
    up = -(-card.halo // card.multiple) * card.multiple
    sides = [
        min(-(-(side + 2 * up) // card.multiple), -(-whole // card.multiple)) * card.multiple
        for side, whole in zip(inner, low.shape[:2], strict=True)
    ]
    rng = np.random.default_rng(0)
    dark = rng.uniform(0, 0.2, (1, 3, *sides)).astype(np.float32)
    bright = np.sqrt(dark)
    graph = open_graph(loaded.denoise, "denoise", threads=int(threads), reuse_memory=True)
    spent = median_of(int(runs), lambda: graph("out", low=dark, bright=bright))
    decided = 0.0
    if loaded.card.decide is not None and loaded.decide is not None:
        long_side, multiple = loaded.card.decide.long_side, loaded.card.decide.multiple
        short_side = -(-long_side * 3 // 4 // multiple) * multiple
        thumbnail = rng.uniform(0, 0.2, (1, 3, short_side, long_side)).astype(np.float32)
        decide = open_graph(loaded.decide, "decide", threads=int(threads))
        decided = median_of(int(runs), lambda: decide("maps", low=thumbnail))
    print(json.dumps([inner, sides, spent, decided]))


def median_of(runs: int, run: Callable[[], object]) -> float:
    run()
    seconds = []
    for _ in range(runs):
        began = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def elsewhere(*arguments: object) -> Any:
    command = [sys.executable, __file__, *map(str, arguments)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def arrays(model: Sequence[str], runs: int, threads: int) -> None:
    print("| array | tier | s | ms/MP | peak memory, MB |\n|---|---|---:|---:|---:|")
    for megapixels in MEGAPIXELS:
        rows = [[elsewhere("--array", *model, tier, megapixels, threads) for tier in TIERS] for _ in range(runs)]
        for tier, of_tier in zip(TIERS, zip(*rows, strict=True), strict=True):
            seconds, peak = (statistics.median(column) for column in zip(*of_tier, strict=True))
            print(
                f"| {megapixels} MP | {tier} | {seconds:.2f} | {seconds * 1e3 / megapixels:.1f} | {peak:.0f} |",
                flush=True,
            )


def files(model: Sequence[str], runs: int, threads: int) -> None:
    print("\n| JPEG file | | s | ms/MP | times the copy's | peak memory, MB |\n|---|---|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for megapixels in MEGAPIXELS:
            photo, out = enlarged_elsewhere(megapixels, folder), str(folder / "out.jpg")
            enhance = [sys.executable, "-m", "scotopic", "enhance", str(photo), "-o", out, "--overwrite"]
            enhance += ["--model", *model, "--threads", str(threads)]
            commands = {"libvips copy": [sys.executable, "-c", COPY, str(photo), out]}
            commands |= {tier: [*enhance, "--quality", tier] for tier in TIERS}
            runs_of = [[measured(command) for command in commands.values()] for _ in range(runs + 1)][1:]  # disk cache
            columns = dict(zip(commands, zip(*runs_of, strict=True), strict=True))
            copy = statistics.median(seconds for seconds, _ in columns["libvips copy"])
            for name, column in columns.items():
                seconds, peak = (statistics.median(values) for values in zip(*column, strict=True))
                figures = f"{seconds:.2f} | {seconds * 1e3 / megapixels:.0f} | {seconds / copy:.1f} | {peak:.0f}"
                print(f"| {megapixels} MP | {name} | {figures} |", flush=True)


def graphs(model: Sequence[str], runs: int, threads: int) -> None:
    print(
        "\n| denoise.onnx in a picture of | tile | with its halo | s | ms/MP, halo included |\n|---|---|---|---:|---:|"
    )
    for megapixels in MEGAPIXELS:
        inner, sides, spent, decided = elsewhere("--graph", *model, megapixels, threads, runs)
        tiles = " | ".join(f"{rows} x {columns}" for rows, columns in (inner, sides))
        per_mp = spent * 1e9 / (sides[0] * sides[1])
        print(f"| {megapixels} MP | {tiles} | {spent:.3f} | {per_mp:.1f} |", flush=True)
    print(f"\nThe decision of one thumbnail: {decided * 1e3:.1f} ms.")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", nargs="?", help="a name or folder of a model with a denoiser (default: the default)")
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--threads", type=int, default=2)
    arguments = parser.parse_args()
    # Looked at elsewhere: Linux counts the memory of this process as that of the processes it starts.
    look = "import sys; from scotopic.runtime import *; c = load_model(sys.argv[1] or DEFAULT_MODEL).card; "
    look += "print(c.name if c.denoise else '')"
    model = arguments.model
    looked = subprocess.run([sys.executable, "-c", look, model or ""], check=True, stdout=subprocess.PIPE, text=True)
    name = looked.stdout.strip()
    if not name:
        parser.error(f"'{model or 'the default model'}' has one tier. Name a model with a denoiser.")
    for part in (arrays, files, graphs):
        part([model or name], arguments.runs, arguments.threads)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--array"]:
        array_run(*sys.argv[2:])
    elif sys.argv[1:2] == ["--graph"]:
        graph_run(*sys.argv[2:])
    else:
        main()
