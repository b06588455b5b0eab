"""Where a picture's bytes are, and how libvips gets at them."""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from scotopic.errors import ImageTooLargeError, UnreadableImageError

from .libvips import Image, reason, vips
from .reader import FileReader

ReadableFile = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
Opener = Callable[[bool, int], Image]
"""Opens the image anew: (for one pass from top to bottom?, shrink factor 1, 2, 4 or 8 if the format can) -> image."""


@dataclass(frozen=True)
class File:
    """Where the bytes are: a `path`, or `data` in memory; `head` is their beginning."""

    name: str
    path: Path | None
    data: bytes | None
    head: bytes

    @contextmanager
    def content(self) -> Iterator[Any]:
        """All bytes, sliceable, without reading more of a file than is looked at."""
        if self.path is None:
            yield self.data
        else:
            with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
                yield data


def locate(source: ReadableFile, name: str | None) -> File:
    """The file behind a path, bytes or a binary file; UnreadableImageError if there is none or it is empty."""
    if isinstance(source, str | os.PathLike):
        path = Path(source)
        name = name or str(path)
        try:
            with path.open("rb") as stream:
                head = stream.read(4096)
                # A pipe can be read only once: what comes out of it is kept.
                data = None if path.is_file() else head + stream.read()
        except IsADirectoryError:
            raise UnreadableImageError(f"'{name}' is a folder, not a picture. Give the pictures inside it.") from None
        except FileNotFoundError:
            raise UnreadableImageError(f"'{name}' does not exist. Check the spelling of the path.") from None
        except OSError as error:
            raise UnreadableImageError(f"'{name}' cannot be read: {error.strerror}.") from error
    else:
        try:
            data = bytes(source) if isinstance(source, bytes | bytearray | memoryview) else source.read()
        except OSError as error:
            raise UnreadableImageError(f"The input cannot be read: {error.strerror or error}.") from error
        name = name or str(getattr(source, "name", "the input"))
        path, head = None, data[:4096]
    if not head:
        raise UnreadableImageError(f"'{name}' is empty (0 bytes). Copy it again from where it came.")
    return File(name, path if data is None else None, data, head)


LARGEST_MAPPED = 16 << 20
"""Bytes of a file up to which it may count as this process's memory. Through Python, it would be read 4 KB at a time,
each time waiting for whatever else Python does: twice the time for a thumbnail while modules are imported."""

_LOADERS = {
    "jpeg": "jpegload",
    "png": "pngload",
    "tiff": "tiffload",
    "webp": "webpload",
    "avif": "heifload",
    "heic": "heifload",
}


def vips_opener(file: File, format: str, readers: list[FileReader]) -> Opener:
    """An opener for a format that libvips decodes; it adds to `readers` what must be kept while images live."""

    def load(sequential: bool, shrink: int, fail_on: str) -> Image:
        pyvips = vips()
        # Through a source and a named loader: libvips would take "[1]" at the end of a file name for options.
        if file.path is not None:
            try:
                stream = _stream(file.path, readers)
            except OSError as error:
                raise UnreadableImageError(f"'{file.name}' cannot be read any more: {error.strerror}.") from error
        else:
            stream = pyvips.Source.new_from_memory(file.data)
        options: dict[str, Any] = {"access": "sequential" if sequential else "random", "fail_on": fail_on}
        if format == "jpeg":
            options |= {"unlimited": True, "shrink": shrink}
        elif format == "webp" and shrink > 1:
            options["scale"] = 1 / shrink
        elif format in ("png", "tiff", "avif", "heic"):
            options["unlimited"] = True  # the cap on pixels is ours
        return pyvips.Operation.call(f"{_LOADERS[format]}_source", stream, **options)

    @cache
    def strictness() -> str:
        """What libvips must fail on. Below "warning", it leaves the tiles of a TIFF that it cannot decode black.

        At "warning", however, any tag that libtiff finds odd spoils the first tile, without a word of tiff2vips.
        """
        if format != "tiff":
            return "error"
        try:
            image = load(False, 1, "warning")
            if not image.get_typeof("tile-width"):
                return "error"
            image.crop(0, 0, 1, 1).avg()
        except vips().Error as error:
            return "warning" if "tiff2vips" in str(error) else "error"
        return "warning"

    return lambda sequential, shrink: load(sequential, shrink, strictness())


def _stream(path: Path, readers: list[FileReader]) -> Any:
    """A libvips source on a file: mapped into memory as libvips likes it, or, as that counts, read if it is large."""
    # Elsewhere than on POSIX, libvips may not understand Python's descriptors.
    if os.name != "posix" or path.stat().st_size > LARGEST_MAPPED:
        readers.append(FileReader(path))
        return readers[-1].source
    descriptor = os.open(path, os.O_RDONLY)
    try:
        return vips().Source.new_from_descriptor(descriptor)  # which it duplicates
    finally:
        os.close(descriptor)


@contextmanager
def reading(name: str) -> Iterator[None]:
    """Failures of libvips become UnreadableImageError."""
    try:
        yield
    except vips().Error as error:
        raise UnreadableImageError(
            f"'{name}' is damaged or incomplete: {reason(error)}. Copy it again from where it came."
        ) from error


def check_size(name: str, width: int, height: int, max_pixels: int) -> None:
    """ImageTooLargeError if the picture has more pixels than the cap."""
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"'{name}' has {width} x {height} = {width * height / 1e6:,.0f} million pixels, "
            f"more than the cap of {max_pixels / 1e6:,.0f} million. Raise max_pixels if you trust the file."
        )
