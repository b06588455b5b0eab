"""A large raw takes the memory of its mosaic more than a small one, and never that of a picture in floating point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from scotopic.data.dng import write_dng
from scotopic.runtime.tiles import fit_tile, rows_in_tile

from .raw_models import noise, raw_frame, write_raw_model

ENHANCE = """
import json, sys
from scotopic.runtime import Controls, Enhancer
Enhancer(sys.argv[1]).enhance_file(sys.argv[2], sys.argv[3], controls=Controls(ratio=2.0))
# Not from getrusage: Linux counts the process that started this one there.
peak = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
print(json.dumps(int(peak) / 1024))
"""


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_memory_grows_with_the_mosaic_alone(tmp_path: Path) -> None:
    model = write_raw_model(tmp_path, "random")
    peaks = {}
    for megapixels, size in ((4, (2000, 2000)), (16, (4000, 4000))):
        path = tmp_path / f"{megapixels}.dng"
        write_dng(path, raw_frame(np.tile(noise(500, 500), (size[0] // 500, size[1] // 500)), orientation=6))
        command = [sys.executable, "-c", ENHANCE, str(model), str(path), str(path.with_suffix(".tiff"))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        peaks[megapixels] = json.loads(done.stdout)
    # LibRaw's mosaic, ours and the one turned upright: 6 bytes a pixel; some strips of the result, wider. One picture
    # in floating point alone would be 12 bytes, the planes of a k-sigma network as many.
    assert (peaks[16] - peaks[4]) / 12 < 16


@pytest.mark.parametrize(("height", "width"), [(1500, 2000), (3168, 4752), (4752, 3168), (64, 64), (1, 1), (37, 9000)])
@pytest.mark.parametrize(("halo", "multiple"), [(70, 8), (94, 16), (0, 1), (5, 2), (520, 4)])
@pytest.mark.parametrize("area", [200_000, 800_000])
def test_a_tile_keeps_to_its_area(height: int, width: int, halo: int, multiple: int, area: int) -> None:
    rows, columns = fit_tile(height, width, halo, multiple, area)
    halo = rows_in_tile(halo, multiple) if halo else 0
    assert rows % multiple == columns % multiple == 0
    held = min(rows + 2 * halo, rows_in_tile(height, multiple)) * min(columns + 2 * halo, rows_in_tile(width, multiple))
    assert held <= max(area, (4 * halo + multiple) ** 2) * 1.02
    computed = -(-height // rows) * -(-width // columns) * held
    assert computed < 5 * max(height * width, 4 * halo**2)
