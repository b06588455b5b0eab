"""Held-out scenes in too little light, as a phone's files have them: curves, denoising after them, and our two tiers.

    python benchmarks/noisy_scenes.py PICTURES [MODEL ...]
    python benchmarks/noisy_scenes.py PICTURES [MODEL ...] --unprotected

PICTURES is a folder of clean photos as the virtual camera takes it; scenes are its test photos, or where there are
none those held out for validation, as far as they have 512 x 512 sharp pixels. Views of each are taken 2, 3, 4 and 5
stops too dark, with the noise of a sensor of its own: as a plain file of 8 bits from which nothing was taken away, and
as a phone writes it (noise reduction, tone curve, sharpening, shrinking, JPEG). The truth is the same view, well
exposed and without noise, with the same tone curve and the same error of the white balance.

MODEL (a name or a folder; none = the shipped ones with a denoiser) is scored in both its tiers. Non-local means is
OpenCV's fastNlMeansDenoisingColored: as its tutorial sets it (10, 10, 7, 21), and with the two strengths that are best
(PSNR with GT-mean) on training scenes of the same kind of file and the same darkness, found anew in each run for each
method that it follows. MODEL is told neither kind nor darkness; its best tier is scored as it comes, with a little of
the grain left, and with all noise taken away. Models protect highlights as they do anyway; `--unprotected` has them
clipped, as those of the truth are, and leaves nothing alone because it looks well exposed. Intervals are bootstraps
over scenes (95 %); ms/MP are medians on two threads, on a picture of 3 MP, the methods in turn.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

import scotopic
from quality import interval
from scotopic.data.phone import UNPROCESSED, sample_phone, take
from scotopic.data.sources import Split
from scotopic.data.virtual_camera import Picture, VirtualCamera, crop
from scotopic.errors import DataError
from scotopic.experiments.methods.baselines import BASELINES
from scotopic.metrics import gt_mean, psnr, ssim
from scotopic.runtime import Controls, Tier, list_models, load_model

Codes = NDArray[np.uint8]
Image = NDArray[np.float32]
Method = Callable[[Codes], Codes]
Strengths = tuple[int, int]
Rows = dict[str, NDArray[np.float64]]

LICENCES = ("CC0", "CC-BY", "Public Domain")
SIDE = 512
"""Pixels of a view, each way; of a phone's file at least."""
DARKER_EV = (2, 3, 4, 5)
KINDS = ("plain", "phone")
CAST = 0.04
"""Standard deviation of the log of the red and blue gain: the white balance is off by that."""
DOCUMENTED = 10, 10
ALL_OF_IT = ", all noise taken away"
DOCUMENTED_NLM, TUNED_NLM = " + non-local means, as documented", " + non-local means, tuned"
LUMA_STRENGTHS, COLOUR_STRENGTHS = (1, 3, 6, 10, 15, 22, 32, 45), (3, 6, 10, 20, 40, 80)
TUNED_ON, TUNED_SIDE = 6, 256
"""Training scenes that strengths are found on, and how much of the middle of each."""
TIMED_TILES = 3, 4
"""Views down and across in the picture that is timed."""


@dataclass(frozen=True)
class Options:
    """How models are run."""

    threads: int
    protect: bool


@dataclass(frozen=True)
class Shot:
    scene: int
    low: Codes
    target: Image


def photos(root: Path, split: Split) -> list[Picture]:
    camera = VirtualCamera(root, split, panoramas=0.0, licences=LICENCES)
    return [photo for photo in camera.photos if min(photo.pixels.shape[:2]) >= SIDE]


def shots(pictures: Sequence[Picture], kind: str, darker_ev: int, repeat: int = 1) -> Iterator[Shot]:
    """Each scene taken `repeat` times: another view, another phone, another sensor, the same at each darkness."""
    for number in range(repeat):
        for scene, picture in enumerate(pictures):
            rng = np.random.default_rng([scene, number])
            phone = UNPROCESSED if kind == "plain" else sample_phone(rng)
            side = -(-SIDE // phone.shrink // 2) * 2
            if side > min(picture.pixels.shape[:2]):
                phone, side = replace(phone, shrink=1.0), SIDE
            # At the photo's own exposure: a view for training may be a stop brighter, and blown.
            light = crop(picture.pixels.astype(np.uint8, copy=False), rng, int(side))
            # The cast is in the light itself, so that both exposures have it.
            gains = np.exp(rng.normal(0, CAST, 3)).astype(np.float32)
            light = light * (gains / gains[1])
            rng = np.random.default_rng([scene, number, darker_ev])
            low, _ = take(light, 2.0**darker_ev, phone, rng, cast=0.0)
            _, target = take(light, 1.0, phone, rng, cast=0.0)
            yield Shot(scene, np.round(low * 255).astype(np.uint8), target)


def baseline(name: str) -> Method:
    return lambda low: np.round(np.clip(BASELINES[name](low.astype(np.float32) / 255), 0, 1) * 255).astype(np.uint8)


def model(name: str, options: Options, tier: Tier | None = None, denoise: float | None = None) -> Method:
    enhancer = scotopic.Enhancer(name, threads=options.threads)
    controls = Controls(tier=tier, denoise=denoise, protect_highlights=options.protect)
    return lambda low: enhancer.enhance(low, controls)


def non_local_means(picture: Codes, strengths: Strengths) -> Codes:
    """Windows as documented; OpenCV takes BGR."""
    bgr = np.ascontiguousarray(picture[..., ::-1])
    return np.ascontiguousarray(cv2.fastNlMeansDenoisingColored(bgr, None, *strengths, 7, 21)[..., ::-1])


def bases(models: Sequence[str], options: Options) -> dict[str, Method]:
    """What non-local means follows: whatever brightens and leaves the noise."""
    curves = [name for name in list_models() if (card := load_model(name).card).decide and not card.denoise]
    return {
        "gamma": baseline("gamma"),
        **{name: model(name, options) for name in curves},
        **{f"{Path(name).name}@fast": model(name, options, "fast") for name in models},
    }


def tuned(base: Method, taken: Sequence[Shot]) -> Strengths:
    """The strengths with the highest mean PSNR; L and AB are denoised one without the other, so they are found so."""
    middle = slice((SIDE - TUNED_SIDE) // 2, (SIDE + TUNED_SIDE) // 2)
    pairs = [(base(shot.low)[middle, middle], shot.target[middle, middle]) for shot in taken]

    def mean(strengths: Strengths) -> float:
        outs = (non_local_means(bright, strengths) for bright, _ in pairs)
        return float(np.mean([scores(out, target)[1] for out, (_, target) in zip(outs, pairs, strict=True)]))

    luma = max(LUMA_STRENGTHS, key=lambda luma: mean((luma, DOCUMENTED[1])))
    return luma, max(COLOUR_STRENGTHS, key=lambda colour: mean((luma, colour)))


def scores(out: Codes, target: Image) -> tuple[float, float, float]:
    image = out.astype(np.float32) / 255
    return psnr(image, target), psnr(gt_mean(image, target), target), ssim(image, target)


def score(
    shot: Shot, plain: dict[str, Method], brightened: dict[str, Method], strengths: dict[str, Strengths]
) -> dict[str, tuple[float, float, float]]:
    row = {name: scores(method(shot.low), shot.target) for name, method in plain.items()}
    for name, method in brightened.items():
        bright = method(shot.low)
        row[name] = scores(bright, shot.target)
        for how, strength in ((DOCUMENTED_NLM, DOCUMENTED), (TUNED_NLM, strengths[name])):
            row[name + how] = scores(non_local_means(bright, strength), shot.target)
    return row


def times(
    models: Sequence[str], options: Options, low: Codes, strengths: dict[str, Strengths], runs: int
) -> dict[str, float]:
    """Median ms/MP of each method on a picture of several views."""
    cv2.setNumThreads(options.threads)
    picture = np.tile(low, (*TIMED_TILES, 1))
    brightened = bases(models, options)
    methods = others(models, options) | brightened
    for name, base in brightened.items():
        methods[name + DOCUMENTED_NLM] = lambda low, base=base: non_local_means(base(low), DOCUMENTED)
        methods[name + TUNED_NLM] = lambda low, base=base, name=name: non_local_means(base(low), strengths[name])
    seconds: dict[str, list[float]] = {name: [] for name in methods}
    for method in methods.values():
        method(low)
    for _ in range(runs):
        for name, method in methods.items():
            began = time.perf_counter()
            method(picture)
            seconds[name].append(time.perf_counter() - began)
    return {name: statistics.median(values) * 1e9 / picture[..., 0].size for name, values in seconds.items()}


def others(models: Sequence[str], options: Options) -> dict[str, Method]:
    return {
        "input": lambda low: low,
        **{name: baseline(name) for name in ("clahe", "lime")},
        **{f"{Path(name).name}, best": model(name, options, "best") for name in models},
        **{f"{Path(name).name}, best{ALL_OF_IT}": model(name, options, "best", 1.0) for name in models},
    }


def cells(values: NDArray[np.float64], which: NDArray[np.int64], digits: Sequence[int], sign: str = "") -> list[str]:
    return [
        f"{column.mean():{sign}.{digit}f} ({low:{sign}.{digit}f} to {high:{sign}.{digit}f})"
        for column, digit in zip(values.T, digits, strict=True)
        for low, high in [interval(column, which)]
    ]


def ahead(rows: Rows, models: Sequence[str], which: NDArray[np.int64]) -> Iterator[list[str]]:
    """By how much the best tier is ahead of non-local means after the other models' curves, and after its own."""
    own = {f"{Path(name).name}@fast{how}" for name in models for how in (DOCUMENTED_NLM, TUNED_NLM)}
    rivals = [name for name in rows if name.endswith((DOCUMENTED_NLM, TUNED_NLM)) and not name.startswith("gamma")]
    for name in (Path(name).name for name in models):
        for group in ([rival for rival in rivals if rival not in own], [f"{name}@fast{TUNED_NLM}"]):
            strongest = max(group, key=lambda rival: rows[rival][:, 1].mean())
            for tier in (f"{name}, best", f"{name}, best{ALL_OF_IT}"):
                yield [tier, strongest, *cells((rows[tier] - rows[strongest])[:, :2], which, (2, 2), "+")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pictures", type=Path)
    parser.add_argument("models", nargs="*", help="names or folders of models with a denoiser")
    parser.add_argument("--split", choices=("val", "test"), help="default: test, or val where there are no test photos")
    parser.add_argument("--repeat", type=int, default=2, help="views of each scene (default 2)")
    parser.add_argument("--unprotected", action="store_true", help="models do not protect highlights")
    parser.add_argument("--runs", type=int, default=3, help="repetitions of what is timed (default 3)")
    arguments = parser.parse_intermixed_args()
    models = arguments.models or [name for name in list_models() if load_model(name).card.denoise]
    split, pictures = held_out(arguments.pictures, arguments.split)
    training = photos(arguments.pictures, "train")
    training = training[:: -(-len(training) // TUNED_ON)]
    count = len(pictures) * arguments.repeat
    print(f"{len(pictures)} scenes of the {split} split, {count} pictures of each kind at each darkness\n", flush=True)
    cv2.setNumThreads(1)
    options = Options(1, not arguments.unprotected)
    plain, brightened = others(models, options), bases(models, options)
    found: dict[tuple[str, int], Rows] = {}
    strengths: dict[tuple[str, int], dict[str, Strengths]] = {}
    with ThreadPoolExecutor(2) as pool:
        for kind in KINDS:
            for ev in DARKER_EV:
                taken = list(shots(training, kind, ev))
                best = pool.map(partial(tuned, taken=taken), brightened.values())
                strengths[kind, ev] = dict(zip(brightened, best, strict=True))
                run = partial(score, plain=plain, brightened=brightened, strengths=strengths[kind, ev])
                rows = list(pool.map(run, shots(pictures, kind, ev, arguments.repeat)))
                found[kind, ev] = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    dark = next(shots(pictures, "plain", DARKER_EV[-1])).low
    timed = times(models, replace(options, threads=2), dark, strengths["plain", DARKER_EV[-1]], arguments.runs)
    report(found, strengths, timed, models, np.tile(np.arange(len(pictures)), arguments.repeat))


def held_out(root: Path, split: Split | None) -> tuple[Split, list[Picture]]:
    try:
        return split or "test", photos(root, split or "test")
    except DataError:
        if split:
            raise
        return "val", photos(root, "val")


def report(
    found: dict[tuple[str, int], Rows],
    strengths: dict[tuple[str, int], dict[str, Strengths]],
    timed: dict[str, float],
    models: Sequence[str],
    scenes: NDArray[np.int64],
) -> None:
    groups: list[tuple[str, str, Rows, NDArray[np.int64]]] = []
    for kind in KINDS:
        every = [found[kind, ev] for ev in DARKER_EV]
        together = {name: np.concatenate([rows[name] for rows in every]) for name in every[0]}
        groups.append((kind, f"{DARKER_EV[0]} to {DARKER_EV[-1]}", together, np.tile(scenes, len(DARKER_EV))))
        groups += [(kind, str(ev), found[kind, ev], scenes) for ev in DARKER_EV]
    print(
        "| file | EV too dark | method | PSNR, dB | PSNR GT-mean, dB | SSIM | ms/MP |\n|---|---|---|---|---|---|---:|"
    )
    for kind, ev, rows, which in groups:
        for name in timed:
            print(f"| {kind} | {ev} | {name} | {' | '.join(cells(rows[name], which, (2, 2, 3)))} | {timed[name]:.0f} |")
    print("\n| file | EV too dark | tier | ahead of | PSNR, dB | PSNR GT-mean, dB |\n|---|---|---|---|---|---|")
    for kind, ev, rows, which in groups:
        for line in ahead(rows, models, which):
            print(f"| {kind} | {ev} | {' | '.join(line)} |")
    names = list(strengths[KINDS[0], DARKER_EV[0]])
    print(f"\nStrengths that were found (L, AB):\n\n| file | EV too dark | {' | '.join(names)} |")
    print("|---|---|" + "---|" * len(names))
    for (kind, dark), by_base in strengths.items():
        print(f"| {kind} | {dark} | {' | '.join(f'{luma}, {colour}' for luma, colour in by_base.values())} |")


if __name__ == "__main__":
    main()
