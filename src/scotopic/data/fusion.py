"""OpenCV's part in making targets: pictures made small, and a series of exposures fused into one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import MissingExtraError

Picture = NDArray[np.uint8] | NDArray[np.uint16]


def opencv(what: str) -> Any:
    """OpenCV, for `what`; from now on with one thread, since a pool of them does not survive a fork into workers."""
    try:
        import cv2
    except ImportError as error:
        raise MissingExtraError(what, "train") from error
    cv2.setNumThreads(1)
    return cv2


def fuse(series: Sequence[Picture]) -> NDArray[np.uint8]:
    """The fusion of a series of exposures, sRGB `h w 3` each and of one size: the best of every frame, in 8 bits.

    A pixel counts by its contrast, saturation and well-exposedness, each with the weight of 1 that the paper gives it
    (Mertens, Kautz and Van Reeth, Exposure Fusion, Pacific Graphics 2007; eq. 2). The frames must lie on each other.
    """
    merge = opencv("Exposure fusion").createMergeMertens(contrast_weight=1, saturation_weight=1, exposure_weight=1)
    fused = merge.process([frame.astype(np.float32) * (255 / np.iinfo(frame.dtype).max) for frame in series])
    return np.asarray(np.round(np.clip(fused, 0, 1) * 255), np.uint8)


def area_averaged(picture: Picture, factor: float) -> Picture:
    """A picture `h w 3` made `factor` times as large, at most 1: each pixel is the mean of the area it takes.

    >>> area_averaged(np.repeat(np.uint8([[[0] * 3, [100] * 3]]), 2, axis=0), 0.5).tolist()
    [[[50, 50, 50]]]
    """
    if factor == 1:
        return picture
    height, width = smaller(picture.shape[0], factor), smaller(picture.shape[1], factor)
    cv2 = opencv("Resizing pictures")
    small: Picture = cv2.resize(np.ascontiguousarray(picture), (width, height), interpolation=cv2.INTER_AREA)
    return small


def smaller(side: int, factor: float) -> int:
    """The side in pixels that `area_averaged` leaves."""
    return max(1, round(side * factor))
