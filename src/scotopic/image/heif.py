"""HEIC, where libvips was built without its codec: through the optional package pillow-heif."""

from __future__ import annotations

from functools import cache

import numpy as np

from scotopic.errors import MissingExtraError, UnreadableImageError

from .libvips import Image, vips, with_blob
from .opening import File, Opener


def heic_opener(file: File, by_libvips: Opener) -> Opener:
    """libvips' own opener if it can decode this file, else one on pixels decoded by pillow-heif, held in memory.

    MissingExtraError if neither is possible.
    """
    try:
        image = by_libvips(False, 1)
        image.crop(0, 0, 1, 1).avg()
        return by_libvips
    except vips().Error as error:
        if "compression format" not in str(error):
            raise UnreadableImageError(f"'{file.name}' is damaged or incomplete. Copy it again.") from error
    try:
        import pillow_heif
    except ImportError:
        raise MissingExtraError(f"Reading HEIC ('{file.name}')", "heif") from None

    @cache
    def decoded() -> Image:
        with file.content() as content:
            try:
                heif = pillow_heif.open_heif(bytes(content), convert_hdr_to_8bit=False)
                pixels = np.ascontiguousarray(heif)
            except (ValueError, RuntimeError, EOFError, SyntaxError) as error:
                raise UnreadableImageError(
                    f"'{file.name}' is damaged or incomplete: {error}. Copy it again."
                ) from error
        deep = pixels.dtype == np.uint16
        grey = pixels.ndim == 2 or pixels.shape[2] <= 2
        kinds = ("grey16" if deep else "b-w") if grey else ("rgb16" if deep else "srgb")
        image = vips().Image.new_from_array(pixels, interpretation=kinds)
        for key, name in (("exif-data", "exif"), ("xmp-data", "xmp"), ("icc-profile-data", "icc_profile")):
            image = with_blob(image, key, heif.info.get(name))
        # libheif has turned it upright already, but libvips takes an orientation from the Exif block.
        if image.get_typeof("orientation"):
            image.remove("orientation")
        return image

    return lambda sequential, shrink: decoded()
