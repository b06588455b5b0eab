"""Strips of pixels poured into libvips: a TIFF file that never exists.

libvips has no entrance for rows that are still being computed, but it can read a TIFF through callbacks. So the
strips are presented as an uncompressed TIFF, header first, whose pixels appear when libvips asks for them: the
producer (the caller's thread) and the consumer (libvips, in another thread) meet at a short queue, and neither gets
far ahead.
"""

from __future__ import annotations

import struct
import threading
from collections import deque
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROWS_PER_STRIP = 16  # small enough for the pixels to stay in the processor's cache between decoding and encoding
QUEUED_BYTES = 4 << 20


class TiffStream:
    """An endless-seeming TIFF of `width` x `height` pixels, uint8 or uint16, 1 or 3 `bands`, fed by `put`."""

    def __init__(self, width: int, height: int, bands: int, bits: int) -> None:
        self._header = tiff_header(width, height, bands, bits)
        self._length = len(self._header) + width * height * bands * bits // 8
        self._position = 0
        self._current = memoryview(b"")
        self._current_at = len(self._header)
        self._queue: deque[memoryview] = deque()
        self._queued = 0
        self._ended = False
        self._abandoned = False
        self._changed = threading.Condition()

    def put(self, strip: NDArray[Any]) -> bool:
        """Hand over the next rows (contiguous, not to be changed afterwards). False if nobody reads any more."""
        rows = strip.reshape(-1).view(np.uint8).data
        with self._changed:
            while self._queued >= QUEUED_BYTES and not self._abandoned:
                self._changed.wait()
            if self._abandoned:
                return False
            self._queue.append(rows)
            self._queued += len(rows)
            self._changed.notify_all()
        return True

    def end(self) -> None:
        """No more strips will come; a reader that wants more gets the end of the file."""
        with self._changed:
            self._ended = True
            self._changed.notify_all()

    def abandon(self) -> None:
        """Nobody will read any more: `put` stops waiting."""
        with self._changed:
            self._abandoned = True
            self._queue.clear()
            self._changed.notify_all()

    def read(self, size: int) -> bytes | memoryview | None:
        """Up to `size` bytes from the current position, None at the end. Pixels can only be read forwards."""
        if self._position < len(self._header):
            chunk: bytes | memoryview = self._header[self._position : self._position + size]
        elif self._position >= self._length or not self._advance():
            return None
        else:
            start = self._position - self._current_at
            chunk = self._current[start : start + size]
            # libtiff takes a short read of a strip for a truncated file.
            while len(chunk) < size and self._position + len(chunk) < self._length:
                self._position += len(chunk)
                more = self._advance()
                self._position -= len(chunk)
                if not more:
                    break
                chunk = b"".join((chunk, self._current[: size - len(chunk)]))
        self._position += len(chunk)
        return chunk

    def seek(self, offset: int, whence: int) -> int:
        self._position = offset + (0, self._position, self._length)[whence]
        return self._position

    def _advance(self) -> bool:
        """Make the strip at the current position the current one; False if it will not come."""
        while self._position >= self._current_at + len(self._current):
            with self._changed:
                while not self._queue and not self._ended and not self._abandoned:
                    self._changed.wait()
                if not self._queue:
                    return False
                self._current_at += len(self._current)
                self._current = self._queue.popleft()
                self._queued -= len(self._current)
                self._changed.notify_all()
        return self._position >= self._current_at


def tiff_header(width: int, height: int, bands: int, bits: int) -> bytes:
    """The beginning of an uncompressed little-endian BigTIFF (pictures may pass 4 GB); the pixels follow at once."""
    row = width * bands * bits // 8
    strips = -(-height // ROWS_PER_STRIP)
    tags = 10
    after = 16 + 8 + 20 * tags + 8
    begin = after + 16 * strips

    def entry(tag: int, kind: int, count: int, cell: bytes) -> bytes:
        return struct.pack("<HHQ", tag, kind, count) + cell.ljust(8, b"\0")

    offsets = begin + np.arange(strips, dtype="<u8") * (ROWS_PER_STRIP * row)
    sizes = np.full(strips, ROWS_PER_STRIP * row, "<u8")
    sizes[-1] = (height - (strips - 1) * ROWS_PER_STRIP) * row
    where = [struct.pack("<Q", at) for at in (after, after + 8 * strips)]
    if strips == 1:
        where = [offsets.tobytes(), sizes.tobytes()]
    short, long, long8 = 3, 4, 16
    table = [
        entry(256, long, 1, struct.pack("<I", width)),
        entry(257, long, 1, struct.pack("<I", height)),
        entry(258, short, bands, struct.pack(f"<{bands}H", *[bits] * bands)),
        entry(259, short, 1, struct.pack("<H", 1)),  # not compressed
        entry(262, short, 1, struct.pack("<H", 2 if bands == 3 else 1)),  # RGB, or grey where 0 is black
        entry(273, long8, strips, where[0]),
        entry(277, short, 1, struct.pack("<H", bands)),
        entry(278, long, 1, struct.pack("<I", ROWS_PER_STRIP)),
        entry(279, long8, strips, where[1]),
        entry(284, short, 1, struct.pack("<H", 1)),  # channels interleaved
    ]
    head = b"II+\0" + struct.pack("<HHQ", 8, 0, 16) + struct.pack("<Q", tags) + b"".join(table) + bytes(8)
    return head + offsets.tobytes() + sizes.tobytes()
