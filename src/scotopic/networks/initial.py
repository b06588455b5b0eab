"""The weights that networks start from."""

from __future__ import annotations

from torch import nn


def start_glorot(network: nn.Module) -> None:
    """Glorot's uniform weights for convolutions with a bias of 0, small normal ones for transposed convolutions.

    As the code of Chen et al. (Learning to See in the Dark) has it. Convolutions without a bias stay as they are.
    """
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d) and layer.bias is not None:
            nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
        elif isinstance(layer, nn.ConvTranspose2d):
            nn.init.trunc_normal_(layer.weight, std=0.02, a=-0.04, b=0.04)


def start_silent(layer: nn.Conv2d) -> None:
    """A last layer that says 0 at first, so that a network with `residual` starts from the picture that came in."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
