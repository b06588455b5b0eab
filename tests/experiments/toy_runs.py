"""Run folders without a step of training: a checkpoint of what the network began as."""

from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

from scotopic.training import checkpoint
from scotopic.training.batches import made_of
from scotopic.training.checkpoint import Progress
from scotopic.training.loop import build_network, build_pictures
from training.toy_training import toy_recipe


def untrained_run(folder: Path, data: str) -> Path:
    """A run in `folder` on `data`, a recipe's table of it."""
    recipe = toy_recipe(f"data={data}")
    progress = Progress(data={split: made_of(build_pictures(recipe, split)) for split in ("train", "val")})
    optimiser = SimpleNamespace(state=defaultdict(dict))  # that has done nothing yet
    for name in ("best", "last"):
        checkpoint.save(
            folder / f"checkpoints/{name}.safetensors", recipe, progress, build_network(recipe), optimiser, None
        )
    return folder
