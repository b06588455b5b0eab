"""What "better" means: scores of a finished picture. numpy only."""

from .full_reference import gt_mean, luma, mae, mse, psnr, ssim

__all__ = ["gt_mean", "luma", "mae", "mse", "psnr", "ssim"]
