"""One picture made by a method and held against its truth: the numbers of a row."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from scotopic.image import Picture, write
from scotopic.image.files import to_integers
from scotopic.metrics import METRICS, Metric, gt_mean

from ..errors import ControlError, ScoreError, ScotopicError

if TYPE_CHECKING:
    from .methods import Method
    from .sets.item import Item

AFTER = "_gt_mean"
"""Ends the name of a score that is measured after GT-mean."""

SLOW = ("ms_ssim", "hue_loss")
"""Metrics that must be asked for: the others together take as long as these two."""

DEFAULT = ("psnr", "psnr_gt_mean", "ssim", "ssim_gt_mean", *(n for n in METRICS if n not in (*SLOW, "psnr", "ssim")))

MOST_PSNR_DB = 100.0
"""Stands for the infinite PSNR of equal pictures, so that means and files stay finite."""

Row = dict[str, Any]
"""A picture's name, scene, group, ratio, width, height, seconds and scores; or its name, scene, group and an error."""


Columns = Mapping[str, Metric]
"""The names of scores and what measures each."""


def columns_of(metrics: Iterable[Metric]) -> dict[str, Metric]:
    """Every score there is of these metrics: with `_gt_mean` after their names those too that GT-mean changes."""
    return {name: metric for metric in metrics for name in (metric.name, metric.name + AFTER)[: 1 + metric.gt_mean]}


def choose_metrics(names: Iterable[str], paired: bool = True, extra: Iterable[Metric] = ()) -> dict[str, Metric]:
    """The scores of these names, and the `extra` ones; without truth (`paired`) those that need none.

    A score after GT-mean never comes without the plain one. Raises ControlError.
    """
    known = columns_of(METRICS.values())
    chosen: dict[str, Metric] = {}
    for name in names:
        if name not in known:
            close = get_close_matches(name, known, 1)
            advice = f"Did you mean '{close[0]}'?" if close else f"Choose from: {', '.join(known)}."
            raise ControlError(f"There is no metric '{name}'. {advice}")
        chosen |= {each: known[each] for each in (name.removesuffix(AFTER), name)}
    chosen |= {metric.name: metric for metric in extra}
    possible = {name: metric for name, metric in chosen.items() if paired or metric.needs != "both"}
    if not possible:
        able = [name for name, metric in known.items() if paired or metric.needs != "both"]
        what = "None of the metrics can do without a truth to compare with" if chosen else "No metric was chosen"
        raise ControlError(f"{what}. Choose from: {', '.join(able)}.")
    return possible


def row_of(
    method: Method,
    item: Item,
    columns: Columns,
    picture: Path | None = None,
    turn: AbstractContextManager[Any] | None = None,
) -> Row:
    """The row of an item, its picture saved to `picture` if that is given; what went wrong with it is its error.

    `turn` is held while the method works. `seconds` are those of the method, reading the dark picture among them.
    """
    row: Row = {"name": item.name, "scene": item.scene, "group": item.group}
    try:
        with turn or nullcontext():
            began = time.perf_counter()
            made = method.enhance(item)
            seconds = time.perf_counter() - began
        out = as_finished(made, item.name)
        row |= {"ratio": item.ratio, "width": out.shape[1], "height": out.shape[0], "seconds": round(seconds, 4)}
        row |= scores(out, item, columns)
        if picture is not None:
            write(Picture(out, name=item.name), picture, bits=8, overwrite=True)
    except ScotopicError as error:
        return _failed(row, str(error))
    except MemoryError:
        return _failed(row, f"'{item.name}' takes more memory than there is. Score fewer at a time: one job.")
    except Exception as error:  # of somebody else's network or library: the other pictures may do
        return _failed(row, f"{type(error).__name__}: {error}")
    return row


def as_finished(made: NDArray[np.floating], name: str) -> NDArray[np.float32]:
    """The picture `h w 3` as a file of 8 bits holds it. Raises ScoreError where it is none."""
    if made.ndim != 3 or made.shape[2] != 3 or not made.size:
        raise ScoreError(f"'{name}' came out in the shape {made.shape}, which is no picture (height, width, 3).")
    if not np.isfinite(made).all():
        raise ScoreError(f"'{name}' came out with values that are no numbers, so it cannot be scored.")
    return to_integers(np.asarray(made, np.float32), 8).astype(np.float32) / np.float32(255)


def scores(out: NDArray[np.float32], item: Item, columns: Columns) -> dict[str, float]:
    """The scores of a finished picture; without those that cannot be had of it (of a raw, or of so small a picture)."""
    needs = {metric.needs for metric in columns.values()}
    target = item.target() if "both" in needs else None
    if target is not None and target.shape != out.shape:
        (height, width), (other_height, other_width) = out.shape[:2], target.shape[:2]
        raise ScoreError(
            f"'{item.name}' came out with {width} x {height} pixels, and its truth has {other_width} x {other_height}. "
            "Nothing is resized for scoring: make it the same size."
        )
    low: Any = item.low() if "low and out" in needs else None
    if not isinstance(low, np.ndarray) or low.shape != out.shape:
        low = None
    equal = gt_mean(out, target) if target is not None and any(name.endswith(AFTER) for name in columns) else None
    found = {}
    for name, metric in columns.items():
        if min(out.shape[:2]) < metric.least_px or (metric.needs == "low and out" and low is None):
            continue
        made = equal if equal is not None and name.endswith(AFTER) else out
        value = metric.score(out=made, target=target, low=low)
        value = min(value, MOST_PSNR_DB) if metric.name == "psnr" else value
        if math.isfinite(value):
            found[name] = float(value)
    return found


def _failed(row: Row, error: str) -> Row:
    return {key: row[key] for key in ("name", "scene", "group")} | {"error": error}
