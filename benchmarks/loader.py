"""How fast training data comes, and how long a step waits for it.

    python benchmarks/loader.py recipes/sice_cnn.toml data.root=FOLDER
    python benchmarks/loader.py recipes/sr_rrdb.toml data.root=FOLDER --workers 0 1 2 --batches 40 --steps 40

Batches of a recipe are read, and nothing is done with them; then it trains for a few steps, and the share of time in
which the loop waited is what its log.csv says. Both with and without a cache, which was filled with these batches
before. Times include nothing of what it takes to start the workers. One thread learns, so that the workers have cores.
"""

from __future__ import annotations

import argparse
import csv
import inspect
import io
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from rich.console import Console

from scotopic.data import DATASETS
from scotopic.training import read_recipe, train
from scotopic.training.agreement import is_paired
from scotopic.training.batches import Pictures, Steps, batches
from scotopic.training.loop import build_pictures
from scotopic.training.recipe import Recipe


class First:
    """The first view to train on, as all that is held out: what validating takes is not measured here."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        self.paired = is_paired(pictures)

    def __len__(self) -> int:
        return 1

    def set_epoch(self, epoch: int) -> None:
        self.pictures.set_epoch(epoch)

    def __getitem__(self, index: int) -> Any:
        return self.pictures[index]


class Ready:
    """Stands in DATASETS for a data set that was made before."""

    def __init__(self, pictures: Pictures) -> None:
        self.pictures = pictures
        self.paired = is_paired(pictures)

    def __call__(self, root: str, split: str, seed: int, **settings: Any) -> Pictures:
        return self.pictures if split == "train" else First(self.pictures)


@contextmanager
def ready(name: str, pictures: Pictures) -> Iterator[None]:
    original: Any = DATASETS[name]
    DATASETS[name] = Ready(pictures)  # type: ignore[assignment]
    try:
        yield
    finally:
        DATASETS[name] = original


def samples_per_second(recipe: Recipe, pictures: Pictures, workers: int, count: int) -> float:
    stream = iter(batches(pictures, recipe.loop.seed, Steps(1, count + 1, recipe.loop.batch), workers))
    next(stream)  # until then workers are started
    began = time.perf_counter()
    for _ in stream:
        pass
    return count * recipe.loop.batch / (time.perf_counter() - began)


def share_waited(recipe: Recipe, pictures: Pictures, workers: int, steps: int) -> tuple[float, float]:
    """The share of the time that steps wait for data, as the loop logs it, and steps a second."""
    length = {"steps": steps + 1, "epochs": 0, "val_every": steps + 1, "checkpoint_every": steps + 1, "strip_every": 0}
    recipe = replace(recipe, loop=replace(recipe.loop, workers=workers, **length))
    with tempfile.TemporaryDirectory() as folder, ready(recipe.data.name, pictures):
        train(recipe, run_dir=folder, console=Console(file=io.StringIO()))
        with open(Path(folder) / "log.csv", encoding="utf-8", newline="") as file:
            rows = [(float(row["seconds"]), float(row["wait"])) for row in csv.DictReader(file)]
    # Without the first step, which waits for the workers to start.
    (before, share_before), (after, share_after) = rows[0], rows[-1]
    spent = after - before
    return (share_after * after - share_before * before) / spent, steps / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--workers", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--batches", type=int, default=15)
    parser.add_argument("--steps", type=int, default=15)
    arguments = parser.parse_intermixed_args()
    recipe = read_recipe(arguments.recipe, arguments.changes)
    cached = "cache" in inspect.signature(DATASETS[recipe.data.name]).parameters
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        kinds = {"": "no cache", folder: "cache"} if cached else {"": "in memory"}
        print("| data | workers | samples/s | steps/s | share of time waited |\n|---|---:|---:|---:|---:|")
        for cache, kind in kinds.items():
            settings = {**recipe.data.settings, "cache": cache} if cached else recipe.data.settings
            plan = replace(recipe, data=replace(recipe.data, settings=settings))
            pictures = build_pictures(plan, "train")
            if cache:
                samples_per_second(plan, pictures, 0, max(arguments.batches, arguments.steps))
            for workers in arguments.workers:
                speed = samples_per_second(plan, pictures, workers, arguments.batches)
                share, steps = share_waited(plan, pictures, workers, arguments.steps)
                print(
                    f"| {recipe.data.name}, {kind} | {workers} | {speed:.0f} | {steps:.2f} | {share:.0%} |", flush=True
                )


if __name__ == "__main__":
    main()
