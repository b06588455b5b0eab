"""Errors of colour: against the truth, and of hue against what came in. All want RGB, `h w 3`."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from scotopic.image import srgb_to_linear

from .pictures import Doubles, Image, check_pair

XYZ_OF_RGB = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
"""IEC 61966-2-1, D65, 2 degree observer."""

BLACK_LIGHT = 1e-6
"""Of grey light added to each pixel before angles are taken: black has no colour, so it counts as grey."""

GREY = 0.5 / 255
"""Channels that lie closer are written to a file of 8 bits as one value, or as neighbours."""

BAND_PX = 1 << 15
"""Pixels worked on at a time: what is made of them stays in the processor's cache."""


def ciede2000(out: Image, target: Image) -> float:
    """Mean CIEDE2000 difference of the pixels (see delta_e_2000); lower is better, black and white are 100 apart.

    >>> round(ciede2000(np.zeros((2, 2, 3)), np.ones((2, 2, 3))), 3)
    100.0
    """
    check_pair(out, target, channels=(3,))
    total = sum(float(delta_e_2000(lab(a), lab(b)).sum()) for a, b in _bands(out, target))
    return total / out[..., 0].size


def angular_error(out: Image, target: Image) -> float:
    """Mean angle between the colours of a pixel, as vectors of linear light, in degrees, [0, 90]; lower is better.

    Light that is only more or less of the same does not count: this is what is wrong with the colour whatever the
    exposure. It is the angle by which white balance is judged (Hordley and Finlayson, Re-evaluating colour constancy
    algorithms, ICPR 2004), of each pixel, as in DeepUPE (Wang et al., CVPR 2019, eq. 5). Black counts as grey.

    >>> red, yellow = np.full((2, 2, 3), [1.0, 0, 0]), np.full((2, 2, 3), [1.0, 1, 0])
    >>> round(angular_error(red, yellow), 2)
    45.0
    """
    check_pair(out, target, channels=(3,))
    total = 0.0
    for band in _bands(out, target):
        a, b = (_light(image) + BLACK_LIGHT for image in band)
        # From sine and cosine: the cosine alone cannot tell small angles apart.
        total += float(np.arctan2(np.linalg.norm(np.cross(a, b), axis=-1), (a * b).sum(-1)).sum())
    return math.degrees(total / out[..., 0].size)


def hue_loss(low: Image, out: Image) -> float:
    """How far hues have turned from those that came in, in degrees, [0, 180]; lower is better.

    Hue is the angle around the grey axis, of linear light (the hue of HSI: Gonzalez and Woods, Digital Image
    Processing, ch. 6), so light that is only more of the same keeps it. The mean is weighted by the chroma that came in
    (largest less smallest channel, encoded): grey has no hue to lose, and the hue of a dark pixel is mostly noise. What
    comes out grey has lost its hue: it counts as 90, as hues drawn by chance would. 0 if all that came in was grey.

    >>> red, yellow = np.full((2, 2, 3), [1.0, 0, 0]), np.full((2, 2, 3), [1.0, 1, 0])
    >>> round(hue_loss(red, yellow), 2), hue_loss(red, 0.5 * red), hue_loss(red, np.ones((2, 2, 3)))
    (60.0, 0.0, 90.0)
    """
    check_pair(low, out, ("low", "out"), channels=(3,))
    total = weights = 0.0
    for before, after in _bands(low, out):
        weight, chroma = (np.ptp(np.clip(image, 0, 1).astype(np.float64), axis=-1) for image in (before, after))
        (x, y), (across, along) = _hue_vectors(before), _hue_vectors(after)
        turned = np.degrees(np.arctan2(np.abs(x * along - y * across), x * across + y * along))
        total += float((weight * np.where(chroma < GREY, 90, turned)).sum())
        weights += float(weight.sum())
    return total / weights if weights else 0.0


def delta_e_2000(a: Doubles, b: Doubles) -> Doubles:
    """The CIEDE2000 difference of colours in CIELAB, `… 3` each, with all parametric factors 1.

    By the formulas, and the names, of Sharma, Wu and Dalal (The CIEDE2000 color-difference formula, Color Research and
    Application 2005). About 1 is just noticeable in large even patches side by side.
    """
    (l1, a1, b1), (l2, a2, b2) = np.moveaxis(a, -1, 0), np.moveaxis(b, -1, 0)
    g = 0.5 * (1 - _seventh((np.hypot(a1, b1) + np.hypot(a2, b2)) / 2))
    a1, a2 = (1 + g) * a1, (1 + g) * a2
    c1, c2 = np.hypot(a1, b1), np.hypot(a2, b2)
    h1, h2 = np.degrees(np.arctan2(b1, a1)) % 360, np.degrees(np.arctan2(b2, a2)) % 360
    grey = c1 * c2 == 0

    turn = h2 - h1
    around = np.abs(turn) > 180  # the other way round is shorter
    dh = np.where(grey, 0, np.where(around, turn - np.copysign(360, turn), turn))
    d_hue = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(dh / 2))

    lightness, chroma = (l1 + l2) / 2, (c1 + c2) / 2
    both = h1 + h2
    hue = np.where(grey, both, np.where(around, (both + np.where(both < 360, 360, -360)) / 2, both / 2))
    t = 1 - 0.17 * _cos(hue - 30) + 0.24 * _cos(2 * hue) + 0.32 * _cos(3 * hue + 6) - 0.20 * _cos(4 * hue - 63)
    off_mid = (lightness - 50) ** 2
    d_l = (l2 - l1) / (1 + 0.015 * off_mid / np.sqrt(20 + off_mid))
    d_c = (c2 - c1) / (1 + 0.045 * chroma)
    d_h = d_hue / (1 + 0.015 * chroma * t)
    rotation = -2 * _seventh(chroma) * np.sin(np.radians(60 * np.exp(-(((hue - 275) / 25) ** 2))))
    return np.asarray(np.sqrt(d_l**2 + d_c**2 + d_h**2 + rotation * d_c * d_h))


def lab(srgb: Image) -> Doubles:
    """CIELAB (CIE 15) of sRGB in [0, 1], `… 3`, clipped; the white point is sRGB's white, so that grey is exactly grey.

    >>> lab(np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]])).round(1).tolist()
    [[100.0, 0.0, 0.0], [53.2, 80.1, 67.2]]
    """
    xyz = _light(srgb) @ (XYZ_OF_RGB / XYZ_OF_RGB.sum(1, keepdims=True)).T
    f = np.where(xyz > (6 / 29) ** 3, np.cbrt(xyz), xyz * (29 / 6) ** 2 / 3 + 4 / 29)
    x, y, z = np.moveaxis(f, -1, 0)
    return np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=-1)


def _bands(a: Image, b: Image) -> Iterator[tuple[Image, Image]]:
    """Pixels of two pictures, `n 3` each, some at a time."""
    a, b = a.reshape(-1, 3), b.reshape(-1, 3)
    for start in range(0, len(a), BAND_PX):
        yield a[start : start + BAND_PX], b[start : start + BAND_PX]


def _light(srgb: Image) -> Doubles:
    return srgb_to_linear(np.clip(srgb, 0, 1)).astype(np.float64)


def _hue_vectors(srgb: Image) -> tuple[Doubles, Doubles]:
    """Linear light seen along the grey axis: red to the right, green and blue 120 degrees to either side."""
    red, green, blue = np.moveaxis(_light(srgb), -1, 0)
    return red - (green + blue) / 2, (green - blue) * np.sqrt(0.75)


def _seventh(chroma: Doubles) -> Doubles:
    power = chroma**7
    return np.asarray(np.sqrt(power / (power + 25.0**7)))


def _cos(degrees: Doubles) -> Doubles:
    return np.asarray(np.cos(np.radians(degrees)))
