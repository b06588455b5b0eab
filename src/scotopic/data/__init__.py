"""Where training pictures come from. A data set is built with (root, split, seed, ...) and yields `Sample`s."""

from .darken import Night, darken, expose
from .darkened_photos import DarkenedPhotos
from .sample import Sample

DATASETS = {
    "darkened_photos": DarkenedPhotos,
}

__all__ = ["DATASETS", "DarkenedPhotos", "Night", "Sample", "darken", "expose"]
