"""Activations by name, as recipes write them."""

from __future__ import annotations

from torch import nn

SLOPE_BELOW_0 = {"leaky_relu": 0.2, "relu": 0.0}


def activation_named(name: str) -> nn.Module:
    """An activation by name: "relu", or "leaky_relu" with slope 0.2. Raises ValueError for any other name."""
    if name not in SLOPE_BELOW_0:
        raise ValueError(f"activation must be one of {', '.join(SLOPE_BELOW_0)}, got '{name}'")
    return nn.LeakyReLU(SLOPE_BELOW_0[name]) if name != "relu" else nn.ReLU()
