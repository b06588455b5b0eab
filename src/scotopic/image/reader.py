"""Large files as libvips reads them: through Python, so that they are not mapped into memory.

libvips maps every file it can. Mapped pages count as the process's memory, so a 100 MB picture would seem to cost 100
MB more than it does. Reading through callbacks costs a few percent of decoding.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from .libvips import vips


class FileReader:
    """An open file, and the libvips source on it.

    It must be kept as long as an image on that source is in use: libvips does not hold it, and would call into nothing.
    """

    def __init__(self, path: Path) -> None:
        self._fd: int | None = os.open(path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        position = _Position(self._fd)
        self._position = position
        self.source: Any = vips().SourceCustom()
        self.source.on_read(position.read)
        self.source.on_seek(position.seek)

    def close(self) -> None:
        """Close the file; an image that is read on finds it truncated."""
        if self._fd is not None:
            self._position.fd = None
            os.close(self._fd)
            self._fd = None

    def __del__(self) -> None:
        with suppress(OSError, AttributeError):
            self.close()


class _Position:
    """The callbacks, apart from their owner so that nothing holds itself. They must not raise: nobody would hear it."""

    def __init__(self, fd: int) -> None:
        self.fd: int | None = fd

    def read(self, size: int) -> bytes | None:
        if self.fd is None:
            return None
        try:
            return os.read(self.fd, size)
        except OSError:
            return None  # libvips then reports the picture as truncated

    def seek(self, offset: int, whence: int) -> int:
        if self.fd is None:
            return -1
        try:
            return os.lseek(self.fd, offset, whence)
        except OSError:
            return -1
