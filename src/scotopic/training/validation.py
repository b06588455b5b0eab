"""How good the pictures are that were held out: losses, scores, brightness and colour, and when a run has turned."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from scotopic.image import linear_to_srgb
from scotopic.image.packed import COLOUR_OF_PLANE
from scotopic.metrics import gt_mean, mae, psnr, ssim

from ..errors import DivergedError
from .agreement import SCORES_OF_PAIRS, is_paired
from .batches import Pictures
from .objective import Develop, Objective

Report = dict[str, float]

MOST_PSNR_DB = 100.0
"""Stands for the infinite PSNR of equal pictures, so that means and files stay finite."""

WASHED_OUT_COLOUR = 0.95
"""Share of the best step's colourfulness below which falling scores are put down to washing out."""


@torch.no_grad()
def validate(develop: Develop, objective: Objective, pictures: Pictures, device: torch.device) -> Report:
    """Means over the held-out pictures, each alone at its own size.

    `loss` and `loss_<name>`, as far as the objective has them; `psnr_db`, `ssim` and `mae` as is, `psnr_gt_mean_db`
    after GT-mean, all four absent where the target shows another scene; `brightness` of the outcome, in [0, 1];
    `colour`: its colourfulness as a share of the targets', 1 = as colourful. Raises DivergedError, naming the picture,
    for an outcome or a loss that is no number.
    """
    rows: list[Report] = []
    colour_of_targets = 0.0
    for target, out, losses in _developed(develop, objective, pictures, device):
        row = losses | {"brightness": float(out.mean()), "colour": colourfulness(out)}
        if is_paired(pictures):
            row |= scores(out, target)
        rows.append(row)
        colour_of_targets += colourfulness(target) / len(pictures)
    report = {key: float(np.mean([row[key] for row in rows])) for key in rows[0]}
    # Of all pictures together: a grey one among them has no colour to divide by.
    return report | {"colour": report["colour"] / max(colour_of_targets, 1e-6)}


def _developed(develop: Develop, objective: Objective, pictures: Pictures, device: torch.device) -> Iterable[Any]:
    pictures.set_epoch(0)
    develop.eval()
    for index in range(len(pictures)):
        sample = pictures[index]
        low, target = sample.low[None].to(device), sample.target[None].to(device)
        outcome = develop(low)
        losses = objective(low, target, outcome)
        named = {"loss": objective.total(losses).item(), **{f"loss_{k}": v.item() for k, v in losses.items()}}
        if not (outcome.out.isfinite().all() and all(map(math.isfinite, named.values()))):
            listing = ", ".join(f"{name} {value:.3g}" for name, value in named.items())
            raise DivergedError(
                f"The held-out picture '{sample.name}' came out with values that are no numbers, or its losses did "
                f"({listing}). Look at it; if it is sound, start afresh (--fresh) with a lower optimiser.lr or with "
                "optimiser.clip_norm."
            )
        yield to_numpy(target), to_numpy(outcome.out), named
    develop.train()


def scores(out: NDArray[np.float32], target: NDArray[np.float32]) -> Report:
    """PSNR, SSIM and mean absolute error of pictures `h w 3` in [0, 1] as is, and PSNR after GT-mean."""
    return {
        "psnr_db": min(psnr(out, target), MOST_PSNR_DB),
        "psnr_gt_mean_db": min(psnr(gt_mean(out, target), target.astype(np.float64)), MOST_PSNR_DB),
        "ssim": ssim(out, target),
        "mae": mae(out, target),
    }


def to_numpy(picture: Tensor) -> NDArray[np.float32]:
    """`1 3 h w` or `3 h w` as `h w 3`, clipped to [0, 1]."""
    return np.ascontiguousarray(picture.squeeze(0).float().clamp(0, 1).permute(1, 2, 0).cpu().numpy())


def preview(low: Tensor, height: int, width: int) -> NDArray[np.float32]:
    """What goes in, as a picture `height` `width` 3 in [0, 1]: itself, or packed raw without demosaicing.

    Of packed raw (light of 4 or 9 planes first) it is R, the mean of the greens and B, sRGB-encoded; of a picture and
    the same brightened, the second. Where the picture is larger than what goes in, each pixel is shown as a square.
    """
    channels = low.shape[0]
    if channels in (3, 6):
        small, scale = to_numpy(low[-3:]), height // low.shape[1]
    else:
        planes, scale = {4: (4, 2), 12: (4, 2), 9: (9, 3), 28: (9, 3)}[channels]
        colours = torch.tensor(COLOUR_OF_PLANE[planes])
        rgb = torch.stack([low[:planes][colours == colour].mean(0) for colour in range(3)])
        small = linear_to_srgb(to_numpy(rgb))
    return np.ascontiguousarray(small.repeat(scale, 0).repeat(scale, 1)[:height, :width])


def colourfulness(picture: NDArray[np.float32]) -> float:
    """How colourful a picture `h w 3` is: 0 for grey (Hasler and Suesstrunk, Measuring Colourfulness, 2003).

    >>> colourfulness(np.full((2, 2, 3), 0.3, np.float32))
    0.0
    """
    red_green = picture[..., 0] - picture[..., 1]
    yellow_blue = (picture[..., 0] + picture[..., 1]) / 2 - picture[..., 2]
    spread = math.hypot(float(red_green.std()), float(yellow_blue.std()))
    return spread + 0.3 * math.hypot(float(red_green.mean()), float(yellow_blue.mean()))


def ranked_by(best_by: str) -> tuple[str, int]:
    """The number of a report that `loop.best_by` names, and whether more (1) or less (-1) of it is better.

    >>> ranked_by("psnr"), ranked_by("loss_l1")
    (('psnr_db', 1), ('loss_l1', -1))
    """
    return SCORES_OF_PAIRS.get(best_by, (best_by, -1))


def is_better(now: Report, best: Report, best_by: str) -> bool:
    """Whether `now` beats `best` (which is empty before the first validation)."""
    key, sign = ranked_by(best_by)
    return not best or sign * now[key] > sign * best[key]


def washed_out(now: Report, now_step: int, best: Report, best_step: int) -> str:
    """The known failure of zero-reference training, in words, or nothing.

    The loss still falls while the pictures get worse and lose their colour: the losses are content with grey. Without
    a target to compare with, nobody can tell worse from better.
    """
    if not best or "psnr_db" not in now or now["loss"] > best["loss"] or now["psnr_db"] >= best["psnr_db"]:
        return ""
    if now["colour"] >= WASHED_OUT_COLOUR * best["colour"]:
        return ""
    return (
        f"Washing out: from step {best_step} to {now_step} the validation loss fell from {best['loss']:.4g} to "
        f"{now['loss']:.4g}, but PSNR fell from {best['psnr_db']:.2f} to {now['psnr_db']:.2f} dB and colourfulness "
        f"from {best['colour']:.0%} to {now['colour']:.0%} of the target's."
    )
