"""What a method takes: time and memory for one picture, measured in a process that does nothing else.

python -m scotopic.experiments.reporting.cost METHOD [THREADS]
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass

import numpy as np

from ...errors import ModelError, ScotopicError

WIDTH, HEIGHT = 1600, 1200
"""Of the picture that is measured by, in pixels: near two megapixels."""
TIMES = 3
MEASURED = (
    f"a picture of {WIDTH} x {HEIGHT} pixels in memory (dark noise), in a process of its own with {{threads}} "
    f"thread(s) on {{machine}}; time: the best of {TIMES} after one that is not counted; memory: the most that the "
    "whole process held, programs and weights included"
)


@dataclass(frozen=True)
class Cost:
    """Milliseconds a megapixel, and the process's peak memory in MB (10^6 bytes; None where the system does not say).

    `how` says how they were measured.
    """

    ms_per_mp: float
    peak_mb: float | None
    how: str


def measure(spec: str, threads: int = 1) -> Cost:
    """The cost of the method that `spec` means (see `open_method`). Raises ModelError where it cannot be had."""
    command = [sys.executable, "-m", "scotopic.experiments.reporting.cost", spec, str(threads)]
    done = subprocess.run(command, capture_output=True, text=True, env=_with_threads(threads))
    if done.returncode:
        why = (done.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise ModelError(f"'{spec}' could not be measured: {why}")
    return Cost(**json.loads(done.stdout.splitlines()[-1]))


def measure_here(spec: str, threads: int) -> Cost:
    """The same in this process, whose memory so far counts too."""
    from scotopic.training.speed import machine

    from ..methods import open_method
    from ..sets.item import Item

    low = np.random.default_rng(0).uniform(0, 0.2, (HEIGHT, WIDTH, 3)).astype(np.float32)
    method = open_method(spec, threads=threads)
    item = Item("dark noise", "", "", None, lambda: low, lambda: low)
    seconds = []
    for _ in range(1 + TIMES):
        began = time.perf_counter()
        method.enhance(item)
        seconds.append(time.perf_counter() - began)
    how = MEASURED.format(threads=threads, machine=machine())
    return Cost(1000 * min(seconds[1:]) / (WIDTH * HEIGHT / 1e6), _peak_mb(), how)


def _peak_mb() -> float | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak * (1 if sys.platform == "darwin" else 1024) / 1e6


def _with_threads(threads: int) -> dict[str, str]:
    return {**os.environ, "OMP_NUM_THREADS": str(threads)}


def main(spec: str, threads: str = "1") -> int:
    try:
        print(json.dumps(asdict(measure_here(spec, int(threads)))))
    except ScotopicError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
