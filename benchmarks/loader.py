"""How fast training data comes, and how long a step waits for it.

    python benchmarks/loader.py recipes/sice_cnn.toml data.root=FOLDER
    python benchmarks/loader.py recipes/sr_rrdb.toml data.root=FOLDER --workers 0 1 2 --batches 40 --steps 40

The first table reads the batches of a recipe and does nothing with them: with and without a cache, which was filled by
a pass before. The second trains for a few steps and gives the share of time in which the loop waited. Times include
nothing of what it takes to start the workers.
"""

from __future__ import annotations

import argparse
import inspect
import io
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.console import Console

from scotopic.data import DATASETS
from scotopic.training import loop, read_recipe
from scotopic.training.batches import Steps, batches
from scotopic.training.recipe import Recipe


def samples_per_second(recipe: Recipe, workers: int, count: int) -> float:
    pictures = loop.build_pictures(recipe, "train")
    stream = iter(batches(pictures, recipe.loop.seed, Steps(1, count + 1, recipe.loop.batch), workers))
    next(stream)  # until then workers are started
    began = time.perf_counter()
    for _ in stream:
        pass
    return count * recipe.loop.batch / (time.perf_counter() - began)


def share_waited(recipe: Recipe, workers: int, steps: int) -> tuple[float, float]:
    """The share of the time that steps wait for data, as the loop counts it, and steps a second."""
    length = {"steps": steps, "epochs": 0, "val_every": steps + 1, "checkpoint_every": steps + 1, "strip_every": 0}
    recipe = replace(recipe, loop=replace(recipe.loop, workers=workers, **length))
    shares: list[float] = []

    class Watched(loop.RunLog):  # the loop tells its log and nobody else
        def step(self, step: int, train: Any, report: Any, wait_share: float) -> None:
            shares.append(wait_share)
            seconds.append(train["seconds"])
            super().step(step, train, report, wait_share)

    seconds: list[float] = []
    original, loop.RunLog = loop.RunLog, Watched  # type: ignore[misc]
    try:
        with tempfile.TemporaryDirectory() as folder:
            loop.train(recipe, run_dir=folder, console=Console(file=io.StringIO()))
    finally:
        loop.RunLog = original  # type: ignore[misc]
    # Without the first step, which waits for the workers to start. The last one validates, after it was counted.
    first, last = 0, len(shares) - 2
    waited = shares[last] * seconds[last] - shares[first] * seconds[first]
    spent = seconds[last] - seconds[first]
    return waited / spent, (last - first) / spent


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recipe", type=Path)
    parser.add_argument("changes", nargs="*", metavar="KEY=VALUE")
    parser.add_argument("--workers", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--steps", type=int, default=20)
    arguments = parser.parse_intermixed_args()
    recipe = read_recipe(arguments.recipe, arguments.changes)
    cached = "cache" in inspect.signature(DATASETS[recipe.data.name]).parameters
    with tempfile.TemporaryDirectory() as folder:
        kinds = {"": "no cache", folder: "cache"} if cached else {"": "in memory"}
        print("| data | workers | samples/s | steps/s | share of time waited |\n|---|---:|---:|---:|---:|")
        for cache, kind in kinds.items():
            settings = {**recipe.data.settings, "cache": cache} if cached else recipe.data.settings
            plan = replace(recipe, data=replace(recipe.data, settings=settings))
            if cache:
                pictures = loop.build_pictures(plan, "train")
                for i in range(len(pictures)):
                    pictures[i]
            for workers in arguments.workers:
                speed = samples_per_second(plan, workers, arguments.batches)
                share, steps = share_waited(plan, workers, arguments.steps)
                print(
                    f"| {recipe.data.name}, {kind} | {workers} | {speed:.0f} | {steps:.2f} | {share:.0%} |", flush=True
                )


if __name__ == "__main__":
    main()
