"""A phone or a camera that makes its own JPEGs: what it does between the sensor and the file.

The order is that of most of them (Karaimer and Brown, A software platform for manipulating the camera imaging pipeline,
ECCV 2016): white balance, demosaicing, colour matrix, gamma, noise reduction, tone curve, sharpening, resizing, JPEG.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from scotopic.image import linear_to_srgb
from scotopic.image.mosaic import RGGB
from scotopic.image.raw_frame import RawFrame

from .darken import s_curve
from .fusion import opencv
from .noise import CAMERAS, add_noise, sample_noise
from .sensor import Light, VirtualSensor, capture, sample_colours

Image = NDArray[np.float32]
GAIN_DN = 0.3, 30.0
"""DN of 14 bits per electron: from an ISO of about 100 to the highest that cameras have."""


@dataclass(frozen=True)
class Phone:
    """The settings of one shot."""

    luma_reduction: float
    """Standard deviation of the bilateral filter on luma, relative to the noise found there; 0 = none."""
    chroma_reduction: float
    """Radius in pixels of the blur of both chroma planes; 0 = none."""
    contrast: float
    """Strength of the S-curve against plain sRGB (see `s_curve`)."""
    sharpening: float
    """What of the difference to a blurred picture is added."""
    sharpening_sigma: float
    """How blurred that is, in pixels."""
    shrink: float
    """The file's size relative to the sensor's, at most 1."""
    qualities: tuple[int, ...]
    """Of the JPEG file, as libjpeg counts it, and of that which somebody made of it; none: a file without loss."""
    subsampled: bool
    """Chroma is kept at half the size in the file."""
    mosaic: bool
    """The sensor sees one colour at each pixel; if not, all three (stacked frames, strongly shrunk pictures)."""


UNPROCESSED = Phone(
    luma_reduction=0.0,
    chroma_reduction=0.0,
    contrast=0.0,
    sharpening=0.0,
    sharpening_sigma=1.0,
    shrink=1.0,
    qualities=(),
    subsampled=False,
    mosaic=True,
)
"""The sensor's values, demosaiced, in a file without loss."""


def sample_phone(rng: Generator) -> Phone:
    """Settings over the range of what is met: from a file without loss to a small JPEG of a filtered picture."""
    quality = int(rng.choice([rng.integers(80, 99), rng.integers(45, 81)], p=[0.65, 0.35]))
    again = (int(rng.integers(60, 96)),) if rng.random() < 0.3 else ()
    qualities = () if rng.random() < 0.2 else (quality, *again)
    return Phone(
        luma_reduction=float(rng.choice([0.0, rng.uniform(0.5, 2.5)], p=[0.4, 0.6])),
        chroma_reduction=float(rng.choice([0.0, rng.uniform(0.7, 4.0)], p=[0.3, 0.7])),
        contrast=float(rng.uniform(-0.1, 0.4)),
        sharpening=float(rng.choice([0.0, rng.uniform(0.1, 1.2)], p=[0.3, 0.7])),
        sharpening_sigma=float(rng.uniform(0.6, 1.6)),
        shrink=float(rng.choice([1.0, rng.uniform(0.5, 1.0)], p=[0.6, 0.4])),
        qualities=qualities,
        subsampled=bool(rng.random() < 0.7),
        mosaic=bool(rng.random() < 0.8),
    )


def take(light: Light, ratio: float, phone: Phone, rng: Generator, cast: float = 0.04) -> tuple[Image, Image]:
    """The file's picture of `light` (linear sRGB, `h w 3`) exposed `ratio` times too short, and the same without noise.

    Both are sRGB in [0, 1], `h' w' 3`, as large as the phone makes them. The second went through colours, tone curve
    and resizing alone: no noise, nothing done against noise, no sharpening, no JPEG. `cast` is the standard deviation
    of the log of the red and blue gain: the white balance is off by that, in both.
    """
    cv2 = _opencv()
    white_balance, to_srgb = sample_colours(rng)
    camera = str(rng.choice((*CAMERAS, "generic")))
    sensor = VirtualSensor(RGGB, white_balance, to_srgb, sample_noise(camera, rng, GAIN_DN))
    seen = demosaiced(capture(light, ratio, sensor, rng)[0]) if phone.mosaic else whole(light, ratio, sensor, rng)
    gains = np.exp(rng.normal(0, cast, 3)).astype(np.float32)
    gains /= gains[1]
    noisy = linear_to_srgb(np.clip(seen @ to_srgb.T * gains, 0, 1).astype(np.float32))
    clean = linear_to_srgb(np.clip(light * (gains / np.float32(ratio)), 0, 1))
    noisy = s_curve(reduced(noisy, phone), phone.contrast)
    if phone.sharpening:
        blurred = cv2.GaussianBlur(noisy, (0, 0), phone.sharpening_sigma)
        noisy = noisy + np.float32(phone.sharpening) * (noisy - blurred)
    clean = s_curve(clean, phone.contrast)
    if phone.shrink < 1:
        height, width = (round(side * phone.shrink) for side in light.shape[:2])
        noisy, clean = (cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA) for image in (noisy, clean))
    codes = np.round(np.clip(noisy, 0, 1) * 255).astype(np.uint8)
    for quality in phone.qualities:
        codes = compressed(codes, quality, phone.subsampled)
    return np.asarray(codes.astype(np.float32) / 255), np.clip(clean, 0, 1).astype(np.float32)


def whole(light: Light, ratio: float, sensor: VirtualSensor, rng: Generator) -> Light:
    """White-balanced camera RGB in [0, 1], `h w 3`, of a sensor that sees all three colours at each pixel."""
    gains = np.array(sensor.white_balance, np.float32)
    span = np.float32(sensor.white_level_dn - sensor.black_level_dn)
    signal = np.maximum(light @ np.linalg.inv(sensor.camera_to_srgb).T.astype(np.float32), 0) * (span / ratio) / gains
    planes = [add_noise(np.minimum(signal[..., colour], span), sensor.noise, rng) for colour in range(3)]
    return np.asarray(np.clip(np.stack(planes, 2) / span, 0, 1) * gains).clip(0, 1)


def demosaiced(frame: RawFrame) -> Light:
    """White-balanced camera RGB in [0, 1], `h w 3`, by edge-aware interpolation (OpenCV's)."""
    cv2 = _opencv()
    span = frame.white_level_dn - float(frame.black_level_dn.mean())
    light = (frame.mosaic.astype(np.float32) - np.float32(frame.black_level_dn.mean())) / np.float32(span)
    # Kept above black by a pedestal: what is clipped there is not noise any more, but a cast.
    pedestal = np.float32(0.05)
    codes = np.round(np.clip((light + pedestal) / (1 + pedestal), 0, 1) * 65535).astype(np.uint16)
    rgb = cv2.demosaicing(codes, cv2.COLOR_BayerRGGB2RGB_EA).astype(np.float32) / 65535 * (1 + pedestal) - pedestal
    # White is where the first colour is full: what another would have beyond it is no colour.
    return np.asarray(np.clip(rgb * np.array(frame.white_balance, np.float32), 0, 1))


def reduced(picture: Image, phone: Phone) -> Image:
    """The picture after the camera's noise reduction: luma filtered by what noise it holds, chroma blurred."""
    cv2 = _opencv()
    if not (phone.luma_reduction or phone.chroma_reduction):
        return picture
    ycc = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
    if phone.luma_reduction:
        detail = ycc[1:, 1:, 0] - ycc[:-1, 1:, 0] - ycc[1:, :-1, 0] + ycc[:-1, :-1, 0]
        sigma = float(np.median(np.abs(detail))) / 0.6745 / 2
        # Twice as strong as this it would smear in every camera's picture.
        ycc[..., 0] = cv2.bilateralFilter(ycc[..., 0], 5, max(phone.luma_reduction * sigma, 1e-4), 1.5)
    if phone.chroma_reduction:
        for plane in (1, 2):
            ycc[..., plane] = cv2.GaussianBlur(ycc[..., plane], (0, 0), phone.chroma_reduction)
    return np.asarray(np.clip(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), 0, 1))


def compressed(codes: NDArray[np.uint8], quality: int, subsampled: bool) -> NDArray[np.uint8]:
    """What is left of a picture (uint8 sRGB, `h w 3`) after it was a JPEG file."""
    cv2 = _opencv()
    sampling = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420 if subsampled else cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    settings = [cv2.IMWRITE_JPEG_QUALITY, quality, cv2.IMWRITE_JPEG_SAMPLING_FACTOR, sampling]
    _, file = cv2.imencode(".jpg", cv2.cvtColor(codes, cv2.COLOR_RGB2BGR), settings)
    return np.asarray(cv2.cvtColor(cv2.imdecode(file, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB))


def _opencv() -> Any:
    return opencv("A virtual phone")
