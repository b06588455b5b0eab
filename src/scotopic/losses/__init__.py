"""Losses by name. A loss takes the tensors it names, among those of a training step, and returns a scalar.

`out` is what the network made of `low`, `target` the truth, `maps` what a curve network decided; `real_score` and
`fake_score` are what a discriminator thinks of `target` and `out`.
"""

from collections.abc import Callable
from functools import wraps
from typing import Any

import torch
from torch import Tensor

from .adversarial import adversarial_loss, discriminator_loss
from .colour import chroma_loss, colour_angle_loss
from .perceptual import perceptual_loss
from .structure import ms_ssim_loss, ssim_loss
from .supervised import charbonnier_loss, gradient_loss, l1_loss, log_mse_loss, mse_loss
from .zero_reference import (
    channel_agreement_loss,
    colour_constancy_loss,
    exposure_loss,
    illumination_smoothness_loss,
    spatial_consistency_loss,
    total_variation_loss,
)


def in_float32(loss: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """`loss`, computed in float32 (or float64, given that) whatever precision the network works in.

    In half precision squares vanish and sums overflow, and autocast would turn convolutions back to half precision.
    """

    def widen(value: Any) -> Any:
        return value.float() if isinstance(value, Tensor) and value.dtype in (torch.float16, torch.bfloat16) else value

    @wraps(loss)
    def wide(*args: Any, **settings: Any) -> Tensor:
        tensors = (value for value in (*args, *settings.values()) if isinstance(value, Tensor))
        with torch.autocast(next(tensors).device.type, enabled=False):
            return loss(*map(widen, args), **{name: widen(value) for name, value in settings.items()})

    return wide


LOSSES: dict[str, Callable[..., Tensor]] = {
    "spatial_consistency": in_float32(spatial_consistency_loss),
    "exposure": in_float32(exposure_loss),
    "colour_constancy": in_float32(colour_constancy_loss),
    "illumination_smoothness": in_float32(illumination_smoothness_loss),
    "channel_agreement": in_float32(channel_agreement_loss),
    "total_variation": in_float32(total_variation_loss),
    "l1": in_float32(l1_loss),
    "mse": in_float32(mse_loss),
    "log_mse": in_float32(log_mse_loss),
    "charbonnier": in_float32(charbonnier_loss),
    "ssim": in_float32(ssim_loss),
    "ms_ssim": in_float32(ms_ssim_loss),
    "gradient": in_float32(gradient_loss),
    "chroma": in_float32(chroma_loss),
    "colour_angle": in_float32(colour_angle_loss),
    "perceptual": in_float32(perceptual_loss),
    "adversarial": in_float32(adversarial_loss),
}

__all__ = ["LOSSES", "adversarial_loss", "discriminator_loss"]
