"""Camera raws, as LibRaw decodes them: the sensor's values and what the file says about them."""

from __future__ import annotations

import math
import struct
from pathlib import PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import UnreadableImageError, UnsupportedImageError

from .exif import Entry, Exif, Ifd, Tiff, read_exif, upright
from .formats import RAW_SUFFIXES
from .libraw import MOSAICS, PHOTOMETRIC, exif_of_raw, opened, tables_of
from .mosaic import CFA, is_xtrans
from .opening import File, ReadableFile, check_size
from .picture import Metadata
from .raw_frame import RawFrame
from .saturation import saturation
from .source import DEFAULT_MAX_PIXELS, recognise
from .spaces import SPACES

_ORIENTATIONS = {0: 1, 1: 2, 3: 3, 2: 4, 4: 5, 6: 6, 7: 7, 5: 8}
"""LibRaw's flip (1: columns mirrored, 2: rows, 4: exchanged) -> Exif orientation."""
_REPEAT_DIM, _BLACK_LEVEL, _BLACK_DELTA_ACROSS, _BLACK_DELTA_DOWN = 0xC619, 0xC61A, 0xC61B, 0xC61C
_ACTIVE_AREA = 0xC68D
_LOOKED_AT = 12  # pixels each way: whether they repeat after 2 or after 6


def read_raw(source: ReadableFile, *, max_pixels: int = DEFAULT_MAX_PIXELS, name: str | None = None) -> RawFrame:
    """The sensor's values in a camera raw: a path, the bytes of a file, or a binary file (read to its end).

    Every Bayer and X-Trans camera that LibRaw knows; the content decides, not the suffix. The visible area is copied
    and the file let go. White balance is as shot; if the file has none, LibRaw's for daylight; if there is none either,
    1, 1, 1. The white level is where LibRaw says that values end, or where blown lights show that they do. A camera of
    which no colours are known is taken to see those of sRGB.

    UnreadableImageError if it is no sound raw, ImageTooLargeError if it has more than `max_pixels` pixels,
    UnsupportedImageError if LibRaw does not know it or it is no mosaic of red, green and blue (four-colour filters,
    Foveon, linear DNG, sensors without filters: these can still be developed, by `open_source`).
    """
    file, format = recognise(source, name)
    if format == "tiff" and PurePath(file.name).suffix.lower() in RAW_SUFFIXES:
        raise UnreadableImageError(
            f"'{file.name}' is no camera raw that LibRaw can read: it is damaged, incomplete or an ordinary TIFF. "
            "Copy it again from where it came."
        )
    if format != "raw":
        raise UnreadableImageError(
            f"'{file.name}' is a {format.upper()} file, not a camera raw. Give it the file that the camera made."
        )
    return read_raw_file(file, max_pixels)


def read_raw_file(file: File, max_pixels: int = DEFAULT_MAX_PIXELS) -> RawFrame:
    """`read_raw` for a file that has been recognised as a raw."""
    with opened(file) as raw:
        sizes = raw.sizes
        check_size(file.name, sizes.width, sizes.height, max_pixels)
        _check_mosaic(file, raw)
        cfa = _cfa(file, raw)
        mosaic = np.array(raw.raw_image_visible, np.uint16, order="C")
        black = _black_levels(file, raw, cfa)
        white = float(raw.white_level)
        if not float(black.max()) < white:
            raise UnreadableImageError(
                f"'{file.name}' says that black is {black.max():g} and white {white:g}. "
                "Copy it again from where it came."
            )
        orientation = _ORIENTATIONS.get(int(sizes.flip), 1)
        exif = exif_of_raw(raw, file)
        tags = _tags(exif, file)
        other = getattr(raw, "other", None)  # older ones of rawpy do not have it
        turned = orientation >= 5
        across, down = (sizes.height, sizes.width) if turned else (sizes.width, sizes.height)
        return RawFrame(
            mosaic=mosaic,
            cfa=cfa,
            black_level_dn=black,
            white_level_dn=saturation(mosaic, cfa, float(black.max()), white),
            white_balance=_white_balance(raw),
            camera_to_xyz=_camera_to_xyz(raw),
            iso=_iso(tags) or _positive(getattr(other, "iso_speed", None)),
            exposure_s=_number(tags.get(0x829A)) or _positive(getattr(other, "shutter_speed", None)),
            orientation=orientation,
            name=file.name,
            camera=_camera(tags),
            metadata=Metadata(exif=upright(exif, across, down) if exif else None),
        )


def _check_mosaic(file: File, raw: Any) -> None:
    import rawpy

    letters = raw.color_desc.decode("ascii", "replace")
    if raw.raw_type != rawpy.RawType.Flat:
        what = "has all colours at every pixel (a linear DNG, or a Foveon sensor)"
    elif raw.num_colors == 1:
        what = "comes from a sensor without colour filters"
    elif raw.num_colors not in (3, 4) or not set(letters) <= set("RGB"):
        what = f"comes from a sensor with filters of the colours {letters}"
    elif not 0.9 < raw.sizes.pixel_aspect < 1.1:
        what = "has pixels that are not square"
    else:
        return
    raise _no_mosaic(file, what)


def _no_mosaic(file: File, what: str) -> UnsupportedImageError:
    return UnsupportedImageError(
        f"'{file.name}' {what}: raw networks want a Bayer or X-Trans mosaic of red, green and blue. "
        "A model for ordinary pictures takes it all the same, as LibRaw develops it."
    )


def _cfa(file: File, raw: Any) -> CFA:
    top, left = raw.sizes.top_margin, raw.sizes.left_margin
    seen = _colours(raw, top, left, min(_LOOKED_AT, raw.sizes.height), min(_LOOKED_AT, raw.sizes.width))
    letters = raw.color_desc.decode("ascii", "replace")
    for period in (2, 6):
        cfa = tuple(
            "".join(letters[seen[y % len(seen)][x % len(seen[0])]] for x in range(period)) for y in range(period)
        )
        if all(
            letters[index] == cfa[y % period][x % period] for y, row in enumerate(seen) for x, index in enumerate(row)
        ):
            try:
                is_xtrans(cfa)
            except ValueError:
                break
            return cfa
    raise _no_mosaic(file, "comes from a sensor whose filters are arranged in another way")


def _colours(raw: Any, top: int, left: int, height: int, width: int) -> list[list[int]]:
    """LibRaw's numbers of the colours of these pixels, 3 for a second green."""
    return [[int(raw.raw_color(top + y, left + x)) for x in range(width)] for y in range(height)]


def _black_levels(file: File, raw: Any, cfa: CFA) -> NDArray[np.float32]:
    """As LibRaw has them, a whole number a colour; from a DNG itself as it has them, with fractions and for each place.

    At a ratio of 300, a quarter of a step is a colour cast.
    """
    period = len(cfa)
    per_colour = raw.black_level_per_channel
    top, left = raw.sizes.top_margin, raw.sizes.left_margin
    colours = _colours(raw, top, left, period, period)
    levels = np.array([[per_colour[index] for index in row] for row in colours], np.float32)
    with file.content() as content:
        try:
            own = _dng_black_levels(Tiff(content), period, top, left)
        except (ValueError, TypeError, struct.error):
            own = None
    # LibRaw cuts fractions off, and of a pattern of 6x6 it gives the least.
    agrees = own is not None and np.isfinite(own).all() and 0 <= own.min() - levels.min() < 1
    return own.astype(np.float32) if own is not None and agrees else levels


def _dng_black_levels(tiff: Tiff, period: int, top: int, left: int) -> NDArray[np.float64] | None:
    """DNG 1.4, BlackLevel: a pattern that repeats from the top left of the active area; here as seen from (`top`,
    `left`), where what LibRaw shows begins: of a Bayer mosaic always at an even row and column.
    """
    for table in tables_of(tiff):
        if _BLACK_LEVEL not in table or PHOTOMETRIC not in table or table[PHOTOMETRIC].value != MOSAICS[0]:
            continue
        rows, columns = table[_REPEAT_DIM].value if _REPEAT_DIM in table else (1, 1)
        if rows < 1 or columns < 1 or period % rows or period % columns:
            return None
        levels = np.array(table[_BLACK_LEVEL].value, np.float64).reshape(rows, columns)
        deltas = [table[tag].value for tag in (_BLACK_DELTA_ACROSS, _BLACK_DELTA_DOWN) if tag in table]
        shift = sum(float(np.mean(delta)) for delta in deltas)  # row by row and column by column: as LibRaw, the mean
        first_row, first_column = table[_ACTIVE_AREA].value[:2] if _ACTIVE_AREA in table else (0, 0)
        whole = np.tile(levels + shift, (period // rows, period // columns))
        return np.roll(whole, (first_row - top, first_column - left), (0, 1))
    return None


def _white_balance(raw: Any) -> tuple[float, float, float]:
    for red, green, blue, second_green in (raw.camera_whitebalance, raw.daylight_whitebalance):
        greens = (green + second_green) / 2 if second_green > 0 else green
        gains = red / greens if greens > 0 else 0, blue / greens if greens > 0 else 0
        if all(0.01 < gain < 100 for gain in gains):  # also not nan
            return float(gains[0]), 1.0, float(gains[1])
    return 1.0, 1.0, 1.0


def _camera_to_xyz(raw: Any) -> NDArray[np.float32]:
    """As LibRaw's own colour goes: the file's matrix if it has one, else that of the camera model, else sRGB's."""
    srgb_to_xyz = SPACES["srgb"].to_xyz
    embedded = np.asarray(raw.color_matrix, np.float64)[:, :3]  # white-balanced camera RGB to sRGB
    xyz_to_camera = np.asarray(raw.rgb_xyz_matrix, np.float64)[:3]
    if embedded[0, 0] > 0.125:  # LibRaw's own condition for its use
        to_srgb = _keeping_white(embedded)
    else:
        to_srgb = np.asarray(np.linalg.inv(_keeping_white(xyz_to_camera @ srgb_to_xyz)), np.float64)
    return (srgb_to_xyz @ to_srgb).astype(np.float32)


def _keeping_white(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """With rows that sum to 1, as LibRaw makes them; the identity if that cannot be, or not be inverted."""
    with np.errstate(all="ignore"):
        kept = matrix / matrix.sum(axis=1, keepdims=True)
    return kept if np.isfinite(kept).all() and np.linalg.cond(kept) < 1e4 else np.eye(3)


def _tags(exif: bytes | None, file: File) -> Ifd:
    """The camera's notes: those of the Exif table, and of the first table, where TIFF/EP keeps them."""
    notes: Ifd = {}
    with file.content() as content:
        try:
            tiff = Tiff(content)
            notes |= tiff.table(tiff.first)
        except ValueError:
            pass
    tables = read_exif(exif) if exif else Exif()
    return notes | tables.photo | tables.shot


def _camera(tags: Ifd) -> str:
    make, model = (tags[tag].value if tag in tags and tags[tag].type == 2 else "" for tag in (0x010F, 0x0110))
    return model if model.startswith(make) else f"{make} {model}".strip()


def _iso(tags: Ifd) -> float | None:
    iso = _number(tags.get(0x8827))
    if iso is None or iso == 65535:  # more than 16 bits hold: then one of these says it
        return _number(tags.get(0x8832)) or _number(tags.get(0x8831)) or iso
    return iso


def _number(entry: Entry | None) -> float | None:
    value = entry.value if entry else None
    return _positive(value[0] if isinstance(value, tuple) and value else value)


def _positive(value: Any) -> float | None:
    return float(value) if isinstance(value, int | float) and 0 < value < math.inf else None
