"""Small pictures, made here, and the metadata of a camera."""

from __future__ import annotations

import io
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

MAKER_NOTE = b"Nikon\0\x02\x10\0\0II*\0\x08\0\0\0\x01\0" + bytes(range(200))
XMP = (
    b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
    b'<rdf:Description rdf:about="" xmlns:tiff="http://ns.adobe.com/tiff/1.0/" tiff:Orientation="6"/>'
    b"</rdf:RDF></x:xmpmeta>"
)


def camera_exif(orientation: int = 1) -> Image.Exif:
    """What a camera writes: exposure, lens, a MakerNote that libexif would cut, a place on Earth."""
    exif = Image.Exif()
    exif[0x010F], exif[0x0110], exif[0x0112] = "Cam", "Model X", orientation
    shot = exif.get_ifd(0x8769)
    shot[0x829A], shot[0x829D], shot[0x8827] = IFDRational(1, 30), IFDRational(28, 10), 3200
    shot[0x9003], shot[0x927C], shot[0xA434] = "2024:01:02 03:04:05", MAKER_NOTE, "Lens 50mm"
    gps = exif.get_ifd(0x8825)
    gps[1], gps[2] = "N", (IFDRational(48), IFDRational(30), IFDRational(5))
    gps[3], gps[4] = "E", (IFDRational(2), IFDRational(20), IFDRational(5))
    return exif


def scene(height: int, width: int, bands: int = 3, seed: int = 0) -> NDArray[np.uint8]:
    """Smooth colours with a little noise: compresses like a photo. uint8 (h, w, bands), or (h, w) for one band."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width].astype(np.float64)
    phases = np.arange(bands)[None, None] * 1.3
    waves = 110 + 60 * np.sin(x[..., None] / 23 + phases) + 50 * np.cos(y[..., None] / 17 + phases)
    pixels = np.clip(waves + rng.normal(0, 2, waves.shape), 0, 255).astype(np.uint8)
    return pixels if bands > 1 else pixels[..., 0]


def encoded(pixels: NDArray[Any] | Image.Image, format: str, **options: Any) -> bytes:
    """The bytes of a file, by Pillow."""
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    buffer = io.BytesIO()
    image.save(buffer, format, **options)
    return buffer.getvalue()


ADOBE_RGB = [(0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457)]
PROPHOTO = [(0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.00009), (0.03134, 0.00009, 0.82521)]
SRGB = [(0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410)]


def icc_profile(gamma: float, primaries: list[tuple[float, float, float]] | None, name: str = "made here") -> bytes:
    """An ICC profile, version 2: RGB with `primaries` (XYZ, D50), or grey if there are none."""

    def fixed(values: tuple[float, ...]) -> bytes:
        return struct.pack(f">{len(values)}i", *(round(v * 65536) for v in values))

    white = (0.9642, 1.0, 0.8249)
    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, round(gamma * 256)) + bytes(2)
    words = name.encode() + b"\0"
    described = b"desc" + bytes(4) + struct.pack(">I", len(words)) + words + bytes(78)
    tags = {b"desc": described, b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": b"XYZ " + bytes(4) + fixed(white)}
    if primaries is None:
        tags[b"kTRC"] = curve
    else:
        for letter, xyz in zip(b"rgb", primaries, strict=True):
            tags[bytes([letter]) + b"XYZ"] = b"XYZ " + bytes(4) + fixed(xyz)
            tags[bytes([letter]) + b"TRC"] = curve
    table, data = struct.pack(">I", len(tags)), b""
    for signature, value in tags.items():
        table += struct.pack(">4sII", signature, 132 + 12 * len(tags) + len(data), len(value))
        data += value + bytes(-len(value) % 4)
    space = b"GRAY" if primaries is None else b"RGB "
    head = struct.pack(">4sI4s4s4s", b"none", 0x02100000, b"mntr", space, b"XYZ ")[:20].ljust(32, b"\0")
    head = head + b"acsp" + bytes(28) + fixed(white) + bytes(48)
    head = head.ljust(124, b"\0")[:124]
    return struct.pack(">I", 128 + len(table) + len(data)) + head + table + data
