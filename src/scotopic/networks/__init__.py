"""Architectures, one a file. A new network is one file and one line here."""

from .can import CAN
from .curves import CurveNetwork, apply_curves
from .ksigma_unet import KSigmaUNet
from .raw import RawNetwork
from .sid_unet import SIDUNet
from .zero_dce import ZeroDCE
from .zero_dce_pp import ZeroDCEPlusPlus

NETWORKS = {
    "zero_dce": ZeroDCE,
    "zero_dce_pp": ZeroDCEPlusPlus,
    "sid_unet": SIDUNet,
    "can": CAN,
    "ksigma_unet": KSigmaUNet,
}

__all__ = [
    "CAN",
    "NETWORKS",
    "CurveNetwork",
    "KSigmaUNet",
    "RawNetwork",
    "SIDUNet",
    "ZeroDCE",
    "ZeroDCEPlusPlus",
    "apply_curves",
]
