"""Full-reference metrics: how far a finished picture is from the truth.

All take `out` and `target` as float arrays `h w c`, RGB in [0, 1], of the same shape: nothing is resized, cropped or
converted silently.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.floating]


def _check(out: Image, target: Image) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    for name, image in (("out", out), ("target", target)):
        if not np.issubdtype(image.dtype, np.floating):
            raise TypeError(f"{name} must be a float array in [0, 1], got {image.dtype}. Divide by 255 or 65535 first.")
    if out.shape != target.shape:
        raise ValueError(f"out and target must have one shape, got {out.shape} and {target.shape}.")
    return out.astype(np.float64), target.astype(np.float64)


def mae(out: Image, target: Image) -> float:
    """Mean absolute error, in [0, 1]; lower is better."""
    a, b = _check(out, target)
    return float(np.abs(a - b).mean())


def mse(out: Image, target: Image) -> float:
    """Mean squared error, in [0, 1]; lower is better."""
    a, b = _check(out, target)
    return float(np.square(a - b).mean())


def psnr(out: Image, target: Image) -> float:
    """Peak signal-to-noise ratio in dB for a peak of 1; higher is better, infinite for equal pictures.

    >>> round(psnr(np.full((4, 4, 3), 0.5), np.full((4, 4, 3), 0.6)), 2)
    20.0
    """
    error = mse(out, target)
    return float("inf") if error == 0 else -10 * float(np.log10(error))


def gt_mean(out: Image, target: Image) -> NDArray[np.float64]:
    """`out` times the one gain that gives it the mean brightness of `target`, clipped to [0, 1].

    Scores after GT-mean (Zhang et al., KinD, ACM MM 2019) say how good a picture is apart from its exposure. A table
    that shows them shows the plain scores too. Brightness is the mean of the grey picture (Rec. 601).
    """
    a, b = _check(out, target)
    brightness = float(luma(a).mean())
    return np.clip(a * (float(luma(b).mean()) / max(brightness, 1e-6)), 0, 1)


def luma(image: Image) -> Image:
    """Rec. 601 luma of an sRGB picture `h w 3` (or `h w 1`, as it is): `h w`."""
    if image.shape[-1] == 1:
        return image[..., 0]
    return image @ np.array([0.299, 0.587, 0.114], dtype=image.dtype)


def _gaussian(size: int = 11, sigma: float = 1.5) -> NDArray[np.float64]:
    x = np.arange(size) - size // 2
    window = np.exp(-(x**2) / (2 * sigma**2))
    return np.asarray(window / window.sum())


def _blur(image: NDArray[np.float64]) -> NDArray[np.float64]:
    """`image` (`h w c`) under the 11 x 11 Gaussian, valid part only: `h-10 w-10 c`."""
    window = _gaussian()
    rows = np.zeros((image.shape[0] - 10, *image.shape[1:]))
    for i, weight in enumerate(window):
        rows += weight * image[i : i + rows.shape[0]]
    blurred = np.zeros((rows.shape[0], rows.shape[1] - 10, rows.shape[2]))
    for i, weight in enumerate(window):
        blurred += weight * rows[:, i : i + blurred.shape[1]]
    return blurred


def ssim(out: Image, target: Image) -> float:
    """Structural similarity (Wang et al., TIP 2004): 11 x 11 Gaussian, sigma 1.5, population covariance.

    Mean over pixels and channels, in [-1, 1]; higher is better. Wants at least 11 x 11 pixels.
    """
    a, b = _check(out, target)
    if min(a.shape[:2]) < 11:
        raise ValueError(f"SSIM wants at least 11 x 11 pixels, got {a.shape[1]} x {a.shape[0]}.")
    c1, c2 = 0.01**2, 0.03**2
    mean_a, mean_b = _blur(a), _blur(b)
    var_a = _blur(a * a) - mean_a**2
    var_b = _blur(b * b) - mean_b**2
    cov = _blur(a * b) - mean_a * mean_b
    luminance = (2 * mean_a * mean_b + c1) / (mean_a**2 + mean_b**2 + c1)
    contrast = (2 * cov + c2) / (var_a + var_b + c2)
    return float((luminance * contrast).mean())
