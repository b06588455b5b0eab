"""Evaluations on the same pictures as a table for a terminal: the scores that matter first, with their intervals."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Iterator, Mapping, Sequence

from scotopic.metrics import METRICS

from .evaluate import Evaluation
from .scoring import AFTER

MAIN = ("psnr", "psnr_gt_mean", "ssim", "ssim_gt_mean")
"""What stands in front, and in the tables of groups."""
ARROWS = {"higher": "↑", "lower": "↓", "zero": "→0"}
GAP = "  "


def score_lines(evaluations: Sequence[Evaluation], width: int | None = None) -> Iterator[str]:
    """What was scored, how, and what came of it, in lines of at most `width` characters if tables can be cut so.

    Main scores have their 95 % intervals, and tables of their own for every group; the others are means.
    """
    data = evaluations[0].data
    for text in (f"{data['name']}. {data['how']}", f"Scored: {data['protocol']}", *_ratios(evaluations)):
        yield from textwrap.wrap(text, width or 120, break_long_words=False, break_on_hyphens=False)
    columns = list(dict.fromkeys(name for one in evaluations for name in one.metrics))
    main = [name for name in MAIN if name in columns] or columns[:4]
    groups = list(dict.fromkeys(group for one in evaluations for group in one.summary))
    for group in groups:
        most = max(one.summary.get(group, {}).get("seconds", {}).get("count", 0) for one in evaluations)
        yield ""
        yield from _table(
            f"{group or 'all'} ({most:,.0f} picture{'s' * (most != 1)})",
            [str(one.method["name"]) for one in evaluations],
            {_title(name): [_cell(one.summary.get(group, {}), name, True) for one in evaluations] for name in main}
            | _scored(evaluations, group),
            width,
        )
    others = [*(name for name in columns if name not in main), "seconds"]
    yield ""
    yield from _table(
        "means",
        [str(one.method["name"]) for one in evaluations],
        {_title(name): [_cell(one.summary.get("", {}), name, False) for one in evaluations] for name in others},
        width,
    )


def _ratios(evaluations: Sequence[Evaluation]) -> Iterator[str]:
    """Which methods were told the ratio of exposures, and which were not."""
    for how, words in (("given", "given to"), ("estimated", "estimated by")):
        names = [str(one.method["name"]) for one in evaluations if one.method["facts"].get("ratio") == how]
        if names:
            yield f"The ratio of exposures was {words}: {', '.join(names)}."


def _scored(evaluations: Sequence[Evaluation], group: str) -> dict[str, list[str]]:
    """How many were scored, where that were not all."""
    if group or not any(one.failed for one in evaluations):
        return {}
    return {"scored": [f"{len(one.scored):,} of {len(one.rows):,}" for one in evaluations]}


def _title(name: str) -> str:
    """A column's name as --metrics takes it, the direction that is better, and the unit."""
    if name == "seconds":
        return "seconds"
    metric = METRICS.get(name.removesuffix(AFTER))
    if metric is None:  # brought from outside
        return name
    return f"{name} {ARROWS[metric.better]}" + (f", {metric.unit}" if metric.unit else "")


def _cell(scores: Mapping[str, Mapping[str, float]], name: str, interval: bool) -> str:
    found = scores.get(name)
    if found is None:
        return "-"
    metric = METRICS.get(name.removesuffix(AFTER))
    digits = metric.digits if metric else 3
    mean, low, high = (f"{found[key]:.{digits}f}" for key in ("mean", "low", "high"))
    return f"{mean} ({low} to {high})" if interval and math.isfinite(found["low"]) else mean


def _table(corner: str, names: Sequence[str], columns: Mapping[str, Sequence[str]], width: int | None) -> Iterator[str]:
    """Lines of a table, its columns continued below where they are too many for `width`."""
    first = [corner, *names]
    head = max(map(len, first))
    left = {title: max(len(title), *map(len, cells)) for title, cells in columns.items()}
    while left:
        taken: list[str] = []
        room = (width or 10**6) - head
        for title, wide in left.items():
            if taken and room < len(GAP) + wide:
                break
            taken.append(title)
            room -= len(GAP) + wide
        for row, name in enumerate(first):
            cells = ((title if row == 0 else columns[title][row - 1]).ljust(left[title]) for title in taken)
            yield GAP.join([name.ljust(head), *cells]).rstrip()
        left = {title: wide for title, wide in left.items() if title not in taken}
        if left:
            yield ""


def failures(evaluations: Iterable[Evaluation], most: int = 3) -> Iterator[str]:
    """What could not be scored, the first few of each method."""
    for one in evaluations:
        for row in one.failed[:most]:
            yield f"{one.method['name']}: {row['name']}: {row['error']}"
        if len(one.failed) > most:
            yield f"{one.method['name']}: {len(one.failed) - most:,} more could not be scored (rows.jsonl names them)."
