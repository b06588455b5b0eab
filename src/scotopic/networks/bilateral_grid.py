"""A bilateral grid (Gharbi et al., SIGGRAPH 2017) in place of our own network's curves, to compare the two."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import grid_sample, interpolate

from .curves import apply_curves
from .picture import PictureNetwork
from .scotopic import CELL, LUMA, SceneEncoder, exposing_amount, start_with_rule

ITERATIONS = 8


class BilateralGrid(PictureNetwork):
    """Local affine colour transforms in a grid over place and brightness, instead of curves.

    The decision of Gharbi et al. (Deep Bilateral Learning for Real-Time Image Enhancement, SIGGRAPH 2017) behind the
    encoder and the rule of `Scotopic`: each cell of `bins` brightnesses times 16 x 16 pixels holds a 3 x 4 matrix. It
    is looked up by place and luma of the exposed picture and says what to add to it. With one bin it is a map of gains
    and offsets. It is here for comparison: nothing keeps black at 0 or the order of values, and it is not exported,
    as it looks at a whole picture.
    """

    multiple = CELL

    def __init__(self, width: int = 32, bins: int = 8, level: float = 0.45) -> None:
        super().__init__()
        self.bins, self.level = bins, level
        self.scene = SceneEncoder(width)
        self.place = nn.Conv2d(width, 12 * bins, 1)
        self.whole = nn.Linear(self.scene.summary, 12 * bins)
        start_with_rule(self.place, self.whole)

    def process(self, low: Tensor) -> Tensor:
        rule = exposing_amount(low, self.level, ITERATIONS)
        exposed = apply_curves(low, rule.expand(-1, 3, -1, -1), ITERATIONS)
        places, summary = self.scene(low, exposed, rule)
        cells = self.place(places) + self.whole(summary)[..., None, None]
        matrices = self._sliced(cells, exposed)
        matrices = matrices.view(len(low), 3, 4, *low.shape[-2:])
        added: Tensor = (matrices[:, :, :3] * exposed[:, None]).sum(2) + matrices[:, :, 3]
        return exposed + added

    def _sliced(self, cells: Tensor, guide: Tensor) -> Tensor:
        """The 12 numbers for each pixel, `n 12 h w`: trilinear between the cells around its place and luma."""
        if self.bins == 1:
            return interpolate(cells, scale_factor=float(CELL), mode="bilinear")
        height, width = guide.shape[-2:]
        luma = sum(weight * guide[:, colour] for colour, weight in enumerate(LUMA))
        assert isinstance(luma, Tensor)
        y, x = (2 * (torch.arange(length, device=guide.device) + 0.5) / length - 1 for length in (height, width))
        where = torch.stack([x.expand_as(luma), y[:, None].expand_as(luma), 2 * luma - 1], -1)[:, None]
        grid = cells.view(len(cells), 12, self.bins, *cells.shape[-2:])
        return grid_sample(grid, where, mode="bilinear", padding_mode="border", align_corners=False)[:, :, 0]
