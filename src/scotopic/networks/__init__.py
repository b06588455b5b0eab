"""Architectures, one a file. A new network is one file and one line here."""

from .bilateral_grid import BilateralGrid
from .can import CAN
from .cnn import CNN
from .curves import CurveNetwork, apply_curves
from .dcgan_discriminator import DCGANDiscriminator
from .dense_cnn import DenseCNN
from .gan_generator import GANGenerator
from .ksigma_unet import KSigmaUNet
from .patch_discriminator import PatchDiscriminator
from .picture import PictureNetwork
from .raw import RawNetwork
from .rrdb import RRDB
from .scotopic import Scotopic
from .scotopic_denoiser import ScotopicDenoiser
from .sid_unet import SIDUNet
from .srgan_generator import SRGANGenerator
from .unet import UNet
from .zero_dce import ZeroDCE
from .zero_dce_pp import ZeroDCEPlusPlus

NETWORKS = {
    # Curves for a picture.
    "zero_dce": ZeroDCE,
    "zero_dce_pp": ZeroDCEPlusPlus,
    "scotopic": Scotopic,
    # Picture to picture.
    "cnn": CNN,
    "dense_cnn": DenseCNN,
    "unet": UNet,
    "gan_generator": GANGenerator,
    "srgan_generator": SRGANGenerator,
    "rrdb": RRDB,
    "bilateral_grid": BilateralGrid,
    # What a curve brightened, without its noise.
    "scotopic_denoiser": ScotopicDenoiser,
    # Raw to picture.
    "sid_unet": SIDUNet,
    "can": CAN,
    "ksigma_unet": KSigmaUNet,
}

DISCRIMINATORS = {
    "dcgan_discriminator": DCGANDiscriminator,
    "patch_discriminator": PatchDiscriminator,
}
"""What tells real pictures from made ones: `n 3 h w`, sRGB in [0, 1] -> score `n 1` or `n 1 h' w'`, above 0: real."""

__all__ = [
    "CAN",
    "CNN",
    "DISCRIMINATORS",
    "NETWORKS",
    "RRDB",
    "BilateralGrid",
    "CurveNetwork",
    "DCGANDiscriminator",
    "DenseCNN",
    "GANGenerator",
    "KSigmaUNet",
    "PatchDiscriminator",
    "PictureNetwork",
    "RawNetwork",
    "SIDUNet",
    "SRGANGenerator",
    "Scotopic",
    "ScotopicDenoiser",
    "UNet",
    "ZeroDCE",
    "ZeroDCEPlusPlus",
    "apply_curves",
]
