"""Scores of the shipped models and of simple baselines on real pairs, as they are and with GT-mean.

    python benchmarks/quality.py PAIRS.json FOLDER [MODEL ...]

PAIRS.json is a list of {"scene": …, "low": "file", "target": "file"}, the files lie in FOLDER. Pictures are scored at
their own size, nothing cropped or resized. The interval is a bootstrap over scenes (95 %), since pictures of one scene
are not independent. `--record NAME` writes the plain result of each shipped model on its card, under that name.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skimage.color import hsv2rgb, rgb2hsv
from skimage.exposure import equalize_hist

import scotopic
from scotopic.metrics import gt_mean, psnr, ssim
from scotopic.runtime import Controls, ScoreCard, list_models, load_model, write_card

Image = NDArray[np.float32]


def equalised(low: Image) -> Image:
    """Histogram equalisation of the brightest channel, hue and saturation kept."""
    hsv = rgb2hsv(low)
    hsv[..., 2] = equalize_hist(hsv[..., 2])
    return np.asarray(hsv2rgb(hsv), dtype=np.float32)


BASELINES: dict[str, Callable[[Image], Image]] = {
    "input": lambda low: low,
    "gamma 0.45": lambda low: np.asarray(low**0.45),
    "histogram equalisation": equalised,
}


def method(name: str) -> Callable[[Image], Image]:
    if name in BASELINES:
        return BASELINES[name]
    model, *options = name.split()
    enhancer = scotopic.Enhancer(model, threads=1)
    controls = Controls(protect_highlights="unprotected" not in options, tier="fast" if "fast" in options else None)
    return lambda low: enhancer.enhance(low, controls)


def eight_bits(image: Image) -> Image:
    return np.round(np.clip(image, 0, 1) * 255).astype(np.float32) / 255


def score(enhance: Callable[[Image], Image], low: Path, target: Path) -> tuple[float, float, float, float]:
    truth = scotopic.read(target).pixels
    out = eight_bits(enhance(scotopic.read(low).pixels))
    equal = gt_mean(out, truth)
    return psnr(out, truth), psnr(equal, truth), ssim(out, truth), ssim(equal, truth)


def interval(values: NDArray[np.float64], scenes: NDArray[np.int64]) -> tuple[float, float]:
    rng = np.random.default_rng(0)
    groups = [values[scenes == scene] for scene in np.unique(scenes)]
    means = []
    for _ in range(1000):
        chosen = [groups[i] for i in rng.integers(0, len(groups), len(groups))]
        means.append(np.concatenate(chosen).mean())
    return float(np.quantile(means, 0.025)), float(np.quantile(means, 0.975))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("pairs", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "methods", nargs="*", help="models (name or folder, ' fast' or ' unprotected' after it) or baselines"
    )
    parser.add_argument("--every", type=int, default=1, help="take every n-th pair only")
    parser.add_argument("--record", metavar="NAME", help="what the cards shall call these pairs")
    arguments = parser.parse_intermixed_args()
    pairs = json.loads(arguments.pairs.read_text())[:: arguments.every]
    scenes = np.array([pair["scene"] for pair in pairs])
    print(f"{len(pairs)} pairs of {len(np.unique(scenes))} scenes from {arguments.pairs.name}\n")
    print("| method | PSNR as is, dB | PSNR GT-mean, dB | SSIM as is | SSIM GT-mean |\n|---|---|---|---|---|")
    for name in arguments.methods or [*BASELINES, *list_models()]:
        enhance = method(name)
        with ThreadPoolExecutor(2) as pool:
            files = [(arguments.folder / pair["low"], arguments.folder / pair["target"]) for pair in pairs]
            rows = np.array(list(pool.map(lambda pair, enhance=enhance: score(enhance, *pair), files)))  # type: ignore[misc]
        cells = [
            f"{column.mean():.2f} ({low:.2f} to {high:.2f})"
            for column in rows.T[:2]
            for low, high in [interval(column, scenes)]
        ]
        cells += [f"{column.mean():.3f}" for column in rows.T[2:]]
        print(f"| {name} | {' | '.join(cells)} |", flush=True)
        if arguments.record and name in list_models():
            record(name, rows, arguments)


def record(name: str, rows: NDArray[np.float64], arguments: argparse.Namespace) -> None:
    """Put the means of `rows` on the card of the shipped model `name`, in place of earlier ones on the same data."""
    model = load_model(name)
    psnr_db, psnr_gt_mean_db, ssim_plain, ssim_gt_mean = (float(value) for value in rows.mean(0).round(6))
    score_card = ScoreCard(
        data=arguments.record,
        protocol="sRGB, 8 bit, own size, default controls; plain mean over pictures",
        images=len(rows),
        psnr_db=psnr_db,
        psnr_gt_mean_db=psnr_gt_mean_db,
        ssim=ssim_plain,
        ssim_gt_mean=ssim_gt_mean,
        command=f"python benchmarks/quality.py {arguments.pairs.name} FOLDER {name}",
    )
    others = tuple(other for other in model.card.scores if other.data != score_card.data)
    write_card(replace(model.card, scores=(*others, score_card)), model.folder)


if __name__ == "__main__":
    main()
