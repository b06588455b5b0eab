"""The Enhancer: a model, ready to brighten arrays, Pictures and files of any size."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock
from typing import Any, BinaryIO, Literal, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import CardError, ControlError, LightMismatchError, ModelError, OutputExistsError
from scotopic.image import DEFAULT_MAX_PIXELS, Picture, Source, open_source, write_strips
from scotopic.image.formats import writable_format
from scotopic.image.pages import Pages
from scotopic.image.profiles import pixels_to_srgb

from .ahead import ahead
from .card import Card
from .curves import PEAKS, Maps, apply_curves, default_threads, resize_maps, resolve_backend
from .decision import Controls, adjust_curves
from .session import Graph, open_graph, resolve_providers
from .strips import GAP, Mean, Strip, checked, side_by_side
from .thumbnail import shrink
from .tiles import rows_in_tile, run_in_tiles
from .zoo import DEFAULT_MODEL, load_model

Samples = TypeVar("Samples", np.uint8, np.uint16, np.float32)

STRIP_SAMPLES = 1 << 20  # 1 MB of 8-bit samples: stays in a cache, and is worth handing from thread to thread
AHEAD_BYTES = 1 << 24  # how much is decoded before it is needed
STRAY = 0.5  # how far beyond [0, 1] a float may lie: a sharpened picture does a little, one in levels of 255 far more
AS_IS = Controls()


@dataclass(frozen=True)
class Decision:
    """What a picture gets: curve maps `c h w` in [-1, 1] over all of it, controls included, and their iterations."""

    maps: Maps
    iterations: int


@dataclass(frozen=True)
class Result:
    """What became of a file. Means are over samples in [0, 1] as encoded; `target` is None if it was not a path."""

    name: str
    width: int
    height: int
    seconds: float
    mean_before: float
    mean_after: float
    target: str | None


class Enhancer:
    """A model with everything that must be kept to use it. One serves any number of threads.

    `model` is a shipped model's name or a model folder. `threads` is how many processors to use (default: all),
    `providers` which of ONNX Runtime's to run the graphs on ("cuda", "openvino" …; default: the CPU), `backend` one of
    `available_backends()` for applying curves (default: the fastest).
    """

    def __init__(
        self,
        model: str | os.PathLike[str] = DEFAULT_MODEL,
        *,
        threads: int | None = None,
        providers: Sequence[str] | None = None,
        backend: str | None = None,
    ) -> None:
        if threads is not None and (not hasattr(threads, "__index__") or threads < 1):
            raise ControlError(f"threads must be a whole number from 1 on, got {threads!r}.")
        if providers:
            resolve_providers(providers)
        self._threads = default_threads() if threads is None else min(int(threads), default_threads())
        self._backend = resolve_backend(backend)
        loaded = load_model(Path(model) if isinstance(model, os.PathLike) else model)
        self._card = loaded.card
        graph, file = (loaded.decide, "decide") if loaded.decide is not None else (loaded.apply, "apply")
        assert graph is not None, "the card was checked"
        name = f"{loaded.folder.name}/{file}"
        self._open_graph = partial(open_graph, graph, name, threads=threads, providers=providers)
        self._loading: Future[Graph] | None = None
        self._lock = Lock()

    def _load(self) -> Future[Graph]:
        """Begins to load the graph, once: ONNX Runtime takes as long as a thumbnail, and can go on beside it."""
        with self._lock:
            if self._loading is None:
                loader = ThreadPoolExecutor(1, thread_name_prefix="scotopic-load")
                self._loading = loader.submit(self._open_graph)
                loader.shutdown(wait=False)
            return self._loading

    @property
    def card(self) -> Card:
        """The model's card."""
        return self._card

    def decide(self, thumbnail: NDArray[np.float32], controls: Controls = AS_IS) -> Decision:
        """The decision for the picture that `thumbnail` (`h w 3`, sRGB, float32 in [0, 1]) is a small version of."""
        decide = self._card.decide
        if decide is None:
            raise ModelError(f"model '{self._card.name}' has no decision to look at: it makes pixels in one step.")
        height, width = thumbnail.shape[:2]
        padding = ((0, -height % decide.multiple), (0, -width % decide.multiple), (0, 0))
        padded = np.pad(thumbnail, padding, mode="edge")
        maps = self._load().result()("maps", low=np.ascontiguousarray(padded.transpose(2, 0, 1))[None])[0]
        if maps.shape[0] != decide.maps:
            raise CardError(f"model '{self._card.name}' made {maps.shape[0]} maps, its card says {decide.maps}.")
        if not np.isfinite(maps).all():
            raise ModelError(f"model '{self._card.name}' decided on values that are not numbers. Use another model.")
        if maps.shape[1:] != padded.shape[:2]:
            maps = resize_maps(maps, *padded.shape[:2])
        maps = adjust_curves(maps[:, :height, :width], thumbnail, controls, decide.iterations)
        return Decision(np.ascontiguousarray(maps), decide.iterations)

    @overload
    def enhance(self, pixels: Picture, controls: Controls = ...) -> Picture: ...

    @overload
    def enhance(self, pixels: NDArray[Samples], controls: Controls = ...) -> NDArray[Samples]: ...

    def enhance(self, pixels: Picture | NDArray[Any], controls: Controls = AS_IS) -> Picture | NDArray[Any]:
        """The same picture, brightened: a Picture for a Picture, an array for an array of the same type and shape.

        An array is sRGB, `h w`, `h w 1` or `h w 3`: uint8, uint16, or float32 in [0, 1]. A Picture with a profile is
        looked at through it, as a file is. ControlError for anything else, and for values that are no numbers or lie
        far outside [0, 1].
        """
        if isinstance(pixels, Picture):
            self._check_light(pixels.light, pixels.name)
            return pixels.with_pixels(self._enhance(pixels.pixels, controls, pixels.metadata.icc, f"'{pixels.name}'"))
        if not isinstance(pixels, np.ndarray):
            raise ControlError(
                f"enhance wants a Picture or a numpy array, got {type(pixels).__name__}. Make it one with "
                "scotopic.read (a path, an open file or the bytes of one) or numpy.asarray."
            )
        self._check_light("srgb", "an array")
        return self._enhance(pixels, controls, None, "the array")

    def _enhance(self, pixels: NDArray[Any], controls: Controls, icc: bytes | None, name: str) -> NDArray[Any]:
        """An array brightened. `icc` is its profile, `name` what errors call it."""
        self._load()
        low = pixels[..., None] if pixels.ndim == 2 else pixels
        if low.dtype not in PEAKS or low.ndim != 3 or low.shape[2] not in (1, 3) or not low.size:
            raise ControlError(
                "enhance wants uint8, uint16 or float32 of shape (h, w), (h, w, 1) or (h, w, 3), and a pixel at least; "
                f"got {pixels.dtype} {pixels.shape}."
            )
        height, width = low.shape[:2]
        decision = None
        if self._card.decide:
            with np.errstate(invalid="ignore", over="ignore"):  # what is no number is refused right below
                thumbnail = shrink(low, self._card.decide.long_side) / np.float32(PEAKS[low.dtype])
            _check_values(thumbnail, name)
            if icc is not None:
                thumbnail = pixels_to_srgb(thumbnail, icc)
            decision = self.decide(np.broadcast_to(thumbnail, (*thumbnail.shape[:2], 3)), controls)
        elif low.dtype == np.float32:
            _check_values(low, name)
        strips = list(self._finish([low], height, width, decision, controls))
        out = strips[0] if len(strips) == 1 else np.concatenate(strips)
        return out[..., 0] if pixels.ndim == 2 else out

    def enhance_file(
        self,
        source: str | os.PathLike[str] | bytes | BinaryIO,
        target: str | os.PathLike[str] | BinaryIO | None,
        *,
        controls: Controls = AS_IS,
        format: str | None = None,
        quality: int | None = None,
        bits: Literal[8, 16] | None = None,
        overwrite: bool = False,
        compare: str | os.PathLike[str] | None = None,
        max_pixels: int = DEFAULT_MAX_PIXELS,
        name: str | None = None,
        check: Callable[[], None] | None = None,
    ) -> Result:
        """Brightens a picture file into another in bounded memory; metadata and transparency go along.

        `format`, `quality` and `bits` (defaults: the target's suffix, the format's own, the source's) say how it is
        written, `overwrite` whether it may replace a file, `compare` where to write a side-by-side as well: it stays
        only if the result does, and with None for `target` it is all that is made. A source of more than `max_pixels`
        is refused; `name` is what errors call it. `check` is called between strips, in one thread or another: what it
        raises ends the work, and nothing is left of it.
        """
        began = time.perf_counter()
        if target is None and compare is None:
            raise ControlError("there is nothing to make: give a target, a place for the comparison, or both.")
        if compare is not None:  # what can be known about it, before anything is written
            writable_format(os.path.splitext(compare)[1])
            for place in (compare, target):
                if isinstance(place, str | os.PathLike) and os.path.exists(place) and not overwrite:
                    raise OutputExistsError(f"'{place}' exists already. Choose another name, or ask for overwriting.")
        with open_source(source, max_pixels=max_pixels, name=name) as opened:
            self._check_light("srgb", opened.name)
            height, width, scale = opened.height, opened.width, self._card.light.scale
            rows = _strip_rows(opened)
            strip_bytes = rows * width * opened.bands * opened.bits // 8
            before, after = Mean(), Mean()
            self._load()  # not before: Python imports one thing at a time, but decodes beside it
            if target is None:
                assert compare is not None, "checked above"
                decision = self._decide_on(opened, controls)
                self._write_comparison(
                    compare, opened, decision, controls, quality, bits, overwrite, before, after, check
                )
            else:
                # The first strips are decoded while the decision is made.
                with (
                    ahead(opened.strips(rows), depth=max(2, AHEAD_BYTES // strip_bytes)) as strips,
                    _withdrawn_without(target, compare),
                ):
                    decision = self._decide_on(opened, controls)
                    if compare is not None:  # first, as the target may be the source
                        self._write_comparison(
                            compare, opened, decision, controls, quality, bits, overwrite, Mean(), Mean(), check
                        )
                    write_strips(
                        target,
                        checked(
                            after.watch(self._finish(before.watch(strips), height, width, decision, controls)), check
                        ),
                        width=scale * width,
                        height=scale * height,
                        bands=opened.bands,
                        like=opened,
                        format=format,
                        quality=quality,
                        bits=bits,
                        overwrite=overwrite,
                        alpha=scale == 1,
                    )
            path = os.fspath(target) if isinstance(target, str | os.PathLike) else None
            seconds = time.perf_counter() - began
            return Result(opened.name, scale * width, scale * height, seconds, before.value, after.value, path)

    def _decide_on(self, source: Source, controls: Controls) -> Decision | None:
        decide = self._card.decide
        return self.decide(source.thumbnail(decide.long_side), controls) if decide else None

    def _write_comparison(
        self,
        target: str | os.PathLike[str],
        source: Source,
        decision: Decision | None,
        controls: Controls,
        quality: int | None,
        bits: Literal[8, 16] | None,
        overwrite: bool,
        before: Mean,
        after: Mean,
        check: Callable[[], None] | None,
    ) -> None:
        """Input left, output right. In a pass of its own: of two encoders side by side, one could fail half-way."""
        scale, apply = self._card.light.scale, self._card.apply
        rows = _strip_rows(source)
        right = self._finish(source.strips(rows), source.height, source.width, decision, controls)
        left = source.strips(rows if decision or not apply else rows_in_tile(multiple=apply.multiple))
        pairs = zip(before.watch(left), after.watch(right), strict=True)
        with ahead(checked(side_by_side(pairs, scale), check)) as strips:
            write_strips(
                target,
                strips,
                width=2 * scale * source.width + GAP,
                height=scale * source.height,
                bands=source.bands,
                like=source,
                quality=quality,
                bits=bits,
                overwrite=overwrite,
                alpha=False,
            )

    def _finish(
        self, strips: Iterable[Strip], height: int, width: int, decision: Decision | None, controls: Controls
    ) -> Iterator[Strip]:
        """The finished strips of a picture whose strips come in."""
        if decision is not None:
            top = 0
            pages = Pages()
            for strip in strips:
                yield apply_curves(
                    strip,
                    decision.maps,
                    decision.iterations,
                    top=top,
                    height=height,
                    out=pages.array(strip.shape, strip.dtype),
                    backend=self._backend,
                    # A strip among others has a decoder and an encoder beside it, which keep a processor each.
                    threads=self._threads if len(strip) == height else max(1, self._threads - 2),
                )
                top += len(strip)
            return
        apply, scale = self._card.apply, self._card.light.scale
        assert apply is not None, "the card was checked"
        if controls.exposure_ev or (scale > 1 and controls.strength != 1):
            raise ControlError(
                f"model '{self._card.name}' makes pixels in one step, so exposure cannot be turned"
                + (", nor its strength, as it enlarges." if scale > 1 else ".")
                + " Leave it as it is, or choose a model with a decision (see `scotopic models`)."
            )
        run = partial(_convolve, self._load().result(), controls.strength)
        yield from run_in_tiles(
            strips, run, height=height, width=width, halo=apply.halo, multiple=apply.multiple, scale=scale
        )

    def _check_light(self, light: str, name: str) -> None:
        wanted = self._card.light
        if (wanted.input, wanted.output, wanted.channels_in, wanted.channels_out) != (light, light, 3, 3):
            raise LightMismatchError(
                f"model '{self._card.name}' wants {wanted.input} light ({wanted.channels_in} channels) and gives "
                f"{wanted.output} ({wanted.channels_out}), got {light} (3 channels) from '{name}'. "
                "Convert the picture, or choose another model (see `scotopic models`)."
            )


@contextmanager
def _withdrawn_without(
    target: str | os.PathLike[str] | BinaryIO, compare: str | os.PathLike[str] | None
) -> Iterator[None]:
    """Removes the comparison made within, if the result then fails: alone it would be taken for an old one."""
    made_here = compare is not None and not os.path.lexists(compare)
    try:
        yield
    except BaseException:
        # A result that is there nevertheless has been made by somebody else, from the same photo.
        there = isinstance(target, str | os.PathLike) and os.path.lexists(target)
        if made_here and compare is not None and not there:
            with suppress(OSError):
                os.unlink(compare)
        raise


def _strip_rows(source: Source) -> int:
    return max(16, STRIP_SAMPLES // (source.width * source.bands) // 16 * 16)  # JPEG is decoded 8 or 16 rows at a time


def _check_values(pixels: NDArray[np.float32], name: str) -> None:
    """ControlError unless these, or the pixels that went into their means, are numbers in [0, 1] or not far from it."""
    with np.errstate(invalid="ignore"):
        low, high = float(pixels.min()), float(pixels.max())
    if not np.isfinite([low, high]).all():
        raise ControlError(
            f"{name} holds values that are not finite numbers (NaN or infinity). Replace them, with numpy.nan_to_num "
            "for example."
        )
    if low < -STRAY or high > 1 + STRAY:
        raise ControlError(
            f"{name} holds values from {low:g} to {high:g}, but floating-point pixels go from 0 to 1. Divide by 255 if "
            "they come from 8 bits, by 65535 if from 16."
        )


def _convolve(graph: Graph, strength: float, part: Strip) -> Strip:
    """A part of a picture, `h w c`, through a graph that makes pixels; grey goes in as three equal channels."""
    peak = np.float32(PEAKS[part.dtype])
    low = part.astype(np.float32) / peak
    colour = np.broadcast_to(low, (*low.shape[:2], 3))
    out = graph("out", low=np.ascontiguousarray(colour.transpose(2, 0, 1))[None])[0].transpose(1, 2, 0)
    if part.shape[2] == 1:
        out = out.mean(axis=2, keepdims=True)
    if strength != 1:
        out = low + np.float32(strength) * (out - low)
    half = np.float32(0.5 if part.dtype != np.float32 else 0)  # truncation after adding it rounds half up
    finished: Strip = (np.clip(out, 0, 1) * peak + half).astype(part.dtype)
    return finished
