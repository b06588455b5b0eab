"""Make the example photos: well-exposed ones, as a small sensor would have caught them in too little light.

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

# The camera's noise at full size: read noise and shot noise of linear light, as of a phone at a high ISO.
DUSK = Night(
    darker_ev=(3.6, 3.6), relit=0, cast=0.02, contrast=(0.1, 0.1), read_noise=(1e-3, 1e-3), shot_noise=(2e-4, 2e-4)
)
EXAMPLES = {
    "lake": ("budgie_lake-sherburne.jpg", DUSK),
    "kitten": ("gcompris_erase_kitten.webp", replace(DUSK, darker_ev=(4.4, 4.4))),
}

if __name__ == "__main__":
    for number, (name, (file, night)) in enumerate(EXAMPLES.items()):
        picture = scotopic.read(Path(sys.argv[1]) / file)
        low, ratio = darken(picture.pixels, np.random.default_rng(number), night)
        target = Path(__file__).with_name(f"{name}.jpg")
        scotopic.write(scotopic.Picture(low, name=name), target, quality=93, overwrite=True)
        print(f"{target.name}: {ratio:.0f} times less light than {file}")
