"""Pictures in and out: reading, writing, colour and metadata.

Importing this costs little more than numpy: libvips and LibRaw are loaded when the first file is opened.
"""

from .colour import linear_to_srgb, srgb_to_linear
from .describe import Description, Sensor, describe
from .files import read, write
from .formats import FORMATS, RAW_SUFFIXES, Format, is_picture_path
from .mosaic import (
    CFA,
    flip_mosaic,
    pack,
    pack_bayer,
    pack_xtrans,
    unpack,
    unpack_bayer,
    unpack_xtrans,
    xtrans_phase,
)
from .picture import Light, Metadata, Picture
from .raw import read_raw
from .raw_frame import RawFrame
from .sink import write_strips
from .source import DEFAULT_MAX_PIXELS, Source, open_source

__all__ = [
    "CFA",
    "DEFAULT_MAX_PIXELS",
    "FORMATS",
    "RAW_SUFFIXES",
    "Description",
    "Format",
    "Light",
    "Metadata",
    "Picture",
    "RawFrame",
    "Sensor",
    "Source",
    "describe",
    "flip_mosaic",
    "is_picture_path",
    "linear_to_srgb",
    "open_source",
    "pack",
    "pack_bayer",
    "pack_xtrans",
    "read",
    "read_raw",
    "srgb_to_linear",
    "unpack",
    "unpack_bayer",
    "unpack_xtrans",
    "write",
    "write_strips",
    "xtrans_phase",
]
