"""Does a raw network hold on a camera that it never saw?

    python benchmarks/fifth_camera.py FOLDER [--generic] [--steps N] [--runs WHERE]

For each of the five calibrated cameras in turn: one network is trained on the other four, one on that camera alone,
and both are scored on held-out pictures taken with it. All runs are short, and equally long. FOLDER holds pictures as
recipes/ksigma_unet.toml wants them. A run that is already there is not repeated. With `--generic` the four
others are joined by the recipe's generic camera, which stands for all that are not calibrated.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from rich.console import Console

from quality import interval
from scotopic.data import VirtualCamera
from scotopic.data.noise import CAMERAS
from scotopic.metrics import psnr
from scotopic.training import checkpoint, read_recipe, train
from scotopic.training.loop import build_network
from scotopic.training.objective import Develop
from scotopic.training.validation import to_numpy

RECIPE = Path(__file__).parents[1] / "recipes/ksigma_unet.toml"
VIEWS = 6


def trained(folder: Path, cameras: list[str], steps: int, root: Path) -> torch.nn.Module:
    """A network after a short run on these cameras, its average weights worn."""
    recipe = read_recipe(
        RECIPE,
        [
            f"data.root={json.dumps(str(root))}",
            f"data.cameras={json.dumps(cameras)}",
            f"loop.steps={steps}",
            f"loop.val_every={steps}",
            "loop.ema=0.99",
        ],
    )
    summary = train(recipe, run_dir=folder, console=Console(stderr=True))
    network = build_network(recipe)
    checkpoint.fill(checkpoint.load(summary.last_checkpoint), network)
    return Develop(network).eval()


@torch.no_grad()
def score(develop: torch.nn.Module, camera: str, root: Path) -> list[float]:
    """PSNR (dB) of each held-out view, of a sensor of this camera."""
    licences = read_recipe(RECIPE).data.settings["licences"]
    views = VirtualCamera(root, "val", 0, cameras=(camera,), views=VIEWS, misjudged=0.2, licences=licences)
    samples = (views[index] for index in range(len(views)))
    return [psnr(to_numpy(develop(sample.low[None]).out), to_numpy(sample.target)) for sample in samples]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--steps", type=int, default=400)
    parser.add_argument("--runs", type=Path, default=Path("runs/fifth_camera"))
    parser.add_argument("--generic", action="store_true")
    parser.add_argument("--cameras", nargs="+", default=list(CAMERAS), choices=CAMERAS)
    options = parser.parse_args()
    print(
        f"| camera | trained on the four others, dB | on itself, dB | difference (95 %) | views |\n|---|{'---:|' * 4}"
    )
    for camera in options.cameras:
        others = [other for other in (*CAMERAS, *["generic"] * options.generic) if other != camera]
        rows = []
        for name, cameras in ((f"others{len(others)}", others), ("itself", [camera])):
            network = trained(options.runs / f"{camera}_{name}", cameras, options.steps, options.folder)
            rows.append(score(network, camera, options.folder))
        strange, own = (np.array(row) for row in rows)
        low, high = interval(strange - own, np.arange(len(own)) % (len(own) // VIEWS))  # views of a photo go together
        difference = f"{(strange - own).mean():+.2f} ({low:+.2f} to {high:+.2f})"
        print(f"| {camera} | {strange.mean():.2f} | {own.mean():.2f} | {difference} | {len(own)} |", flush=True)


if __name__ == "__main__":
    main()
