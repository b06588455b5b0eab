"""What "better" means: scores of a finished picture. numpy only.

docs/metrics.md has formulas, sources, units and traps. LPIPS wants a graph that is brought along: metrics.open_lpips.
"""

from math import inf

from .colour import angular_error, ciede2000, delta_e_2000, hue_loss
from .exposure import clipping, loe
from .full_reference import brightness_error, gt_mean, luma, mae, mse, psnr
from .grain import LEAST_NOISE_PX, noise
from .lpips import open_lpips
from .metric import Metric
from .niqe import LEAST_NIQE_PX, niqe
from .structure import LEAST_MS_SSIM_PX, LEAST_SSIM_PX, ms_ssim, ssim

# name, function, unit, better, range, needs, gt_mean, source, digits
METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("psnr", psnr, "dB", "higher", (-inf, inf), "both", True, "from mse, for a peak of 1", 2),
        Metric("ssim", ssim, "", "higher", (-1, 1), "both", True, "Wang et al. 2004", 4, LEAST_SSIM_PX),
        Metric("ms_ssim", ms_ssim, "", "higher", (0, 1), "both", True, "Wang et al. 2003", 4, LEAST_MS_SSIM_PX),
        Metric("mae", mae, "", "lower", (0, 1), "both", True, "mean absolute error", 4),
        Metric("mse", mse, "", "lower", (0, 1), "both", True, "mean squared error", 5),
        Metric("ciede2000", ciede2000, "ΔE", "lower", (0, inf), "both", True, "Sharma et al. 2005", 2),
        Metric("brightness_error", brightness_error, "", "zero", (-1, 1), "both", False, "ours", 4),
        Metric("angular_error", angular_error, "°", "lower", (0, 90), "both", False, "Hordley and Finlayson 2004", 2),
        Metric("noise", noise, "", "lower", (0, 1), "out", False, "Donoho and Johnstone 1994", 4, LEAST_NOISE_PX),
        Metric("clipping", clipping, "", "lower", (0, 1), "out", False, "ours", 4),
        Metric("niqe", niqe, "", "lower", (0, inf), "out", False, "Mittal et al. 2013, our photos", 2, LEAST_NIQE_PX),
        Metric("loe", loe, "", "lower", (0, 1), "low and out", False, "Wang et al. 2013", 4),
        Metric("hue_loss", hue_loss, "°", "lower", (0, 180), "low and out", False, "ours", 2),
    )
}

__all__ = [
    "METRICS",
    "Metric",
    "angular_error",
    "brightness_error",
    "ciede2000",
    "clipping",
    "delta_e_2000",
    "gt_mean",
    "hue_loss",
    "loe",
    "luma",
    "mae",
    "ms_ssim",
    "mse",
    "niqe",
    "noise",
    "open_lpips",
    "psnr",
    "ssim",
]
