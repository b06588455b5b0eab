"""Make the before/after pictures of the README from the examples.

python docs/pictures.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyvips

import scotopic

ROOT = Path(__file__).parent.parent
WIDTH = 800

if __name__ == "__main__":
    folder = ROOT / "docs" / "images"
    folder.mkdir(exist_ok=True)
    for example in sorted((ROOT / "examples").glob("*.jpg")):
        low = pyvips.Image.new_from_file(str(example)).numpy()
        both = pyvips.Image.new_from_array(np.concatenate([low, scotopic.enhance(low)], axis=1))
        target = folder / example.name
        both.thumbnail_image(2 * WIDTH).jpegsave(str(target), Q=88)
        print(f"docs/images/{target.name}")
    for example in sorted((ROOT / "examples").glob("*.dng")):
        target = folder / f"{example.stem}.jpg"
        scotopic.Enhancer().enhance_file(example, None, compare=target, quality=88, overwrite=True)
        print(f"docs/images/{target.name}")
