"""See-in-the-Dark (Chen et al., CVPR 2018): raw pairs of a short and a long exposure, from its folders and lists."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal
from zlib import crc32

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from scotopic.image import linear_to_srgb, read_raw
from scotopic.image.noise_estimate import estimate_noise
from scotopic.image.noise_level import NoiseLevel
from scotopic.image.packed import planes_of
from scotopic.image.raw_frame import RawFrame

from ..errors import DataError, ImageError
from .decoded_cache import DecodedCache
from .raw_views import in_phase, middle, phase_window, random_view
from .sample import Sample

LARGEST_RATIO = 300.0
"""Where the paper stops counting: 10 s to 0.033 s is 303."""
NAMED_MISSING = 5
_EXPOSURE = re.compile(r"_(\d+(?:\.\d+)?)s\.\w+$")
_FRAME = re.compile(r"^(\d+)_(\d+)_")


@dataclass(frozen=True)
class Pair:
    """A short exposure and the long one of the same scene. `ratio` is long / short, at most 300."""

    short: Path
    long: Path
    ratio: float


def read_pairs(root: Path, camera: str, split: str) -> list[Pair]:
    """The pairs of `<camera>_<split>_list.txt` in `root`: lines of short file, long file, ISO and F-number.

    The exposures are in the names: `00001_00_0.04s.ARW` is scene 1, frame 0, 0.04 s. Any suffix will do. Raises
    DataError.
    """
    path = root / f"{camera}_{split}_list.txt"
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(
            f"The list '{path}' cannot be read ({error}). Set data.root to the folder that holds the lists and the "
            f"folder '{camera}', and data.camera to Sony or Fuji."
        ) from error
    return [_pair(root, line, f"{path}, line {i}") for i, line in enumerate(lines, start=1) if line.strip()]


def _pair(root: Path, line: str, where: str) -> Pair:
    names = line.split()[:2]
    exposures = [float(found[1]) for name in names if (found := _EXPOSURE.search(name))]
    if len(exposures) != 2 or not min(exposures) > 0 or not all(_FRAME.match(Path(name).name) for name in names):
        raise DataError(
            f"{where}: a short and a long file named like 00001_00_0.04s.ARW are wanted, got '{line.strip()}'. "
            "Take the lists that come with the data set."
        )
    short_s, long_s = exposures
    return Pair(root / names[0], root / names[1], min(long_s / short_s, LARGEST_RATIO))


class SID(Dataset[Sample]):
    """Pairs of `camera` ("Sony" or "Fuji") in `root`: its lists, and the folders of short and long files they name.

    As the authors train: an epoch visits every scene (long exposure) once, with one of its short ones at random, and
    takes a crop of `size` x `size` packed pixels, mirrored and transposed at random. Of the frames taken at each
    exposure only the first (`frames` "first"), or every one ("all"). The splits "val" and "test" give every pair, the
    crop of `held_out_size` packed pixels in the middle of each frame, or all of it (0).

    `normalisation` says what goes in: "ratio" planes, as published, or "k-sigma" planes, with the noise that
    `estimate_noise` sees in the short frame and the white balance of the long one. `colour` says what comes out: the
    long exposure as rawpy develops it ("srgb", as published, with rawpy's own tone curve), or in white-balanced camera
    RGB, sRGB-encoded ("camera").

    Files are decoded once, into the folder `cache` ("" = `decoded` in `root`): 25 MB a short and 75 MB a long frame
    of the Sony. An item is a function of (`seed`, epoch, index) alone.
    """

    def __init__(
        self,
        root: str | Path,
        split: Literal["train", "val", "test"],
        seed: int = 0,
        *,
        camera: str = "Sony",
        size: int = 512,
        held_out_size: int = 0,
        frames: str = "first",
        normalisation: str = "ratio",
        colour: str = "srgb",
        cache: str = "",
    ) -> None:
        for name, value, known in (
            ("frames", frames, ("first", "all")),
            ("normalisation", normalisation, ("ratio", "k-sigma")),
            ("colour", colour, ("srgb", "camera")),
        ):
            if value not in known:
                raise DataError(f"data.{name} must be one of {', '.join(known)}, got '{value}'.")
        if size < 1 or held_out_size < 0:
            raise DataError(f"data.size must be at least 1 and data.held_out_size 0, got {size} and {held_out_size}.")
        root = Path(root)
        pairs = [pair for pair in read_pairs(root, camera, split) if frames == "all" or _frame_number(pair.short) == 0]
        _refuse_missing(pairs, root)
        self.size = size if split == "train" else held_out_size
        self.normalisation, self.colour = normalisation, colour
        self.learning = split == "train"
        self.items = _by_scene(pairs) if self.learning else [[pair] for pair in pairs]
        self.files = [path.relative_to(root).as_posix() for pair in pairs for path in (pair.short, pair.long)]
        self.cache = DecodedCache(cache or root / "decoded")
        self.key = (seed, crc32(split.encode()))
        self.epoch = 0

    def __len__(self) -> int:
        return len(self.items)

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __getitem__(self, index: int) -> Sample:
        rng = np.random.default_rng([*self.key, self.epoch, index])
        pair = self.items[index][rng.integers(len(self.items[index]))]
        try:
            frame, target = self._frame(pair.short), self._target(pair.long)
            noise = self._noise(pair.short, frame)
        except ImageError as error:
            raise DataError(f"A file of the data set cannot be used: {error}") from error
        if frame.mosaic.shape != target["picture"].shape[:2]:
            raise DataError(f"'{pair.short}' and '{pair.long}' are not of one size. Copy them again from the data set.")
        # What is asked for is the colours of the long exposure, and the camera may have judged each by itself.
        frame = replace(frame, white_balance=tuple(target["white_balance"].tolist()))
        frame, picture = (
            random_view(frame, target["picture"], self.size, rng)
            if self.learning
            else middle(frame, target["picture"], self.size)
        )
        low = planes_of(frame, pair.ratio, noise, self.normalisation)
        return Sample(
            torch.from_numpy(low), self._encoded(picture, target), pair.ratio, f"{pair.short.name} x{pair.ratio:.0f}"
        )

    def _frame(self, path: Path) -> RawFrame:
        def make() -> dict[str, NDArray[Any]]:
            frame = in_phase(read_raw(path))
            return {
                "mosaic": frame.mosaic,
                "cfa": np.array(frame.cfa),
                "black_level_dn": frame.black_level_dn,
                "white_level_dn": np.array([frame.white_level_dn]),
                "white_balance": np.array(frame.white_balance),
                "camera_to_xyz": frame.camera_to_xyz,
            }

        kept = self.cache.get(path, "frame", make)
        return RawFrame(
            mosaic=kept["mosaic"],
            cfa=tuple(kept["cfa"].tolist()),
            black_level_dn=kept["black_level_dn"],
            white_level_dn=float(kept["white_level_dn"][0]),
            white_balance=tuple(kept["white_balance"].tolist()),
            camera_to_xyz=kept["camera_to_xyz"],
            name=path.name,
        )

    def _target(self, path: Path) -> dict[str, NDArray[Any]]:
        def make() -> dict[str, NDArray[Any]]:
            frame = read_raw(path)
            top, left, height, width = phase_window(frame)
            picture = developed(path, self.colour)[top : top + height, left : left + width]
            return {"picture": picture, "white_balance": np.array(frame.white_balance)}

        return self.cache.get(path, f"target-{self.colour}", make)

    def _noise(self, path: Path, frame: RawFrame) -> NoiseLevel:
        if self.normalisation == "ratio":
            return NoiseLevel(0.0, 0.0)  # not looked at

        def make() -> dict[str, NDArray[Any]]:
            seen = estimate_noise(frame)
            return {"noise": np.array([seen.gain_dn, seen.read_sigma_dn])}

        return NoiseLevel(*self.cache.get(path, "noise", make)["noise"].tolist())

    def _encoded(self, picture: NDArray[np.uint16], target: dict[str, NDArray[Any]]) -> torch.Tensor:
        values = np.asarray(picture, np.float32) / np.float32(65535)
        if self.colour == "camera":
            # LibRaw lets the smallest of the gains be 1; here green's is.
            values = linear_to_srgb(values * np.float32(target["white_balance"].min()))
        return torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))


def developed(path: Path, colour: str, upright: bool = False) -> NDArray[np.uint16]:
    """The long exposure, `h w 3`: as the paper develops it ("srgb"), or linear, in the camera's colours ("camera").

    It lies as the sensor does, or `upright`.
    """
    import rawpy

    from scotopic.image.libraw import opened
    from scotopic.image.opening import locate

    published = {"use_camera_wb": True, "half_size": False, "no_auto_bright": True, "output_bps": 16}
    linear = {"gamma": (1, 1), "output_color": rawpy.ColorSpace.raw, "adjust_maximum_thr": 0.0}
    with opened(locate(path, None)) as raw:
        flip = None if upright else 0
        picture = raw.postprocess(**published, **(linear if colour == "camera" else {}), user_flip=flip)
    return np.ascontiguousarray(picture, dtype=np.uint16)


def _frame_number(path: Path) -> int:
    found = _FRAME.match(path.name)
    assert found is not None, "read_pairs has looked"
    return int(found[2])


def _by_scene(pairs: list[Pair]) -> list[list[Pair]]:
    scenes: dict[Path, list[Pair]] = {}
    for pair in pairs:
        scenes.setdefault(pair.long, []).append(pair)
    return list(scenes.values())


def _refuse_missing(pairs: list[Pair], root: Path) -> None:
    files = sorted({path for pair in pairs for path in (pair.short, pair.long)})
    missing = [str(path.relative_to(root)) for path in files if not path.is_file()]
    if missing:
        listing = ", ".join(missing[:NAMED_MISSING]) + (", …" if len(missing) > NAMED_MISSING else "")
        raise DataError(
            f"{len(missing)} of {len(files)} files are missing in '{root}': {listing}. Set data.root to the folder "
            "that holds the whole data set, or take their lines out of its lists."
        )
