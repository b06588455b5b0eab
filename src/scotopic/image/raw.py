"""Camera raws, developed by LibRaw to linear light and exposed by a rule.

LibRaw demosaics, applies the camera's white balance and converts to sRGB's primaries, all proportional to light. Then
the frame is brought to a middle brightness (Reinhard et al., "Photographic tone reproduction", 2002, eq. 1 and 4): a
gain from its log-average, never below 1, and a shoulder that keeps highlights from clipping; at gain 1 nothing
changes at all. A developed raw is held whole in memory, 6 bytes a pixel.
"""

from __future__ import annotations

import io
import struct
from functools import cache
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import UnreadableImageError, UnsupportedImageError

from .colour import LUMA, linear_to_srgb
from .exif import SUB_IFDS, Tiff, upright
from .formats import RAW_SUFFIXES
from .libvips import Image, get_blob, vips
from .metadata import exif_of_tiff
from .opening import File, Opener, check_size

MIDDLE = 0.10
"""The log-average (linear light) that a dark frame is brought to: an ordinary daylight photo has 0.08 to 0.18."""
LARGEST_GAIN = 64.0  # 6 EV: what lies deeper is noise
KNEE = 0.5  # linear light; brighter values are bent into what is left below 1
_PHOTOMETRIC, _DNG_VERSION = 0x0106, 0xC612
_MOSAICS = (32803, 34892)  # photometric interpretations: colour filter array, linear raw


def looks_raw(content: Any, name: str) -> bool:
    """Whether a file that begins like a TIFF is a camera raw: its tags say so, or LibRaw knows its camera."""
    try:
        tiff = Tiff(content)
        first = tiff.table(tiff.first)
        tables = [first]
        if SUB_IFDS in first:
            at = first[SUB_IFDS].value
            tables += [tiff.table(offset) for offset in (at if isinstance(at, tuple) else (at,))]
        if _DNG_VERSION in first or any(t[_PHOTOMETRIC].value in _MOSAICS for t in tables if _PHOTOMETRIC in t):
            return True
    except (ValueError, TypeError, struct.error):  # TypeError: offsets that are text or fractions
        pass
    if PurePath(name).suffix.lower() not in RAW_SUFFIXES:
        return False
    import rawpy

    with rawpy.RawPy() as raw:
        try:
            raw.open_buffer(io.BytesIO(content))
        except rawpy.LibRawError:
            return False
    return True


def open_raw(file: File, max_pixels: int) -> tuple[Opener, bytes | None]:
    """An opener of the developed picture (upright, 16-bit sRGB; developed on the first call) and its Exif block."""
    import rawpy

    with rawpy.RawPy() as raw:
        _load(raw, file)
        width, height = raw.sizes.iwidth, raw.sizes.iheight
        check_size(file.name, width, height, max_pixels)
        exif = _exif(raw, file)

    @cache
    def developed() -> NDArray[np.uint16]:
        return expose(_develop(file))

    def opener(sequential: bool, shrink: int) -> Image:
        pixels = developed()
        return vips().Image.new_from_array(pixels, interpretation="rgb16" if pixels.shape[2] == 3 else "grey16")

    return opener, upright(exif, width, height) if exif else None


def _load(raw: Any, file: File) -> None:
    import rawpy

    try:
        if file.path is not None:
            raw.open_file(str(file.path))
        else:
            raw.open_buffer(io.BytesIO(file.data or b""))
    except (rawpy.LibRawFileUnsupportedError, rawpy.NotSupportedError) as error:
        raise UnsupportedImageError(
            f"'{file.name}' looks like a camera raw, but LibRaw {'.'.join(map(str, rawpy.libraw_version))} "
            "does not know this kind. Convert it to DNG and try again."
        ) from error
    except rawpy.LibRawError as error:
        raise _damaged(file, error) from error


def _develop(file: File) -> NDArray[np.uint16]:
    """Linear light, sRGB primaries, camera white balance, upright: uint16 (h, w, 3)."""
    import rawpy

    with rawpy.RawPy() as raw:
        _load(raw, file)
        try:
            pixels = raw.postprocess(
                use_camera_wb=True, output_bps=16, gamma=(1, 1), no_auto_bright=True, output_color=rawpy.ColorSpace.sRGB
            )
        except rawpy.LibRawError as error:
            raise _damaged(file, error) from error
    return np.ascontiguousarray(pixels, dtype=np.uint16)


def _damaged(file: File, error: Exception) -> UnreadableImageError:
    told = error.args[0] if error.args else error
    words = told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)
    return UnreadableImageError(f"'{file.name}' is damaged or incomplete: {words}. Copy it again from where it came.")


def expose(linear: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """A linear frame, uint16 (h, w, 3), exposed by `exposure_gain`, sRGB-encoded; its memory is reused.

    >>> dark, bright = np.full((2, 2, 3), 655, np.uint16), np.full((2, 2, 3), 32768, np.uint16)
    >>> [round(float(expose(frame).max()) / 65535, 3) for frame in (dark, bright)]  # the sRGB codes of 0.10 and of 0.50
    [0.349, 0.735]
    """
    table = tone_table(exposure_gain(linear))
    for row in linear:
        np.take(table, row, out=row, mode="clip")
    return linear


def exposure_gain(linear: NDArray[np.uint16]) -> float:
    """What the frame must be multiplied by for its log-average to be `MIDDLE`; 1 if it is there or brighter.

    >>> exposure_gain(np.full((2, 2, 3), 32768, np.uint16))
    1.0
    """
    step = max(1, min(linear.shape[:2]) // 512)
    light = linear[::step, ::step].astype(np.float32) @ LUMA / 65535
    log_average = float(np.exp(np.log(light + 1e-4, dtype=np.float64).mean())) - 1e-4  # eq. 1; 1e-4: black stays finite
    return float(np.clip(MIDDLE / max(log_average, 1e-9), 1.0, LARGEST_GAIN))


def tone_table(gain: float) -> NDArray[np.uint16]:
    """For each linear 16-bit value its sRGB code after `gain` and the shoulder; 65535 stays 65535.

    >>> table = tone_table(1.0)
    >>> int(table[0]), int(table[65535])
    (0, 65535)
    """
    x = np.arange(65536, dtype=np.float64) / 65535 * gain
    t, white = np.maximum(x - KNEE, 0) / (1 - KNEE), (gain - KNEE) / (1 - KNEE)
    bent = KNEE + (1 - KNEE) * t * (1 + t / white**2) / (1 + t)  # eq. 4: slope 1 at the knee, `gain` becomes 1
    encoded = linear_to_srgb(np.where(x > KNEE, bent, x)).astype(np.float64)
    return np.round(np.clip(encoded, 0, 1) * 65535).astype(np.uint16)


def _exif(raw: Any, file: File) -> bytes | None:
    """From the raw itself where it is laid out like a TIFF (most are), else from the preview JPEG in it."""
    import rawpy

    with file.content() as content:
        exif = exif_of_tiff(content)
    if exif:
        return exif
    try:
        preview = raw.extract_thumb()
        if preview.format != rawpy.ThumbFormat.JPEG:
            return None
        return get_blob(vips().Image.jpegload_buffer(preview.data), "exif-data")
    except (rawpy.LibRawError, rawpy.NotSupportedError, vips().Error):
        return None
