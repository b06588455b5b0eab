"""The pictures of a report: small enough to travel inside the page, and always of the same scenes."""

from __future__ import annotations

import base64
import io
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from scotopic.image import Picture, read, write
from scotopic.runtime.thumbnail import shrink

from ...errors import ScotopicError
from ..comparing.strips import choose, low_of
from ..sets.item import EvaluationSet, Item, some_of
from .folders import Run, Scored
from .page import Shown, Strip, number
from .plots import Style

ROOM = 7_500_000
"""Bytes of a page that are left to pictures."""
BYTES_A_PIXEL = 0.35
"""What WebP takes for a picture with the noise of a lifted night, base64 included: 0.1 for a clean one."""
LONG_SIDE, LEAST_SIDE = 800, 160
QUALITY = 80
OF_RUNS = 12
"""Runs of which a strip is shown, at most."""
CHOICE = (
    "Which scenes are shown is decided by their names alone, so they are the same whatever is reported. Pictures are "
    "shrunk to {side} pixels at most: fine detail and noise are for 'scotopic compare', at 100 %."
)


def side_of(pictures: int) -> int:
    """The longest side that so many pictures may have to fit on a page."""
    area = ROOM / (BYTES_A_PIXEL * max(pictures, 1))
    return int(min(LONG_SIDE, max(LEAST_SIDE, math.sqrt(area * 3 / 2))))  # most are 3 : 2


def strips(scored: Sequence[Scored], looks: Mapping[str, Style], scenes: int, side: int) -> tuple[list[Strip], str]:
    """Strips of evaluations on the same pictures, and in words what cannot be shown.

    The input and the target are those of the set itself, if it is still where it was and as it was.
    """
    saved = [one for one in scored if (one.folder / "pictures").is_dir()]
    if not saved or scenes < 1:
        return [], ""
    found = reopened(scored[0])
    items = {item.name: item for item in found.items} if found else {}
    rows = {row["name"]: row for one in scored for row in one.evaluation.rows}
    stand_ins = [Item(name, str(row["scene"]), "", None, _nothing, _nothing) for name, row in rows.items()]
    made = []
    for chosen in choose(stand_ins, scenes):
        low, target = _of_item(items.get(chosen.name), found, side)
        outs = [shown for one in saved if (shown := _of_method(one, chosen.name, looks, side))]
        if outs:
            made.append(Strip(chosen.name, [shown for shown in (low, *outs, target) if shown]))
    words = (
        ""
        if found
        else (
            f"What went in and what was wanted are not shown: '{scored[0].evaluation.data['root']}', opened without "
            "further options, does not hold the pictures as they were scored."
        )
    )
    return made, words


def reopened(one: Scored) -> EvaluationSet | None:
    """The set of an evaluation, if it can be found again and is the same."""
    from ..sets.items import open_set, raw_scenes

    data = one.evaluation.data
    whole = re.fullmatch(r"(.*?)(?:-every-(\d+))?(?:-first-(\d+))?", str(data["name"]))
    assert whole is not None  # every part may be missing
    every, limit = int(whole[2] or 1), int(whole[3]) if whole[3] else None
    root = Path(str(data["root"]))
    ways = ((open_set, root / f"{whole[1]}.json"), (open_set, root), (raw_scenes, root))
    for open_again, place in ways:
        try:
            found = some_of(open_again(place, data["split"]), every, limit)
        except (ScotopicError, OSError, ValueError, AssertionError):
            continue
        if found.digest == data["digest"]:
            return found
    return None


def run_strip(run: Run, side: int) -> Shown | None:
    """The latest picture strip that a run painted."""
    files = sorted((run.folder / "strips").glob("*.png"))
    if not files:
        return None
    label = f"Held-out pictures at step {files[-1].stem.lstrip('0')}: input, outcome, target (where there is one)"
    return from_file(files[-1], label, side)


def embed(pixels: NDArray[np.float32], label: str, side: int, score: str = "", style: Style | None = None) -> Shown:
    """A picture `h w c`, sRGB in [0, 1], shrunk and as WebP inside the page."""
    small = shrink(pixels, side)
    file = io.BytesIO()
    write(Picture(np.ascontiguousarray(small)), file, format="webp", quality=QUALITY)
    data = base64.b64encode(file.getvalue()).decode("ascii")
    height, width = small.shape[:2]
    return Shown(label, f"data:image/webp;base64,{data}", width, height, score, style)


def _of_item(item: Item | None, found: EvaluationSet | None, side: int) -> tuple[Shown | None, Shown | None]:
    """What goes in and what is wanted, as far as they can be shown."""
    if item is None or found is None:
        return None, None
    try:
        low = low_of(item)
        target = item.target() if found.paired else None
    except (ScotopicError, OSError):  # moved or damaged since: the outcomes can be shown all the same
        return None, None
    return _maybe(low, "input", side), _maybe(target, "target", side)


def _maybe(pixels: NDArray[np.float32] | None, label: str, side: int) -> Shown | None:
    return None if pixels is None else embed(pixels, label, side)


def _of_method(one: Scored, name: str, looks: Mapping[str, Style], side: int) -> Shown | None:
    row = next((row for row in one.evaluation.scored if row["name"] == name), {})
    parts = [
        f"{number(row[key], digits)}{unit}"
        for key, digits, unit in (("psnr", 2, " dB"), ("psnr_gt_mean", 2, " dB GT-mean"), ("ssim", 3, " SSIM"))
        if isinstance(row.get(key), int | float)
    ]
    path = one.folder / "pictures" / f"{name}.png"
    return from_file(path, one.name, side, ", ".join(parts), looks[one.name])


def from_file(path: Path, label: str, side: int, score: str = "", style: Style | None = None) -> Shown | None:
    """The picture in a file, or None where there is none that can be read."""
    try:
        return embed(read(path).pixels, label, side, score, style)
    except ScotopicError:
        return None


def _nothing() -> NDArray[np.float32]:
    raise AssertionError("stands for an item whose name alone is asked for")
