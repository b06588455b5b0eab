"""A data set made on the spot and a recipe that trains in a second; as a script, a run in its own process."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

import scotopic.data
from scotopic.image import Picture, write
from scotopic.training import Recipe, train
from scotopic.training.recipe import recipe_from_table
from scotopic.training.settings import override


class Sample(NamedTuple):
    low: Tensor
    target: Tensor
    ratio: float
    name: str


class ToyPictures:
    """Random pictures, 32 px, four times too dark. `poison` is the index of a picture that is not a number."""

    def __init__(
        self, root: str, split: str = "train", seed: int = 0, count: int = 10, poison: int = -1, wait_s: float = 0.0
    ) -> None:
        self.split = split
        self.seed = seed
        self.count = count if split == "train" else min(count, 2)
        self.poison = poison
        self.wait_s = wait_s
        self.epoch = 0

    def __len__(self) -> int:
        return self.count

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Sample:
        time.sleep(self.wait_s)
        key = ((self.seed * 1009 + self.epoch) * 1009 + index) * 2 + (self.split == "val")
        target = torch.rand(3, 32, 32, generator=torch.Generator().manual_seed(key))
        if self.split == "train" and index == self.poison:
            target = target * float("nan")
        return Sample(target / 4, target, 4.0, f"{self.split}-{index}")


ADVERSARIAL = (
    "network={name='srgan_generator', width=8}",
    "losses={l1=1.0, adversarial={weight=0.01, kind='hinge'}}",
    "discriminator={name='patch_discriminator', width=4}",
)
"""Overrides that make the toy recipe an adversarial one."""


def toy_table(*overrides: str) -> dict[str, Any]:
    table: dict[str, Any] = {
        "name": "toy",
        "network": {"name": "zero_dce_pp", "width": 4},
        "data": {"name": "toy", "root": "nowhere"},
        "losses": {"l1": 1.0, "exposure": {"weight": 0.1, "patch": 8}},
        "optimiser": {"lr": 0.01, "clip_norm": 0.1},
        "loop": {"steps": 8, "batch": 4, "val_every": 4, "checkpoint_every": 2},
        "export": {"licence": "CC0-1.0", "data": [{"name": "toy", "licence": "CC0-1.0", "credit": "nobody"}]},
    }
    for assignment in overrides:
        table = override(table, assignment)
    return table


def toy_recipe(*overrides: str) -> Recipe:
    return recipe_from_table(toy_table(*overrides))


def make_pairs(root: Path, names: Iterable[str]) -> None:
    """Pairs of random pictures, 20 px, in `root`/low and `root`/high."""
    for i, name in enumerate(names):
        target = np.random.default_rng(i).random((20, 20, 3), np.float32)
        for folder, picture in (("low", target / 4), ("high", target)):
            (root / folder).mkdir(parents=True, exist_ok=True)
            write(Picture(picture), root / folder / f"{name}.png")


if __name__ == "__main__":
    scotopic.data.DATASETS["toy"] = ToyPictures  # type: ignore[assignment]
    train(toy_recipe(*sys.argv[2:]), run_dir=sys.argv[1])
