"""Scores of raw development on held-out synthetic scenes: LibRaw, classical denoising, and the raw models.

    python benchmarks/raw_quality.py PICTURES [MODEL ...] [--record NAME]
    python benchmarks/raw_quality.py PICTURES --tune

PICTURES is a folder of clean photos and HDR panoramas as the virtual camera takes it; scenes come from its validation
split. A scene is the middle of a photo, at most 768 x 512, or a 576 x 384 view into a panorama with a log-average of
0.12. Each is taken by virtual sensors with 100, 250 and 300 times too little light, and scored against its own light:
sRGB, 16 bit, clipped at white, own size. Models (names or folders; none = all shipped ones for this kind of sensor) get
the true ratio, and once more none, so that they estimate it; highlights are clipped, not bent. The interval is a
bootstrap over scenes (95 %). `--record NAME` writes the results of shipped models on their cards. `--tune` looks for
the strengths of classical.py, on the training split.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import classical
import scotopic
from quality import interval
from scotopic.data.noise import CAMERAS
from scotopic.data.panorama import look
from scotopic.data.virtual_camera import MIDDLE, VirtualCamera
from scotopic.image import RawFrame, linear_to_srgb, srgb_to_linear
from scotopic.metrics import gt_mean, luma, psnr, ssim
from scotopic.runtime import Controls, ScoreCard, list_models, load_model, write_card

Image = NDArray[np.float32]

RATIOS = (100, 250, 300)
HEIGHT, WIDTH = 512, 768
VIEW_HEIGHT, VIEW_WIDTH = 384, 576
TUNED_ON = 6
"""Scenes that `--tune` looks at."""


@dataclass(frozen=True)
class Shot:
    scene: int
    ratio: int
    frame: RawFrame
    target: Image


def scenes(camera: VirtualCamera) -> list[Image]:
    """Linear sRGB light, `h w 3`, 1 = white."""
    lights = []
    for photo in camera.photos:
        height, width = photo.pixels.shape[:2]
        top, left = max(0, height - HEIGHT) // 2, max(0, width - WIDTH) // 2
        lights.append(srgb_to_linear(photo.pixels[top : top + HEIGHT, left : left + WIDTH] / 255))
    for index, panorama in enumerate(camera.panoramas):
        light = look(panorama.pixels.astype(np.float16), np.random.default_rng(index), VIEW_HEIGHT, VIEW_WIDTH)
        lights.append(light * np.float32(MIDDLE / np.exp(np.log(luma(light) + 1e-4).mean())))
    return lights


def shots(camera: VirtualCamera, lights: Sequence[Image], ratio: int, repeat: int) -> Iterator[Shot]:
    """Each scene taken `repeat` times, by a sensor and at a gain of its own."""
    for number in range(repeat):
        for scene, light in enumerate(lights):
            rng = np.random.default_rng([scene, ratio, number])
            frame, _, _ = camera.shoot(light, ratio, str(rng.choice((*CAMERAS, "generic"))), rng)
            yield Shot(scene, ratio, frame, linear_to_srgb(np.clip(light, 0, 1)))


def results(shot: Shot, models: dict[str, scotopic.Enhancer], classics: bool) -> Iterator[tuple[str, Image]]:
    if classics:
        developed = classical.libraw(shot.frame, shot.ratio)
        for name, method in classical.AFTER_LIBRAW.items():
            yield name, method(developed)
        if not shot.frame.is_xtrans:
            for name, develop in classical.ON_BAYER.items():
                yield name, develop(shot.frame, shot.ratio)
    for name, enhancer in models.items():
        for how, ratio in (("given", float(shot.ratio)), ("estimated", None)):
            controls = Controls(protect_highlights=False, ratio=ratio)
            yield f"{name}, ratio {how}", enhancer.enhance(shot.frame, controls).pixels


def scores(out: Image, target: Image) -> tuple[float, float, float, float]:
    equal = gt_mean(out, target)
    return psnr(out, target), psnr(equal, target), ssim(out, target), ssim(equal, target)


def score(
    shot: Shot, models: dict[str, scotopic.Enhancer], classics: bool
) -> dict[str, tuple[float, float, float, float]]:
    return {name: scores(out, shot.target) for name, out in results(shot, models, classics)}


def tune(camera: VirtualCamera) -> None:
    """Print each classical method's mean PSNR for each setting that is tried, best first."""
    lights = scenes(camera)
    lights = [light[:256, :384] for light in lights[:: -(-len(lights) // TUNED_ON)]]
    taken = [shot for ratio in RATIOS[::2] for shot in shots(camera, lights, ratio, 1)]
    developed = [classical.libraw(shot.frame, shot.ratio) for shot in taken]
    for name, trials in classical.TRIALS.items():
        rows = []
        for settings in trials:
            outs = (classical.trial(name, s.frame, d, s.ratio, settings) for s, d in zip(taken, developed, strict=True))
            rows.append((float(np.mean([psnr(out, s.target) for out, s in zip(outs, taken, strict=True)])), settings))
        for mean, settings in sorted(rows, key=lambda row: -row[0]):
            print(f"{name} {settings} {mean:.2f} dB", flush=True)


def record(name: str, tables: dict[int, dict[str, NDArray[np.float64]]], arguments: argparse.Namespace) -> None:
    """Put the means on the card of the shipped model `name`, in place of earlier ones on the same data."""
    model = load_model(name)
    cards = [
        ScoreCard(
            data=f"{arguments.record}, x{ratio}, ratio {how}",
            protocol="sRGB, 16 bit, own size, highlights clipped; plain mean over pictures",
            images=len(table[f"{name}, ratio {how}"]),
            psnr_db=means[0],
            psnr_gt_mean_db=means[1],
            ssim=means[2],
            ssim_gt_mean=means[3],
            command=f"python benchmarks/raw_quality.py PICTURES {name}",
        )
        for ratio, table in tables.items()
        for how in ("given", "estimated")
        for means in [[float(value) for value in table[f"{name}, ratio {how}"].mean(0).round(6)]]
    ]
    others = tuple(other for other in model.card.scores if other.data not in {card.data for card in cards})
    write_card(replace(model.card, scores=(*others, *cards)), model.folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("models", nargs="*", help="names or folders of raw models")
    parser.add_argument("--cfa", choices=("bayer", "xtrans"), default="bayer")
    parser.add_argument("--repeat", type=int, default=2, help="shots of each scene at each ratio (default 2)")
    parser.add_argument("--without-classics", action="store_true", help="score models alone")
    parser.add_argument("--record", metavar="NAME", help="what the cards shall call these scenes")
    parser.add_argument("--tune", action="store_true")
    arguments = parser.parse_intermixed_args()
    camera = VirtualCamera(arguments.pictures, "train" if arguments.tune else "val", cfa=arguments.cfa, size=252)
    if arguments.tune:
        tune(camera)
        return
    shipped = [name for name in list_models() if (raw := load_model(name).card.raw) and raw.cfa == arguments.cfa]
    models = {Path(name).name: scotopic.Enhancer(name, threads=1) for name in arguments.models or shipped}
    lights = scenes(camera)
    print(
        f"{len(lights)} scenes ({len(camera.photos)} photos, {len(camera.panoramas)} panoramas), {arguments.cfa}, "
        f"{len(lights) * arguments.repeat} pictures at each ratio\n"
    )
    print("| ratio | method | PSNR, dB | PSNR GT-mean, dB | SSIM | SSIM GT-mean |\n|---|---|---|---|---|---|")
    tables: dict[int, dict[str, NDArray[np.float64]]] = {}
    for ratio in RATIOS:
        with ThreadPoolExecutor(2) as pool:
            run = partial(score, models=models, classics=not arguments.without_classics)
            rows = list(pool.map(run, shots(camera, lights, ratio, arguments.repeat)))
        which = np.array([scene for _ in range(arguments.repeat) for scene in range(len(lights))])
        tables[ratio] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        for name, table in tables[ratio].items():
            intervals = [interval(column, which) for column in table.T]
            cells = [
                f"{mean:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"
                for mean, (low, high), digits in zip(table.mean(0), intervals, (2, 2, 3, 3), strict=True)
            ]
            print(f"| {ratio} | {name} | {' | '.join(cells)} |", flush=True)
    for name in models:
        if arguments.record and name in shipped:
            record(name, tables, arguments)


if __name__ == "__main__":
    main()
