"""Zero-DCE++ (Li, Guo, Loy: Learning to Enhance Low-Light Image via Zero-Reference Deep Curve Estimation, 2021)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from .curves import CurveNetwork, start_from_identity


class SeparableConv(nn.Sequential):
    """A 3x3 convolution per channel, then a 1x1 convolution across channels."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__(
            nn.Conv2d(in_channels, in_channels, 3, padding=1, groups=in_channels),
            nn.Conv2d(in_channels, out_channels, 1),
        )


class ZeroDCEPlusPlus(CurveNetwork):
    """Zero-DCE with depthwise separable convolutions and three maps reused in every iteration.

    10,561 parameters with the paper's values. The curves are estimated on a picture `scale` times smaller (each of its
    pixels the mean of `scale` x `scale`) and upsampled bilinearly; the receptive field there is 15 x 15.
    """

    def __init__(self, width: int = 32, iterations: int = 8, scale: int = 1, locality: float = 1.0) -> None:
        super().__init__(iterations, locality)
        self.scale = scale
        self.conv1 = SeparableConv(3, width)
        self.conv2 = SeparableConv(width, width)
        self.conv3 = SeparableConv(width, width)
        self.conv4 = SeparableConv(width, width)
        self.conv5 = SeparableConv(2 * width, width)
        self.conv6 = SeparableConv(2 * width, width)
        self.conv7 = SeparableConv(2 * width, 3)
        start_from_identity(self)

    def estimate(self, low: Tensor) -> Tensor:
        height, width = low.shape[-2:]
        small = low
        if self.scale > 1:
            small = avg_pool2d(low, self.scale, ceil_mode=True, count_include_pad=False)
        x1 = relu(self.conv1(small))
        x2 = relu(self.conv2(x1))
        x3 = relu(self.conv3(x2))
        x4 = relu(self.conv4(x3))
        x5 = relu(self.conv5(torch.cat([x3, x4], 1)))
        x6 = relu(self.conv6(torch.cat([x2, x5], 1)))
        maps = torch.tanh(self.conv7(torch.cat([x1, x6], 1)))
        if self.scale > 1:
            maps = interpolate(maps, scale_factor=float(self.scale), mode="bilinear")[..., :height, :width]
        return maps
