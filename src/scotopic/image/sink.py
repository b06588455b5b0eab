"""Writing a picture that arrives in strips, in bounded memory, completely or not at all."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import OutputExistsError, ScotopicError, UnsupportedImageError, WriteError

from .embed import append_exif_to_tiff, fitted, placeholder, put_exif, put_xmp_into_png
from .formats import Format, writable_format
from .libvips import Image, reason, system_reason, vips, with_blob
from .picture import Metadata
from .pixels import to_depth
from .source import Source
from .tiffstream import TiffStream

Target = str | os.PathLike[str] | BinaryIO
AlphaOpener = Callable[[int], Image | None]
"""Opens the alpha channel with so many bits, or gives None."""

_UNKNOWN_DOTS_PER_MM = 72 / 25.4, 72 / 25.4


def write_strips(
    target: Target,
    strips: Iterable[NDArray[Any]],
    *,
    width: int,
    height: int,
    bands: int,
    like: Source | None,
    format: str | None = None,
    quality: int | None = None,
    bits: int | None = None,
    overwrite: bool = False,
    alpha: bool = True,
) -> None:
    """Write a picture of `width` x `height` pixels from strips, top to bottom: uint8 or uint16 (n, width, bands).

    Metadata and alpha (unless `alpha` is False or the size is another) come from `like`. `format` is told by the
    suffix of `target` if not given (of a binary file: the format of `like`, or JPEG). `quality` is 1 to 100, for JPEG,
    WebP and AVIF; a JPEG made of one with halved chroma (4:2:0) halves it too. `bits` is 8 or 16, by default that of
    `like`, or of the first strip; JPEG, WebP and AVIF have 8. JPEG has no alpha: it is laid on white. WebP and AVIF
    encoders hold the whole picture, the others a few rows.

    The file appears under its name when it is complete; whatever goes wrong, nothing is left and an existing file
    stays as it was. OutputExistsError if it exists and `overwrite` is False, WriteError if it cannot be written.
    """
    metadata = like.metadata if like else Metadata()
    if format is None and not isinstance(target, str | os.PathLike):
        format = like.format if like and like.format not in ("raw", "heic") else "jpeg"
    depth = bits or (like.bits if like else None)
    opener = like.alpha_image if like and alpha and (like.width, like.height) == (width, height) else None
    encode(
        target,
        strips,
        (width, height, bands),
        metadata,
        opener,
        format=format,
        quality=quality,
        bits=depth,
        overwrite=overwrite,
    )


def encode(
    target: Target,
    strips: Iterable[NDArray[Any]],
    size: tuple[int, int, int],
    metadata: Metadata,
    alpha: AlphaOpener | None,
    *,
    format: str | None,
    quality: int | None,
    bits: int | None,
    overwrite: bool,
) -> None:
    """`write_strips`, with metadata and alpha from anywhere. `size` is width, height, bands."""
    path = Path(target) if isinstance(target, str | os.PathLike) else None
    form = writable_format(format or (path.suffix if path else ""))
    _check_wishes(form, size, quality, bits)
    if path is None:
        import tempfile  # seldom needed, and slow to import

        with _saying_why("the output"), tempfile.TemporaryDirectory(prefix="scotopic-") as folder:
            part = Path(folder) / "picture"
            _encode_file(part, "the output", form, strips, size, metadata, alpha, quality, bits)
            _copy(part, target)  # type: ignore[arg-type]
        return
    _check_place(path, overwrite)
    part = path.parent / f".scotopic-{os.urandom(6).hex()}.part"
    try:
        with _saying_why(f"'{path}'"):
            mode = path.stat().st_mode & 0o7777 if path.exists() else None
            # Made here, since the system tells Python, but not through libvips, why it cannot be made; and what is to
            # replace a private file is private from the beginning.
            os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666 if mode is None else 0o600))
            _encode_file(part, f"'{path}'", form, strips, size, metadata, alpha, quality, bits)
            if mode is not None:
                with suppress(OSError):  # some file systems have no modes
                    part.chmod(mode)
            os.replace(part, path)
    finally:
        with suppress(OSError):
            part.unlink()


def _encode_file(
    part: Path,
    name: str,
    form: Format,
    strips: Iterable[NDArray[Any]],
    size: tuple[int, int, int],
    metadata: Metadata,
    alpha: AlphaOpener | None,
    quality: int | None,
    bits: int | None,
) -> None:
    rows = iter(strips)
    first = next(rows, None)
    if first is None:
        raise WriteError(f"Cannot write {name}: no pixels came.")
    came_with = 16 if first.dtype == np.uint16 else 8
    depth = (bits or came_with) if 16 in form.bits else 8
    stream = TiffStream(*size, came_with)
    exif = fitted(metadata.exif, form.name) if metadata.exif else None
    filling = None

    door = _door(stream)
    opened = vips().Operation.call("tiffload_source", door, access="sequential", fail_on="error", unlimited=True)
    image = to_depth(opened, depth)
    channel = alpha(depth) if alpha else None
    if channel is not None:
        image = image.bandjoin(channel)
        if not form.alpha:
            image = image.flatten(background=[2**depth - 1], max_alpha=2**depth - 1).cast(image.format)
    interpretations = ("grey16", "rgb16") if depth == 16 else ("b-w", "srgb")
    across, down = metadata.dots_per_mm or _UNKNOWN_DOTS_PER_MM
    image = image.copy(interpretation=interpretations[size[2] == 3], xres=across, yres=down)
    xmp = None if form.name == "png" else metadata.xmp
    for key, blob in (("icc-profile-data", metadata.icc), ("xmp-data", xmp), ("iptc-data", metadata.iptc)):
        image = with_blob(image, key, blob)
    if exif and form.name != "tiff":
        block, filling = placeholder(exif)
        image = with_blob(image, "exif-data", block)

    chroma = "on" if metadata.halved_chroma else "auto"
    _pour(stream, image, first, rows, size, name, lambda: _save(image, part, form, quality, chroma, size, depth), part)
    if exif and filling:
        put_exif(part, exif, filling)
    elif exif:
        append_exif_to_tiff(part, exif)
    if metadata.xmp and form.name == "png":
        put_xmp_into_png(part, metadata.xmp)


def _door(stream: TiffStream) -> Any:
    """What libvips reads the stream through. It must be kept until libvips is done: libvips does not hold it itself."""
    source = vips().SourceCustom()
    source.on_read(stream.read)
    source.on_seek(stream.seek)
    return source


def _pour(
    stream: TiffStream,
    image: Image,
    first: NDArray[Any],
    rows: Iterable[NDArray[Any]],
    size: tuple[int, int, int],
    name: str,
    save: Callable[[], None],
    part: Path,
) -> None:
    """Run `save` in a thread of its own while the strips, made in this one, flow into the stream."""
    failure: list[Exception] = []

    def encoder() -> None:
        try:
            save()
        except Exception as error:
            failure.append(error)
        finally:
            stream.abandon()

    thread = threading.Thread(target=encoder, name="scotopic-encoder")
    width, height, bands = size
    done = 0
    thread.start()
    try:
        strip: NDArray[Any] | None = first
        source = iter(rows)
        while strip is not None:
            done += strip.shape[0]
            if strip.dtype != first.dtype or strip.shape[1:] != (width, bands) or done > height:
                raise WriteError(
                    f"Cannot write {name}: expected {height} rows of {first.dtype} (n, {width}, {bands}), "
                    f"got {strip.dtype} {strip.shape} up to row {done}."
                )
            if not stream.put(np.ascontiguousarray(strip)):
                break
            strip = next(source, None)
        if done < height and not failure and thread.is_alive() and strip is None:
            raise WriteError(f"Cannot write {name}: only {done} of {height} rows came.")
        stream.end()
        thread.join()
    except BaseException:
        image.set_kill(True)
        stream.abandon()
        thread.join()
        raise
    if failure:
        raise _explained(failure[0], name, part) from failure[0]


def _save(
    image: Image,
    part: Path,
    form: Format,
    quality: int | None,
    chroma: str,
    size: tuple[int, int, int],
    depth: int,
) -> None:
    path = os.fsencode(part)
    level = quality or form.quality
    if form.name == "jpeg":
        image.jpegsave(path, Q=level, subsample_mode=chroma, keep="all")
    elif form.name == "png":
        # Level 2 on rows predicted from above: 19 ms/MP; libvips' own choice (6, no prediction) 37 and 20 % larger.
        image.pngsave(path, compression=2, filter="up", keep="all")
    elif form.name == "tiff":
        # A classic TIFF ends at 4 GB; deflated noise can be larger than it was.
        big = size[0] * size[1] * (size[2] + 1) * depth // 8 > 3_500_000_000
        image.tiffsave(
            path, compression="deflate", level=2, predictor="horizontal", bigtiff=big, resunit="inch", keep="all"
        )
    elif form.name == "webp":
        image.webpsave(path, Q=level, effort=2, keep="all")
    else:
        image.heifsave(path, Q=level, compression="av1", effort=2, bitdepth=8, keep="all")


def _check_wishes(form: Format, size: tuple[int, int, int], quality: int | None, bits: int | None) -> None:
    if quality is not None and not 1 <= quality <= 100:
        raise UnsupportedImageError(f"quality goes from 1 to 100, got {quality}.")
    if bits not in (None, 8, 16):
        raise UnsupportedImageError(f"A picture is written with 8 or 16 bits, got {bits}.")
    if form.largest_side and max(size[:2]) > form.largest_side:
        article = "An" if form.name == "avif" else "A"
        raise UnsupportedImageError(
            f"{article} {form.name.upper()} file is at most {form.largest_side} pixels wide and high, the picture is "
            f"{size[0]} x {size[1]}. Choose png or tiff."
        )


def _check_place(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise WriteError(f"Cannot write '{path}': it is a folder. Give the name of a file in it.")
    if not path.parent.is_dir():
        raise WriteError(f"Cannot write '{path}': there is no folder '{path.parent}'. Make it first.")
    if path.exists() and not overwrite:
        raise OutputExistsError(f"'{path}' exists already. Choose another name, or ask for overwriting.")


def _copy(part: Path, target: BinaryIO) -> None:
    import shutil  # like tempfile

    with part.open("rb") as file:
        shutil.copyfileobj(file, target, 1 << 20)


@contextmanager
def _saying_why(name: str) -> Iterator[None]:
    """What the system refuses becomes a WriteError."""
    try:
        yield
    except OSError as error:
        raise _refused(name, error.strerror or str(error)) from error


def _explained(error: Exception, name: str, part: Path) -> Exception:
    if isinstance(error, ScotopicError) or not isinstance(error, vips().Error):
        return error
    # The part's own name would tell nobody anything.
    return _refused(name, system_reason(error) or reason(error).replace(str(part), "the encoder"))


_ADVICE = {
    "no space left": "Free some space, or choose another folder.",
    "quota exceeded": "Free some space, or choose another folder.",
    "file too large": "Choose another folder or format: the disk, or a limit set for you, allows no file that large.",
    "permission denied": "Choose a folder that you may write to.",
    "operation not permitted": "Choose a folder that you may write to.",
    "read-only": "Choose a folder that you may write to.",
    "name too long": "Choose a shorter name.",
}


def _refused(name: str, why: str) -> WriteError:
    advice = next(
        (advice for words, advice in _ADVICE.items() if words in why.lower()), "Try another folder or format."
    )
    return WriteError(f"Cannot write {name}: {why[:1].lower()}{why[1:]}. {advice}")
