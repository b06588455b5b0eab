"""Opening a picture file and reading it from top to bottom, in strips and in bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import UnreadableImageError, UnsupportedImageError

from . import turning
from .formats import sniff
from .libvips import Image, get_blob
from .metadata import upright_metadata
from .opening import File, Opener, ReadableFile, check_size, locate, reading, vips_opener
from .picture import Metadata
from .pixels import fetch_rows, to_depth, turned
from .profiles import ColourPlan, plan_colour, to_srgb, to_working
from .reader import FileReader

DEFAULT_MAX_PIXELS = 500_000_000
"""The largest picture that is opened unless asked otherwise: far beyond any camera, small enough to finish."""


class Source:
    """An open picture: what its header says, its thumbnail, its pixels strip by strip. Made by `open_source`.

    `width` and `height` are those of the upright picture; pixels come upright too. `bands` is 1 (grey) or 3 (RGB)
    whatever the file holds, `bits` 8 or 16, `profile` the name of its ICC profile or None. `metadata` is ready to be
    written beside the upright pixels: orientation reset, and `metadata.icc` describing the pixels as `strips` gives
    them.
    """

    name: str
    format: str
    width: int
    height: int
    bands: int
    bits: Literal[8, 16]
    has_alpha: bool
    orientation: int
    profile: str | None
    metadata: Metadata

    def __init__(
        self,
        file: File,
        format: str,
        opener: Opener,
        *,
        max_pixels: int,
        exif: bytes | None = None,
        readers: Sequence[FileReader] = (),
    ) -> None:
        self.name, self.format = file.name, format
        self._opener: Opener | None = opener
        self._readers = readers
        with reading(self.name):
            header = opener(True, 1)
        check_size(self.name, header.width, header.height, max_pixels)
        if header.format not in ("uchar", "ushort") or header.coding != "none":
            raise UnsupportedImageError(
                f"'{self.name}' holds {header.format} numbers, which have no fixed white. "
                "Save it with 8 or 16 bits per channel and try again."
            )
        self.orientation = int(header.get("orientation")) if header.get_typeof("orientation") else 1
        if not 1 <= self.orientation <= 8:
            self.orientation = 1
        self.width, self.height = int(header.width), int(header.height)
        if self.orientation >= 5:
            self.width, self.height = self.height, self.width
        self._colour_bands = _colour_bands(self.name, header)
        self.has_alpha = header.bands > self._colour_bands
        with reading(self.name):
            colour = self._colour(header)
            self._plan: ColourPlan = plan_colour(colour)
            working = to_working(colour, self._plan)
        self.bands, self.bits = int(working.bands), 16 if working.format == "ushort" else 8
        self.profile = self._plan.name
        if exif is None and format == "tiff":
            with file.content() as content:
                metadata = upright_metadata(header, self.width, self.height, content)
        else:
            metadata = upright_metadata(header, self.width, self.height)
        self.metadata = replace(metadata, exif=exif or metadata.exif, icc=get_blob(working, "icc-profile-data"))

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file and of everything decoded."""
        self._opener = None
        for reader in self._readers:
            reader.close()

    def strips(self, rows: int) -> Iterator[NDArray[Any]]:
        """The picture from top to bottom: uint8 or uint16 arrays (n, width, bands), n = `rows`, the last may be lower.

        Encoded as sRGB or, if `metadata.icc` says so, in an encoding like it. Without alpha. Each call starts at the
        top. UnreadableImageError when the data turns out truncated or corrupt.
        """
        if rows < 1:
            raise ValueError(f"strips wants at least one row at a time, got {rows}.")
        with reading(self.name):
            pixel = self.bands * self.bits // 8
            if self.orientation <= 2 or self.width * self.height * pixel <= turning.IN_MEMORY:
                yield from self._fetched(self._upright(), rows)
            else:
                lying = self._open(True)
                fetched = self._fetched(lying, max(1, turning.AT_ONCE // (lying.width * pixel)))
                yield from turning.turned_strips(fetched, self.orientation, self.width, self.height, rows)

    def _fetched(self, image: Image, rows: int) -> Iterator[NDArray[Any]]:
        for strip in fetch_rows(to_working(self._colour(image), self._plan), rows):
            yield strip
            if self._opener is None:  # a mapped file would stay open, and be read on as if nothing had happened
                raise UnreadableImageError(f"'{self.name}' was closed while it was read.")

    def alpha_image(self, bits: int) -> Image | None:
        """The alpha channel as a libvips image of 8 or 16 bits for one pass from top to bottom, or None."""
        if not self.has_alpha:
            return None
        with reading(self.name):
            return to_depth(self._upright().extract_band(self._colour_bands), bits)

    def alpha(self) -> NDArray[np.float32] | None:
        """The whole alpha channel, float32 (h, w) in [0, 1], or None if there is none."""
        image = self.alpha_image(self.bits)
        if image is None:
            return None
        with reading(self.name):
            strips = [strip[..., 0] for strip in fetch_rows(image, 64)]
        return np.concatenate(strips).astype(np.float32) / np.float32(2**self.bits - 1)

    def thumbnail(self, long_side: int) -> NDArray[np.float32]:
        """The picture made small: float32 (h, w, 3), true sRGB in [0, 1], its longer side `long_side` pixels at most.

        Never enlarged; grey is repeated over three channels. UnreadableImageError when the data is truncated or
        corrupt.
        """
        scale = min(1.0, long_side / max(self.width, self.height))
        width, height = max(1, round(self.width * scale)), max(1, round(self.height * scale))
        shrink = next((n for n in (8, 4, 2) if n * scale <= 1 and n <= min(self.width, self.height)), 1)
        with reading(self.name):
            # Turned after shrinking: only a small picture is ever held as a whole.
            image = self._colour(self._open(True, shrink))
            across, down = (height, width) if self.orientation >= 5 else (width, height)
            if (image.width, image.height) != (across, down):
                image = image.resize(across / image.width, vscale=down / image.height)
            image = to_srgb(image, self._plan).copy_memory()
            pixels = turned(image, self.orientation).numpy()
        values = pixels.reshape(height, width, -1).astype(np.float32) / np.float32(np.iinfo(pixels.dtype).max)
        return np.repeat(values, 3, axis=2) if values.shape[2] == 1 else values

    def _open(self, sequential: bool, shrink: int = 1) -> Image:
        if self._opener is None:
            raise ValueError(f"'{self.name}' has been closed.")
        return self._opener(sequential, shrink)

    def _upright(self) -> Image:
        # Turning needs pixels in another order than the file's: libvips then decodes to memory, or to a temporary file
        # that it maps if that would take more than 100 MB. A mirror image (2) still goes from top to bottom.
        return turned(self._open(self.orientation <= 2), self.orientation)

    def _colour(self, image: Image) -> Image:
        return image.extract_band(0, n=self._colour_bands) if image.bands > self._colour_bands else image


def open_source(source: ReadableFile, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str | None = None) -> Source:
    """Open a picture: a path, the bytes of a file, or a binary file (read to its end; it need not be seekable).

    The content decides what it is, not the suffix. Of an animation or a file with several pages, the first is taken.
    Floating-point and 32-bit pixels are refused: nothing says which of their values is white. A raw is developed here.
    `name` is what errors call it. UnreadableImageError if it is not a sound picture, ImageTooLargeError if it has more
    than `max_pixels` pixels (judged from the header), UnsupportedImageError if this installation cannot decode it.
    """
    file, format = recognise(source, name)
    return open_file(file, format, max_pixels)


def recognise(source: ReadableFile, name: str | None = None) -> tuple[File, str]:
    """The file, and the name of its format as its content says; UnreadableImageError if it is none that we know.

    Some raws begin like a TIFF, or like nothing in particular: those LibRaw must know.
    """
    file = locate(source, name)
    format = sniff(file.head)
    if format in (None, "tiff") and _is_raw(file):
        return file, "raw"
    if format is None:
        raise UnreadableImageError(
            f"'{file.name}' is not a picture that scotopic knows: it begins with {file.head[:8]!r}. "
            "Give it a JPEG, PNG, TIFF, WebP, AVIF, HEIC or camera raw file."
        )
    return file, format


def open_file(file: File, format: str, max_pixels: int = DEFAULT_MAX_PIXELS) -> Source:
    """`open_source` for a file that has been recognised."""
    if format == "raw":
        from .develop import open_raw

        opener, exif = open_raw(file, max_pixels)
        return Source(file, "raw", opener, max_pixels=max_pixels, exif=exif)
    readers: list[FileReader] = []
    opener = vips_opener(file, format, readers)
    if format == "heic":
        from .heif import heic_opener

        with reading(file.name):
            header = opener(True, 1)
        check_size(file.name, header.width, header.height, max_pixels)
        opener = heic_opener(file, opener)
    return Source(file, format, opener, max_pixels=max_pixels, readers=readers)


def _colour_bands(name: str, header: Image) -> int:
    bands = int(header.bands)
    if header.interpretation == "cmyk" and bands >= 4:
        return 4
    if bands > 5 or (bands == 5 and header.interpretation == "multiband"):
        raise UnsupportedImageError(f"'{name}' has {bands} channels. Save it as grey, RGB or CMYK and try again.")
    return 1 if bands <= 2 else 3


def _is_raw(file: File) -> bool:
    from .libraw import looks_raw

    with file.content() as content:
        return looks_raw(content, file.name)
