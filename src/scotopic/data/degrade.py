"""Sharp pictures made small, as a test of super-resolution has it, and as the world has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.random import Generator
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad

from scotopic.image import linear_to_srgb, srgb_to_linear
from scotopic.image.libvips import vips

DEGRADATIONS = ("same_size", "bicubic", "realistic")
MARGIN = 8
"""How many small pixels around a part of a picture its small version may depend on."""
MIDDLE_GREY = 0.214
"""Linear light of the sRGB value 0.5, where a step of one is nearly a step of the other."""


@dataclass(frozen=True)
class Wear:
    """What "realistic" does to a picture, in amounts drawn evenly from ranges (Wang et al.: Real-ESRGAN, ICCV 2021).

    Of Real-ESRGAN's two rounds the first (its eq. 1), with the noise of a sensor for that of a drawing program.
    """

    blur: tuple[float, float] = (0.2, 3.0)
    """Standard deviation of the Gaussian in pixels of the target, along each of two axes, which are turned at will."""
    noise: tuple[float, float] = (1.0, 15.0)
    """Standard deviation at middle grey in steps of 255. A share, drawn too, is shot noise, which grows with light."""
    quality: tuple[int, int] = (30, 95)
    """Of the JPEG file, as libjpeg counts it."""


def degrade(target: Tensor, scale: int, degradation: str, rng: Generator, wear: Wear = Wear()) -> Tensor:
    """A picture (`3 h w`, sRGB in [0, 1], sides multiples of `scale`) as `degradation` leaves it, clamped to [0, 1].

    "same_size": `scale` x `scale` pixels averaged, and brought back to size bilinearly: `3 h w`. "bicubic": made small
    with anti-aliased bicubic interpolation (a = -0.5, as MATLAB and Pillow have it): `3 h/scale w/scale`. "realistic":
    blurred, resized, noisy and compressed (`wear`): `3 h/scale w/scale`.
    """
    _, height, width = target.shape
    small = height // scale, width // scale
    if degradation == "same_size":
        pooled = avg_pool2d(target[None], scale)
        return interpolate(pooled, size=(height, width), mode="bilinear", align_corners=False)[0]
    if degradation == "bicubic":
        return resized(target, small, "bicubic")
    along, across = rng.uniform(*wear.blur, 2)
    blurred = blur(target, along, across, rng.uniform(0, np.pi))
    # First to some size between the two, or a little below, by any of the ways that programs have.
    between = rng.uniform(0.8 / scale, 1)
    middling = resized(
        blurred,
        (max(1, round(height * between)), max(1, round(width * between))),
        str(rng.choice(["area", "bilinear", "bicubic"])),
    )
    noisy = sensor_noise(middling, rng, rng.uniform(*wear.noise) / 255, rng.random())
    return jpeg(resized(noisy, small, "bicubic"), int(rng.integers(wear.quality[0], wear.quality[1] + 1)))


def resized(picture: Tensor, size: tuple[int, int], mode: str) -> Tensor:
    """The picture (`3 h w`) at another size without aliasing, clamped to [0, 1]; "area", "bilinear" or "bicubic"."""
    if mode == "area":
        return interpolate(picture[None], size=size, mode="area")[0]
    return interpolate(picture[None], size=size, mode=mode, align_corners=False, antialias=True)[0].clamp(0, 1)


def blur(picture: Tensor, sigma: float, other_sigma: float, angle: float) -> Tensor:
    """The picture (`3 h w`) under a Gaussian of two widths, in pixels, the first along `angle` (radians)."""
    radius = max(1, int(np.ceil(2.5 * max(sigma, other_sigma))))
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(np.float64)
    along, across = x * np.cos(angle) + y * np.sin(angle), y * np.cos(angle) - x * np.sin(angle)
    kernel = np.exp(-((along / sigma) ** 2 + (across / other_sigma) ** 2) / 2)
    weights = torch.from_numpy((kernel / kernel.sum()).astype(np.float32)).expand(3, 1, -1, -1)
    return conv2d(pad(picture[None], (radius,) * 4, mode="replicate"), weights, groups=3)[0]


def sensor_noise(picture: Tensor, rng: Generator, sigma: float, shot: float) -> Tensor:
    """The picture with noise in its linear light: `sigma` at middle grey, a share `shot` of its variance from shots.

    sRGB in [0, 1], before and after.
    """
    light = srgb_to_linear(picture.numpy())
    variance = sigma**2 * (shot * light / MIDDLE_GREY + 1 - shot)
    light = light + rng.standard_normal(light.shape, np.float32) * np.sqrt(variance).astype(np.float32)
    return torch.from_numpy(linear_to_srgb(np.clip(light, 0, 1)))


def jpeg(picture: Tensor, quality: int) -> Tensor:
    """What is left of the picture (`3 h w`, sRGB in [0, 1]) after it was a JPEG file of this quality."""
    pixels = np.ascontiguousarray((picture * 255).round().byte().permute(1, 2, 0).numpy())
    # Colour is kept at half the size below quality 90, as most programs do.
    data = vips().Image.new_from_array(pixels, interpretation="srgb").jpegsave_buffer(Q=quality)
    back = vips().Image.new_from_buffer(data, "").numpy()
    return torch.from_numpy(np.ascontiguousarray(back.transpose(2, 0, 1))).float() / 255
