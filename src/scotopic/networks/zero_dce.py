"""DCE-Net (Guo et al., Zero-Reference Deep Curve Estimation for Low-Light Image Enhancement, CVPR 2020)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import relu

from .curves import CurveNetwork, start_from_identity


class ZeroDCE(CurveNetwork):
    """Seven 3x3 convolutions with symmetric concatenation; three curve maps for each of eight iterations.

    79,416 parameters with the paper's values. Receptive field 15 x 15, so a halo of 7 is exact (at locality 1).
    """

    def __init__(self, width: int = 32, iterations: int = 8, locality: float = 1.0) -> None:
        super().__init__(iterations, locality)
        self.conv1 = nn.Conv2d(3, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)
        self.conv3 = nn.Conv2d(width, width, 3, padding=1)
        self.conv4 = nn.Conv2d(width, width, 3, padding=1)
        self.conv5 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.conv6 = nn.Conv2d(2 * width, width, 3, padding=1)
        self.conv7 = nn.Conv2d(2 * width, 3 * iterations, 3, padding=1)
        start_from_identity(self)

    def estimate(self, low: Tensor) -> Tensor:
        x1 = relu(self.conv1(low))
        x2 = relu(self.conv2(x1))
        x3 = relu(self.conv3(x2))
        x4 = relu(self.conv4(x3))
        x5 = relu(self.conv5(torch.cat([x3, x4], 1)))
        x6 = relu(self.conv6(torch.cat([x2, x5], 1)))
        return torch.tanh(self.conv7(torch.cat([x1, x6], 1)))
