"""What makes the same training faster on a CPU, and the facts of the machine that a run notes down."""

from __future__ import annotations

import ctypes
import datetime
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import Any

import torch

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4  # glibc's malloc.h


@contextmanager
def fast_cpu() -> Iterator[None]:
    """Keep freed memory in the process, from here on, and flush denormal numbers to zero, in here.

    Every training step frees and asks again for the same large blocks. glibc gives them back to the kernel each time
    and pays for fresh zeroed pages: keeping them is worth 1.5 to 2 times the speed. Denormal weights can slow a run
    30 times.
    """
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        libc.mallopt(M_MMAP_MAX, 0)
        libc.mallopt(M_TRIM_THRESHOLD, 2**31 - 1)
    torch.set_flush_denormal(True)
    try:
        yield
    finally:
        torch.set_flush_denormal(False)  # other code may count on gradual underflow


def environment() -> dict[str, Any]:
    """Versions, processor, threads and source commit: what a later reader needs to judge a run's numbers."""
    packages = ("scotopic", "torch", "lightning-fabric", "numpy", "safetensors")
    return {
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "python": platform.python_version(),
        "packages": {name: version for name in packages if (version := _version(name))},
        "system": f"{platform.system()} {platform.machine()}",
        "machine": machine(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "commit": _commit(),
    }


def machine() -> str:
    """The processor, or the graphics card where there is one, in words."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        models = [line.partition(":")[2].strip() for line in info.read_text().splitlines() if "model name" in line]
        name = models[0] if models else name
    return f"{name}, {os.cpu_count()} cores"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _commit() -> str | None:
    """The commit of the source tree this file lies in, with a + where something was changed since."""
    try:
        git = ["git", "-C", str(Path(__file__).parent)]
        answer = subprocess.run([*git, "describe", "--always", "--dirty=+"], capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return answer.stdout.strip() or None
