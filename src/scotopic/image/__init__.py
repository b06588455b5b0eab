"""Pictures in and out: reading, writing, colour and metadata.

Importing this costs little more than numpy: libvips and LibRaw are loaded when the first file is opened.
"""

from .colour import linear_to_srgb, srgb_to_linear
from .describe import Description, describe
from .files import read, write
from .formats import FORMATS, RAW_SUFFIXES, Format, is_picture_path
from .picture import Light, Metadata, Picture
from .sink import write_strips
from .source import DEFAULT_MAX_PIXELS, Source, open_source

__all__ = [
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "RAW_SUFFIXES",
    "Description",
    "Format",
    "Light",
    "Metadata",
    "Picture",
    "Source",
    "describe",
    "is_picture_path",
    "linear_to_srgb",
    "open_source",
    "read",
    "srgb_to_linear",
    "write",
    "write_strips",
]
