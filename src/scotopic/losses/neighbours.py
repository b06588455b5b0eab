"""Means over patches and steps between neighbours, for pictures of any size, down to a single pixel."""

from __future__ import annotations

from torch import Tensor
from torch.nn.functional import avg_pool2d


def patch_means(picture: Tensor, patch: int) -> Tensor:
    """Means over `patch` x `patch` pixels of `n c h w`; a side shorter than that is one patch.

    What is left over to the right and below is left out.

    >>> import torch; patch_means(torch.tensor([[[[0.0, 1.0]]]]), 4).tolist()
    [[[[0.5]]]]
    """
    height, width = picture.shape[-2:]
    return avg_pool2d(picture, (min(patch, height), min(patch, width)))


def step_size(picture: Tensor) -> Tensor:
    """Mean absolute difference between neighbours, across plus down; a side of one pixel has none and adds 0.

    >>> import torch; step_size(torch.tensor([[[[0.0, 1.0], [0.0, 0.5]]]])).item()
    1.0
    """
    across, down = picture.diff(dim=-1).abs(), picture.diff(dim=-2).abs()
    return across.sum() / max(across.numel(), 1) + down.sum() / max(down.numel(), 1)
