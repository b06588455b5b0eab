"""Exif, XMP and IPTC on their way from a file's header to the next file."""

from __future__ import annotations

import math
import re
from typing import Any

from .exif import RESOLUTION_UNIT, X_RESOLUTION, Y_RESOLUTION, build_exif, read_exif, upright
from .libvips import Image, get_blob
from .picture import Metadata

_SUBSAMPLING = "jpeg-chroma-subsample"
_XMP_ORIENTATION = re.compile(rb"(tiff:Orientation\s*(?:=\s*[\"']|>)\s*)[2-8]")


def upright_metadata(image: Image, width: int, height: int, container: Any = None) -> Metadata:
    """The metadata in the header of `image` as it should stand beside the upright picture of `width` x `height` pixels.

    `container` is the file's content when it is a TIFF, whose tags libvips does not hand out as an Exif block.
    """
    exif = exif_of_tiff(container) if container is not None else get_blob(image, "exif-data")
    xmp = get_blob(image, "xmp-data")
    turned = bool(image.get_typeof("orientation")) and image.get("orientation") in (5, 6, 7, 8)
    return Metadata(
        exif=upright(exif, width, height) if exif else None,
        xmp=_XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if xmp else None,
        iptc=get_blob(image, "iptc-data"),
        halved_chroma=bool(image.get_typeof(_SUBSAMPLING)) and image.get(_SUBSAMPLING) == "4:2:0",
        dots_per_mm=_dots_per_mm(image, exif, turned),
    )


def _dots_per_mm(image: Image, exif: bytes | None, turned: bool) -> tuple[float, float] | None:
    across, down = float(image.xres), float(image.yres)
    if (across, down) == (1.0, 1.0):  # what libvips says when it knows nothing
        across, down = _dots_per_mm_in(exif) if exif else (0.0, 0.0)
    if not (0 < across < math.inf and 0 < down < math.inf):
        return None
    return (down, across) if turned else (across, down)


def _dots_per_mm_in(exif: bytes) -> tuple[float, float]:
    """As an Exif block says; zeros if it does not."""
    try:
        photo = read_exif(exif.removeprefix(b"Exif\0\0")).photo
        unit = {2: 25.4, 3: 10.0}[photo[RESOLUTION_UNIT].value if RESOLUTION_UNIT in photo else 2]
        return photo[X_RESOLUTION].value / unit, photo[Y_RESOLUTION].value / unit
    except (ValueError, KeyError, TypeError):
        return 0.0, 0.0


def exif_of_tiff(container: Any) -> bytes | None:
    """The photo's tags of a TIFF file or TIFF-like raw as an Exif block of their own; None if it has none."""
    try:
        exif = read_exif(container)
    except ValueError:
        return None
    return build_exif(exif) if exif else None
