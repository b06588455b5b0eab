"""Camera raws, developed by LibRaw to linear light and exposed by a rule.

LibRaw demosaics, applies the camera's white balance and converts to sRGB's primaries, all proportional to light. Then
the frame is brought to a middle brightness (Reinhard et al., "Photographic tone reproduction", 2002, eq. 1 and 4): a
gain from its log-average, never below 1, and a shoulder that keeps highlights from clipping; at gain 1 nothing
changes at all. A developed raw is held whole in memory, 6 bytes a pixel.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .colour import LUMA, linear_to_srgb
from .exif import upright
from .libraw import exif_of_raw, opened
from .libvips import Image, vips
from .opening import File, Opener, check_size

MIDDLE = 0.10
"""The log-average (linear light) that a dark frame is brought to: an ordinary daylight photo has 0.08 to 0.18."""
LARGEST_GAIN = 64.0  # 6 EV: what lies deeper is noise
KNEE = 0.5  # linear light; brighter values are bent into what is left below 1


def open_raw(file: File, max_pixels: int) -> tuple[Opener, bytes | None]:
    """An opener of the developed picture (upright, 16-bit sRGB; developed on the first call) and its Exif block."""
    with opened(file) as raw:
        width, height = raw.sizes.iwidth, raw.sizes.iheight
        check_size(file.name, width, height, max_pixels)
        exif = exif_of_raw(raw, file)

    @cache
    def developed() -> NDArray[np.uint16]:
        return expose(_develop(file))

    def opener(sequential: bool, shrink: int) -> Image:
        pixels = developed()
        return vips().Image.new_from_array(pixels, interpretation="rgb16" if pixels.shape[2] == 3 else "grey16")

    return opener, upright(exif, width, height) if exif else None


def _develop(file: File) -> NDArray[np.uint16]:
    """Linear light, sRGB primaries, camera white balance, upright: uint16 (h, w, 3)."""
    import rawpy

    with opened(file) as raw:
        pixels = raw.postprocess(
            use_camera_wb=True,
            output_bps=16,
            gamma=(1, 1),
            no_auto_bright=True,
            output_color=rawpy.ColorSpace.sRGB,
            demosaic_algorithm=rawpy.DemosaicAlgorithm.LINEAR if _small_xtrans(raw) else None,
        )
    return np.ascontiguousarray(pixels, dtype=np.uint16)


def _small_xtrans(raw: Any) -> bool:
    """Whether LibRaw's own X-Trans demosaicing, which wants at least 512 pixels a side, would fail."""
    if min(raw.sizes.height, raw.sizes.width) >= 512 or raw.num_colors != 3:
        return False
    pattern = raw.raw_pattern
    return pattern is not None and pattern.shape == (6, 6)


def expose(linear: NDArray[np.uint16]) -> NDArray[np.uint16]:
    """A linear frame, uint16 (h, w, 3 or 1), exposed by `exposure_gain`, sRGB-encoded; its memory is reused.

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
    some = linear[::step, ::step].astype(np.float32) / 65535
    light = some @ LUMA if some.shape[2] == 3 else some[..., 0]  # a sensor without filters gives grey
    log_average = float(np.exp(np.log(light + 1e-4, dtype=np.float64).mean())) - 1e-4  # eq. 1; 1e-4: black stays finite
    return float(np.clip(MIDDLE / max(log_average, 1e-9), 1.0, LARGEST_GAIN))


def tone_table(gain: float) -> NDArray[np.uint16]:
    """For each linear 16-bit value its sRGB code after `gain` and the shoulder; 65535 stays 65535.

    >>> table = tone_table(1.0)
    >>> int(table[0]), int(table[65535])
    (0, 65535)
    """
    light = np.arange(65536, dtype=np.float64) / 65535 * gain
    encoded = linear_to_srgb(shoulder(light, gain)).astype(np.float64)
    return np.round(np.clip(encoded, 0, 1) * 65535).astype(np.uint16)


def shoulder(light: NDArray[np.float64], white: float) -> NDArray[np.float64]:
    """Light up to `white` bent to end at 1: as it is below KNEE, then Reinhard's curve with slope 1 there (eq. 4).

    >>> shoulder(np.array([0.3, 0.9, 1.0]), 1.0).tolist(), shoulder(np.array([0.3, 4.0]), 4.0).tolist()
    ([0.3, 0.9, 1.0], [0.3, 1.0])
    """
    t, end = np.maximum(light - KNEE, 0) / (1 - KNEE), (white - KNEE) / (1 - KNEE)
    return np.where(light > KNEE, KNEE + (1 - KNEE) * t * (1 + t / end**2) / (1 + t), light)
