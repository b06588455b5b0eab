"""Apply a decision to pixels: upsample the curve maps, iterate the curve, quantise; one pass over a strip.

There are two ways to the same result. `kernel` is a few loops of C, compiled at install time if there was a compiler,
with variants for the processor it finds itself on. `numpy` needs nothing: blocks that stay in the cache, updated in
place. (An ONNX graph over the same blocks was as fast as numpy, and numexpr five times slower: benchmarks/README.md.)
"""

from __future__ import annotations

import os
from importlib import import_module
from types import ModuleType
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import ControlError
from .blocks import default_threads, in_blocks

Maps = NDArray[np.float32]
Samples = TypeVar("Samples", bound=np.generic)

BACKEND_VARIABLE = "SCOTOPIC_BACKEND"

PEAKS = {np.dtype(np.uint8): 255.0, np.dtype(np.uint16): 65535.0, np.dtype(np.float32): 1.0}
"""The value of white in each type of sample."""

# Threads cost some ten microseconds to start on a block; a block of 64 K samples takes more than that.
SAMPLES_WORTH_A_THREAD = 65_536
# Four float32 buffers of this many samples stay in a second-level cache of 512 KiB; smaller ones drown in calls.
NUMPY_BLOCK = 32_768


def _load_kernel() -> ModuleType | None:
    try:
        return import_module("._curves", __package__)
    except ImportError:  # no compiler at install time
        return None


_kernel = _load_kernel()


def available_backends() -> list[str]:
    """Names that `backend` accepts here, fastest first: the kernel's variants for this processor, then numpy."""
    variants = [f"kernel-{variant}" for variant in _kernel.variants()] if _kernel else []
    return [*variants, "numpy"]


def resolve_backend(name: str | None = None) -> str:
    """The backend to use: `name`, or else the environment's SCOTOPIC_BACKEND, or else the fastest there is.

    `kernel` stands for its fastest variant. Raises ControlError for one that is not available here.
    """
    available = available_backends()
    wanted = name or os.environ.get(BACKEND_VARIABLE) or available[0]
    if wanted == "kernel" and available[0] != "numpy":
        return available[0]
    if wanted not in available:
        missing = "" if _kernel else " The compiled kernel is missing: reinstall scotopic where there is a C compiler."
        raise ControlError(f"backend '{wanted}' is not available here. Choose one of: {', '.join(available)}.{missing}")
    return wanted


def apply_curves(
    strip: NDArray[Samples],
    maps: Maps,
    iterations: int,
    *,
    top: int = 0,
    height: int | None = None,
    out: NDArray[Samples] | None = None,
    backend: str | None = None,
    threads: int | None = None,
) -> NDArray[Samples]:
    """x <- x + a x (1 - x), `iterations` times, with `a` from `maps` (Zero-DCE, eq. 3).

    `strip` is sRGB, `n w 1` or `n w 3`, uint8, uint16 or float32 in [0, 1]; it is rows `top` to `top + n` of a picture
    `height` rows high (default: the strip is the whole picture). `maps` is `c h' w'` in [-1, 1] and covers the whole
    picture: c = 3 maps reused in every iteration, 3 * iterations, or (of more iterations than two) 6: the mean amounts,
    and by how much they rise, evenly, from the first iteration to the mean and from there to the last. Cell centres lie
    at (i + 0.5) / h' of the height, values between them are bilinear, beyond the outermost the edge holds. A grey
    strip gets the mean of the three colours' maps. The result has the type of `strip`, rounded half up; it is written
    to `out` if given.

    >>> apply_curves(np.full((1, 1, 3), 128, np.uint8), np.ones((3, 1, 1), np.float32), iterations=1)
    array([[[192, 192, 192]]], dtype=uint8)
    """
    rows, width, bands = _check(strip, maps, iterations)
    height = top + rows if height is None else height
    if not 0 <= top <= top + rows <= height:
        raise ValueError(f"rows {top} to {top + rows} are not in a picture {height} rows high.")
    backend = resolve_backend(backend)
    low = np.ascontiguousarray(strip)
    if out is None:
        out = np.empty_like(low)
    elif out.shape != strip.shape or out.dtype != strip.dtype or not out.flags.c_contiguous:
        raise ValueError(f"out wants to be {strip.dtype} {strip.shape} and contiguous, got {out.dtype} {out.shape}.")
    elif np.may_share_memory(out, low):
        raise ValueError("out must not overlap the strip.")
    if not rows * width:
        return out
    if bands == 1:
        maps = maps.reshape(-1, 3, *maps.shape[1:]).mean(axis=1, dtype=np.float32)
    maps = np.ascontiguousarray(maps, dtype=np.float32)

    def do_rows(first: int, last: int) -> None:
        if backend == "numpy":
            _apply_numpy(low, out, maps, iterations, top, height, first, last)
        else:
            assert _kernel is not None
            variant = backend.removeprefix("kernel-")
            _kernel.apply(low, out, maps, low.shape, maps.shape, iterations, top, height, (first, last), variant)

    blocks = min(threads or default_threads(), low.size // SAMPLES_WORTH_A_THREAD)
    in_blocks(do_rows, rows, blocks)
    return out


def _check(strip: NDArray[Samples], maps: Maps, iterations: int) -> tuple[int, int, int]:
    if strip.dtype not in PEAKS or strip.ndim != 3 or strip.shape[2] not in (1, 3):
        raise ValueError(
            f"a strip is uint8, uint16 or float32 of shape (n, w, 1 or 3), got {strip.dtype} {strip.shape}."
        )
    counts = map_counts(iterations)
    if maps.ndim != 3 or maps.shape[0] not in counts or not maps.size:
        wanted = " or ".join(map(str, counts))
        raise ValueError(f"{iterations} iterations want maps of shape ({wanted}, h, w), got {maps.shape}.")
    rows, width, bands = strip.shape
    return rows, width, bands


def _place(first: int, last: int, length: int, cells: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Maps]:
    """For positions first..last of a length: the two cells each lies between, and how far towards the second."""
    at = np.clip((np.arange(first, last) + 0.5) * cells / length - 0.5, 0, cells - 1)
    left = at.astype(np.intp)
    return left, np.minimum(left + 1, cells - 1), (at - left).astype(np.float32)


def map_counts(iterations: int) -> tuple[int, ...]:
    """How many maps a decision for so many iterations may have.

    >>> map_counts(1), map_counts(2), map_counts(8)
    ((3,), (3, 6), (3, 6, 24))
    """
    return tuple(sorted({3, 6, 3 * iterations} if iterations > 2 else {3, 3 * iterations}))


def rising(maps: Maps, iterations: int) -> bool:
    """Whether the second half of `maps` says how the amounts of the first rise over the iterations."""
    return maps.shape[0] == 6 and iterations > 2


def resize_maps(maps: Maps, height: int, width: int) -> Maps:
    """Maps `c h' w'` at `height` x `width`, bilinear between cell centres, the edge held beyond them."""
    above, below, down = _place(0, height, height, maps.shape[1])
    left, right, across = _place(0, width, width, maps.shape[2])
    tall = maps[:, above] + down[:, None] * (maps[:, below] - maps[:, above])
    return tall[:, :, left] + across * (tall[:, :, right] - tall[:, :, left])


def _apply_numpy(
    low: NDArray[Samples],
    out: NDArray[Samples],
    maps: Maps,
    iterations: int,
    top: int,
    height: int,
    first: int,
    last: int,
) -> None:
    """Rows `first` to `last` of the strip, block by block.

    A block is some rows that lie between the same two map rows, and as many columns as the cache likes. It holds
    x in units of levels, so that the input needs no scaling, and takes three passes an iteration:
    x + a x (1 - x / peak) = x (1 + a - (a / peak) x).
    """
    _, width, bands = low.shape
    peak = np.float32(PEAKS[low.dtype])
    half = np.float32(0.5 if low.dtype != np.float32 else 0)  # truncation after adding it rounds half up
    samples = width * bands
    low, out = low.reshape(-1, samples), out.reshape(-1, samples)
    above, below, down = _place(top + first, top + last, height, maps.shape[1])
    left, right, across = _place(0, width, width, maps.shape[2])
    sets = maps.reshape(-1, bands, *maps.shape[1:])
    rises = len(sets) == 2 and iterations > 2

    def stretch(row: int) -> Maps:
        cells = np.ascontiguousarray(sets[:, :, row].transpose(0, 2, 1))
        start = cells[:, left]
        return (start + across[:, None] * (cells[:, right] - start)).reshape(len(sets), samples)

    columns = min(samples, NUMPY_BLOCK)
    most_rows = max(1, NUMPY_BLOCK // samples)
    buffers = np.empty((4, most_rows * columns), np.float32)
    stretched: dict[int, Maps] = {}
    row = 0
    while row < last - first:
        end = row + 1
        while end < last - first and end - row < most_rows and above[end] == above[row]:
            end += 1
        around = (int(above[row]), int(below[row]))
        stretched = {cell: stretched[cell] if cell in stretched else stretch(cell) for cell in around}
        start, step = stretched[around[0]], stretched[around[1]] - stretched[around[0]]
        for left_edge in range(0, samples, columns):
            across_block = slice(left_edge, min(left_edge + columns, samples))
            shape = (end - row, across_block.stop - left_edge)
            x, factor, a, one_plus_a = (buffer[: shape[0] * shape[1]].reshape(shape) for buffer in buffers)
            x[...] = low[first + row : first + end, across_block]
            for iteration in range(iterations):
                if rises or iteration < len(sets):
                    here = 0 if rises else iteration
                    np.multiply(down[row:end, None], step[here, across_block], out=a)
                    a += start[here, across_block]
                    if rises:
                        np.multiply(down[row:end, None], step[1, across_block], out=factor)
                        factor += start[1, across_block]
                        factor *= np.float32(2 * iteration / (iterations - 1) - 1)
                        a += factor
                    np.add(a, np.float32(1), out=one_plus_a)
                    a *= -1 / peak
                np.multiply(a, x, out=factor)
                factor += one_plus_a
                x *= factor
            x += half
            np.clip(x, 0, peak, out=x)
            out[first + row : first + end, across_block] = x
        row = end
