"""LOL: dark and well-lit photos of the same things, in the three layouts that are passed around."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from ..errors import DataError
from .folder import existing_folder
from .pair_views import PairViews
from .paired_folder import child, match, with_held_out
from .pairs import Pair, PairedPictures, Pairs
from .sources import Split

RUN = 20
"""LOL names no scenes, but takes of one thing follow each other: so many in a row are held out together."""

# Folders for training and testing, and what dark and well-lit pictures lie in below them.
_V1 = {"train": "our485", "test": "eval15"}, ("low", "high")
_V2 = {"train": "Train", "test": "Test"}, ("Low", "Normal")
VERSIONS = {"v1": ("", *_V1), "v2-real": ("Real_captured", *_V2), "v2-synthetic": ("Synthetic", *_V2)}


class LOL(PairedPictures):
    """LOL v1 (Wei et al., Deep Retinex Decomposition, BMVC 2018) and v2 (Yang et al., IEEE TIP 30, 2021).

    `version` says which: "v1" (our485 and eval15, with low and high), "v2-real" (Real_captured/Train and Test, with Low
    and Normal), "v2-synthetic" (Synthetic/…), or "auto": whichever is there, in `root` or up to two folders below. The
    official test part is for testing; a tenth of the other one is held out to validate on, in runs of 20 pictures that
    follow each other. The other settings are those of `PairViews` and `PairedPictures`.

    Do not train on one version and test on another: they share scenes.
    """

    def __init__(
        self,
        root: str | Path,
        split: Split,
        seed: int = 0,
        *,
        version: str = "auto",
        size: int = 0,
        held_out_size: int = 0,
        flips: bool = True,
        quarter_turns: bool = False,
        rotate: float = 0.0,
        translate: float = 0.0,
        zoom: Sequence[float] = (1.0, 1.0),
        brightness: float = 0.0,
        contrast: float = 0.0,
        saturation: float = 0.0,
        hue: float = 0.0,
        jitter: str = "both",
        resize: float = 1.0,
        cache: str = "",
    ) -> None:
        views = PairViews(
            size=size,
            flips=flips,
            quarter_turns=quarter_turns,
            rotate=rotate,
            translate=translate,
            zoom=zoom,
            brightness=brightness,
            contrast=contrast,
            saturation=saturation,
            hue=hue,
            jitter=jitter,
        )
        found = find_pairs(root, version)
        super().__init__(found, root, split, seed, views, held_out_size=held_out_size, resize=resize, cache=cache)


def find_pairs(root: str | Path, version: str = "auto") -> Pairs:
    """The pairs of LOL in `root`, with the setting `version` of `LOL`. Raises DataError where it is not there."""
    if version not in ("auto", *VERSIONS):
        raise DataError(f"data.version must be one of auto, {', '.join(VERSIONS)}, got '{version}'.")
    root = existing_folder(root, "pairs")
    wanted = tuple(VERSIONS) if version == "auto" else (version,)
    found = [(name, places) for folder in _folders(root) for name in wanted if (places := _places(folder, name))]
    if not found:
        raise DataError(
            f"'{root}' does not hold LOL{f' {version}' * (version != 'auto')}: wanted our485 and eval15 (v1), "
            "or Real_captured or Synthetic with Train and Test (v2). Set data.root to the folder they are in."
        )
    if len(found) > 1:
        where = [f"{name} in {places['train'][0].parent.parent}" for name, places in found]
        raise DataError(
            f"There is more than one LOL: {', '.join(where)}. Set data.version or data.root to one of them."
        )
    ((name, places),) = found
    parts = {part: _in_runs(match(*roles), part) for part, roles in places.items()}
    lies = "; ".join(" -> ".join(role.relative_to(root).as_posix() for role in roles) for roles in places.values())
    return Pairs(with_held_out(parts), f"LOL {name} ({lies})")


def _folders(root: Path) -> Iterator[Path]:
    """`root`, the folders in it, and the folders in those."""
    below = sorted(path for path in root.iterdir() if path.is_dir())
    yield root
    yield from below
    for folder in below:
        yield from sorted(path for path in folder.iterdir() if path.is_dir())


def _places(folder: Path, version: str) -> dict[Split, tuple[Path, Path]]:
    """Where the dark and the well-lit pictures of each part lie, if this is the folder with this version."""
    top, parts, roles = VERSIONS[version]
    if top and folder.name.lower() != top.lower():
        return {}
    places: dict[Split, tuple[Path, Path]] = {}
    for part in ("train", "test"):
        lying = child(folder, [parts[part]])
        low, target = (child(lying, [role]) if lying else None for role in roles)
        if low is None or target is None:
            return {}
        places[part] = low, target
    return places


def _in_runs(pairs: list[Pair], part: Split) -> list[Pair]:
    return [replace(pair, scene=f"{part} {i // RUN * RUN + 1}-{i // RUN * RUN + RUN}") for i, pair in enumerate(pairs)]
