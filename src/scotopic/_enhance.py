"""`scotopic.enhance`: one function for a photo file, a Picture or an array."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from .errors import ControlError
from .image import Picture, read
from .runtime import DEFAULT_MODEL, Controls, Enhancer, Result

AnyPath = str | os.PathLike[str]
Scalar = TypeVar("Scalar", np.float32, np.uint8, np.uint16)


@overload
def enhance(
    source: AnyPath,
    *,
    output: AnyPath,
    model: AnyPath = ...,
    strength: float = ...,
    exposure_ev: float = ...,
    protect_highlights: bool = ...,
    quality: int | None = ...,
    bits: Literal[8, 16] | None = ...,
    overwrite: bool = ...,
    compare: AnyPath | None = ...,
    threads: int | None = ...,
    providers: Sequence[str] | None = ...,
) -> Result: ...


@overload
def enhance(
    source: AnyPath | Picture,
    *,
    model: AnyPath = ...,
    strength: float = ...,
    exposure_ev: float = ...,
    protect_highlights: bool = ...,
    threads: int | None = ...,
    providers: Sequence[str] | None = ...,
) -> Picture: ...


@overload
def enhance(
    source: NDArray[Scalar],
    *,
    model: AnyPath = ...,
    strength: float = ...,
    exposure_ev: float = ...,
    protect_highlights: bool = ...,
    threads: int | None = ...,
    providers: Sequence[str] | None = ...,
) -> NDArray[Scalar]: ...


def enhance(
    source: AnyPath | Picture | NDArray[Scalar],
    *,
    output: AnyPath | None = None,
    model: AnyPath = DEFAULT_MODEL,
    strength: float = 1.0,
    exposure_ev: float = 0.0,
    protect_highlights: bool = True,
    quality: int | None = None,
    bits: Literal[8, 16] | None = None,
    overwrite: bool = False,
    compare: AnyPath | None = None,
    threads: int | None = None,
    providers: Sequence[str] | None = None,
) -> Result | Picture | NDArray[Scalar]:
    """Brightens `source` and returns it as what it came as.

    A path gives a `Picture`; a `Picture` gives a `Picture`; an array (`h w`, `h w 1` or `h w 3`, sRGB; float32 in
    [0, 1], uint8 or uint16) gives an array of the same type and shape. With `output` a photo file is streamed into
    another in bounded memory, and what comes back is the `Result`; `quality`, `bits`, `overwrite` and `compare` (where
    to put a side-by-side) belong to it.

    `strength` is 0 (nothing) to 2, `exposure_ev` -4 to 4. `model` is a name from `scotopic models` or a model folder;
    it is loaded once and kept for the next call. Raises a `ScotopicError`: see `scotopic.errors`.
    """
    controls = Controls(strength, exposure_ev, protect_highlights)
    enhancer = _enhancer(os.fspath(model), threads, None if providers is None else tuple(providers))
    if output is not None:
        if not isinstance(source, str | os.PathLike):
            raise ControlError(
                f"output= streams one file into another, but source is a {type(source).__name__}. "
                "Leave output away and give the result to scotopic.write."
            )
        return enhancer.enhance_file(
            source,
            output,
            controls=controls,
            quality=quality,
            bits=bits,
            overwrite=overwrite,
            compare=compare,
        )
    if quality is not None or bits is not None or overwrite or compare is not None:
        raise ControlError("quality, bits, overwrite and compare say how a file is written: they need output=.")
    if isinstance(source, str | os.PathLike):
        return enhancer.enhance(read(source), controls)
    return enhancer.enhance(source, controls)


@lru_cache(maxsize=4)
def _enhancer(model: str, threads: int | None, providers: tuple[str, ...] | None) -> Enhancer:
    return Enhancer(model, threads=threads, providers=providers)
