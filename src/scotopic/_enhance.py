"""`scotopic.enhance`: one function for a photo file, a Picture, a RawFrame or an array."""

from __future__ import annotations

import os
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from .errors import ControlError
from .image import DEFAULT_MAX_PIXELS, Picture, RawFrame, is_picture_path
from .image.formats import writable_format
from .runtime import Controls, Enhancer, Result, Tier

AnyPath = str | os.PathLike[str]
Scalar = TypeVar("Scalar", np.float32, np.uint8, np.uint16)


@overload
def enhance(
    source: AnyPath,
    *,
    output: AnyPath,
    model: AnyPath | None = ...,
    strength: float = ...,
    exposure_ev: float = ...,
    protect_highlights: bool = ...,
    ratio: float | None = ...,
    tier: Tier | None = ...,
    denoise: float | None = ...,
    format: str | None = ...,
    quality: int | None = ...,
    bits: Literal[8, 16] | None = ...,
    profile: str | None = ...,
    overwrite: bool = ...,
    compare: AnyPath | None = ...,
    max_pixels: int | None = ...,
    threads: int | None = ...,
    providers: Sequence[str] | None = ...,
) -> Result: ...


@overload
def enhance(
    source: AnyPath,
    *,
    model: AnyPath | None = ...,
    strength: float = ...,
    exposure_ev: float = ...,
    protect_highlights: bool = ...,
    ratio: float | None = ...,
    tier: Tier | None = ...,
    denoise: float | None = ...,
    max_pixels: int | None = ...,
    threads: int | None = ...,
    providers: Sequence[str] | None = ...,
) -> Picture: ...


@overload
def enhance(
    source: Picture | RawFrame,
    *,
    model: AnyPath | None = ...,
    strength: float = ...,
    exposure_ev: float = ...,
    protect_highlights: bool = ...,
    ratio: float | None = ...,
    tier: Tier | None = ...,
    denoise: float | None = ...,
    threads: int | None = ...,
    providers: Sequence[str] | None = ...,
) -> Picture: ...


@overload
def enhance(
    source: NDArray[Scalar],
    *,
    model: AnyPath | None = ...,
    strength: float = ...,
    exposure_ev: float = ...,
    protect_highlights: bool = ...,
    tier: Tier | None = ...,
    denoise: float | None = ...,
    threads: int | None = ...,
    providers: Sequence[str] | None = ...,
) -> NDArray[Scalar]: ...


def enhance(
    source: AnyPath | Picture | RawFrame | NDArray[Scalar],
    *,
    output: AnyPath | None = None,
    model: AnyPath | None = None,
    strength: float = 1.0,
    exposure_ev: float = 0.0,
    protect_highlights: bool = True,
    ratio: float | None = None,
    tier: Tier | None = None,
    denoise: float | None = None,
    format: str | None = None,
    quality: int | None = None,
    bits: Literal[8, 16] | None = None,
    profile: str | None = None,
    overwrite: bool = False,
    compare: AnyPath | None = None,
    max_pixels: int | None = None,
    threads: int | None = None,
    providers: Sequence[str] | None = None,
) -> Result | Picture | NDArray[Scalar]:
    """Brightens `source` and returns it as what it came as.

    A path gives a `Picture`; a `Picture` or `RawFrame` gives a `Picture`; an array (`h w`, `h w 1` or `h w 3`, sRGB;
    float32 in [0, 1], uint8 or uint16) gives an array of the same type and shape. With `output` a photo file is
    streamed into another in bounded memory, and what comes back is the `Result`; `format`, `quality`, `bits`,
    `profile` (of camera raws: "srgb", "display-p3" or "prophoto"), `overwrite` and `compare` (where to put a
    side-by-side) belong to it. A file of more than `max_pixels` (default: 500 million) is refused.

    `strength` is 0 (nothing) to 2, `exposure_ev` -4 to 4; `ratio` is what the light of a camera raw is multiplied by,
    estimated if not given. Of ordinary pictures, `tier` "fast" brightens and "best" takes away the noise that this
    shows as well, as much of it as `denoise` says, 0 to 1; by default nine tenths, if the model has a denoiser. `model`
    is a name from `scotopic models` or a model folder, by default the right one for the kind of picture; it is loaded
    once and kept for the next call. Raises a `ScotopicError`: see `scotopic.errors`.
    """
    if not isinstance(source, str | os.PathLike | Picture | RawFrame | np.ndarray):
        raise ControlError(
            f"enhance wants a path, a Picture, a RawFrame or a numpy array, got {type(source).__name__}. "
            "Give it scotopic.read(...) of an open file or of bytes, numpy.asarray(...) of another library's picture."
        )
    limit = DEFAULT_MAX_PIXELS if max_pixels is None else max_pixels
    controls = Controls(strength, exposure_ev, protect_highlights, ratio, tier, denoise)
    enhancer = _enhancer(
        None if model is None else os.fspath(model), threads, None if providers is None else tuple(providers)
    )
    if output is not None:
        if not isinstance(source, str | os.PathLike):
            raise ControlError(
                f"output= streams one file into another, but source is a {type(source).__name__}. "
                "Leave output away and give the result to scotopic.write."
            )
        _check_wishes(output, format, quality, bits)
        return enhancer.enhance_file(
            source,
            output,
            controls=controls,
            format=format,
            quality=quality,
            bits=bits,
            profile=profile,
            overwrite=overwrite,
            compare=compare,
            max_pixels=limit,
        )
    if any(wish is not None for wish in (format, quality, bits, profile, compare)) or overwrite:
        raise ControlError(
            "format, quality, bits, profile, overwrite and compare say how a file is written: they need output=."
        )
    if isinstance(source, str | os.PathLike):
        return enhancer.enhance(enhancer.read(source, max_pixels=limit), controls)
    if max_pixels is not None:
        raise ControlError(f"max_pixels is for files that are opened, but source is a {type(source).__name__}.")
    return enhancer.enhance(source, controls)


def _check_wishes(output: AnyPath, format: str | None, quality: int | None, bits: int | None) -> None:
    """ControlError for what the format that `output` is written in does not have."""
    suffix = os.path.splitext(os.fspath(output))[1]
    written = writable_format(format or suffix)
    if format is not None and is_picture_path(output) and suffix.lower() not in written.suffixes:
        raise ControlError(f"output='{output}' is no {written.name}, but format={format!r}: leave one of them away.")
    if quality is not None and written.quality is None:
        raise ControlError(f"{written.name} keeps every pixel as it is, so quality does nothing: leave it away.")
    if bits == 16 and 16 not in written.bits:
        raise ControlError(f"{written.name} has 8 bits, not 16: write a .tiff or .png.")


@lru_cache(maxsize=4)
def _enhancer(model: str | None, threads: int | None, providers: tuple[str, ...] | None) -> Enhancer:
    return Enhancer(model, threads=threads, providers=providers)
