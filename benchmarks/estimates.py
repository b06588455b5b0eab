"""How well the ratio and the noise of a raw photo are estimated, on simulated frames with known truth.

    python benchmarks/estimates.py PICTURES [--split val] [--cfa bayer|xtrans] [--repeat 6]

PICTURES is a folder of well-exposed photos as the virtual camera takes it. Each photo, whole, falls on a virtual sensor
with `ratio` times too little light; as its photographer exposed it is how it should come out. Cameras and gains are
drawn anew for every frame. The error of a ratio is in EV, positive = too bright. Those of gain and read noise are in
per cent; read noise is scored where it is more than half of the variance at the frame's median, elsewhere it does not
matter. "Noise" is the standard deviation at the frame's median, which both make together.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scotopic.data.noise import CAMERAS
from scotopic.data.virtual_camera import VirtualCamera
from scotopic.image import srgb_to_linear
from scotopic.image.exposure import estimate_ratio
from scotopic.image.noise_estimate import estimate_noise
from scotopic.image.noise_level import NoiseLevel

GROUPS = ((1.0, 1.0), (1.0, 3.0), (3.0, 10.0), (10.0, 30.0), (30.0, 100.0), (100.0, 300.0))


def sigma_at(signal_dn: float, noise: NoiseLevel) -> float:
    return float(np.sqrt(noise.gain_dn * max(signal_dn, 0) + noise.read_sigma_dn**2))


def errors(camera: VirtualCamera, between: tuple[float, float], repeat: int) -> NDArray[np.float64]:
    """For each frame: error of the ratio in EV; of gain, read noise, noise as natural logs; read noise's part of it."""
    rows = []
    for index, photo in enumerate(camera.photos * repeat):
        rng = np.random.default_rng([index, *(int(1000 * ratio) for ratio in between)])
        ratio = float(np.exp(rng.uniform(*np.log(between))))
        name = str(rng.choice((*CAMERAS, "generic")))
        frame, _, truth = camera.shoot(srgb_to_linear(photo.pixels / 255), ratio, name, rng)
        noise = estimate_noise(frame)
        signal = float(np.median(frame.mosaic)) - float(frame.black_level_dn.mean())
        rows.append(
            (
                np.log2(estimate_ratio(frame) / ratio),
                np.log(noise.gain_dn / truth.gain_dn),
                np.log(noise.read_sigma_dn / truth.read_sigma_dn),
                np.log(sigma_at(signal, noise) / sigma_at(signal, truth)),
                (truth.read_sigma_dn / sigma_at(signal, truth)) ** 2,
            )
        )
    return np.array(rows)


def ev(values: NDArray[np.float64]) -> str:
    median, most = np.quantile(np.abs(values), (0.5, 0.9))
    return f"{median:.2f} | {most:.2f} | {values.mean():+.2f}"


def per_cent(values: NDArray[np.float64]) -> str:
    if len(values) < 5:
        return "– | –"
    return " | ".join(f"{100 * np.expm1(value):.0f}" for value in np.quantile(np.abs(values), (0.5, 0.9)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--split", choices=("train", "val"), default="val")
    parser.add_argument("--cfa", choices=("bayer", "xtrans"), default="bayer")
    parser.add_argument("--repeat", type=int, default=6, help="frames of each photo in each row (default 6)")
    arguments = parser.parse_args()
    camera = VirtualCamera(arguments.pictures, arguments.split, cfa=arguments.cfa, size=252, panoramas=0)
    measured = [(group, errors(camera, group, arguments.repeat)) for group in GROUPS]
    names = [f"{low:g}" if low == high else f"{low:g} to {high:g}" for (low, high), _ in measured]
    print(
        f"{len(camera.photos)} photos ({arguments.split}), {arguments.cfa}, {len(measured[0][1])} frames in each row\n"
    )
    print("| true ratio | median error, EV | 90 % within, EV | bias, EV |\n|---|---|---|---|")
    for name, (_, rows) in zip(names, measured, strict=True):
        print(f"| {name} | {ev(rows[:, 0])} |")
    print(
        "\n| true ratio | gain: median error, % | 90 % within, % | read noise: median | 90 % | noise: median | 90 % |"
    )
    print("|---|---|---|---|---|---|---|")
    for name, (_, rows) in zip(names, measured, strict=True):
        matters = rows[:, 4] > 0.5
        print(f"| {name} | {per_cent(rows[:, 1])} | {per_cent(rows[matters, 2])} | {per_cent(rows[:, 3])} |")


if __name__ == "__main__":
    main()
