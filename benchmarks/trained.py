"""Scores of trained networks on the pictures their recipes hold out, beside the input and a plain gamma.

    python benchmarks/trained.py RUN [RUN ...] [--split val|test] [--checkpoint best|last]

RUN is a run folder. Its network, wearing the average of its weights where there is one, makes every held-out picture,
whole where the data set can give it so, even if validation saw its middle alone. Runs on the same pictures share a
table; one whose pictures are others now, or split otherwise, is not scored. What a picture gains over the input is
paired: a difference for each picture, its mean, and a 95 % interval by bootstrap over scenes. The input of
super-resolution is enlarged bicubically, that of a denoiser after a curve is what the curve made; packed raw has no
input to compare with.
"""

from __future__ import annotations

import argparse
import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from quality import interval
from scotopic.data import SID
from scotopic.data.pairs import PairedPictures
from scotopic.errors import CheckpointError, DataError, ScotopicError
from scotopic.experiments.sets.recipe_set import scene_of, whole
from scotopic.metrics import gt_mean, mae, psnr, ssim
from scotopic.networks import PictureNetwork, RawNetwork, ScotopicDenoiser
from scotopic.networks.picture import enlarged
from scotopic.training import checkpoint
from scotopic.training.agreement import has_truth
from scotopic.training.batches import Pictures, made_of
from scotopic.training.checkpoint import Checkpoint
from scotopic.training.loop import build_network, build_pictures
from scotopic.training.objective import Develop
from scotopic.training.validation import MOST_PSNR_DB, to_numpy

PROTOCOL = (
    "clipped to [0, 1], not rounded, nothing cropped or resized for scoring; plain means over pictures; GT-mean: one "
    "gain equalises the mean brightness"
)
COLUMNS = ("PSNR as is, dB", "PSNR GT-mean, dB", "SSIM as is", "SSIM GT-mean", "MAE")
AFTER = ("above the input, dB (95 %)", "GT-mean (95 %)", "parameters", "step of steps", "minutes", "machine")

Method = Callable[[torch.Tensor], torch.Tensor]


@dataclass(frozen=True)
class Run:
    """A run folder, and the checkpoint of it that is scored."""

    folder: Path
    saved: Checkpoint

    @property
    def data(self) -> str:
        """What runs on the same pictures have in common."""
        choice = whole(self.saved.recipe)[0].data
        settings = {key: value for key, value in choice.settings.items() if key != "cache"}
        return json.dumps([choice.name, choice.root, settings, self.saved.recipe.loop.seed], sort_keys=True)

    def facts(self, network: torch.nn.Module) -> list[str]:
        progress = self.saved.progress
        with open(self.folder / "log.csv", encoding="utf-8", newline="") as file:
            *_, last = csv.DictReader(file)
        parameters = sum(parameter.numel() for parameter in network.parameters())
        steps = f"{progress.step:,} of {int(last['step']):,}"
        return [f"{parameters:,}", steps, f"{float(last['seconds']) / 60:.1f}", progress.machine]


def open_run(folder: Path, which: str) -> Run:
    path = folder / "checkpoints" / f"{which}.safetensors"
    if not path.exists():
        raise CheckpointError(f"There is no checkpoint at '{path}'. Give run folders that have been validated once.")
    return Run(folder, checkpoint.load(path))


def finished(network: torch.nn.Module) -> Method:
    develop = Develop(network).eval()
    return lambda low: develop(low[None]).out[0]


def brightened(low: torch.Tensor) -> torch.Tensor:
    return low.clamp(min=0) ** (1 / 2.2)


def baselines(network: torch.nn.Module) -> dict[str, Method]:
    if isinstance(network, RawNetwork):
        return {}
    if isinstance(network, PictureNetwork) and network.scale > 1:
        scale = network.scale
        return {"input, bicubic": lambda low: enlarged(low[None], scale)[0]}
    if isinstance(network, ScotopicDenoiser):
        return {"input, brightened": lambda low: low[3:]}
    return {"input": lambda low: low, "gamma 1/2.2": brightened}


def scenes_of(pictures: Pictures, names: list[str]) -> list[str]:
    """The scene of each picture: what may not be told apart by chance."""
    if isinstance(pictures, PairedPictures):
        return [pair.scene for pair in pictures.pairs]
    if isinstance(pictures, SID):
        return [pairs[0].long.name for pairs in pictures.items]
    return [scene_of(name) for name in names]


@torch.no_grad()
def score(methods: dict[str, Method], pictures: Pictures) -> tuple[dict[str, NDArray[np.float64]], list[str]]:
    """For each method the COLUMNS of each picture; and the pictures' names."""
    rows: dict[str, list[tuple[float, ...]]] = {name: [] for name in methods}
    names = []
    for index in range(len(pictures)):
        sample = pictures[index]
        target = to_numpy(sample.target)
        names.append(sample.name)
        for name, make in methods.items():
            out = to_numpy(make(sample.low))
            equal, truth = gt_mean(out, target), target.astype(np.float64)
            both = [min(psnr(picture, truth), MOST_PSNR_DB) for picture in (out.astype(np.float64), equal)]
            rows[name].append((*both, ssim(out, target), ssim(equal, truth), mae(out, target)))
    return {name: np.array(row) for name, row in rows.items()}, names


def table(runs: list[Run], split: Any) -> Iterator[str]:
    """The lines of a table of runs on the same pictures."""
    recipe, shown = whole(runs[0].saved.recipe)
    if not has_truth(recipe):
        raise DataError(
            f"'{recipe.data.name}' has no true outcome to compare with, so '{runs[0].folder}' cannot be scored on it."
        )
    pictures = build_pictures(recipe, split)
    now = {split: made_of(pictures)}
    if split == "test":  # nobody noted what it is made of: but it is disjoint from what these are made of
        now = {part: made_of(build_pictures(recipe, part)) for part in ("train", "val")}
    for run in runs:
        checkpoint.check_same_data(run.saved, now)
    networks = [build_network(run.saved.recipe) for run in runs]
    methods = baselines(networks[0])
    reference = next(iter(methods), None)
    for run, network in zip(runs, networks, strict=True):
        checkpoint.fill(run.saved, network)
        methods[f"{run.saved.recipe.network.name} ({run.folder.name})"] = finished(network)
    rows, names = score(methods, pictures)
    _, scenes = np.unique(scenes_of(pictures, names), return_inverse=True)
    count = f"{len(names)} pictures of {scenes.max() + 1} scenes"
    yield f"Data set `{recipe.data.name}`, split {split}: {count}; {shown}, {PROTOCOL}.\n"
    yield f"| method | {' | '.join((*COLUMNS, *AFTER))} |"
    yield f"|---|{'---:|' * (len(COLUMNS) + len(AFTER) - 1)}---|"
    facts = [[""] * 4] * (len(methods) - len(runs)) + [run.facts(net) for run, net in zip(runs, networks, strict=True)]
    for (name, values), about in zip(rows.items(), facts, strict=True):
        means = values.mean(0)
        cells = [f"{mean:.2f}" for mean in means[:2]] + [f"{mean:.3f}" for mean in means[2:]]
        gains = ["", ""]
        if reference and name != reference:
            gains = [gain(values[:, column] - rows[reference][:, column], scenes) for column in (0, 1)]
        yield f"| {' | '.join([name, *cells, *gains, *about])} |"


def gain(differences: NDArray[np.float64], scenes: NDArray[np.int64]) -> str:
    low, high = interval(differences, scenes)
    return f"{differences.mean():+.2f} ({low:+.2f} to {high:+.2f})"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--split", choices=("val", "test"), default="val")
    parser.add_argument("--checkpoint", choices=("best", "last"), default="best")
    options = parser.parse_args(arguments)
    try:
        groups: dict[str, list[Run]] = {}
        for folder in options.runs:
            run = open_run(folder, options.checkpoint)
            groups.setdefault(run.data, []).append(run)
        for runs in groups.values():
            for line in table(runs, options.split):
                print(line, flush=True)
            print()
    except ScotopicError as error:
        parser.exit(1, f"{error}\n")


if __name__ == "__main__":
    main()
