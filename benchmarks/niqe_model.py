"""NIQE's model of good photos, made of a folder of free photos, and how it judges others that were held out.

    python benchmarks/niqe_model.py PHOTOS [--write]

PHOTOS is a folder with a SOURCES.csv (docs/training-photos.md). Taken are the photos of its train split whose licence
lets weights be made of them, each shrunk to the size at which it is sharp; the table is of the val split, whole and
worsened. Of each photo those patches count that are more than three quarters as sharp as its sharpest (Mittal et al.
2013, sec. II-B). `--write` puts the model where scotopic.metrics.niqe finds it.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import scotopic
from scotopic.data.sources import sources
from scotopic.image import linear_to_srgb, srgb_to_linear
from scotopic.metrics.niqe import MODEL, features, niqe

LICENCES = ("CC0", "CC-BY", "Public Domain")
SHARP = 0.75
LONG_SIDE = 1280
"""The authors' photos had up to 1280 x 720 pixels. Larger ones are shrunk to it, so that none outweighs the rest."""

Image = NDArray[np.float32]


def photos(root: Path, split: str) -> Iterator[Image]:
    for path, scale in sources(root, "photo", split, LICENCES).items():  # type: ignore[arg-type]
        pixels = scotopic.read(path).pixels
        scale = min(scale, LONG_SIDE / max(pixels.shape[:2]))
        if scale < 1:
            pixels = cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        yield eight_bits(pixels)


def eight_bits(image: Image) -> Image:
    return np.round(np.clip(image, 0, 1) * 255).astype(np.float32) / 255


def noisy(image: Image, sigma: float) -> Image:
    return image + sigma * np.random.default_rng(0).standard_normal(image.shape, np.float32)


def compressed(image: Image, quality: int) -> Image:
    _, file = cv2.imencode(
        ".jpg", (image[..., ::-1] * 255).round().astype(np.uint8), [cv2.IMWRITE_JPEG_QUALITY, quality]
    )
    return cv2.imdecode(file, cv2.IMREAD_COLOR)[..., ::-1].astype(np.float32) / 255


def dark(image: Image, share: float) -> Image:
    return linear_to_srgb(share * srgb_to_linear(image))


WORSENED: dict[str, Callable[[Image], Image]] = {
    "as they are": lambda image: image,
    "half the size": lambda image: cv2.resize(image, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA),
    "noise, sigma 0.01": lambda image: noisy(image, 0.01),
    "noise, sigma 0.03": lambda image: noisy(image, 0.03),
    "noise, sigma 0.1": lambda image: noisy(image, 0.1),
    "blur, sigma 1 pixel": lambda image: cv2.GaussianBlur(image, None, 1),
    "blur, sigma 3 pixels": lambda image: cv2.GaussianBlur(image, None, 3),
    "JPEG, quality 30": lambda image: compressed(image, 30),
    "JPEG, quality 10": lambda image: compressed(image, 10),
    "a sixteenth of the light": lambda image: dark(image, 1 / 16),
    "a sixteenth, noise 0.01, brightened": lambda image: dark(eight_bits(noisy(dark(image, 1 / 16), 0.01)), 16),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photos", type=Path)
    parser.add_argument("--write", action="store_true", help="put the model into the package")
    arguments = parser.parse_args()
    if arguments.write:
        chosen = []
        for image in photos(arguments.photos, "train"):
            found, sharpness = features(image)
            chosen.append(found[sharpness > SHARP * sharpness.max()])
        patches = np.concatenate(chosen)
        np.savez(MODEL, mean=patches.mean(0), covariance=np.cov(patches, rowvar=False))
        print(f"{len(patches)} patches of {len(chosen)} photos, {MODEL.stat().st_size} bytes\n")
    held_out = list(photos(arguments.photos, "val"))
    print(f"{len(held_out)} held-out photos\n\n| | NIQE, mean | lowest | highest |\n|---|---:|---:|---:|")
    for name, worsen in WORSENED.items():
        scores = [niqe(eight_bits(worsen(image))) for image in held_out]
        print(f"| {name} | {np.mean(scores):.2f} | {min(scores):.2f} | {max(scores):.2f} |", flush=True)


if __name__ == "__main__":
    main()
