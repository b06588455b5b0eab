"""Losses by name. A loss takes the tensors it names, among `out`, `low`, `target` and `maps`, and returns a scalar."""

from collections.abc import Callable

from torch import Tensor

from .supervised import chroma_loss, l1_loss, log_mse_loss, mse_loss
from .zero_reference import (
    channel_agreement_loss,
    colour_constancy_loss,
    exposure_loss,
    illumination_smoothness_loss,
    spatial_consistency_loss,
)

LOSSES: dict[str, Callable[..., Tensor]] = {
    "spatial_consistency": spatial_consistency_loss,
    "exposure": exposure_loss,
    "colour_constancy": colour_constancy_loss,
    "illumination_smoothness": illumination_smoothness_loss,
    "channel_agreement": channel_agreement_loss,
    "l1": l1_loss,
    "mse": mse_loss,
    "log_mse": log_mse_loss,
    "chroma": chroma_loss,
}

__all__ = ["LOSSES"]
