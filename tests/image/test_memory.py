"""A picture four times as large does not take much more memory; importing takes hardly any time."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

COPY = """
import json, sys
from scotopic.image import open_source, write_strips
with open_source(sys.argv[1]) as source:
    source.thumbnail(512)
    size = dict(width=source.width, height=source.height, bands=source.bands)
    write_strips(sys.argv[2], source.strips(32), like=source, **size)
# Not from getrusage: Linux counts the process that started this one there.
peak = open("/proc/self/status").read().split("VmHWM:")[1].split()[0]
print(json.dumps(int(peak) / 1024))
"""
MAKE = """
import sys, pyvips
noise = pyvips.Image.gaussnoise(1000, 1000, mean=90, sigma=9).cast("uchar")
noise = noise.bandjoin([80, 70]).copy(interpretation="srgb")
image = noise.replicate(int(sys.argv[2]), int(sys.argv[3])).copy()
image.set_type(pyvips.GValue.gint_type, "orientation", int(sys.argv[4]))
image.jpegsave(sys.argv[1], Q=80)
"""


def python(code: str, *arguments: object) -> str:
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
@pytest.mark.parametrize("orientation", [1, 6])
def test_memory_does_not_grow_with_the_picture(orientation: int, tmp_path: Path) -> None:
    peaks = []
    for across, down in ((6, 4), (12, 8)):
        path = tmp_path / f"{across}x{down}.jpg"
        python(MAKE, path, across, down, orientation)
        peaks.append(json.loads(python(COPY, path, path.with_suffix(".out.jpg"))))
    assert peaks[1] < 250  # MB, of which the interpreter and its libraries take about 60
    assert peaks[1] < 1.5 * peaks[0]


def test_importing_loads_neither_libvips_nor_libraw_nor_torch() -> None:
    code = "import sys, json, scotopic.image; print(json.dumps(sorted(sys.modules)))"
    loaded = set(json.loads(python(code)))
    assert not loaded & {"pyvips", "rawpy", "torch", "PIL", "onnxruntime", "pillow_heif"}
