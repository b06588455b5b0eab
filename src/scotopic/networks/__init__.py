"""Architectures, one a file. A new network is one file and one line here."""

from .curves import CurveNetwork, apply_curves
from .zero_dce import ZeroDCE
from .zero_dce_pp import ZeroDCEPlusPlus

NETWORKS = {
    "zero_dce": ZeroDCE,
    "zero_dce_pp": ZeroDCEPlusPlus,
}

__all__ = ["NETWORKS", "CurveNetwork", "ZeroDCE", "ZeroDCEPlusPlus", "apply_curves"]
