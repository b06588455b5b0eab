"""A large raw takes the memory of its mosaic more than a small one, and never that of a picture in floating point."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from scotopic.data.dng import write_dng
from scotopic.runtime.tiles import fit_tile, rows_in_tile, run_in_tiles

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
def test_tiles_are_of_one_size_and_keep_to_their_area(
    height: int, width: int, halo: int, multiple: int, area: int
) -> None:
    held = []

    def run(part: NDArray[np.uint8]) -> NDArray[np.uint8]:
        held.append(part.shape)
        return part

    tile = fit_tile(height, width, halo, multiple, area)
    picture = [np.zeros((height, width, 1), np.uint8)]
    shape = {"height": height, "width": width, "halo": halo, "multiple": multiple}
    assert sum(len(strip) for strip in run_in_tiles(picture, run, tile=tile, **shape)) == height
    (rows, columns, _) = held[0]
    assert set(held) == {(rows, columns, 1)}
    halo = rows_in_tile(halo, multiple) if halo else 0
    assert rows * columns <= max(area, (4 * halo + multiple) ** 2) * 1.02
    assert len(held) * rows * columns < 5 * max(height * width, 4 * halo**2)
