"""Raw frames into DNG files, which every raw converter reads: simulated frames, cuts of real ones, tests."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import MissingExtraError
from scotopic.image.embed import append_exif_to_tiff
from scotopic.image.exif import Entry, Exif, build_exif
from scotopic.image.mosaic import colour_map
from scotopic.image.raw_frame import RawFrame

_BYTE, _ASCII, _SHORT, _LONG, _RATIONAL, _SRATIONAL = 1, 2, 3, 4, 5, 10
_D65 = 21  # the number that Exif and DNG give this illuminant
_FILTER_ARRAY = 32803  # as photometric interpretation


def write_dng(path: str | os.PathLike[str], frame: RawFrame) -> None:
    """Write a frame as an uncompressed DNG 1.4: the mosaic as it is, with its levels, colours and notes.

    Orientation is written, not carried out. Of `frame.metadata`, nothing is kept. MissingExtraError without tifffile,
    ValueError if the camera's matrix cannot be inverted.
    """
    try:
        import tifffile
    except ImportError as error:
        raise MissingExtraError("Writing a DNG", "train") from error
    period = len(frame.cfa)
    black = frame.black_level_dn
    # DNG wants one matrix that also undoes the white balance: XYZ -> camera = diag(neutral) inverse(camera -> XYZ).
    neutral = 1 / np.array(frame.white_balance)
    xyz_to_camera = neutral[:, None] * np.linalg.inv(frame.camera_to_xyz.astype(np.float64))
    make, _, model = frame.camera.partition(" ")
    tags: list[tuple[int, int, int, Any, bool]] = [
        (271, _ASCII, 0, make or "scotopic", True),
        (272, _ASCII, 0, model or make or "scotopic", True),
        (274, _SHORT, 1, frame.orientation, True),
        (33421, _SHORT, 2, (period, period), True),  # CFARepeatPatternDim
        (33422, _BYTE, period**2, colour_map(frame.cfa).tobytes(), True),  # CFAPattern
        (50706, _BYTE, 4, bytes((1, 4, 0, 0)), True),  # DNGVersion
        (50707, _BYTE, 4, bytes((1, 1, 0, 0)), True),  # DNGBackwardVersion
        (50708, _ASCII, 0, frame.camera or "scotopic", True),  # UniqueCameraModel
        (50713, _SHORT, 2, (period, period), True),  # BlackLevelRepeatDim
        (50714, _RATIONAL, period**2, _rationals(black.ravel()), True),
        (50717, _LONG, 1, round(frame.white_level_dn), True),
        (50721, _SRATIONAL, 9, _rationals(xyz_to_camera.ravel()), True),  # ColorMatrix1
        (50728, _RATIONAL, 3, _rationals(neutral / neutral.max()), True),  # AsShotNeutral
        (50778, _SHORT, 1, _D65, True),  # CalibrationIlluminant1
    ]
    tifffile.imwrite(
        path, frame.mosaic, byteorder="<", photometric=_FILTER_ARRAY, extratags=tags, metadata=None, software=False
    )
    shot = {}
    if frame.exposure_s:
        shot[0x829A] = _entry(frame.exposure_s)
    if frame.iso:
        # Beyond 16 bits the first says 65535, and the second (recommended exposure index) how much it is.
        shot[0x8827] = Entry(_SHORT, 1, min(round(frame.iso), 65535).to_bytes(2, "little"))
        shot[0x8830] = Entry(_SHORT, 1, (2).to_bytes(2, "little"))  # which of them the next tags give
        shot[0x8832] = Entry(_LONG, 1, round(frame.iso).to_bytes(4, "little"))
    if shot:
        append_exif_to_tiff(Path(path), build_exif(Exif(shot=shot)))


def _rationals(values: NDArray[Any]) -> list[int]:
    fractions = [Fraction(float(value)).limit_denominator(1_000_000) for value in values]
    return [part for fraction in fractions for part in (fraction.numerator, fraction.denominator)]


def _entry(value: float) -> Entry:
    numerator, denominator = _rationals(np.array([value]))
    return Entry(_RATIONAL, 1, numerator.to_bytes(4, "little") + denominator.to_bytes(4, "little"))
