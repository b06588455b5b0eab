"""libvips, loaded on first use, kept quiet, its failures turned into words."""

from __future__ import annotations

import logging
import os
from functools import cache
from typing import Any, TypeAlias

Image: TypeAlias = Any
"""A pyvips Image. pyvips makes its methods at run time, so a type would tell a reader but not a checker."""


@cache
def vips() -> Any:
    """The pyvips module, imported and settled on the first call.

    libvips reports what it finds odd in a file to the logger "pyvips". Without a handler Python would print that on the
    user's terminal; with this one it is still there for whoever listens.
    """
    logging.getLogger("pyvips").addHandler(logging.NullHandler())
    import pyvips

    # Pictures are streamed once: remembering past operations would only keep files open and memory in use.
    pyvips.cache_set_max(0)
    if "VIPS_CONCURRENCY" not in os.environ:
        # Every worker holds strips of its own, and beyond a few the encoders do not get faster.
        pyvips.concurrency_set(min(os.cpu_count() or 1, 4))
    return pyvips


def reason(error: Exception) -> str:
    """What libvips says went wrong, in one line.

    >>> reason(Exception("unable to call jpegload\\n  VipsJpeg: premature end of JPEG image\\n"))
    'VipsJpeg: premature end of JPEG image'
    """
    lines = [line.strip().rstrip(".") for line in str(error).splitlines()]
    told = [line for line in lines[1:] if line] or lines
    return told[0] if told else type(error).__name__


def system_reason(error: Exception) -> str | None:
    """What the system said, if it is the system that libvips failed at.

    >>> system_reason(Exception("unable to call pngsave\\n  a.png: write error\\nsystem error: File too large\\n"))
    'File too large'
    """
    for line in str(error).splitlines():
        who, _, said = line.strip().partition(" error: ")
        if who in ("system", "unix", "windows") and said and not said.startswith("Unknown"):
            return said.rstrip(".")
    return None


def get_blob(image: Image, name: str) -> bytes | None:
    """A block of metadata (`exif-data`, `xmp-data`, `icc-profile-data` …) from an image's header, or None."""
    return bytes(image.get(name)) if image.get_typeof(name) else None


def with_blob(image: Image, name: str, blob: bytes | None) -> Image:
    """The image with a block of metadata set, or with it removed if `blob` is None."""
    image = image.copy()
    if blob is not None:
        image.set_type(vips().GValue.blob_type, name, blob)
    elif image.get_typeof(name):
        image.remove(name)
    return image
