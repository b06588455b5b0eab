"""Whole processes: `scotopic enhance` on a dark camera raw beside LibRaw's own development of it, both to 16 bits.

    python benchmarks/raw.py [--runs 5] [--model MODEL] [--formats tiff png] [RAW ...]

Without raws, DNGs of 12 and 61 MP are made: an example photo, 100 times darker, through a Bayer pattern, with the noise
of a Sony a7S II at a random gain. LibRaw demosaics (AHD), writes with libvips, settings as ours. The two commands run
in turn, so that a machine that slows down slows both; figures are medians. Processor seconds are those of all threads:
they move less with what else the machine does. Memory is the peak resident set of the process.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np

EXAMPLE = Path(__file__).parent.parent / "examples" / "lake.jpg"
RATIO = 100.0
SAVE = {
    "tiff": "tiffsave(sys.argv[2], compression='deflate', level=2, predictor='horizontal')",
    "png": "pngsave(sys.argv[2], compression=2, filter='up')",
}
DEVELOP = """
import sys, pyvips, rawpy
with rawpy.imread(sys.argv[1]) as raw:
    pixels = raw.postprocess(use_camera_wb=True, no_auto_bright=True, bright={ratio}, output_bps=16)
pyvips.Image.new_from_array(pixels, interpretation='rgb16').{save}
"""


def dark_raw(size: tuple[int, int], path: Path) -> None:
    """A DNG of `size` = (h, w) of the example, repeated, as a camera sees it at a hundredth of the exposure."""
    from scotopic.data.dng import write_dng
    from scotopic.data.noise import add_noise, sample_noise
    from scotopic.image import RawFrame, read, srgb_to_linear
    from scotopic.image.spaces import SPACES

    height, width = size
    rng = np.random.default_rng(0)
    noise = sample_noise("SonyA7S2", rng, (1.0, 8.0))
    light = srgb_to_linear(read(EXAMPLE).pixels) / np.array([2.0, 1.0, 1.5], np.float32)
    black, white = 512, 16383
    mosaic = np.empty(size, np.uint16)
    rows = min(len(light), 512)
    for top in range(0, height, rows):
        some = light[np.arange(top, min(top + rows, height)) % len(light)][:, np.arange(width) % light.shape[1]]
        signal = np.empty(some.shape[:2], np.float32)
        for y, x, colour in ((0, 0, 0), (0, 1, 1), (1, 0, 1), (1, 1, 2)):
            signal[y::2, x::2] = some[y::2, x::2, colour]
        noisy = add_noise(signal * np.float32((white - black) / RATIO), noise, rng)
        mosaic[top : top + rows] = np.clip(np.rint(noisy + black), 0, white)
    matrix = (SPACES["srgb"].to_xyz @ [[1.7, -0.6, -0.1], [-0.2, 1.5, -0.3], [0.0, -0.5, 1.5]]).astype(np.float32)
    levels = np.full((2, 2), black, np.float32)
    write_dng(
        path, RawFrame(mosaic, ("RG", "GB"), levels, white, (2.0, 1.0, 1.5), matrix, 12800, 0.1, camera="Cam One")
    )


def made(size: tuple[int, int], folder: Path) -> Path:
    """In a process of its own: Linux counts the memory of this one as that of the processes it starts."""
    path = folder / f"{size[0] * size[1] / 1e6:.0f}mp.dng"
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        pool.submit(dark_raw, size, path).result()
    return path


def measured(command: list[str]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and peak megabytes of one run."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with code {process.returncode}.")
    return time.perf_counter() - began, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("raws", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--model", help="a name or a model folder, instead of the default")
    parser.add_argument("--formats", nargs="+", choices=SAVE, default=["tiff"])
    arguments = parser.parse_args()
    model = ["--model", arguments.model] if arguments.model else []
    print("| raw | to | LibRaw, s | its CPU s | its MB | scotopic, s | CPU s | MB | ratio | ratio of CPU |")
    print("|---|---|" + "---:|" * 8)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for raw in arguments.raws or [made(size, folder) for size in ((3000, 4000), (6336, 9504))]:
            for format in arguments.formats:
                out = str(folder / f"out.{format}")
                develop = [sys.executable, "-c", DEVELOP.format(ratio=RATIO, save=SAVE[format]), str(raw), out]
                enhance = [sys.executable, "-m", "scotopic", "enhance", str(raw), "-o", out, "--overwrite"]
                enhance += ["--ratio", str(RATIO), *model]
                runs = [(measured(develop), measured(enhance)) for _ in range(arguments.runs + 1)][1:]  # disk cache
                theirs, ours = (
                    [statistics.median(column) for column in zip(*side, strict=True)]
                    for side in zip(*runs, strict=True)
                )
                ratios = [ours[i] / theirs[i] for i in (0, 1)]
                figures = [f"{x:.2f}" for x in theirs[:2]] + [f"{theirs[2]:.0f}"]
                figures += [f"{x:.2f}" for x in ours[:2]] + [f"{ours[2]:.0f}", *(f"{x:.1f}" for x in ratios)]
                print(f"| {raw.name} | {format} | {' | '.join(figures)} |", flush=True)


if __name__ == "__main__":
    main()
