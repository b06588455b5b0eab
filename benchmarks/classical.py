"""Raw development without learning: LibRaw, and classical denoisers after it or before it.

All give sRGB, `h w 3`, in [0, 1], of a frame amplified by a given ratio. The strengths, unless a method says otherwise,
are those that were best on pictures of the training split: `python benchmarks/raw_quality.py PICTURES --tune`.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import rawpy
from numpy.typing import NDArray
from skimage.color import rgb2ycbcr, ycbcr2rgb
from skimage.restoration import denoise_nl_means, denoise_wavelet, estimate_sigma

from scotopic.data.dng import write_dng
from scotopic.image import RawFrame, pack_bayer, unpack_bayer
from scotopic.image.noise_estimate import estimate_noise

Image = NDArray[np.float32]

NLM = {"luma": 1.5, "chroma": 12.0}
"""Strength h of non-local means, in estimated standard deviations of the noise."""
BAYES, VISU = 10.0, 2.2
"""What the estimated standard deviation is multiplied by for wavelet shrinkage."""
VST = {"luma": 0.6, "chroma": 0.8}
"""As NLM, on raw values after a transform that makes their noise 1."""


def libraw(frame: RawFrame, ratio: float) -> Image:
    """LibRaw's own picture: its demosaicing (AHD), as-shot white balance, matrix, `bright` = ratio, sRGB's curve.

    LibRaw cuts everything below black off before it demosaics, so noise makes the darkest parts brighter.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.dng"
        write_dng(path, frame)
        with rawpy.imread(str(path)) as raw:
            small = frame.is_xtrans and min(frame.height, frame.width) < 512  # too small for its X-Trans algorithm
            pixels = raw.postprocess(
                use_camera_wb=True,
                no_auto_bright=True,
                output_bps=16,
                bright=ratio,
                adjust_maximum_thr=0.0,  # else white is what the frame's brightest pixel is
                gamma=(2.4, 12.92),
                demosaic_algorithm=rawpy.DemosaicAlgorithm.LINEAR if small else None,
            )
    return pixels.astype(np.float32) / 65535


def with_nlm(srgb: Image, luma: float = NLM["luma"], chroma: float = NLM["chroma"]) -> Image:
    """Non-local means (Buades et al., CVPR 2005) of brightness and of both colour differences."""
    return _by_channel(srgb, (luma, chroma, chroma))


def with_plain_nlm(srgb: Image) -> Image:
    """Non-local means of R, G and B together, set as the example in scikit-image's documentation sets it."""
    sigma = float(np.mean(estimate_sigma(srgb, channel_axis=-1)))
    settings = {"patch_size": 5, "patch_distance": 6, "fast_mode": True, "channel_axis": -1}
    out: Image = denoise_nl_means(srgb, h=0.8 * sigma, sigma=sigma, **settings)
    return out


def with_wavelets(srgb: Image, method: str, strength: float) -> Image:
    """Wavelet shrinkage, "BayesShrink" (Chang et al., 2000) or "VisuShrink" (Donoho and Johnstone, 1994)."""
    sigma = [strength * float(value) for value in estimate_sigma(_channels(srgb), channel_axis=-1)]
    out = denoise_wavelet(_channels(srgb), sigma=sigma, method=method, mode="soft", channel_axis=-1, rescale_sigma=True)
    return _picture(out)


def vst_nlm(frame: RawFrame, ratio: float, luma: float = VST["luma"], chroma: float = VST["chroma"]) -> Image:
    """Non-local means on packed raw made homoscedastic, then LibRaw: nothing is cut off before noise is gone.

    The generalised Anscombe transform with the estimated noise, and its unbiased inverse in closed form (Mäkitalo and
    Foi, IEEE TIP 2013, eq. 10), around an orthonormal change of the four planes to one of light and three of colour.
    """
    noise = estimate_noise(frame)
    gain, variance = noise.gain_dn, (noise.read_sigma_dn / noise.gain_dn) ** 2
    white, black = frame.white_level_dn, float(frame.black_level_dn.mean())
    electrons = pack_bayer(frame.light(), frame.cfa) * ((white - black) / gain)
    even = 2 * np.sqrt(np.maximum(electrons + 3 / 8 + variance, 0))
    mix = np.array([[1, 1, 1, 1], [2**0.5, 0, 0, -(2**0.5)], [1, -1, -1, 1], [0, 2**0.5, -(2**0.5), 0]]) / 2
    mixed = np.tensordot(mix, even, 1)
    smooth = [_nlm(plane, 1.0, strength) for plane, strength in zip(mixed, (luma, chroma, chroma, chroma), strict=True)]
    even = np.maximum(np.tensordot(mix.T, np.array(smooth), 1), 2 * np.sqrt(3 / 8))
    root = np.sqrt(1.5)
    electrons = even**2 / 4 + root / 4 / even - 11 / 8 / even**2 + 5 / 8 * root / even**3 - 1 / 8 - variance
    light = unpack_bayer(electrons * (gain * ratio / (white - black)), frame.cfa, (frame.height, frame.width))
    # Amplified before it is rounded to 16 bits again.
    amplified = np.clip(np.rint(light * 65535), 0, 65535).astype(np.uint16)
    return libraw(replace(frame, mosaic=amplified, black_level_dn=0 * frame.black_level_dn, white_level_dn=65535), 1.0)


def _by_channel(srgb: Image, strengths: tuple[float, float, float]) -> Image:
    channels = _channels(srgb)
    sigmas = estimate_sigma(channels, channel_axis=-1)
    smooth = [
        _nlm(channels[..., index], float(sigmas[index]), strengths[index] * float(sigmas[index])) for index in range(3)
    ]
    return _picture(np.stack(smooth, -1))


def _nlm(plane: NDArray[np.floating], sigma: float, h: float) -> NDArray[np.floating]:
    """Patches of 5 x 5, looked for in 23 x 23."""
    out: NDArray[np.floating] = denoise_nl_means(
        np.ascontiguousarray(plane, np.float32), patch_size=5, patch_distance=11, h=h, sigma=sigma, fast_mode=True
    )
    return out


def _channels(srgb: Image) -> NDArray[np.floating]:
    ycbcr: NDArray[np.floating] = rgb2ycbcr(srgb) / 255
    return ycbcr


def _picture(channels: NDArray[np.floating]) -> Image:
    return np.clip(ycbcr2rgb(channels * 255), 0, 1).astype(np.float32)


AFTER_LIBRAW: dict[str, Callable[[Image], Image]] = {
    "LibRaw": lambda srgb: srgb,
    "LibRaw + non-local means, as documented": with_plain_nlm,
    "LibRaw + non-local means, tuned": with_nlm,
    "LibRaw + BayesShrink": partial(with_wavelets, method="BayesShrink", strength=BAYES),
    "LibRaw + VisuShrink": partial(with_wavelets, method="VisuShrink", strength=VISU),
}
"""What each makes of LibRaw's picture."""
ON_BAYER: dict[str, Callable[[RawFrame, float], Image]] = {"Anscombe + non-local means, then LibRaw": vst_nlm}
"""What each makes of a Bayer frame itself."""
TRIALS: dict[str, list[dict[str, float]]] = {
    "BAYES": [{"strength": a} for a in (1.0, 2.2, 5.0, 10.0, 20.0)],
    "VISU": [{"strength": a} for a in (0.7, 1.0, 1.5, 2.2, 3.3)],
    "VST": [{"luma": a, "chroma": b} for a in (0.4, 0.6, 0.9) for b in (0.5, 0.8, 1.3)],
    "NLM": [{"luma": a, "chroma": b} for a in (1.0, 1.5, 2.2) for b in (3.0, 12.0, 24.0)],
}
"""Strengths that `--tune` tries."""


def trial(name: str, frame: RawFrame, developed: Image, ratio: float, settings: dict[str, float]) -> Image:
    """The method whose constant is `name`, with other settings; `developed` is LibRaw's picture."""
    if name == "VST":
        return vst_nlm(frame, ratio, **settings)
    if name == "NLM":
        return with_nlm(developed, **settings)
    return with_wavelets(developed, {"BAYES": "BayesShrink", "VISU": "VisuShrink"}[name], **settings)
