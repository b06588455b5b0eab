"""The Enhancer: the models for each kind of picture, ready to brighten arrays, Pictures, raws and files of any size."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import ControlError, LightMismatchError, ModelError, OutputExistsError, UnsupportedImageError
from scotopic.image import DEFAULT_MAX_PIXELS, Picture, RawFrame, read
from scotopic.image.formats import writable_format
from scotopic.image.opening import File, ReadableFile
from scotopic.image.raw import read_raw_file
from scotopic.image.sink import Target, encode
from scotopic.image.source import open_file, recognise

from .card import Card
from .curves import resolve_backend
from .decision import Controls
from .photos import Decision, PhotoModel
from .raws import RawModel, amplification
from .session import resolve_providers
from .strips import GAP, Mean
from .work import (
    Check,
    PhotoWork,
    RawWork,
    Work,
    depth_in,
    raw_metadata,
    refuse_denoising,
    refuse_profile,
    refuse_ratio,
)
from .zoo import DEFAULT_MODEL, DEFAULT_RAW_MODELS, list_models, load_model

Samples = TypeVar("Samples", np.uint8, np.uint16, np.float32)

AS_IS = Controls()


@dataclass(frozen=True)
class Result:
    """What became of a file. Means are over samples in [0, 1] as encoded; `target` is None if it was not a path.

    `ratio` is what a raw was amplified by (None for other pictures), `note` what should be said about it, if anything.
    """

    name: str
    width: int
    height: int
    seconds: float
    mean_before: float
    mean_after: float
    target: str | None
    ratio: float | None = None
    note: str | None = None


@dataclass(frozen=True)
class Wishes:
    """How a file is to be written; None: as the format has it by default, or as the picture came."""

    format: str | None
    quality: int | None
    bits: Literal[8, 16] | None
    overwrite: bool


class Enhancer:
    """A model with everything that must be kept to use it. One serves any number of threads.

    `model` is a shipped model's name or a model folder; None stands for the right one for each kind of picture:
    DEFAULT_MODEL, and for camera raws DEFAULT_RAW_MODELS. `threads` is how many processors to use (default: all),
    `providers` which of ONNX Runtime's to run the graphs on ("cuda", "openvino" …; default: the CPU), `backend` one of
    `available_backends()` for applying curves (default: the fastest).
    """

    def __init__(
        self,
        model: str | os.PathLike[str] | None = None,
        *,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        backend: str | None = None,
    ) -> None:
        if threads is not None and (not hasattr(threads, "__index__") or threads < 1):
            raise ControlError(f"threads must be a whole number from 1 on, got {threads!r}.")
        if providers:
            resolve_providers(providers)
        self._threads, self._providers = threads, providers
        self._photos: PhotoModel | None = None
        self._raws: dict[str, RawModel] = {}
        self._lock = Lock()
        self._chooses = model is None
        loaded = load_model(Path(model) if isinstance(model, os.PathLike) else model or DEFAULT_MODEL)
        self._card = loaded.card
        if loaded.card.raw:
            self._raws[loaded.card.raw.cfa] = RawModel(loaded, threads, providers)
        else:
            self._photos = PhotoModel(loaded, threads, providers, resolve_backend(backend))

    @property
    def card(self) -> Card:
        """The model's card; that of DEFAULT_MODEL if none was chosen."""
        return self._card

    def decide(self, thumbnail: NDArray[np.float32], controls: Controls = AS_IS) -> Decision:
        """The decision for the picture that `thumbnail` (`h w 3`, sRGB, float32 in [0, 1]) is a small version of."""
        if self._photos is None:
            raise ModelError(f"model '{self._card.name}' has no decision to look at: it makes pixels in one step.")
        return self._photos.decide(thumbnail, controls)

    def read(self, source: ReadableFile, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> Picture | RawFrame:
        """What is in a file, in memory, as `enhance` here takes it: a RawFrame for a raw that there is a model for."""
        file, format = recognise(source)
        frame, _ = self._frame(file, format, max_pixels)
        return frame or read(_again(file), max_pixels=max_pixels, name=file.name)

    @overload
    def enhance(self, pixels: Picture | RawFrame, controls: Controls = ...) -> Picture: ...

    @overload
    def enhance(self, pixels: NDArray[Samples], controls: Controls = ...) -> NDArray[Samples]: ...

    def enhance(self, pixels: Picture | RawFrame | NDArray[Any], controls: Controls = AS_IS) -> Picture | NDArray[Any]:
        """The same picture, brightened: a Picture for a Picture, an array for an array of the same type and shape.

        An array is sRGB, `h w`, `h w 1` or `h w 3`: uint8, uint16, or float32 in [0, 1]. A Picture with a profile is
        looked at through it, as a file is. A RawFrame becomes a Picture: upright, sRGB, of 16 bits. ControlError for
        anything else, and for values that are no numbers or lie far outside [0, 1].
        """
        if isinstance(pixels, RawFrame):
            return self._develop(pixels, controls)
        if isinstance(pixels, Picture):
            photos = self._for_photos(pixels.light, pixels.name)
            refuse_ratio(controls, pixels.name)
            refuse_denoising(controls, photos.card, pixels.name)
            return pixels.with_pixels(photos.enhance(pixels.pixels, controls, pixels.metadata.icc, f"'{pixels.name}'"))
        if not isinstance(pixels, np.ndarray):
            raise ControlError(
                f"enhance wants a Picture, a RawFrame or a numpy array, got {type(pixels).__name__}. Make it one with "
                "scotopic.read (a path, an open file or the bytes of one) or numpy.asarray."
            )
        photos = self._for_photos("srgb", "an array")
        refuse_ratio(controls, "an array")
        refuse_denoising(controls, photos.card, "an array")
        return photos.enhance(pixels, controls, None, "the array")

    def _develop(self, frame: RawFrame, controls: Controls) -> Picture:
        model = self._for_raw(frame)
        if model is None:
            raise LightMismatchError(
                f"model '{self._card.name}' wants {self._card.light.input} light, got a raw frame ('{frame.name}'). "
                "Give its file to enhance_file, or leave the model away."
            )
        refuse_denoising(controls, model.card, frame.name)
        model.graph.begin()
        frame, ratio, space = frame.upright(), amplification(frame, controls), model.space(None)
        pixels = np.empty((frame.height, frame.width, 3), np.float32)
        top = 0
        for strip in model.strips(frame, ratio, space=space, bits=16, protect_highlights=controls.protect_highlights):
            np.divide(strip, np.float32(65535), out=pixels[top : top + len(strip)])
            top += len(strip)
        return Picture(pixels, "srgb", None, 16, raw_metadata(frame, space), frame.name)

    def enhance_file(
        self,
        source: str | os.PathLike[str] | bytes | BinaryIO,
        target: str | os.PathLike[str] | BinaryIO | None,
        *,
        controls: Controls = AS_IS,
        format: str | None = None,
        quality: int | None = None,
        bits: Literal[8, 16] | None = None,
        profile: str | None = None,
        overwrite: bool = False,
        compare: str | os.PathLike[str] | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        name: str | None = None,
        check: Callable[[], None] | None = None,
    ) -> Result:
        """Brightens a picture file into another in bounded memory; metadata and transparency go along.

        `format`, `quality` and `bits` (defaults: the target's suffix, the format's own, the source's; 16 for a raw, if
        the format has them) say how it is written, `overwrite` whether it may replace a file, `compare` where to write
        a side-by-side as well: it stays only if the result does, and with None for `target` it is all that is made.
        `profile` is what a raw is developed to: "srgb" (default), "display-p3" or "prophoto"; other pictures keep their
        own. A source of more than `max_pixels` is refused; `name` is what errors call it. `check` is called between
        strips, in one thread or another: what it raises ends the work, and nothing is left of it.

        A raw for which there is no raw model, or that is no mosaic of red, green and blue, is developed by LibRaw and
        brightened like a picture.
        """
        began = time.perf_counter()
        if target is None and compare is None:
            raise ControlError("there is nothing to make: give a target, a place for the comparison, or both.")
        if compare is not None:  # what can be known about it, before anything is written
            writable_format(os.path.splitext(compare)[1])
            for place in (compare, target):
                if isinstance(place, str | os.PathLike) and os.path.exists(place) and not overwrite:
                    raise OutputExistsError(f"'{place}' exists already. Choose another name, or ask for overwriting.")
        wishes = Wishes(format, quality, bits, overwrite)
        with self._open(source, controls, profile, max_pixels, name) as work, _withdrawn_without(target, compare):
            before, after = Mean(), Mean()
            if compare is not None:  # first, as the target may be the source
                unwatched = (Mean(), Mean()) if target is not None else (before, after)
                _write_comparison(compare, work, wishes, *unwatched, check)
            if target is not None:
                _write(target, work, wishes, before, after, check)
            path = os.fspath(target) if isinstance(target, str | os.PathLike) else None
            seconds = time.perf_counter() - began
            means = before.value, after.value
            return Result(work.name, *work.size[:2], seconds, *means, path, work.ratio, work.note)

    @contextmanager
    def _open(
        self,
        source: str | os.PathLike[str] | bytes | BinaryIO,
        controls: Controls,
        profile: str | None,
        max_pixels: int,
        name: str | None,
    ) -> Iterator[Work]:
        """The file, in hand."""
        file, format = recognise(source, name)
        frame, note = self._frame(file, format, max_pixels)
        model = None if frame is None else self._for_raw(frame)
        if frame is not None and model is not None:
            refuse_denoising(controls, model.card, file.name)
            frame = frame.upright()
            space = model.space(profile)
            yield RawWork(model, frame, amplification(frame, controls), controls, space)
            return
        photos = self._for_photos("srgb", file.name)
        refuse_profile(profile, file.name)
        refuse_ratio(controls, file.name)
        refuse_denoising(controls, photos.card, file.name)
        with open_file(file, format, max_pixels) as opened:
            yield PhotoWork(photos, opened, controls, note)

    def _frame(self, file: File, format: str, max_pixels: int) -> tuple[RawFrame | None, str | None]:
        """The frame in a raw file if a raw model can take it; if none can and we chose the model: why."""
        if format != "raw" or not (self._chooses or self._raws):
            return None, None
        likely = "xtrans" if file.name.lower().endswith(".raf") else "bayer"
        model = self._raw_model(likely)
        if model is not None:
            model.graph.begin()  # while the file is decoded
        try:
            frame = read_raw_file(file, max_pixels)
        except UnsupportedImageError as error:
            if not self._chooses:
                raise
            return None, f"developed by LibRaw, without a raw model. {error}"
        if self._for_raw(frame) is None:
            return None, "developed by LibRaw: no raw model for this kind of sensor is installed."
        return frame, None

    def _for_photos(self, light: str, name: str) -> PhotoModel:
        if self._photos is None:
            raise LightMismatchError(
                f"model '{self._card.name}' wants packed-raw light ({self._card.light.channels_in} channels), got "
                f"{light} (3 channels) from '{name}'. Give it a camera's raw file, or leave the model away: each kind "
                "of picture then gets its own."
            )
        self._photos.check_light(light, name)
        return self._photos

    def _for_raw(self, frame: RawFrame) -> RawModel | None:
        """The model for this frame, or None; LightMismatchError if the one that was chosen is for other sensors."""
        if not self._chooses:
            for model in self._raws.values():
                model.check(frame)
                return model
        return self._raw_model("xtrans" if frame.is_xtrans else "bayer")

    def _raw_model(self, cfa: str) -> RawModel | None:
        with self._lock:
            if cfa not in self._raws and self._chooses and DEFAULT_RAW_MODELS[cfa] in list_models():
                loaded = load_model(DEFAULT_RAW_MODELS[cfa])
                self._raws[cfa] = RawModel(loaded, self._threads, self._providers)
            return self._raws.get(cfa)


def _again(file: File) -> Path | bytes:
    """The file, to be read by another reader."""
    if file.path is not None:
        return file.path
    assert file.data is not None, "a file is somewhere"
    return file.data


def _write(target: Target, work: Work, wishes: Wishes, before: Mean, after: Mean, check: Check | None) -> None:
    stream = not isinstance(target, str | os.PathLike)
    format = wishes.format or (work.format if stream else None)
    suffix = "" if stream else os.path.splitext(os.fspath(target))[1]  # type: ignore[arg-type]
    depth = depth_in(writable_format(format or suffix).bits, wishes.bits, work.bits)
    with closing(work.finished(depth, before, check)) as strips:
        encode(
            target,
            after.watch(strips),
            work.size,
            work.metadata,
            work.alpha(),
            format=format,
            quality=wishes.quality,
            bits=wishes.bits or work.bits,
            overwrite=wishes.overwrite,
        )


def _write_comparison(
    target: str | os.PathLike[str], work: Work, wishes: Wishes, before: Mean, after: Mean, check: Check | None
) -> None:
    """Input left, result right, in a file whose suffix says its format."""
    width, height, bands = work.size
    depth = depth_in(writable_format(os.path.splitext(target)[1]).bits, wishes.bits, work.bits)
    with closing(work.beside(depth, before, after, check)) as strips:
        encode(
            target,
            strips,
            (2 * width + GAP, height, bands),
            work.metadata,
            None,
            format=None,
            quality=wishes.quality,
            bits=wishes.bits or work.bits,
            overwrite=wishes.overwrite,
        )


@contextmanager
def _withdrawn_without(
    target: str | os.PathLike[str] | BinaryIO | None, compare: str | os.PathLike[str] | None
) -> Iterator[None]:
    """Removes the comparison made within, if the result then fails: alone it would be taken for an old one."""
    made_here = target is not None and compare is not None and not os.path.lexists(compare)
    try:
        yield
    except BaseException:
        # A result that is there nevertheless has been made by somebody else, from the same photo.
        there = isinstance(target, str | os.PathLike) and os.path.lexists(target)
        if made_here and compare is not None and not there:
            with suppress(OSError):
                os.unlink(compare)
        raise
