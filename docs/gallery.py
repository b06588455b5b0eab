"""Make the strips of docs/gallery.md from photos that may be shipped and that no network here learned from.

    python docs/gallery.py PICTURES

PICTURES holds the photos and panoramas of docs/training-photos.md. A virtual phone takes each view in too little light
(data/phone.py) and writes its file; a strip shows, at 100 %: the file | the fast tier | the best tier | the same view
well exposed, without noise.
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyvips
from numpy.random import Generator
from numpy.typing import NDArray

import scotopic
from scotopic.data.darken import smooth_field
from scotopic.data.phone import Phone, sample_phone, take
from scotopic.data.virtual_camera import Picture, VirtualCamera, unprocess_table, view
from scotopic.image import linear_to_srgb

ROOT = Path(__file__).parent.parent
SIDE = 340
"""Pixels of a strip's panels."""
GAP = 8
PLAIN = Phone(0.0, 0.0, 0.1, 0.0, 1.0, 1.0, (95,), subsampled=True, mosaic=True)
"""A phone that does next to nothing to its pictures."""


@dataclass(frozen=True)
class Shot:
    """A view of a held-out picture, `darker_ev` stops too dark, and what of it is shown: the place of the panel."""

    name: str
    picture: str
    darker_ev: float
    top: float
    left: float
    processed: bool = False
    against_light_ev: float = 0.0


SHOTS = (
    Shot("lake", "budgie_lake-sherburne.jpg", 3.5, 0.55, 0.3),
    Shot("kitten", "gcompris_erase_kitten.webp", 4.0, 0.3, 0.35, processed=True),
    Shot("fruit", "palapeli_citrus-fruits.jpg", 4.5, 0.3, 0.3),
    Shot("moose", "gcompris_moose.webp", 3.0, 0.3, 0.3, processed=True),
    Shot("bridge", "gcompris_pontduGard.webp", 4.0, 0.35, 0.35),
    Shot("room", "blender_interior.exr", 3.0, 0.5, 0.5, processed=True),
    Shot("drums-against-the-light", "gcompris_america.webp", 1.0, 0.3, 0.3, against_light_ev=4.0),
    Shot("crab-too-dark", "gcompris_erase_crab.webp", 6.0, 0.3, 0.3),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--model", help="a model's name or folder (default: the default model)")
    parser.add_argument("--output", type=Path, default=ROOT / "docs" / "images")
    arguments = parser.parse_args()
    held_out = VirtualCamera(arguments.pictures, "val", size=256)
    pictures = {picture.name: picture for picture in (*held_out.photos, *held_out.panoramas)}
    model = Path(arguments.model) if arguments.model and "/" in arguments.model else arguments.model
    enhancer = scotopic.Enhancer(model)
    for number, shot in enumerate(SHOTS):
        strip = panels(shot, pictures[shot.picture], enhancer, number)
        target = arguments.output / f"gallery-{shot.name}.jpg"
        pyvips.Image.new_from_array(strip).jpegsave(str(target), Q=90)
        print(target.name)


def light_of(picture: Picture, rng: Generator) -> NDArray[np.float32]:
    """The whole of a photo, or a view into a panorama, as linear sRGB light with sides that a Bayer mosaic can have."""
    if picture.pixels.dtype == np.float16:
        return view(picture, rng, 720)
    pixels = picture.pixels.astype(np.uint8, copy=False)
    return unprocess_table(0.5)[pixels[: len(pixels) // 2 * 2, : pixels.shape[1] // 2 * 2]]


def panels(shot: Shot, picture: Picture, enhancer: scotopic.Enhancer, seed: int) -> NDArray[np.uint8]:
    """The strip of one shot."""
    rng = np.random.default_rng(seed)
    light = light_of(picture, rng)
    well_exposed = light
    if shot.against_light_ev:
        field = smooth_field(rng, *light.shape[:2])[..., None]
        light = light * np.exp2(-np.float32(shot.against_light_ev) * field)
    phone = replace(sample_phone(rng), shrink=1.0, mosaic=True, qualities=(88,)) if shot.processed else PLAIN
    low, _ = take(light, 2.0**shot.darker_ev, phone, rng)
    codes = np.round(low * 255).astype(np.uint8)
    truth = np.round(linear_to_srgb(np.clip(well_exposed, 0, 1)) * 255).astype(np.uint8)
    fast = enhancer.enhance(codes, scotopic.Controls(tier="fast"))
    best = enhancer.enhance(codes, scotopic.Controls(tier="best"))
    top, left = (int(share * (side - SIDE)) for share, side in zip((shot.top, shot.left), codes.shape, strict=False))
    white = np.full((SIDE, GAP, 3), 255, np.uint8)
    parts = [picture[top : top + SIDE, left : left + SIDE] for picture in (codes, fast, best, truth)]
    return np.concatenate([part for panel in parts for part in (panel, white)][:-1], 1)


if __name__ == "__main__":
    main()
