"""Which files are pictures: by suffix when looking for them, by content when opening them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import PurePath

from scotopic.errors import UnsupportedImageError


@dataclass(frozen=True)
class Format:
    """A file format. `bits` are the depths it can be written with, `quality` its default (None: lossless)."""

    name: str
    suffixes: tuple[str, ...]
    writable: bool = True
    bits: tuple[int, ...] = (8,)
    quality: int | None = None
    alpha: bool = True
    largest_side: int | None = None


RAW_SUFFIXES = frozenset(
    f".{camera}"
    for camera in (
        *(
            "3fr",
            "ari",
            "arw",
            "bay",
            "cap",
            "cr2",
            "cr3",
            "crw",
            "dcr",
            "dcs",
            "dng",
            "erf",
            "fff",
            "gpr",
            "iiq",
            "k25",
        ),
        *(
            "kdc",
            "mef",
            "mos",
            "mrw",
            "nef",
            "nrw",
            "orf",
            "pef",
            "ptx",
            "pxn",
            "raf",
            "raw",
            "rw2",
            "rwl",
            "rwz",
            "sr2",
        ),
        *("srf", "srw", "x3f"),
    )
)

FORMATS: dict[str, Format] = {
    "jpeg": Format("jpeg", (".jpg", ".jpeg", ".jpe", ".jfif"), quality=92, alpha=False, largest_side=65_535),
    "png": Format("png", (".png",), bits=(8, 16)),
    "tiff": Format("tiff", (".tif", ".tiff"), bits=(8, 16)),
    "webp": Format("webp", (".webp",), quality=90, largest_side=16_383),
    "avif": Format("avif", (".avif",), quality=70, largest_side=16_384),
    "heic": Format("heic", (".heic", ".heif", ".hif"), writable=False),
    "raw": Format("raw", tuple(sorted(RAW_SUFFIXES)), writable=False, alpha=False),
}

_BY_SUFFIX = {suffix: form for form in FORMATS.values() for suffix in form.suffixes}
_AVIF_BRANDS = {b"avif", b"avis"}
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
_RAW_MAGIC = (b"FUJIFILMCCD-RAW", b"IIU\0", b"IIRO", b"IIRS", b"MMOR", b"FOVb", b"\0MRM", b"II\x1a\0\0\0HEAPCCDR")


def is_picture_path(path: str | os.PathLike[str]) -> bool:
    """Whether the suffix is one that scotopic reads (the content is not looked at).

    >>> is_picture_path("night.JPG"), is_picture_path("DSC1.ARW"), is_picture_path("notes.txt")
    (True, True, False)
    """
    return PurePath(path).suffix.lower() in _BY_SUFFIX


def writable_format(name_or_suffix: str) -> Format:
    """The format called `"jpeg"`, `"jpg"` or `".jpg"`; UnsupportedImageError if scotopic cannot write it.

    >>> writable_format(".TIF").name
    'tiff'
    """
    key = name_or_suffix.lower()
    form = FORMATS.get(key) or _BY_SUFFIX.get(key if key.startswith(".") else f".{key}")
    if form is None or not form.writable:
        choices = ", ".join(form.name for form in FORMATS.values() if form.writable)
        got = f"'{name_or_suffix}'" if name_or_suffix else "a name without a suffix"
        raise UnsupportedImageError(f"Cannot tell which picture format to write: got {got}. Choose one of: {choices}.")
    return form


def sniff(head: bytes) -> str | None:
    """The format that the first bytes of a file announce, or None; a raw that looks like a TIFF is called `"tiff"`.

    >>> sniff(bytes.fromhex("ffd8ffe1")), sniff(b"hello")
    ('jpeg', None)
    """
    if head[:3] == b"\xff\xd8\xff":
        return "jpeg"
    if head[:8] == b"\x89PNG\r\n\x1a\n":
        return "png"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head.startswith(_RAW_MAGIC):
        return "raw"
    if head[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
        return "raw" if head[8:10] == b"CR" or head[8:12] in (b"IIII", b"MMMM") else "tiff"  # Canon, Phase One
    if head[4:8] == b"ftyp":
        size = min(int.from_bytes(head[:4], "big"), len(head))
        brands = {head[8:12], *(head[i : i + 4] for i in range(16, size - 3, 4))}
        if b"crx " in brands:
            return "raw"
        return "avif" if brands & _AVIF_BRANDS else "heic" if brands & _HEIC_BRANDS else None
    return None
