"""Where training pictures come from. A data set is built with (root, split, seed, ...) and yields `Sample`s."""

from .darken import Night, darken, expose
from .darkened_photos import DarkenedPhotos
from .lol import LOL
from .paired_folder import PairedFolder
from .phone_patches import PhonePatches
from .sample import Sample
from .sice import SICE
from .sid import SID
from .super_resolution import SuperResolution
from .unpaired_folder import UnpairedFolder
from .virtual_camera import VirtualCamera

DATASETS = {
    "darkened_photos": DarkenedPhotos,
    "phone_patches": PhonePatches,
    "virtual_camera": VirtualCamera,
    "sid": SID,
    "paired_folder": PairedFolder,
    "lol": LOL,
    "sice": SICE,
    "unpaired_folder": UnpairedFolder,
    "super_resolution": SuperResolution,
}

__all__ = [
    "DATASETS",
    "LOL",
    "SICE",
    "SID",
    "DarkenedPhotos",
    "Night",
    "PairedFolder",
    "PhonePatches",
    "Sample",
    "SuperResolution",
    "UnpairedFolder",
    "VirtualCamera",
    "darken",
    "expose",
]
