"""What a run's recipe holds out as a set to score on: the pictures that it did not learn from."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from torch import Tensor

from scotopic.data import DATASETS, SID
from scotopic.data.pairs import PairedPictures
from scotopic.training import checkpoint
from scotopic.training.agreement import has_truth
from scotopic.training.batches import Pictures, made_of
from scotopic.training.loop import build_pictures
from scotopic.training.recipe import Recipe
from scotopic.training.validation import to_numpy

from ...errors import CheckpointError, DataError
from . import sid_set
from .item import EvaluationSet, Image, Item, Part, counted, make_set, no_target, short_names, unique


def recipe_set(run: str | Path, split: Part = "val") -> EvaluationSet:
    """The pictures for `split` ("val" or "test") of the recipe in a run folder, or in a checkpoint file.

    They are whole where the data set can give them so, even if validation saw their middle alone. Raises DataError
    where there are none, and CheckpointError where the pictures are others now than those the run was made with.
    """
    saved = checkpoint.load(checkpoint_of(Path(run)))
    if split not in ("val", "test"):
        raise DataError(f"A recipe holds out the splits val and test, got '{split}'. Choose one of them.")
    recipe, shown = whole(saved.recipe)
    # For test pictures nobody noted what they were: but they are disjoint from what train and val were made of.
    parts = {"val": ("val",), "test": ("train", "val")}[split]
    pictures: Pictures = build_pictures(recipe, split)  # type: ignore[arg-type]
    made = {part: made_of(pictures if part == split else build_pictures(recipe, part)) for part in parts}  # type: ignore[arg-type]
    checkpoint.check_same_data(saved, made)
    items = _items(pictures, recipe)
    seen = " The best checkpoint was chosen by these." if split == "val" else ""
    root = Path(recipe.data.root)
    how = f"Held out of '{root}' by the data set {recipe.data.name}: {counted(items)}, split {split}, {shown}.{seen}"
    files = [root / file for file in getattr(pictures, "files", [])]
    name = f"{recipe.data.name}-{unique([root.resolve().name])[0]}"
    paired = has_truth(recipe)
    return make_set(name, root, split, how, items, files, paired=paired, settings=_what_decides(pictures, recipe))


def checkpoint_of(run: Path) -> Path:
    """The checkpoint of a run folder that tells its recipe, or the file itself."""
    if run.is_file():
        return run
    for which in ("best", "last"):
        path = run / "checkpoints" / f"{which}.safetensors"
        if path.exists():
            return path
    raise CheckpointError(f"There is no checkpoint in '{run}'. Give a run folder, or say with --data what to score on.")


def whole(recipe: Recipe) -> tuple[Recipe, str]:
    """The recipe with held-out pictures whole, where its data set has them so, and what is shown of each, in words."""
    data = recipe.data
    sizes = inspect.signature(DATASETS[data.name]).parameters
    shrunk = f", at {data.settings['resize']:g} of their size" if data.settings.get("resize", 1) != 1 else ""
    if "held_out_size" not in sizes:
        return recipe, f"views as the data set makes them{shrunk}"
    if sizes["held_out_size"].default:
        return recipe, f"the middle {data.settings['held_out_size']} x {data.settings['held_out_size']} pixels of each"
    return replace(recipe, data=replace(data, settings={**data.settings, "held_out_size": 0})), f"each whole{shrunk}"


def scene_of(name: str) -> str:
    """The picture that a sample of this name is a view of: views of one differ by how dark they are alone.

    >>> scene_of("lake.jpg x250"), scene_of("lake.jpg -2.5 EV"), scene_of("lake.jpg")
    ('lake.jpg', 'lake.jpg', 'lake.jpg')
    """
    return re.sub(r" (x\d+|-\d+\.\d EV)$", "", name)


def _what_decides(pictures: Pictures, recipe: Recipe) -> str:
    """What held-out pictures depend on besides their files; how pairs are turned and coloured in training is not."""
    settings = {key: value for key, value in recipe.data.settings.items() if key != "cache"}
    if isinstance(pictures, PairedPictures):
        settings = {key: settings[key] for key in ("resize", "held_out_size")}
    seed = None if isinstance(pictures, PairedPictures | SID) else recipe.loop.seed  # held-out pairs are what they are
    return json.dumps([recipe.data.name, seed, settings], sort_keys=True)


def _items(pictures: Pictures, recipe: Recipe) -> list[Item]:
    low = partial(_low, pictures)
    target: Callable[[int], Callable[[], Image]] = (
        (lambda index: partial(_target, pictures, index)) if has_truth(recipe) else lambda index: no_target
    )
    if isinstance(pictures, PairedPictures):
        called = short_names([pair.low for pair in pictures.pairs])
        names = unique(called[pair.low] for pair in pictures.pairs)
        return [
            Item(name, pair.scene, "", None, partial(low, index), target(index), called[pair.low])
            for index, (pair, name) in enumerate(zip(pictures.pairs, names, strict=True))
        ]
    if isinstance(pictures, SID):
        pairs = [pair for (pair,) in pictures.items]
        names = unique(pair.short.stem for pair in pairs)
        return [
            Item(
                name,
                sid_set.scene_of(pair),
                sid_set.groups_of(pair),
                pair.ratio,
                partial(low, index),
                target(index),
                pair.short.stem,
            )
            for index, (pair, name) in enumerate(zip(pairs, names, strict=True))
        ]
    samples = [(sample.name, sample.ratio) for sample in (pictures[index] for index in range(len(pictures)))]
    names = unique(name for name, _ in samples)
    scenes = [scene_of(name) for name, _ in samples]
    scale = recipe.data.settings.get("scale", 1)
    return [
        Item(name, scene, "", ratio if ratio != 1 else None, partial(low, index), target(index), name, scale)
        for index, (name, scene, (_, ratio)) in enumerate(zip(names, scenes, samples, strict=True))
    ]


def _low(pictures: Pictures, index: int) -> Image | Tensor:
    low: Tensor = pictures[index].low
    return _as_image(low) if low.shape[0] == 3 else low


def _target(pictures: Pictures, index: int) -> Image:
    return _as_image(pictures[index].target)


def _as_image(picture: Any) -> Image:
    return np.ascontiguousarray(to_numpy(picture))
