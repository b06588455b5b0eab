"""Exif: the block of tags that a camera leaves in a file, as a tree of small tables.

An Exif block is a tiny TIFF file. It is read into plain dictionaries, changed, and laid out again; TIFF files and
TIFF-like camera raws, which keep the same tags without the block around them, are read and extended by the same code.

libvips rewrites Exif through libexif, which shortens MakerNotes, and its TIFF writer leaves exposure and GPS out; so
the block is kept as the camera wrote it wherever possible, and put into the files by our own hand (`embed.py`).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

ORIENTATION, SUB_IFDS, EXIF_IFD, GPS_IFD, INTEROP_IFD = 0x0112, 0x014A, 0x8769, 0x8825, 0xA005
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 0x011A, 0x011B, 0x0128
MAKER_NOTE, WIDTH, HEIGHT = 0x927C, 0xA002, 0xA003
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_UNITS = {1: 1, 2: 1, 3: 2, 4: 4, 5: 4, 6: 1, 7: 1, 8: 2, 9: 4, 10: 4, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_CODES = {1: "B", 3: "H", 4: "I", 6: "b", 8: "h", 9: "i", 11: "f", 12: "d", 13: "I", 16: "Q", 17: "q", 18: "Q"}
_LARGEST_VALUE = 1 << 24  # a tag of more bytes than this is an error in the file, not metadata

# What describes the photo, not how a file stores its pixels: these move from a TIFF or raw into an Exif block and back.
PHOTO_TAGS = frozenset(
    {0x010E, 0x010F, 0x0110, 0x0112, 0x011A, 0x011B, 0x0128, 0x0131, 0x0132, 0x013B, 0x013C, 0x8298}
    | {0x4746, 0x4749, 0x9C9B, 0x9C9C, 0x9C9D, 0x9C9E, 0x9C9F, EXIF_IFD, GPS_IFD}
)


class Entry(NamedTuple):
    """A tag's value: TIFF type, how many, and the bytes, little-endian."""

    type: int
    n: int
    data: bytes

    @property
    def value(self) -> Any:
        """As Python has it: str, bytes, a number, or a tuple of numbers; a rational is a float (0/0 is nan)."""
        if self.type == 2:
            return self.data.split(b"\0", 1)[0].decode("utf-8", "replace").strip()
        if self.type == 7:
            return self.data
        if self.type in (5, 10):
            pairs = struct.iter_unpack("<II" if self.type == 5 else "<ii", self.data)
            numbers: tuple[Any, ...] = tuple(n / d if d else float("nan") for n, d in pairs)
        else:
            numbers = struct.unpack(f"<{self.n}{_CODES[self.type]}", self.data)
        return numbers[0] if len(numbers) == 1 else numbers


Ifd = dict[int, Entry]


@dataclass
class Exif:
    """The tables: `photo` (IFD0), `shot` (Exif IFD: exposure, lens, MakerNote), `gps`, `interop`."""

    photo: Ifd = field(default_factory=dict)
    shot: Ifd = field(default_factory=dict)
    gps: Ifd = field(default_factory=dict)
    interop: Ifd = field(default_factory=dict)

    def __bool__(self) -> bool:
        return bool(self.photo or self.shot or self.gps)


class Tiff:
    """A reader of the tag tables in a TIFF-like block: Exif, TIFF, BigTIFF, most camera raws. Else: ValueError."""

    def __init__(self, data: Any) -> None:
        self.data = data
        head = bytes(data[:16])
        orders = {b"II": "<", b"MM": ">"}
        if head[:2] not in orders or len(head) < 8:
            raise ValueError("not a TIFF block")
        self.order = orders[head[:2]]
        self.big = self._number(2, 2) == 43
        self.first = self._number(8, 8) if self.big else self._number(4, 4)

    def _number(self, offset: int, size: int) -> int:
        piece = bytes(self.data[offset : offset + size])
        if len(piece) != size:
            raise ValueError(f"a tag table points beyond the end of the data ({offset})")
        return int.from_bytes(piece, "little" if self.order == "<" else "big")

    def positions(self, offset: int) -> dict[int, tuple[int, int, int, int]]:
        """For each tag of the table at `offset`: type, count, offset of the value, offset of the table's entry."""
        count = self._number(offset, 8 if self.big else 2)
        start, step = offset + (8 if self.big else 2), 20 if self.big else 12
        if count > 4096:
            raise ValueError(f"a tag table with {count} entries")
        found = {}
        for at in range(start, start + count * step, step):
            tag, kind = self._number(at, 2), self._number(at + 2, 2)
            n = self._number(at + 4, 8 if self.big else 4)
            inline, field_size = (at + 12, 8) if self.big else (at + 8, 4)
            if kind in _SIZES:
                fits = n * _SIZES[kind] <= field_size
                found[tag] = kind, n, inline if fits else self._number(inline, field_size), at
        return found

    def next_pointer(self, offset: int) -> int:
        """Where the table at `offset` keeps the position of the table after it."""
        count = self._number(offset, 8 if self.big else 2)
        return offset + (8 + 20 * count if self.big else 2 + 12 * count)

    def table(self, offset: int) -> Ifd:
        """The table at `offset`; tags whose values lie outside the data are left out."""
        entries = {}
        for tag, (kind, n, at, _) in self.positions(offset).items():
            size = n * _SIZES[kind]
            piece = bytes(self.data[at : at + size]) if size <= _LARGEST_VALUE else b""
            if len(piece) == size:
                entries[tag] = Entry(kind, n, piece if self.order == "<" else _swapped(piece, _UNITS[kind]))
        return entries

    def sub_table(self, ifd: Mapping[int, Entry], tag: int) -> Ifd:
        """The table that `tag` of `ifd` points to; empty if there is none or it is damaged."""
        try:
            return self.table(int(ifd[tag].value)) if tag in ifd else {}
        except (ValueError, TypeError, OverflowError):
            return {}


def _swapped(data: bytes, unit: int) -> bytes:
    return b"".join(data[i : i + unit][::-1] for i in range(0, len(data), unit)) if unit > 1 else data


def read_exif(data: Any) -> Exif:
    """The tables of an Exif block, TIFF file or TIFF-like raw (anything sliceable); ValueError if it is none."""
    tiff = Tiff(data)
    photo = {tag: entry for tag, entry in tiff.table(tiff.first).items() if tag in PHOTO_TAGS}
    shot = tiff.sub_table(photo, EXIF_IFD)
    return Exif(photo, shot, tiff.sub_table(photo, GPS_IFD), tiff.sub_table(shot, INTEROP_IFD))


def _laid_out(ifd: Ifd, offset: int, big: bool) -> bytes:
    """A table with its values behind it, to stand at `offset`."""
    field_size, pack = (8, "<HHQ") if big else (4, "<HHI")
    head = struct.pack("<Q" if big else "<H", len(ifd))
    behind = offset + len(head) + len(ifd) * (20 if big else 12) + field_size
    rows, values = b"", b""
    for tag in sorted(ifd):
        kind, count, data = ifd[tag]
        if len(data) <= field_size:
            cell = data.ljust(field_size, b"\0")
        else:
            cell = (behind + len(values)).to_bytes(field_size, "little")
            values += data + b"\0" * (len(data) % 2)
        rows += struct.pack(pack, tag, kind, count) + cell
    return head + rows + b"\0" * field_size + values


def lay_out(exif: Exif, offset: int, big: bool = False) -> bytes:
    """The tables as bytes that stand at `offset` (even) of a little-endian TIFF, IFD0 first, pointers in place."""
    pointer = 13 if big else 4

    def pointing(at: int) -> Entry:
        return Entry(pointer, 1, at.to_bytes(4, "little"))

    photo = {tag: entry for tag, entry in exif.photo.items() if tag not in (EXIF_IFD, GPS_IFD)}
    shot = {tag: entry for tag, entry in exif.shot.items() if tag != INTEROP_IFD}
    # First with pointers to nowhere: the sizes are already right, and they are all that the pointers need.
    photo |= {tag: pointing(0) for tag, table in ((EXIF_IFD, shot or exif.interop), (GPS_IFD, exif.gps)) if table}
    shot |= {INTEROP_IFD: pointing(0)} if exif.interop else {}
    at = offset + len(_laid_out(photo, offset, big))
    blocks = b""
    if shot:
        end = at + len(_laid_out(shot, at, big))
        if exif.interop:
            shot[INTEROP_IFD] = pointing(end)
        photo[EXIF_IFD] = pointing(at)
        blocks += _laid_out(shot, at, big) + (_laid_out(exif.interop, end, big) if exif.interop else b"")
    if exif.gps:
        photo[GPS_IFD] = pointing(at + len(blocks))
        blocks += _laid_out(exif.gps, at + len(blocks), big)
    return _laid_out(photo, offset, big) + blocks


def build_exif(exif: Exif) -> bytes:
    """An Exif block (without the six bytes that JPEG puts before it) of these tables."""
    return b"II*\0\x08\0\0\0" + lay_out(exif, 8)


def upright(block: bytes, width: int, height: int) -> bytes | None:
    """The block of a picture that has been turned upright: orientation 1, its new size, no embedded thumbnail.

    Changed in place, byte by byte, so that the MakerNote, whose inner offsets nobody knows, stays where it is.
    The thumbnail goes because it shows the picture before. None if the block is beyond reading.
    """
    data = bytearray(block.removeprefix(b"Exif\0\0"))
    try:
        tiff = Tiff(data)
        photo = tiff.positions(tiff.first)
        if tiff.table(tiff.first).get(ORIENTATION, Entry(1, 1, b"\1")).value in (5, 6, 7, 8):
            _swap(data, photo, X_RESOLUTION, Y_RESOLUTION)
        _overwrite(data, tiff, photo, ORIENTATION, 1)
        if EXIF_IFD in photo:
            kind, _, at, _ = photo[EXIF_IFD]
            shot = tiff.positions(tiff._number(at, _SIZES[kind]))
            _overwrite(data, tiff, shot, WIDTH, width)
            _overwrite(data, tiff, shot, HEIGHT, height)
        end = tiff.next_pointer(tiff.first)
        data[end : end + 4] = bytes(4)
    except ValueError:
        return None
    return bytes(data)


def _swap(data: bytearray, table: dict[int, tuple[int, int, int, int]], a: int, b: int) -> None:
    """Exchange the values of two tags that hold a fraction each."""
    (*kind_a, at_a, _), (*kind_b, at_b, _) = table.get(a, (0, 0, 0, 0)), table.get(b, (0, 0, 0, 0))
    if kind_a == kind_b == [5, 1] and max(at_a, at_b) + 8 <= len(data):
        data[at_a : at_a + 8], data[at_b : at_b + 8] = data[at_b : at_b + 8], data[at_a : at_a + 8]


def _overwrite(data: bytearray, tiff: Tiff, table: dict[int, tuple[int, int, int, int]], tag: int, number: int) -> None:
    kind, count, at, _ = table.get(tag, (0, 0, 0, 0))
    if count == 1 and kind in (3, 4) and number < 1 << (8 * _SIZES[kind]):
        data[at : at + _SIZES[kind]] = number.to_bytes(_SIZES[kind], "little" if tiff.order == "<" else "big")
