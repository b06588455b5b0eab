"""Colour filter arrays: their patterns, and mosaics packed into planes of one colour each.

A pattern (`CFA`) is written as the rows of its period, from the top left pixel: ("RG", "GB") for a Bayer sensor, six
rows of six letters for Fuji's X-Trans. Bayer mosaics pack into 4 planes of half the size, X-Trans mosaics into 9 of a
third: in the right phase every 3x3 block of X-Trans has green in its corners and its centre, and red and blue between.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

CFA = tuple[str, ...]
T = TypeVar("T", bound=np.generic)
Places = tuple[tuple[int, int], ...]

RGGB: CFA = ("RG", "GB")
BAYER: tuple[CFA, ...] = (RGGB, ("GR", "BG"), ("GB", "RG"), ("BG", "GR"))
XTRANS: CFA = ("GBGGRG", "RGRBGB", "GBGGRG", "GRGGBG", "BGBRGR", "GRGGBG")
"""X-Trans in the phase that packs, the first block with red left and right of its centre."""
_GREENS = ((0, 0), (0, 2), (1, 1), (2, 0), (2, 2))
_BESIDE, _ABOVE = ((1, 0), (1, 2)), ((0, 1), (2, 1))  # left and right of a block's centre, above and below it
_XTRANS_PLACES: tuple[Places, Places] = (_BESIDE + _GREENS + _ABOVE, _ABOVE + _GREENS + _BESIDE)


def rolled_cfa(cfa: CFA, top: int, left: int) -> CFA:
    """The pattern as it is seen from the pixel `top` rows down and `left` columns to the right (or back, if negative).

    >>> rolled_cfa(("RG", "GB"), 1, 0)
    ('GB', 'RG')
    """
    letters = np.roll(_letters(cfa), (-top, -left), (0, 1))
    return tuple("".join(row) for row in letters)


def is_xtrans(cfa: CFA) -> bool:
    """Whether this is X-Trans, in any phase (else Bayer, in any order); ValueError if it is neither.

    >>> is_xtrans(("GR", "BG"))
    False
    """
    if cfa in BAYER:
        return False
    if len(cfa) == 6 and any(rolled_cfa(XTRANS, top, left) == cfa for top in range(6) for left in range(6)):
        return True
    raise ValueError(f"a pattern of a Bayer or an X-Trans sensor is wanted, got {cfa!r}")


def colour_map(cfa: CFA) -> NDArray[np.uint8]:
    """Which of R, G, B (0, 1, 2) each place of the pattern is: uint8, of the pattern's shape.

    >>> colour_map(("GR", "BG")).tolist()
    [[1, 0], [2, 1]]
    """
    return np.array([["RGB".index(letter) for letter in row] for row in cfa], np.uint8)


def phase_of(cfa: CFA) -> tuple[int, int]:
    """How many rows and columns must stand before the first for the pattern to begin at the phase that networks see:
    RGGB for Bayer (0 or 1 each), green in the corners of 3x3 blocks for X-Trans (0 to 2 each).

    >>> phase_of(("BG", "GR"))
    (1, 1)
    """
    aligned_patterns = {XTRANS, rolled_cfa(XTRANS, 0, 3)} if is_xtrans(cfa) else {RGGB}
    step = 3 if is_xtrans(cfa) else 2
    return next((y, x) for y in range(step) for x in range(step) if rolled_cfa(cfa, -y, -x) in aligned_patterns)


def pack(mosaic: NDArray[T], cfa: CFA) -> NDArray[T]:
    """`pack_xtrans` or `pack_bayer`, as the pattern is."""
    return pack_xtrans(mosaic, cfa) if is_xtrans(cfa) else pack_bayer(mosaic, cfa)


def unpack(planes: NDArray[T], cfa: CFA, size: tuple[int, int]) -> NDArray[T]:
    """The mosaic, `size` = (h, w), that `pack` was given."""
    return unpack_xtrans(planes, cfa, size) if is_xtrans(cfa) else unpack_bayer(planes, cfa, size)


def pack_bayer(mosaic: NDArray[T], cfa: CFA) -> NDArray[T]:
    """Four planes R, G in the rows of R, G in the rows of B, B of a mosaic `h w`: (4, ceil(h / 2), ceil(w / 2)).

    Of any type and any of the four orders; a missing last row or column is taken to be the one two before it.

    >>> pack_bayer(np.array([[1, 2], [3, 4]]), ("GR", "BG")).ravel().tolist()
    [2, 1, 4, 3]
    """
    whole = _whole(mosaic, 2, 2)
    return np.stack([whole[y::2, x::2] for y, x in _bayer_places(cfa)])


def unpack_bayer(planes: NDArray[T], cfa: CFA, size: tuple[int, int]) -> NDArray[T]:
    """The mosaic, `size` = (h, w), that `pack_bayer` was given."""
    _check_planes(planes, 4, 2, size)
    whole = np.empty((2 * planes.shape[1], 2 * planes.shape[2]), planes.dtype)
    for plane, (y, x) in zip(planes, _bayer_places(cfa), strict=True):
        whole[y::2, x::2] = plane
    return whole[: size[0], : size[1]]


def pack_xtrans(mosaic: NDArray[T], cfa: CFA) -> NDArray[T]:
    """Nine planes R0 R1 G0 G1 G2 G3 G4 B0 B1 of an X-Trans mosaic `h w`: (9, ceil(h / 3), ceil(w / 3)).

    The pattern must begin where `phase_of` says. Greens come in reading order. In blocks with red beside the
    centre, R0 is left of it, R1 right, B0 above and B1 below; in the others R0 is above, R1 below, B0 left, B1 right.
    Missing last rows and columns are taken to be those six before.
    """
    whole = _whole(mosaic, 3, 6)
    out = np.empty((9, whole.shape[0] // 3, whole.shape[1] // 3), mosaic.dtype)
    for block_y in (0, 1):
        for block_x in (0, 1):
            for plane, (y, x) in zip(out, _xtrans_places(cfa, block_y, block_x), strict=True):
                plane[block_y::2, block_x::2] = whole[3 * block_y + y :: 6, 3 * block_x + x :: 6]
    return out


def unpack_xtrans(planes: NDArray[T], cfa: CFA, size: tuple[int, int]) -> NDArray[T]:
    """The mosaic, `size` = (h, w), that `pack_xtrans` was given."""
    _check_planes(planes, 9, 3, size)
    whole = np.empty((3 * planes.shape[1], 3 * planes.shape[2]), planes.dtype)
    for block_y in (0, 1):
        for block_x in (0, 1):
            for plane, (y, x) in zip(planes, _xtrans_places(cfa, block_y, block_x), strict=True):
                whole[3 * block_y + y :: 6, 3 * block_x + x :: 6] = plane[block_y::2, block_x::2]
    return whole[: size[0], : size[1]]


def xtrans_phase(cfa: CFA, rows: int, cols: int) -> NDArray[np.float32]:
    """For each of `rows` x `cols` 3x3 blocks: 0 where red is beside the centre, 1 where it is above and below.

    >>> xtrans_phase(XTRANS, 2, 3).tolist()
    [[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]
    """
    first = _xtrans_places(cfa, 0, 0) is _XTRANS_PLACES[1]
    return ((np.add.outer(np.arange(rows), np.arange(cols)) + int(first)) % 2).astype(np.float32)


def flip_mosaic(
    mosaic: NDArray[T], cfa: CFA, horizontally: bool = False, vertically: bool = False, transposed: bool = False
) -> NDArray[T]:
    """The mosaic transposed, then mirrored, then cut at its top and left by the fewest pixels that make its pattern
    `cfa` again: at most 1 for Bayer, 5 for X-Trans.

    What lies on the mosaic pixel by pixel (`h w c`, the developed picture) is turned and cut alike.
    """
    height, width = mosaic.shape[:2]
    turned = turn(mosaic, horizontally, vertically, transposed)
    now = turned_cfa(cfa, (height, width), horizontally, vertically, transposed)
    period = len(cfa)
    offsets = ((y, x) for y in range(period) for x in range(period) if rolled_cfa(now, y, x) == cfa)
    top, left = min(offsets, key=sum)
    return turned[top:, left:]


def turn(pixels: NDArray[T], horizontally: bool, vertically: bool, transposed: bool) -> NDArray[T]:
    """`h w` or `h w c` transposed, then mirrored left to right and top to bottom: a view."""
    turned = pixels.swapaxes(0, 1) if transposed else pixels
    return turned[:: -1 if vertically else 1, :: -1 if horizontally else 1]


def turned_pattern(
    pattern: NDArray[T], size: tuple[int, int], horizontally: bool, vertically: bool, transposed: bool
) -> NDArray[T]:
    """What lies on the pattern's places (letters, black levels) as seen from the new top left pixel once a mosaic of
    `size` = (h, w) has been through `turn`.
    """
    height, width = size[::-1] if transposed else size
    turned = turn(pattern, horizontally, vertically, transposed)
    return np.roll(turned, (height if vertically else 0, width if horizontally else 0), (0, 1))


def turned_cfa(cfa: CFA, size: tuple[int, int], horizontally: bool, vertically: bool, transposed: bool) -> CFA:
    """The pattern of a mosaic of `size` = (h, w) once it has been through `turn`.

    >>> turned_cfa(("RG", "GB"), (4, 5), True, False, False)  # an odd width: red stays first
    ('RG', 'GB')
    """
    letters = turned_pattern(_letters(cfa), size, horizontally, vertically, transposed)
    return tuple("".join(row) for row in letters)


def _letters(cfa: CFA) -> NDArray[np.str_]:
    return np.array([list(row) for row in cfa])


def _bayer_places(cfa: CFA) -> Places:
    if cfa not in BAYER:
        raise ValueError(f"a Bayer pattern is wanted, got {cfa!r}")
    y, x = next((y, x) for y in (0, 1) for x in (0, 1) if cfa[y][x] == "R")
    return (y, x), (y, 1 - x), (1 - y, x), (1 - y, 1 - x)


def _xtrans_places(cfa: CFA, block_y: int, block_x: int) -> Places:
    if not is_xtrans(cfa) or phase_of(cfa) != (0, 0):
        raise ValueError(f"an X-Trans pattern with green in its first corner block is wanted, got {cfa!r}")
    first = int(cfa[1][0] != "R")
    return _XTRANS_PLACES[(first + block_y + block_x) % 2]


def _check_planes(planes: NDArray[T], n: int, scale: int, size: tuple[int, int]) -> None:
    expected = (n, -(-size[0] // scale), -(-size[1] // scale))
    if planes.shape != expected:
        raise ValueError(f"planes of shape {expected} make a mosaic of {size}, got {planes.shape}")


def _whole(mosaic: NDArray[T], scale: int, period: int) -> NDArray[T]:
    """The mosaic with its missing last rows and columns, so that its sides are multiples of `scale`."""
    height, width = mosaic.shape
    if height % scale == 0 and width % scale == 0:
        return mosaic
    rows, columns = (_within(np.arange(size + -size % scale), size, period) for size in (height, width))
    return mosaic[rows[:, None], columns]


def _within(places: NDArray[np.intp], size: int, period: int) -> NDArray[np.intp]:
    """Places moved by whole periods until they lie in a mosaic of this size; if it is smaller than that, anywhere."""
    moved = np.where(places >= size, places - period * (-(-(places - size + 1) // period)), places)
    return np.where(moved >= 0, moved, places % size)
