"""LibRaw, through rawpy: which files are its to read, opening them, and its errors in our words."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import PurePath
from typing import Any

from scotopic.errors import UnreadableImageError, UnsupportedImageError

from .exif import SUB_IFDS, Ifd, Tiff
from .formats import RAW_SUFFIXES
from .libvips import get_blob, vips
from .metadata import exif_of_tiff
from .opening import File

PHOTOMETRIC, _DNG_VERSION = 0x0106, 0xC612
MOSAICS = (32803, 34892)  # photometric interpretations: colour filter array, linear raw
_STRIP_OFFSETS, _STRIP_SIZES, _TILE_OFFSETS, _TILE_SIZES = 0x0111, 0x0117, 0x0144, 0x0145


def looks_raw(content: Any, name: str) -> bool:
    """Whether a file whose first bytes do not say it is a camera raw: its tags say so, or its suffix and LibRaw."""
    try:
        tables = tables_of(Tiff(content))
        if _DNG_VERSION in tables[0] or any(t[PHOTOMETRIC].value in MOSAICS for t in tables if PHOTOMETRIC in t):
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


@contextmanager
def opened(file: File) -> Iterator[Any]:
    """LibRaw with this file open (not yet decoded); its errors become ours."""
    import rawpy

    with rawpy.RawPy() as raw, _errors(file):
        _check_complete(file)
        if file.path is not None:
            raw.open_file(str(file.path))
        else:
            raw.open_buffer(io.BytesIO(file.data or b""))
        yield raw


@contextmanager
def _errors(file: File) -> Iterator[None]:
    import rawpy

    try:
        yield
    except (rawpy.LibRawFileUnsupportedError, rawpy.NotSupportedError) as error:
        raise UnsupportedImageError(
            f"'{file.name}' looks like a camera raw, but LibRaw {'.'.join(map(str, rawpy.libraw_version))} "
            "does not know this kind. Convert it to DNG and try again."
        ) from error
    except rawpy.LibRawError as error:
        told = error.args[0] if error.args else error
        raise _damaged(file, told.decode("utf-8", "replace") if isinstance(told, bytes) else str(told)) from error


def _damaged(file: File, words: str) -> UnreadableImageError:
    return UnreadableImageError(f"'{file.name}' is damaged or incomplete: {words}. Copy it again from where it came.")


def exif_of_raw(raw: Any, file: File) -> bytes | None:
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


def tables_of(tiff: Tiff) -> list[Ifd]:
    """The first table of a TIFF-like file and those below it."""
    first = tiff.table(tiff.first)
    if SUB_IFDS not in first:
        return [first]
    at = first[SUB_IFDS].value
    return [first, *(tiff.table(offset) for offset in (at if isinstance(at, tuple) else (at,)))]


def _check_complete(file: File) -> None:
    """UnreadableImageError if the sensor's values, as a TIFF-like raw places them, go on beyond the end of the file.

    LibRaw would print to the screen what it misses, and not always fail.
    """
    with file.content() as content:
        try:
            tables = tables_of(Tiff(content))
        except (ValueError, TypeError, struct.error):
            return
        for table in tables:
            if PHOTOMETRIC not in table or table[PHOTOMETRIC].value not in MOSAICS:
                continue
            for at, sizes in ((_STRIP_OFFSETS, _STRIP_SIZES), (_TILE_OFFSETS, _TILE_SIZES)):
                offsets, lengths = _integers(table, at), _integers(table, sizes)
                ends = [a + b for a, b in zip(offsets, lengths, strict=False)]
                if ends and max(ends) > len(content):
                    missing = max(ends) - len(content)
                    raise _damaged(file, f"{missing:,} bytes are missing at its end")


def _integers(table: Ifd, tag: int) -> tuple[int, ...]:
    value = table[tag].value if tag in table else ()
    values = value if isinstance(value, tuple) else (value,)
    return tuple(number for number in values if isinstance(number, int))
