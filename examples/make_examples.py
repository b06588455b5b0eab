"""Make the examples: well-exposed photos, as cameras would have caught them in too little light.

    python examples/make_examples.py FOLDER_OF_PHOTOS

Needs `scotopic[train]`. The photos and their authors are named in examples/README.md.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

import scotopic
from scotopic.data import Night, darken
from scotopic.data.dng import write_dng
from scotopic.data.noise import SensorNoise
from scotopic.data.sensor import COLOUR_MATRICES, VirtualSensor, camera_to_srgb, capture
from scotopic.image import srgb_to_linear
from scotopic.image.mosaic import RGGB

# The camera's noise at full size: read noise and shot noise of linear light, as of a phone at a high ISO.
DUSK = Night(
    darker_ev=(3.6, 3.6), relit=0, cast=0.02, contrast=(0.1, 0.1), read_noise=(1e-3, 1e-3), shot_noise=(2e-4, 2e-4)
)
EXAMPLES = {
    "lake": ("budgie_lake-sherburne.jpg", DUSK),
    "kitten": ("gcompris_erase_kitten.webp", replace(DUSK, darker_ev=(4.4, 4.4))),
}

# A raw file: a full-frame sensor, 100 times too short.
RAW = ("crab", "gcompris_erase_crab.webp", slice(230, 830), slice(480, 1380), 100.0)
SENSOR = VirtualSensor(
    RGGB,
    white_balance=(2.1, 1.0, 1.6),
    camera_to_srgb=camera_to_srgb(np.reshape(COLOUR_MATRICES["SonyA7S2"], (3, 3)) / 10000),
    noise=SensorNoise(gain_dn=0.8, read_scale_dn=2.5, row_sigma_dn=0.4, hot_share=2e-5, hot_dn=200.0),
)


def make_raw(folder: Path) -> None:
    name, file, rows, columns, ratio = RAW
    pixels = scotopic.read(folder / file).pixels[rows, columns]
    frame, _ = capture(srgb_to_linear(pixels), ratio, SENSOR, np.random.default_rng(0))
    target = Path(__file__).with_name(f"{name}.dng")
    write_dng(target, replace(frame, camera="scotopic virtual camera", iso=800.0, exposure_s=0.01))
    print(f"{target.name}: {ratio:.0f} times less light than {file}")


if __name__ == "__main__":
    make_raw(Path(sys.argv[1]))
    for number, (name, (file, night)) in enumerate(EXAMPLES.items()):
        picture = scotopic.read(Path(sys.argv[1]) / file)
        low, ratio = darken(picture.pixels, np.random.default_rng(number), night)
        target = Path(__file__).with_name(f"{name}.jpg")
        scotopic.write(scotopic.Picture(low, name=name), target, quality=93, overwrite=True)
        print(f"{target.name}: {ratio:.0f} times less light than {file}")
