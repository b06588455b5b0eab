"""The best tier: the noise that brightening amplified is taken away, tile by tile, whatever the size of the picture."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial

import numpy as np
from numpy.typing import DTypeLike, NDArray

from scotopic.errors import CardError, ModelError
from scotopic.image.pages import Pages

from .blocks import default_threads
from .curves import PEAKS
from .session import Loading, open_graph
from .strips import Strip, as_samples, for_each_block
from .tiles import fit_tile, run_in_tiles
from .zoo import Model

TILE_AREA = 2_000_000
"""Pixels that go through a graph at once, halo included: 0.2 GB with 24 channels at half size."""
ENCODING = 0.1
"""Time to encode a picture as JPEG, relative to that of the graph on it."""


class Denoiser:
    """The third graph of a model, ready for brightened pictures. One serves any number of threads."""

    def __init__(self, model: Model, threads: int | None = None, providers: Sequence[str] | None = None) -> None:
        assert model.card.denoise is not None, "the caller looked"
        assert model.denoise is not None, "the card was checked"
        self._card = model.card.denoise
        self._name = f"{model.folder.name}/denoise"
        self._threads = threads or default_threads()
        self.graph = Loading(
            partial(open_graph, model.denoise, self._name, threads=threads, providers=providers, reuse_memory=True)
        )

    def strips(
        self,
        pairs: Iterable[Strip],
        height: int,
        width: int,
        dtype: DTypeLike,
        share: float = 1.0,
        check: Callable[[], None] | None = None,
        grey: bool = False,
    ) -> Iterator[Strip]:
        """The finished picture in strips of samples of `dtype`, from top to bottom.

        `pairs` are strips of it, `n w 2` (grey) or `n w 6`: as it came, and behind that brightened, uint16 or float32
        in [0, 1]. `share` is how much of what the graph takes away is taken away, `check` is called before each tile.
        What is `grey` stays so in three channels too.
        """
        return run_in_tiles(
            pairs,
            partial(self._run, check, Pages()),
            height=height,
            width=width,
            halo=self._card.halo,
            multiple=self._card.multiple,
            tile=fit_tile(height, width, self._card.halo, self._card.multiple, TILE_AREA, ENCODING),
            finish=partial(self._finish, dtype, share, grey, Pages()),
        )

    def _run(self, check: Callable[[], None] | None, pages: Pages, part: Strip) -> NDArray[np.float32]:
        """What the graph makes of a part of the picture, `h w 2` or `h w 6`; grey goes in as three equal channels."""
        if check is not None:
            check()
        planes: NDArray[np.float32] = pages.array((part.shape[2], *part.shape[:2]), np.float32)
        for_each_block(part, self._threads, lambda rows: _as_planes(part[rows], planes[:, rows]))
        low, bright = np.split(planes, 2)
        if np.array_equal(low[:, ::16, ::16], bright[:, ::16, ::16]) and np.array_equal(low, bright):
            return bright.transpose(1, 2, 0)  # nothing was amplified here
        shape = (1, 3, *part.shape[:2])
        three = [np.ascontiguousarray(np.broadcast_to(image, shape)) for image in (low, bright)]
        out = self.graph.result()("out", low=three[0], bright=three[1])
        if out.shape != shape:
            raise CardError(f"'{self._name}' gave {out.shape} where {shape} was due. Export the model again.")
        if not np.isfinite(out[:, :, ::16, ::16]).all():
            raise ModelError(f"'{self._name}' made values that are not numbers. Use another model, or the fast tier.")
        made: NDArray[np.float32] = out[0].transpose(1, 2, 0)
        return made

    def _finish(
        self, dtype: DTypeLike, share: float, grey: bool, pages: Pages, clean: NDArray[np.float32], part: Strip
    ) -> Strip:
        """Samples of a part of the picture, of which `clean` is what the graph made."""
        bands = part.shape[2] // 2
        samples = pages.array((*part.shape[:2], bands), dtype)

        def finish(rows: slice) -> None:
            made = clean[rows].transpose(2, 0, 1)
            if grey or bands == 1:
                made = np.broadcast_to(made.mean(axis=0, keepdims=True), (bands, *made.shape[1:]))
            if share != 1:
                bright = np.empty((bands, *made.shape[1:]), np.float32)
                _as_planes(part[rows, :, bands:], bright)
                made = bright + np.float32(share) * (made - bright)
            samples[rows] = as_samples(made.transpose(1, 2, 0), dtype)

        for_each_block(part, self._threads, finish)
        return samples


def _as_planes(strip: Strip, planes: NDArray[np.float32]) -> None:
    np.divide(strip.transpose(2, 0, 1), np.float32(PEAKS[strip.dtype]), out=planes)
