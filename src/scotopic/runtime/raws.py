"""Raw frames through a network that takes packed raw: tile by tile, whatever the size of the frame."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from functools import partial
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from scotopic.errors import ControlError, LightMismatchError, ModelError
from scotopic.image import RawFrame, pack, xtrans_phase
from scotopic.image.border import mirrored_around
from scotopic.image.exposure import estimate_ratio
from scotopic.image.hot_pixels import without_hot_pixels
from scotopic.image.noise_estimate import estimate_noise
from scotopic.image.noise_level import NoiseLevel
from scotopic.image.packed import COLOUR_OF_PLANE, HEADROOM, k_sigma_planes, ratio_planes
from scotopic.image.spaces import SPACES, Space

from .decision import RATIOS, Controls
from .session import Loading, open_graph
from .strips import Mean, Strip
from .tiles import fit_tile, run_in_tiles
from .tone import Tone, quantised
from .zoo import Model

Bits = Literal[8, 16]

TILE_AREA = {"bayer": 720_000, "xtrans": 450_000}
"""Pixels of a packed plane that go through a network at once, halo included: 0.4 GB with 16 channels."""
WIDE, WIDE_TILE_AREA = 3_000_000, 400_000
"""A network of so many weights is wide and holds more for each pixel: it gets smaller tiles."""
MARGIN = {"bayer": 8, "xtrans": 12}
"""Pixels that a frame is mirrored beyond its border: with 4 packed ones, errors there are those of the middle."""
PACKED_ROWS = 64
"""Rows of packed planes that are made at once; even, so that X-Trans' blocks keep their phase."""
NAMES = {"bayer": "Bayer", "xtrans": "X-Trans"}


class RawModel:
    """A model on packed raw, ready to develop frames. One serves any number of threads."""

    def __init__(self, model: Model, threads: int | None = None, providers: Sequence[str] | None = None) -> None:
        assert model.card.raw is not None, "the caller looked"
        assert model.card.apply is not None, "the card was checked"
        assert model.apply is not None, "the card was checked"
        self.card, self._raw, self._apply = model.card, model.card.raw, model.card.apply
        name = f"{model.folder.name}/apply"
        self.graph = Loading(
            partial(open_graph, model.apply, name, threads=threads, providers=providers, reuse_memory=True)
        )

    def check(self, frame: RawFrame) -> None:
        """LightMismatchError if the model was made for another kind of sensor."""
        got = "xtrans" if frame.is_xtrans else "bayer"
        if got != self._raw.cfa:
            raise LightMismatchError(
                f"model '{self.card.name}' is for {NAMES[self._raw.cfa]} sensors, got {NAMES[got]} from "
                f"'{frame.name}'. Leave the model away: each kind of sensor then gets its own."
            )

    def space(self, profile: str | None) -> Space:
        """The colour space called `profile`; ControlError if there is none, or the network gives sRGB and no other."""
        if profile is not None and profile not in SPACES:
            raise ControlError(f"profile must be one of {', '.join(SPACES)}, got {profile!r}.")
        if profile not in (None, "srgb") and self.card.light.output == "srgb":
            raise ControlError(
                f"model '{self.card.name}' makes sRGB and no other colours. Leave the profile away, or choose another "
                "model (see `scotopic models`)."
            )
        return SPACES[profile or "srgb"]

    def strips(
        self,
        frame: RawFrame,
        ratio: float,
        *,
        space: Space,
        bits: Bits,
        protect_highlights: bool = True,
        before: Mean | None = None,
        check: Callable[[], None] | None = None,
        tile: tuple[int, int] | None = None,
    ) -> Generator[Strip, None, None]:
        """The developed picture of an upright frame, in strips from top to bottom: uint8 or uint16, `n w 3`.

        `ratio` is what its light is multiplied by. `before` is told the frame at its own exposure, `check` is called
        before each tile. `tile` (rows and columns of packed pixels) changes nothing but speed and memory.
        """
        noise = estimate_noise(frame) if self._raw.normalisation == "k-sigma" else None
        ready, top, left = mirrored_around(frame, MARGIN[self._raw.cfa])
        if noise is not None:
            ready = without_hot_pixels(ready, noise, in_place=True)  # a copy already
        scale, halo, multiple = self._raw.scale, self._apply.halo, self._apply.multiple
        rows, columns = -(-ready.height // scale), -(-ready.width // scale)
        area = TILE_AREA[self._raw.cfa] if self.card.parameters < WIDE else WIDE_TILE_AREA
        finish = self._finish(frame, ratio, space, bits, protect_highlights)
        developed = run_in_tiles(
            _packed(ready, before),
            partial(self._run, ready, ratio, noise, check),
            height=rows,
            width=columns,
            halo=halo,
            multiple=multiple,
            scale=scale,
            tile=tile or fit_tile(rows, columns, halo, multiple, area),
            finish=lambda made, _: finish(made),
        )
        yield from _cut(developed, top, left, frame.height, frame.width)

    def _finish(
        self, frame: RawFrame, ratio: float, space: Space, bits: Bits, protect_highlights: bool
    ) -> Callable[[NDArray[np.float32]], Strip]:
        if self.card.light.output == "srgb":
            return quantised(bits)
        # A frame to be darkened (ratio < 1) is shown as it is to the network, and dimmed afterwards.
        white = min(ratio, HEADROOM) if self._raw.normalisation == "k-sigma" else 1.0
        return Tone(
            frame.camera_to_xyz,
            space,
            bits,
            white=white,
            dimmed=min(ratio, 1.0),
            protect_highlights=protect_highlights,
        )

    def _run(
        self,
        frame: RawFrame,
        ratio: float,
        noise: NoiseLevel | None,
        check: Callable[[], None] | None,
        part: NDArray[np.float32],
    ) -> NDArray[np.float32]:
        """Light (and phase) of some packed pixels, `h w c`, to the network's picture of them."""
        if check is not None:
            check()
        planes = part.transpose(2, 0, 1)
        light = planes[: self._raw.planes]
        amplified = ratio if self.card.light.output == "srgb" else max(ratio, 1.0)
        if noise is None:
            low = ratio_planes(light, amplified)
        else:
            range_dn = frame.white_level_dn - float(frame.black_level_dn.mean())
            phase = planes[-1] if frame.is_xtrans else None
            low = k_sigma_planes(light, frame.white_balance, amplified, noise, range_dn, phase)
        out = self.graph.result()("out", low=np.ascontiguousarray(low, np.float32)[None])[0]
        if not np.isfinite(out[:, ::16, ::16]).all():
            raise ModelError(f"model '{self.card.name}' made values that are not numbers. Use another model.")
        return np.moveaxis(out, 0, 2)


def amplification(frame: RawFrame, controls: Controls) -> float:
    """What the frame's light is to be multiplied by: the ratio given or estimated, and what the other controls add."""
    ratio = estimate_ratio(frame) if controls.ratio is None else float(controls.ratio)
    beyond = max(controls.strength - 1, 0)  # in stops: the ratio squared would be white
    amplified = ratio ** min(controls.strength, 1.0) * 2.0 ** (controls.exposure_ev + beyond)
    return float(np.clip(amplified, *RATIOS))


def _packed(frame: RawFrame, before: Mean | None) -> Iterator[NDArray[np.float32]]:
    """The light of a frame in phase in packed strips `n w c`, for X-Trans with each block's phase as the last plane."""
    scale = 3 if frame.is_xtrans else 2
    starts = [*range(0, frame.height, scale * PACKED_ROWS)]
    # Missing last rows are made of those a period before: a strip of a few rows would not have them.
    if len(starts) > 1 and frame.height - starts[-1] < 2 * len(frame.cfa):
        del starts[-1]
    seen = Tone(frame.camera_to_xyz, SPACES["srgb"], 8)
    for start, end in zip(starts, [*starts[1:], frame.height], strict=True):
        planes = pack(frame.light(slice(start, end)), frame.cfa)
        if before is not None:
            before.add(seen(_in_colour(planes[:, ::4, ::4], frame.white_balance)))
        if frame.is_xtrans:
            planes = np.concatenate([planes, xtrans_phase(frame.cfa, *planes.shape[1:])[None]])
        yield planes.transpose(1, 2, 0)


def _in_colour(planes: NDArray[np.float32], white_balance: tuple[float, float, float]) -> NDArray[np.float32]:
    """One white-balanced camera RGB pixel for each packed one, `h w 3`, at most 1."""
    of_plane = np.array(COLOUR_OF_PLANE[len(planes)])
    means = [planes[of_plane == colour].mean(axis=0) * np.float32(gain) for colour, gain in enumerate(white_balance)]
    return np.asarray(np.minimum(np.stack(means, axis=2), np.float32(1)))


def _cut(strips: Iterator[Strip], top: int, left: int, height: int, width: int) -> Iterator[Strip]:
    """The strips without the first `top` rows and `left` columns, and without what goes beyond `height` and `width`.

    They are cut in their own memory: the strips of a large picture are large.
    """
    at = -top
    for strip in strips:
        inner = strip[max(0, -at) : max(0, height - at)]
        at += len(strip)
        if inner.shape[1] != width:
            values, samples = inner.reshape(-1), width * inner.shape[2]
            for row in range(len(inner)):  # downwards, so that nothing is overwritten before it has been moved
                values[row * samples : (row + 1) * samples] = inner[row, left : left + width].reshape(-1)
            inner = values[: len(inner) * samples].reshape(len(inner), width, strip.shape[2])
        if len(inner):
            yield inner
