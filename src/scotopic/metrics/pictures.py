"""What a metric accepts. Most numbers that contradict each other come from pictures that were not what they seemed."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import ScoreError

Image = NDArray[np.floating]
Doubles = NDArray[np.float64]

LEAST, MOST = -0.5, 1.5
"""A network that was not clipped may overshoot a little. What goes further is in [0, 255] or in [-1, 1]."""


def check(image: Image, name: str = "out", *, channels: Collection[int] = (1, 3), least_px: int = 1) -> None:
    """Raises ScoreError unless `image` is `h w c` of floats in [0, 1], with so many channels and so many pixels."""
    if not np.issubdtype(image.dtype, np.floating):
        # Differences of bytes wrap around: 0 - 1 is 255.
        raise ScoreError(f"{name} must be a float array in [0, 1], got {image.dtype}. Divide by 255 or 65535 first.")
    if image.ndim != 3 or image.shape[2] not in channels or not image.size:
        wanted = " or ".join(f"(h, w, {count})" for count in channels)
        raise ScoreError(
            f"{name} must have the shape {wanted}, got {image.shape}. Give grey pictures a last axis of 1; lay "
            "pictures with alpha on a background, or drop it, first."
        )
    if min(image.shape[:2]) < least_px:
        raise ScoreError(
            f"{name} must have at least {least_px} x {least_px} pixels for this metric, got {image.shape[1]} x "
            f"{image.shape[0]}. Leave the metric out; nothing is enlarged to fit."
        )
    least, most = float(image.min()), float(image.max())
    if not (least >= LEAST and most <= MOST):
        raise ScoreError(
            f"{name} must be sRGB in [0, 1], got values from {least:.4g} to {most:.4g}. Divide [0, 255] by 255, take "
            "[-1, 1] to (x + 1) / 2, and look where values that are no numbers come from."
        )


def check_pair(
    out: Image,
    target: Image,
    names: tuple[str, str] = ("out", "target"),
    channels: Collection[int] = (1, 3),
    least_px: int = 1,
) -> None:
    """As `check`, and both of one shape: nothing is resized, cropped, repeated or converted silently."""
    for name, image in zip(names, (out, target), strict=True):
        check(image, name, channels=channels, least_px=least_px)
    if out.shape != target.shape:
        raise ScoreError(
            f"{names[0]} and {names[1]} must have one shape, got {out.shape} and {target.shape}. Make them alike, on "
            "purpose, first: the way they are resized or cropped moves the score."
        )
