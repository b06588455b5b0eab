"""Ordinary pictures, sRGB or encoded like it, through a model: arrays whole, files in strips."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import CardError, ControlError, LightMismatchError, ModelError
from scotopic.image.pages import Pages
from scotopic.image.profiles import pixels_to_srgb

from .blocks import default_threads
from .curves import PEAKS, Maps, apply_curves, resize_maps
from .decision import DENOISE, Controls, adjust_curves
from .denoising import Denoiser
from .session import Graph, Loading, open_graph
from .strips import Strip, as_samples, for_each_block, joined
from .thumbnail import shrink
from .tiles import run_in_tiles
from .zoo import Model

STRAY = 0.5  # how far beyond [0, 1] a float may lie: a sharpened picture does a little, one in levels of 255 far more
GREY = 1e-3
"""Difference of a thumbnail's channels up to which it holds no colour: less than a file of 8 bits can hold."""
PAIR_SAMPLES = 1 << 20
"""Of a picture brightened before its noise goes: how many samples at once."""


@dataclass(frozen=True)
class Decision:
    """What a picture gets: curve maps `c h w` in [-1, 1] over all of it, controls included, and their iterations.

    `grey` says that the picture holds no colour, in however many channels, and gets none.
    """

    maps: Maps
    iterations: int
    grey: bool = False


class PhotoModel:
    """A model on sRGB pictures, ready to brighten them. One serves any number of threads."""

    def __init__(self, model: Model, threads: int | None, providers: Sequence[str] | None, backend: str | None) -> None:
        self.card = model.card
        self._threads = default_threads() if threads is None else min(int(threads), default_threads())
        self._backend = backend
        graph, file = (model.decide, "decide") if model.decide is not None else (model.apply, "apply")
        assert graph is not None, "the card was checked"
        name = f"{model.folder.name}/{file}"
        tiled = model.decide is None  # parts of one size; thumbnails are of many
        self.graph = Loading(partial(open_graph, graph, name, threads=threads, providers=providers, reuse_memory=tiled))
        self._denoiser = None if model.card.denoise is None else Denoiser(model, threads, providers)

    def begin(self, controls: Controls) -> None:
        """Begins to load the graphs that the controls call for, if that has not happened yet."""
        self.graph.begin()
        if denoiser := self._denoiser_for(controls):
            denoiser.graph.begin()

    def decide(self, thumbnail: NDArray[np.float32], controls: Controls) -> Decision:
        """The decision for the picture that `thumbnail` (`h w 3`, sRGB, float32 in [0, 1]) is a small version of."""
        decide = self.card.decide
        if decide is None:
            raise ModelError(f"model '{self.card.name}' has no decision to look at: it makes pixels in one step.")
        height, width = thumbnail.shape[:2]
        padding = ((0, -height % decide.multiple), (0, -width % decide.multiple), (0, 0))
        padded = np.pad(thumbnail, padding, mode="edge")
        maps = self.graph.result()("maps", low=np.ascontiguousarray(padded.transpose(2, 0, 1))[None])[0]
        if maps.shape[0] != decide.maps:
            raise CardError(f"model '{self.card.name}' made {maps.shape[0]} maps, its card says {decide.maps}.")
        if not np.isfinite(maps).all():
            raise ModelError(f"model '{self.card.name}' decided on values that are not numbers. Use another model.")
        if maps.shape[1:] != padded.shape[:2]:
            maps = resize_maps(maps, *padded.shape[:2])
        maps = maps[:, :height, :width]
        if grey := float(np.ptp(thumbnail, axis=2).max()) < GREY:
            sets = maps.reshape(-1, 3, height, width)
            maps = np.broadcast_to(sets.mean(1, keepdims=True), sets.shape).reshape(maps.shape)
        maps = adjust_curves(maps, thumbnail, controls, decide.iterations)
        return Decision(np.ascontiguousarray(maps), decide.iterations, grey)

    def enhance(self, pixels: NDArray[Any], controls: Controls, icc: bytes | None, name: str) -> NDArray[Any]:
        """An array brightened. `icc` is its profile, `name` what errors call it."""
        self.begin(controls)
        low = pixels[..., None] if pixels.ndim == 2 else pixels
        if low.dtype not in PEAKS or low.ndim != 3 or low.shape[2] not in (1, 3) or not low.size:
            raise ControlError(
                "enhance wants uint8, uint16 or float32 of shape (h, w), (h, w, 1) or (h, w, 3), and a pixel at least; "
                f"got {pixels.dtype} {pixels.shape}."
            )
        height, width = low.shape[:2]
        decision = None
        if self.card.decide:
            with np.errstate(invalid="ignore", over="ignore"):  # what is no number is refused right below
                thumbnail = shrink(low, self.card.decide.long_side) / np.float32(PEAKS[low.dtype])
            _check_values(thumbnail, name)
            if icc is not None:
                thumbnail = pixels_to_srgb(thumbnail, icc)
            decision = self.decide(np.broadcast_to(thumbnail, (*thumbnail.shape[:2], 3)), controls)
        elif low.dtype == np.float32:
            _check_values(low, name)
        out = joined(self.finish([low], height, width, decision, controls), self.card.light.scale * height)
        return out[..., 0] if pixels.ndim == 2 else out

    def finish(
        self,
        strips: Iterable[Strip],
        height: int,
        width: int,
        decision: Decision | None,
        controls: Controls,
        check: Callable[[], None] | None = None,
    ) -> Iterator[Strip]:
        """The finished strips of a picture whose strips come in. `check` is called before each tile to be denoised."""
        if decision is not None:
            if denoiser := self._denoiser_for(controls, decision):
                share = DENOISE if controls.denoise is None else float(controls.denoise)
                first, strips = _peek(strips)
                pairs = self._pairs(strips, height, decision)
                yield from denoiser.strips(pairs, height, width, first.dtype, share, check, decision.grey)
            else:
                yield from self._brightened(strips, height, decision)
            return
        apply, scale = self.card.apply, self.card.light.scale
        assert apply is not None, "the card was checked"
        if controls.exposure_ev or (scale > 1 and controls.strength != 1):
            raise ControlError(
                f"model '{self.card.name}' makes pixels in one step, so exposure cannot be turned"
                + (", nor its strength, as it enlarges." if scale > 1 else ".")
                + " Leave it as it is, or choose a model with a decision (see `scotopic models`)."
            )
        run = partial(_convolve, self.graph.result(), controls.strength)
        yield from run_in_tiles(
            strips, run, height=height, width=width, halo=apply.halo, multiple=apply.multiple, scale=scale
        )

    def _denoiser_for(self, controls: Controls, decision: Decision | None = None) -> Denoiser | None:
        """The denoiser, if there is one and the controls, and the decision if it is known, leave it something to do."""
        unchanged = decision is not None and not decision.maps.any()
        return None if unchanged or controls.tier == "fast" or controls.denoise == 0 else self._denoiser

    def _brightened(self, strips: Iterable[Strip], height: int, decision: Decision) -> Iterator[Strip]:
        """The strips after the decision's curve: the fast tier."""
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

    def _pairs(self, strips: Iterable[Strip], height: int, decision: Decision) -> Iterator[Strip]:
        """The strips, and behind their samples the same brightened: `n w 2c`, of 8 bits as 16, so that none is lost."""
        top = 0
        pages = Pages()
        for strip in strips:
            rows = max(1, PAIR_SAMPLES // strip[0].size)
            for low in (strip[first : first + rows] for first in range(0, len(strip), rows)):
                kind = np.uint16 if low.dtype == np.uint8 else low.dtype
                pair = pages.array((*low.shape[:2], 2 * low.shape[2]), kind)
                for_each_block(low, self._threads, partial(self._pair, low, pair, top, height, decision))
                yield pair
                top += len(low)

    def _pair(self, strip: Strip, pair: Strip, top: int, height: int, decision: Decision, some: slice) -> None:
        """Some rows of a strip, which begins at row `top`, into the same of `pair`."""
        low, bands = strip[some], strip.shape[2]
        if low.dtype == np.float32:
            low = np.clip(low, 0, 1)
        elif low.dtype == np.uint8:
            low = low.astype(np.uint16) * np.uint16(257)
        pair[some, :, :bands] = low
        pair[some, :, bands:] = apply_curves(
            low,
            decision.maps,
            decision.iterations,
            top=top + some.start,
            height=height,
            backend=self._backend,
            threads=1,
        )

    def check_light(self, light: str, name: str) -> None:
        """LightMismatchError unless pictures of this light are what the model takes and gives."""
        wanted = self.card.light
        if (wanted.input, wanted.output, wanted.channels_in, wanted.channels_out) != (light, light, 3, 3):
            raise LightMismatchError(
                f"model '{self.card.name}' wants {wanted.input} light ({wanted.channels_in} channels) and gives "
                f"{wanted.output} ({wanted.channels_out}), got {light} (3 channels) from '{name}'. "
                "Convert the picture, or choose another model (see `scotopic models`)."
            )


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
    return as_samples(out, part.dtype)


def _peek(strips: Iterable[Strip]) -> tuple[Strip, Iterator[Strip]]:
    """The first strip, and all of them."""
    rest = iter(strips)
    first = next(rest)
    return first, chain([first], rest)
