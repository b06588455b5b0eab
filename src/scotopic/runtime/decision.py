"""What the user may turn: strength, exposure and the protection of highlights on the small decision; and the noise."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import ControlError
from ..metrics import luma
from .curves import apply_curves, rising

Maps = NDArray[np.float32]
Image = NDArray[np.float32]
Tier = Literal["fast", "best"]
"""Of an ordinary picture: brightened alone, or freed of the noise that this shows as well."""
TIERS: tuple[Tier, ...] = ("fast", "best")

MAX_STRENGTH = 2.0
DENOISE = 0.9
"""How much noise is taken away unless somebody asks: a tenth of the grain stays, without which skin looks like wax."""
MAX_EXPOSURE_EV = 4.0
RATIOS = 1 / 16, 4800.0
"""Amplifications of a raw: from four stops below what the camera chose to four stops above SID's largest, 300."""

# Where a picture counts as well exposed, softly from the first to the second: by the mean brightness of its darker
# half (nine in ten photographs taken in enough light are above 0.18, dark and back-lit ones below 0.12), or of it all.
DARKER_HALF = 0.12, 0.20
WHOLE = 0.42, 0.55
# Unless all of it is bright enough, that says nothing in a picture without anything near white: what the brightest
# hundredth must reach, softly from the first to the second. Nothing in a photograph two stops too dark is above 0.54,
# if the light did not clip; nine in ten well-exposed ones reach 0.71, 98 in a hundred 0.64.
WHITE = 0.54, 0.66
# How bright the brightest channel must come out to count as blown, softly from the first to the second.
BLOWN = 0.94, 1.0
# How much of the curve is taken back where a light would be blown; how far around it that is smoothed (share of the
# long side), and the variance of brightness from which on an edge stops the smoothing.
TAKEN_BACK, REACH, EDGE = 0.6, 0.04, 0.003
# Share of the picture that may still be blown after that; beyond it the whole curve is taken back.
BLOWN_SHARE = 0.08
# What is black at night: luma below which a place holds next to nothing, softly from the second to the first, in a
# picture whose brightest hundredth shows that it was not meant to be brighter, softly from the first to the second;
# and how much of the curve is taken back there.
BLACK, NIGHT, KEPT_BLACK = (1 / 255, 6 / 255), (0.4, 0.8), 0.6


@dataclass(frozen=True)
class Controls:
    """How much of the model's decision is used.

    `strength`: 0 gives the input back, 1 is the model's opinion, up to 2 does more. `exposure_ev`: brighter (+) or
    darker (-) than the model's opinion, in EV from the shadows to middle grey, -4 to 4; towards white it fades.
    `protect_highlights` leaves well-exposed pictures as they are, keeps lamps and windows from being blown, and leaves
    black around them.

    A camera raw is amplified by `ratio`, 1/16 to 4800 (None: estimated from the frame), to the power of `strength` (up
    to 1; what goes beyond counts as stops), and by 2 for every stop of `exposure_ev`; `protect_highlights` bends what
    is then beyond white into what is left below.

    `tier` is for ordinary pictures: "fast" brightens, "best" takes away the noise that this shows as well (None: the
    best that the model has; a camera raw's network removes noise itself, whatever the tier). `denoise` is how much of
    what the best tier takes away is taken away, 0 to 1 (None: DENOISE); at 0 the result is the fast tier's.
    """

    strength: float = 1.0
    exposure_ev: float = 0.0
    protect_highlights: bool = True
    ratio: float | None = None
    tier: Tier | None = None
    denoise: float | None = None

    def __post_init__(self) -> None:
        given: dict[str, object] = {"strength": self.strength, "exposure_ev": self.exposure_ev}
        given |= {name: value for name in ("ratio", "denoise") if (value := getattr(self, name)) is not None}
        for name, value in given.items():
            if not isinstance(value, Real):
                raise ControlError(f"{name} must be a number, got {value!r}.")
        if self.ratio is not None and not RATIOS[0] <= self.ratio <= RATIOS[1]:
            raise ControlError(f"ratio must be between {RATIOS[0]:g} and {RATIOS[1]:g}, got {self.ratio:g}.")
        if not 0 <= self.strength <= MAX_STRENGTH:
            raise ControlError(f"strength must be between 0 and {MAX_STRENGTH:g}, got {self.strength:g}.")
        if not -MAX_EXPOSURE_EV <= self.exposure_ev <= MAX_EXPOSURE_EV:
            raise ControlError(
                f"exposure must be between -{MAX_EXPOSURE_EV:g} and +{MAX_EXPOSURE_EV:g} EV, got {self.exposure_ev:+g}."
            )
        if self.tier is not None and self.tier not in TIERS:
            raise ControlError(f"tier must be one of {', '.join(TIERS)}, got {self.tier!r}.")
        if self.denoise is not None and not 0 <= self.denoise <= 1:
            raise ControlError(f"denoise must be between 0 and 1, got {self.denoise:g}.")
        if self.denoise is not None and self.tier == "fast":
            raise ControlError("denoise is how much noise the best tier takes away, got tier fast: leave one away.")


def adjust_curves(maps: Maps, thumbnail: Image, controls: Controls, iterations: int) -> Maps:
    """The curve maps that the controls ask for; afterwards the plain curve is applied.

    `maps` is `c h w` in [-1, 1]; `thumbnail` is the picture it was decided on, `h w 3`, sRGB in [0, 1], and maps and
    thumbnail have one size.
    """
    if controls.protect_highlights:
        maps = protect_highlights(keep_black(maps, thumbnail), thumbnail, iterations)
    adjusted = maps * np.float32(controls.strength)
    amounts = slice(3) if rising(maps, iterations) else slice(None)
    # Each iteration moves the logit of an sRGB value by nearly log(1 + a). From shadows to middle grey, a stop of light
    # is a step of 0.55 in that logit (0.8 of a power of two), within a quarter of a stop; towards white it fades.
    gain = np.float32(2.0 ** (controls.exposure_ev / (1.25 * iterations)))
    adjusted *= gain
    adjusted[amounts] += gain - 1
    np.clip(adjusted, -1, 1, out=adjusted)
    if rising(maps, iterations):
        _limit_rise(adjusted)
    return np.asarray(adjusted, dtype=np.float32)


def protect_highlights(maps: Maps, thumbnail: Image, iterations: int) -> Maps:
    """Maps that never darken, leave a well-exposed picture alone, and hold back where lights would be blown.

    The curve is taken back where something would be blown, smoothly but along edges: a lamp keeps its colour, and a
    roof gets no halo from the sky. Where that leaves more than a twelfth of the picture newly blown, all of it is.
    """
    never_darker = maps * np.tile(maps[:3] > 0, (2, 1, 1)) if rising(maps, iterations) else np.maximum(maps, 0)
    maps = never_darker * np.float32(1 - exposed_well(thumbnail))
    not_yet_blown = 1 - _smoothstep(*BLOWN, _brightest(thumbnail))

    def newly_blown(share: float, every: int = 1) -> tuple[Image, Image]:
        """How blown each place would newly be, and the picture as it would be, every so many pixels."""
        low, curves = thumbnail[::every, ::every], np.float32(share) * maps[:, ::every, ::every]
        out = apply_curves(low, curves, iterations, top=0, height=len(low))
        return _smoothstep(*BLOWN, _brightest(out)) * not_yet_blown[::every, ::every], out

    blown, out = newly_blown(1.0)
    held = _guided(blown, luma(out), max(1, round(REACH * max(thumbnail.shape[:2]))))
    maps = maps * (1 - TAKEN_BACK * np.clip(1.5 * held, 0, 1))
    if newly_blown(1.0, every=2)[0].mean() > BLOWN_SHARE:
        low, high = 0.0, 1.0
        for _ in range(7):
            middle = (low + high) / 2
            low, high = (low, middle) if newly_blown(middle, every=2)[0].mean() > BLOWN_SHARE else (middle, high)
        maps = maps * np.float32(low)
    return maps


def keep_black(maps: Maps, thumbnail: Image) -> Maps:
    """Maps that brighten less what is black beside lights: a room around a lamp, the sky above a street.

    There an 8-bit file holds noise and rounding, which would come out as a coloured grey. A picture without lights is
    left alone: what is dark in it may be all there is.
    """
    brightness = luma(thumbnail)
    night = _smoothstep(*NIGHT, np.quantile(brightness, 0.99))
    if not night:
        return maps
    black = (1 - _smoothstep(*BLACK, brightness)) * night
    held = np.clip(_guided(black, brightness, max(1, round(REACH * max(brightness.shape)))), 0, 1)
    return np.asarray(maps * (1 - np.float32(KEPT_BLACK) * held), dtype=np.float32)


def exposed_well(thumbnail: Image) -> float:
    """How well exposed a picture is, from 0 (too dark) to 1 (leave it alone); `thumbnail` is `h w 3`, sRGB in [0, 1].

    The darker half has a say of its own, since a bright sky does not light the street below it; but a pale wall that is
    the brightest thing in a picture is in too little light.

    >>> exposed_well(np.full((4, 4, 3), 0.1, np.float32)), exposed_well(np.full((4, 4, 3), 0.6, np.float32))
    (0.0, 1.0)
    """
    brightness = np.sort(luma(thumbnail), axis=None)
    darker_half = brightness[: max(1, brightness.size // 2)].mean()
    shadows = _smoothstep(*DARKER_HALF, darker_half) * _smoothstep(*WHITE, brightness[int(0.99 * brightness.size)])
    return float(1 - (1 - shadows) * (1 - _smoothstep(*WHOLE, brightness.mean())))


def _limit_rise(maps: Maps) -> None:
    """Holds the second half of six maps within what keeps the order of values and lets shadows become no darker.

    No iteration's amount may leave [-1, 1]. At black the iterations' slopes are 1 + amount; their product stays above 1
    where the rise, squared, is less than three times the amount (the logarithms' series, to the second order).
    """
    amount = np.abs(maps[:3])
    most = np.minimum(1 - amount, np.sqrt(1.5 * (2 * amount - amount * amount)))
    np.clip(maps[3:], -most, most, out=maps[3:])


def _brightest(image: Image) -> Image:
    """The brightest channel of each pixel, `h w 3` to `h w`; numpy's own `max` takes ten times as long for three."""
    return np.maximum(np.maximum(image[..., 0], image[..., 1]), image[..., 2])


def _smoothstep(low: float, high: float, x: Image | np.floating[Any]) -> Image:
    t = np.clip((np.asarray(x, np.float32) - np.float32(low)) / np.float32(high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


def _guided(image: Image, guide: Image, radius: int) -> Image:
    """`image` smoothed along the edges of `guide` (both `h w`): the guided filter (He et al., TPAMI 2013, eq. 5)."""
    products = np.stack([image, guide, image * guide, guide * guide])
    mean, mean_guide, mean_both, mean_square = _box(products, radius)
    slope = (mean_both - mean * mean_guide) / (mean_square - mean_guide**2 + np.float32(EDGE))
    slope, offset = _box(np.stack([slope, mean - slope * mean_guide]), radius)
    return np.asarray(slope * guide + offset, dtype=np.float32)


def _box(images: Image, radius: int) -> Image:
    """Mean over `2 radius + 1` pixels each way, the edge repeated; `images` is `n h w`."""
    side = 2 * radius + 1
    means = images.astype(np.float64)  # here, as numpy sums up and converts in one go four times as slowly
    for _ in ("down", "across"):
        padded = np.pad(means.transpose(0, 2, 1), ((0, 0), (0, 0), (radius + 1, radius)), mode="edge")
        sums = padded.cumsum(axis=2)
        means = (sums[..., side:] - sums[..., :-side]) / side
    return means.astype(np.float32)
