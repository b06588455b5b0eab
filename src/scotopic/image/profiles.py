"""ICC profiles: which to keep with the pixels, which to convert away from, and what they are called.

The networks and curves work on values encoded roughly as sRGB encodes them. Display P3 and Adobe RGB are such
encodings, only with other primaries: their pixels are enhanced as they are and keep their profile, so no colour is
lost. A profile with another tone curve (linear, ProPhoto's gamma 1.8, a scanner's table) is converted to 16-bit
Display P3 first.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .libvips import Image, get_blob, vips, with_blob

# Of 1. Gamma 2.2 (Adobe RGB) strays 0.034 from the sRGB curve, in the shadows; gamma 1.8 (ProPhoto) 0.08, linear 0.25.
LARGEST_TONE_DIFFERENCE = 0.045
LARGEST_COLOUR_DIFFERENCE = 0.015

Kind = Literal["srgb", "wide", "foreign", "broken"]


@dataclass(frozen=True)
class ColourPlan:
    """How to bring an image's colour bands into an sRGB-like encoding.

    `working` says into what: "as is" (keep pixels and `icc`), "p3" (16-bit Display P3) or "srgb". `for_screen` says
    whether pixels as read still need a conversion to be true sRGB.
    """

    working: Literal["as is", "p3", "srgb"]
    for_screen: bool
    name: str | None


def plan_colour(image: Image) -> ColourPlan:
    """Decide from the header of `image` (colour bands only, no alpha)."""
    icc = get_blob(image, "icc-profile-data")
    name = profile_name(icc) if icc else None
    if image.interpretation == "cmyk":
        return ColourPlan("srgb", True, name or "CMYK without a profile")
    if image.interpretation in ("lab", "labs", "labq", "xyz", "lch"):
        return ColourPlan("srgb", True, name or "CIELAB")
    kind = profile_kind(icc, int(image.bands)) if icc else "srgb"
    if kind == "foreign":
        return ColourPlan("p3" if image.bands == 3 else "srgb", True, name)
    return ColourPlan("as is", kind == "wide", None if kind == "broken" else name)


def to_working(image: Image, plan: ColourPlan) -> Image:
    """The colour bands in the encoding in which they are enhanced and written; its profile is in the header."""
    if plan.working == "as is":
        return image if plan.name else with_blob(image, "icc-profile-data", None)
    if plan.working == "srgb" and image.bands == 1:
        # 16 bits, as for colour: the shadows of a foreign tone curve have more steps than 8 bits can tell apart.
        return to_srgb((image * 257).cast("ushort") if image.format == "uchar" else image, plan)
    if plan.working == "p3":
        return image.icc_transform("p3", embedded=True, depth=16, intent="relative", black_point_compensation=True)
    return to_srgb(image, plan)


def to_srgb(image: Image, plan: ColourPlan) -> Image:
    """The colour bands in true sRGB, 8 or 16 bits as they came, without a profile."""
    if plan.for_screen:
        grey = image.bands == 1
        depth = 16 if image.format == "ushort" else 8
        if image.interpretation in ("lab", "labs", "labq", "xyz", "lch"):
            image = image.colourspace("rgb16" if depth == 16 else "srgb")
        else:
            fallback = {"input_profile": "cmyk"} if image.interpretation == "cmyk" else {}
            image = image.icc_transform("srgb", embedded=True, depth=depth, intent="relative", **fallback)
        if grey:
            image = image.extract_band(0).copy(interpretation="grey16" if depth == 16 else "b-w")
    return with_blob(image, "icc-profile-data", None)


def pixels_to_srgb(pixels: NDArray[np.float32], icc: bytes) -> NDArray[np.float32]:
    """Pixels `h w 1` or `h w 3` in [0, 1] that `icc` describes, in true sRGB; as they are if it is no sound profile."""
    if profile_kind(icc, pixels.shape[2]) not in ("wide", "foreign"):
        return pixels
    grey = pixels.shape[2] == 1
    whole = np.rint(np.clip(pixels, 0, 1) * 65535).astype(np.uint16)
    image = vips().Image.new_from_array(whole, interpretation="grey16" if grey else "rgb16")
    image = with_blob(image, "icc-profile-data", icc)
    screen = image.icc_transform("srgb", embedded=True, depth=16, intent="relative").numpy()
    out: NDArray[np.float32] = screen.reshape(*pixels.shape[:2], -1)[..., : pixels.shape[2]] / np.float32(65535)
    return out


@lru_cache(maxsize=32)
def profile_kind(icc: bytes, bands: int) -> Kind:
    """Whether a grey (1 band) or RGB (3) profile is sRGB itself, sRGB-like but wide, of another tone curve, or
    unusable.

    Judged by what it does: a neutral ramp and some colours are pushed through it to sRGB.
    """
    if not _sound(icc, bands):
        return "broken"
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], bands, axis=2)
    colours = np.array([[[200, 60, 60], [60, 200, 60], [60, 60, 200], [180, 180, 60]]], np.uint8)
    try:
        tone = _through(ramp, icc) - ramp
        hue = _through(colours, icc) - colours.astype(np.float32) if bands == 3 else np.zeros(1)
    except vips().Error:
        return "broken"
    if np.abs(tone).max() > LARGEST_TONE_DIFFERENCE * 255:
        return "foreign"
    worst = max(np.abs(tone).max(), np.abs(hue).max())
    return "srgb" if worst <= LARGEST_COLOUR_DIFFERENCE * 255 else "wide"


def _sound(icc: bytes, bands: int) -> bool:
    """Whether this is a whole profile for so many bands; if not, libvips would silently take sRGB in its place."""
    if len(icc) < 132 or icc[36:40] != b"acsp" or icc[16:20] != (b"GRAY" if bands == 1 else b"RGB "):
        return False
    (tags,) = struct.unpack_from(">I", icc, 128)
    if len(icc) < 132 + 12 * tags:
        return False
    places = [struct.unpack_from(">II", icc, 136 + 12 * i) for i in range(tags)]
    return all(offset + size <= len(icc) for offset, size in places)


def _through(pixels: NDArray[np.uint8], icc: bytes) -> NDArray[np.float32]:
    image = vips().Image.new_from_array(pixels, interpretation="b-w" if pixels.shape[2] == 1 else "srgb")
    image = with_blob(image, "icc-profile-data", icc)
    screen = image.icc_transform("srgb", embedded=True, depth=8, intent="relative")
    out: NDArray[np.float32] = screen.numpy().astype(np.float32)
    return out.reshape(*pixels.shape[:2], -1)[..., : pixels.shape[2]]


def profile_name(icc: bytes) -> str:
    """The profile's own description (ICC.1:2022, tag `desc`), or "unnamed profile".

    >>> profile_name(b"not a profile")
    'unnamed profile'
    """
    try:
        for i in range(min(struct.unpack_from(">I", icc, 128)[0], 100)):
            signature, offset, size = struct.unpack_from(">4sII", icc, 132 + 12 * i)
            if signature == b"desc":
                return _text(icc[offset : offset + size]) or "unnamed profile"
    except (struct.error, UnicodeDecodeError):
        pass
    return "unnamed profile"


def _text(tag: bytes) -> str:
    if tag[:4] == b"mluc":  # version 4: UTF-16 in several languages, the first is taken
        length, offset = struct.unpack_from(">II", tag, 20)
        return tag[offset : offset + length].decode("utf-16-be").strip("\0 ")
    (length,) = struct.unpack_from(">I", tag, 8)  # version 2: ASCII
    return tag[12 : 12 + length].decode("latin-1").strip("\0 ")
