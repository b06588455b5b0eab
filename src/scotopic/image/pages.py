"""Memory for strips of pixels, used again and again.

A page that is new to a process costs the system a microsecond or two, more than filling it with decoded pixels does.
Besides, large blocks between libvips' many smaller ones would leave holes in the heap that nothing fits into (100 MB
at 200 MP): these lie outside the heap.
"""

from __future__ import annotations

import math
import mmap
import weakref
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray


class Pages:
    """Hands out arrays, and hands their memory out again once nobody holds them. For any number of threads."""

    def __init__(self) -> None:
        self._spare: list[mmap.mmap] = []

    def array(self, shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
        """An array with anything in it."""
        kind, count = np.dtype(dtype), math.prod(shape)
        try:
            memory = self._spare.pop()
        except IndexError:
            memory = _pages(count * kind.itemsize)
        if len(memory) < count * kind.itemsize:
            memory = _pages(count * kind.itemsize)
        # Views of an array hold the array itself, so this one lives as long as any of them.
        whole = np.frombuffer(memory, kind, count)
        weakref.finalize(whole, self._spare.append, memory).atexit = False
        return whole.reshape(shape)


def _pages(size: int) -> mmap.mmap:
    """Memory straight from the system, given back as soon as nobody holds it."""
    if hasattr(mmap, "MAP_PRIVATE"):
        return mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    return mmap.mmap(-1, size)
