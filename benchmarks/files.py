"""Whole processes: `scotopic enhance --quality fast` beside merely decoding and re-encoding the same JPEG with libvips.

    python benchmarks/files.py [--runs 7] [PHOTO ...]

Without photos, JPEGs of 1, 24 and 200 MP are made from an example. The two commands run in turn, so that a machine that
slows down slows both; ratios are of the medians. Memory is the peak resident set of the largest process.
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

import pyvips

EXAMPLE = Path(__file__).parent.parent / "examples" / "lake.jpg"
COPY = "import sys, pyvips; pyvips.Image.new_from_file(sys.argv[1], access='sequential').jpegsave(sys.argv[2], Q=92)"


def enlarged(megapixels: int, folder: Path) -> Path:
    """The example with fresh noise, so that the codec has as much to do as on a photo of that size."""
    image = pyvips.Image.new_from_file(str(EXAMPLE))
    scale = (megapixels * 1e6 / (image.width * image.height)) ** 0.5
    image = image.resize(scale)
    noise = pyvips.Image.gaussnoise(image.width, image.height, mean=0, sigma=2)
    target = folder / f"{megapixels}mp.jpg"
    (image + noise).cast("uchar").jpegsave(str(target), Q=92)
    return target


def enlarged_elsewhere(megapixels: int, folder: Path) -> Path:
    """In a process of its own: Linux counts the memory of this one as that of the processes it starts."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(enlarged, megapixels, folder).result()


def measured(command: list[str]) -> tuple[float, float]:
    """Wall seconds and peak megabytes of one run."""
    # Installed modules are compiled once; in a checkout the first run does it, unless it is forbidden.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed with code {process.returncode}.")
    return time.perf_counter() - began, usage.ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", nargs="*", type=Path)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    print(
        "| photo | libvips copy, s | scotopic enhance -q fast, s | ratio | peak memory, MB |\n|---|---:|---:|---:|---:|"
    )
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for photo in arguments.photos or [enlarged_elsewhere(size, folder) for size in (1, 24, 200)]:
            out = str(folder / "out.jpg")
            copy = [sys.executable, "-c", COPY, str(photo), out]
            enhance = [sys.executable, "-m", "scotopic", "enhance", str(photo), "-o", out, "--overwrite", "-q", "fast"]
            for command in (copy, enhance):
                measured(command)  # once for the disk cache
            rows = [(measured(copy), measured(enhance)) for _ in range(arguments.runs)]
            base = statistics.median(row[0][0] for row in rows)
            ours = statistics.median(row[1][0] for row in rows)
            memory = statistics.median(row[1][1] for row in rows)
            print(f"| {photo.name} | {base:.2f} | {ours:.2f} | {ours / base:.1f} | {memory:.0f} |", flush=True)


if __name__ == "__main__":
    main()
