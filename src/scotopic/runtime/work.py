"""A picture file in hand: what its result will be, and the strips of it, alone or beside the input."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator
from dataclasses import replace
from functools import cached_property
from typing import Literal

from scotopic.errors import NoDenoiserError, RawOnlyError
from scotopic.image import Metadata, RawFrame, Source
from scotopic.image.exif import upright
from scotopic.image.libvips import Image
from scotopic.image.sink import AlphaOpener
from scotopic.image.spaces import Space

from .ahead import ahead
from .as_shot import as_shot
from .card import Card
from .decision import Controls
from .photos import Decision, PhotoModel
from .raws import Bits, RawModel
from .strips import Mean, Strip, checked, side_by_side
from .tiles import Window
from .tone import Tone

Check = Callable[[], None]
Strips = Generator[Strip, None, None]

STRIP_SAMPLES = 1 << 20  # 1 MB of 8-bit samples: stays in a cache, and is worth handing from thread to thread
AHEAD_BYTES = 1 << 24  # how much is decoded before it is needed
PAIR_ROWS = 64  # of a raw's comparison at once: its left half is made in floating point


class Work(ABC):
    """What is to be made of a file. `size` is width, height and bands of the result, `note` what should be said of it.

    `format` is what it is written as if nothing says otherwise, `ratio` what a raw is amplified by.
    """

    name: str
    size: tuple[int, int, int]
    metadata: Metadata
    format: str
    bits: Bits
    ratio: float | None = None
    note: str | None = None

    @abstractmethod
    def finished(self, bits: Bits, before: Mean, check: Check | None) -> Strips:
        """The result from top to bottom; `before` is told the input. `bits` are those that the file can hold."""

    @abstractmethod
    def beside(self, bits: Bits, before: Mean, after: Mean, check: Check | None) -> Strips:
        """Input left, result right. In a pass of its own: of two encoders side by side, one could fail half-way."""

    def alpha(self) -> AlphaOpener | None:
        """Transparency, for the result."""
        return None


class PhotoWork(Work):
    """An ordinary picture, or a raw that LibRaw develops."""

    def __init__(self, model: PhotoModel, source: Source, controls: Controls, note: str | None = None) -> None:
        self._model, self._source, self._controls = model, source, controls
        self._scale = model.card.light.scale
        self.name, self.note = source.name, note
        self.size = self._scale * source.width, self._scale * source.height, source.bands
        self.metadata, self.bits = source.metadata, source.bits
        if self._scale > 1 and self.metadata.exif:  # it says how large the picture is
            self.metadata = replace(self.metadata, exif=upright(self.metadata.exif, *self.size[:2]))
        self.format = source.format if source.format not in ("raw", "heic") else "jpeg"
        self._rows = max(16, STRIP_SAMPLES // (source.width * source.bands) // 16 * 16)  # JPEG decodes 8 or 16 rows
        model.begin(controls)  # not before: Python imports one thing at a time, but decodes beside it

    @cached_property
    def _decision(self) -> Decision | None:
        decide = self._model.card.decide
        return self._model.decide(self._source.thumbnail(decide.long_side), self._controls) if decide else None

    def _finish(self, strips: Iterator[Strip], check: Check | None) -> Iterator[Strip]:
        source = self._source
        return self._model.finish(strips, source.height, source.width, self._decision, self._controls, check)

    def finished(self, bits: Bits, before: Mean, check: Check | None) -> Strips:
        source = self._source
        strip_bytes = self._rows * source.width * source.bands * source.bits // 8
        # The first strips are decoded while the decision is made.
        with ahead(source.strips(self._rows), depth=max(2, AHEAD_BYTES // strip_bytes)) as strips:
            yield from checked(self._finish(before.watch(strips), check), check)

    def beside(self, bits: Bits, before: Mean, after: Mean, check: Check | None) -> Strips:
        source = self._source
        right = self._finish(source.strips(self._rows), check)
        left = Window(before.watch(source.strips(self._rows)), source.height, source.width, source.width)

        def pairs() -> Iterator[tuple[Strip, Strip]]:
            at = 0
            for strip in after.watch(right):
                rows = len(strip) // self._scale
                yield left.take(at, at + rows), strip
                at += rows

        with ahead(checked(side_by_side(pairs(), self._scale), check)) as strips:
            yield from strips

    def alpha(self) -> AlphaOpener | None:
        return self._source.alpha_image if self._scale == 1 else self._enlarged_alpha

    def _enlarged_alpha(self, bits: int) -> Image | None:
        image = self._source.alpha_image(bits)
        return None if image is None else image.resize(self._scale, kernel="linear")


class RawWork(Work):
    """A raw frame (upright) for a network that takes it."""

    def __init__(self, model: RawModel, frame: RawFrame, ratio: float, controls: Controls, space: Space) -> None:
        self._model, self._frame, self._space = model, frame, space
        self._protect = controls.protect_highlights
        self.name, self.ratio = frame.name, ratio
        self.size = frame.width, frame.height, 3
        self.metadata = raw_metadata(frame, space)
        self.format, self.bits = "jpeg", 16

    def finished(self, bits: Bits, before: Mean, check: Check | None) -> Strips:
        return self._model.strips(
            self._frame,
            self.ratio or 1.0,
            space=self._space,
            bits=bits,
            protect_highlights=self._protect,
            before=before,
            check=check,
        )

    def beside(self, bits: Bits, before: Mean, after: Mean, check: Check | None) -> Strips:
        """Left is what the camera saw at the exposure that it chose."""
        seen = Tone(self._frame.camera_to_xyz, self._space, bits)

        def pairs() -> Iterator[tuple[Strip, Strip]]:
            at = 0
            for strip in after.watch(self.finished(bits, before, check)):
                for first in range(0, len(strip), PAIR_ROWS):
                    right = strip[first : first + PAIR_ROWS]
                    yield seen(as_shot(self._frame, at, at + len(right))), right
                    at += len(right)

        return side_by_side(pairs(), scale=1)


def raw_metadata(frame: RawFrame, space: Space) -> Metadata:
    """What is written beside the developed frame: the camera's notes, and the profile unless it is sRGB."""
    return replace(frame.metadata, icc=None if space.name == "srgb" else space.icc)


def refuse_ratio(controls: Controls, name: str) -> None:
    """RawOnlyError if a ratio is asked for, and the picture is not for a raw network."""
    if controls.ratio is not None:
        raise RawOnlyError(
            f"ratio is what the light of a camera raw is amplified by, and '{name}' is not developed from one by a raw "
            "model. Leave it away, or turn strength and exposure."
        )


def refuse_denoising(controls: Controls, card: Card, name: str) -> None:
    """NoDenoiserError if the best tier or a denoiser's share is asked for, and the picture's model has no denoiser."""
    if card.raw is not None and controls.denoise is not None:
        raise NoDenoiserError(
            f"denoise is for ordinary pictures, and '{name}' is developed by a raw model: the raw network removes "
            "noise itself. Leave it away."
        )
    asked = "denoise" if controls.denoise is not None else "the best tier" if controls.tier == "best" else None
    if card.raw is None and card.denoise is None and asked is not None:
        raise NoDenoiserError(
            f"{asked} is for models with a denoiser, and model '{card.name}', which '{name}' would get, has none. "
            "Leave it away, or choose a model that has one (see `scotopic models`)."
        )


def refuse_profile(profile: str | None, name: str) -> None:
    """RawOnlyError if a profile is asked for, and the picture is not for a raw network."""
    if profile is not None:
        raise RawOnlyError(
            f"profile is what a camera raw is developed to, and '{name}' is not developed by a raw model: a picture "
            "keeps the profile that it has. Leave it away."
        )


def depth_in(format_bits: tuple[int, ...], wished: Literal[8, 16] | None, own: Bits) -> Bits:
    """The depth to work in: as wished or as the picture came, if the format has it.

    >>> depth_in((8,), None, 16), depth_in((8, 16), None, 16), depth_in((8, 16), 8, 16)
    (8, 16, 8)
    """
    wanted = wished or own
    return wanted if wanted in format_bits else 8
