"""Exif, XMP and IPTC on their way from a file's header to the next file."""

from __future__ import annotations

import re
from typing import Any

from .exif import build_exif, read_exif, upright
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
    return Metadata(
        exif=upright(exif, width, height) if exif else None,
        xmp=_XMP_ORIENTATION.sub(rb"\g<1>1", xmp) if xmp else None,
        iptc=get_blob(image, "iptc-data"),
        halved_chroma=bool(image.get_typeof(_SUBSAMPLING)) and image.get(_SUBSAMPLING) == "4:2:0",
    )


def exif_of_tiff(container: Any) -> bytes | None:
    """The photo's tags of a TIFF file or TIFF-like raw as an Exif block of their own; None if it has none."""
    try:
        exif = read_exif(container)
    except ValueError:
        return None
    return build_exif(exif) if exif else None
