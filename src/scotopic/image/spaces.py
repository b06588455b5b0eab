"""The colour spaces that a developed raw can be written in, and their ICC profiles, made here from their definitions.

Each is given by the chromaticities of its primaries, its white and its transfer curve: sRGB (IEC 61966-2-1), Display P3
(the primaries of SMPTE RP 431-2, sRGB's white and curve) and ProPhoto RGB (ROMM RGB, ANSI/I3A IT10.7666).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

D65, D50 = (0.3127, 0.3290), (0.3457, 0.3585)
# Cone responses in which one white is turned into another (Bradford; ICC.1:2022, annex E).
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
_PCS_WHITE = 0.9642, 1.0, 0.8249  # D50 as ICC profiles write it
_WRITTEN = 2024, 1, 1, 0, 0, 0  # a date must stand there; always the same one, so that files are reproducible


@dataclass(frozen=True)
class Space:
    """An RGB space. The curve is value = (light to the power of 1 / `gamma`) * (1 + `offset`) - `offset`, below `toe`
    (light) a straight line of `slope`.
    """

    name: str
    title: str
    primaries: tuple[tuple[float, float], ...]
    white: tuple[float, float]
    gamma: float
    offset: float
    toe: float
    slope: float

    def encode(self, light: NDArray[Any]) -> NDArray[np.float32]:
        """Values from light, any shape; both are 1 for white, and light below 0 counts as 0."""
        x = np.maximum(np.asarray(light, np.float64), 0)
        power = (1 + self.offset) * x ** (1 / self.gamma) - self.offset
        return np.where(x <= self.toe, x * self.slope, power).astype(np.float32)

    @cached_property
    def to_xyz(self) -> NDArray[np.float64]:
        """3 x 3: RGB light to CIE XYZ as the space's own white has it."""
        columns = np.array([_xyz(*xy) for xy in self.primaries]).T
        return np.asarray(columns * np.linalg.solve(columns, _xyz(*self.white)))

    def from_camera(self, camera_to_xyz: NDArray[np.float32]) -> NDArray[np.float32]:
        """3 x 3: white-balanced camera RGB to RGB light of this space, white to white exactly.

        `camera_to_xyz` takes (1, 1, 1) to D65, as that of a RawFrame does.
        """
        adapted = adaptation(_xyz(*D65), _xyz(*self.white)) @ camera_to_xyz
        matrix = np.linalg.solve(self.to_xyz, adapted)
        return np.asarray(matrix / matrix.sum(axis=1, keepdims=True), dtype=np.float32)

    @cached_property
    def icc(self) -> bytes:
        """The profile (ICC version 4: three colorants and a parametric curve)."""
        colorants = adaptation(_xyz(*self.white), np.array(_PCS_WHITE)) @ self.to_xyz
        # Function type 3 (ICC.1:2022, 10.18): Y = (a X + b)^g from X = d on, below it c X.
        a, b = 1 / (1 + self.offset), self.offset / (1 + self.offset)
        curve = b"para\0\0\0\0" + struct.pack(">HH", 3, 0)
        curve += _fixed(self.gamma, a, b, 1 / self.slope, self.toe * self.slope)
        adapted = adaptation(_xyz(*self.white), np.array(_PCS_WHITE))
        tags: list[tuple[bytes, bytes]] = [
            (b"desc", _text(self.title)),
            (b"cprt", _text("Public domain (CC0-1.0)")),
            (b"wtpt", b"XYZ \0\0\0\0" + _fixed(*_PCS_WHITE)),
            (b"chad", b"sf32\0\0\0\0" + _fixed(*adapted.ravel())),
            *((name, b"XYZ \0\0\0\0" + _fixed(*colorants[:, i])) for i, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))),
            *((name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")),
        ]
        return _profile(tags)


def adaptation(white: NDArray[np.float64], to: NDArray[np.float64]) -> NDArray[np.float64]:
    """3 x 3: colours (XYZ) seen beside one white as they look beside another (Bradford)."""
    cones = (_BRADFORD @ to) / (_BRADFORD @ white)
    return np.asarray(np.linalg.solve(_BRADFORD, cones[:, None] * _BRADFORD))


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _fixed(*numbers: float) -> bytes:
    """As ICC's s15Fixed16Number."""
    return struct.pack(f">{len(numbers)}i", *(round(float(number) * 65536) for number in numbers))


def _text(text: str) -> bytes:
    words = text.encode("utf-16-be")
    return b"mluc\0\0\0\0" + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(words), 28) + words


def _profile(tags: list[tuple[bytes, bytes]]) -> bytes:
    table, body = b"", b""
    begin = 128 + 4 + 12 * len(tags)
    places: dict[bytes, int] = {}
    for name, data in tags:
        if data not in places:  # the three curves are one
            places[data] = begin + len(body)
            body += data + bytes(-len(data) % 4)
        table += struct.pack(">4sII", name, places[data], len(data))
    size = begin + len(body)
    head = struct.pack(">I4sI4s4s4s6H4s", size, bytes(4), 0x04400000, b"mntr", b"RGB ", b"XYZ ", *_WRITTEN, b"acsp")
    head = head.ljust(64, b"\0") + struct.pack(">I", 1) + _fixed(*_PCS_WHITE)  # 1: relative colorimetric
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


_SRGB_CURVE = 2.4, 0.055, 0.0031308, 12.92
SPACES: dict[str, Space] = {
    "srgb": Space("srgb", "sRGB", ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06)), D65, *_SRGB_CURVE),
    "display-p3": Space("display-p3", "Display P3", ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06)), D65, *_SRGB_CURVE),
    "prophoto": Space(
        "prophoto", "ProPhoto RGB", ((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), D50, 1.8, 0.0, 2**-9, 16.0
    ),
}
"""By the name that `profile` takes, ours first."""
