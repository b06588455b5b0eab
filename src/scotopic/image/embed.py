"""Exif, and XMP for PNG, into finished files, byte for byte.

libvips would pass the block through libexif, which breaks MakerNotes. So it is given a placeholder of the right length,
and the real block is written over the placeholder afterwards, in place; no other byte of the file moves. A TIFF keeps
these tags in tables of its own: they are appended, and the file's first table is replaced by one that points to them.

XMP in a PNG has a chunk of its own name, not compressed, which libvips does not write so.
"""

from __future__ import annotations

import mmap
import os
import struct
import zlib
from pathlib import Path

from scotopic.errors import WriteError

from .exif import (
    MAKER_NOTE,
    ORIENTATION,
    RESOLUTION_UNIT,
    X_RESOLUTION,
    Y_RESOLUTION,
    Tiff,
    build_exif,
    lay_out,
    read_exif,
)

# A JPEG segment holds 65,533 bytes, and libexif, through which the placeholder goes, makes no block that would not fit
# into one. What it puts around the placeholder takes up to 400 of them. A TIFF has no such limit.
LARGEST_BLOCK = 65_100


def fitted(exif: bytes, format: str) -> bytes | None:
    """The block, without its MakerNote if it is too large for the format, or None if even that does not help."""
    if format == "tiff" or len(exif) <= LARGEST_BLOCK:
        return exif
    tables = read_exif(exif)
    tables.shot.pop(MAKER_NOTE, None)
    smaller = build_exif(tables)
    return smaller if len(smaller) <= LARGEST_BLOCK else None


def placeholder(exif: bytes) -> tuple[bytes, bytes]:
    """An Exif block that will take at least the room of `exif` in a file, and the text in it to find it by."""
    text = f"placeholder {os.urandom(16).hex()} ".encode()
    filling = text.ljust(max(len(exif), len(text)), b".") + b"\0"
    description = struct.pack("<HHHIII", 1, 0x010E, 2, len(filling), 26, 0)
    return b"Exif\0\0II*\0\x08\0\0\0" + description + filling, filling


def put_exif(path: Path, exif: bytes, filling: bytes) -> None:
    """Write `exif` over the placeholder in the file at `path`."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0) as data:
        at = data.find(filling)
        start = data.rfind(b"II*\0", max(at - 1024, 0), at)
        if at < 0 or start < 0:
            raise WriteError("Cannot place the Exif data: this libvips lays files out in a new way. Report it, please.")
        end = at + len(filling)
        if data[:4] == b"RIFF" and data[start - 6 : start] == b"Exif\0\0":
            start -= 6  # only JPEG wants this before the block
        data[start:end] = exif.ljust(end - start, b"\0")
        if data[:4] == b"\x89PNG":  # a PNG chunk: length, "eXIf", the block, a checksum of the last two
            size = int.from_bytes(data[start - 8 : start - 4], "big")
            data[start + size : start + size + 4] = zlib.crc32(data[start - 4 : start + size]).to_bytes(4, "big")


def append_exif_to_tiff(path: Path, exif: bytes) -> None:
    """Give the little-endian TIFF or BigTIFF at `path` the photo's tags of `exif`; its own layout stays."""
    with path.open("r+b") as file:
        with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            tiff = Tiff(data)
            layout = tiff.table(tiff.first)
        tables = read_exif(exif)
        tables.photo.pop(ORIENTATION, None)
        if X_RESOLUTION in tables.photo and Y_RESOLUTION in tables.photo:
            for tag in (X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT):
                layout.pop(tag, None)
        tables.photo = tables.photo | layout
        at = file.seek(0, os.SEEK_END)
        at += file.write(b"\0" * (at % 2))
        file.write(lay_out(tables, at, tiff.big))
        file.seek(8 if tiff.big else 4)
        file.write(struct.pack("<Q" if tiff.big else "<I", at))


def put_xmp_into_png(path: Path, xmp: bytes) -> None:
    """Put `xmp` into the PNG at `path`, behind its header, as international text that is not compressed."""
    text = b"iTXtXML:com.adobe.xmp" + bytes(5) + xmp.rstrip(b"\0")
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    after_header = 8 + 12 + 13  # signature, chunk around it, IHDR
    with path.open("r+b") as file:
        # From the end on, what is behind the header makes room.
        at = file.seek(0, os.SEEK_END)
        while at > after_header:
            size = min(_MOVED_AT_ONCE, at - after_header)
            at -= size
            file.seek(at)
            piece = file.read(size)
            file.seek(at + len(chunk))
            file.write(piece)
        file.seek(after_header)
        file.write(chunk)


_MOVED_AT_ONCE = 1 << 20
