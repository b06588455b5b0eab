"""Where training pictures come from. A data set is built with (root, split, seed, ...) and yields `Sample`s."""

from .darken import Night, darken, expose
from .darkened_photos import DarkenedPhotos
from .sample import Sample
from .sid import SID
from .virtual_camera import VirtualCamera

DATASETS = {
    "darkened_photos": DarkenedPhotos,
    "virtual_camera": VirtualCamera,
    "sid": SID,
}

__all__ = ["DATASETS", "SID", "DarkenedPhotos", "Night", "Sample", "VirtualCamera", "darken", "expose"]
