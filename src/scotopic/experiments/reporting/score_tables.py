"""The part of a report about one set of pictures: what each method scored on it, what it costs, and how scores lie."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from scotopic.metrics import METRICS

from ..comparing.compare import kind_of
from ..scoring import AFTER
from .cost import Cost
from .folders import Scored
from .page import Cell, Column, Detail, Figure, Section, Table, number
from .plots import Point, Style, Values, histograms, rate_quality

ACRONYMS = frozenset({"psnr", "ssim", "ms", "mae", "mse", "niqe", "loe", "lpips", "brisque", "ciede2000"})
SPREAD = ("psnr", "psnr_gt_mean", "ssim", "ssim_gt_mean")
"""Scores whose spread over the pictures is shown."""
FAILURES = 5
"""Pictures that failed, named on the page; the others are counted."""
MEGA = 1e6


def score_section(scored: Sequence[Scored], looks: Mapping[str, Style], costs: Mapping[str, Cost]) -> Section:
    """Tables, plots and details of evaluations on the same pictures; `costs` as measured, by the methods' names."""
    data = scored[0].evaluation.data
    section = Section(f"{data['name']}: {data['split']} split")
    section.words = [str(data["how"]), f"Scored: {data['protocol']}", *_warnings(scored)]
    ways = dict.fromkeys(costs[one.name].how for one in scored if one.name in costs)
    section.words += [f"Cost was measured with {how}." for how in ways]
    metrics = tuple(dict.fromkeys(metric for one in scored for metric in one.evaluation.metrics))
    groups = tuple(dict.fromkeys(group for one in scored for group in one.evaluation.summary if group))
    section.tables = [score_table(scored, metrics, group, looks, costs) for group in ("", *groups)]
    section.figures = [*_costs(scored, looks, costs), *_spreads(scored, metrics, looks)]
    section.details = [_detail(one) for one in scored]
    return section


def score_table(
    scored: Sequence[Scored], metrics: Sequence[str], group: str, looks: Mapping[str, Style], costs: Mapping[str, Cost]
) -> Table:
    """A row for each method: means with their 95 % intervals, pictures, and what it costs."""
    columns = [Column("method", numeric=False), Column("pictures", "how many were scored")]
    columns += [Column(title(metric), _hint(metric)) for metric in metrics]
    columns += [Column(name, hint) for name, hint, _, _ in COSTS]
    best = {metric: _best(scored, metric, group) for metric in metrics}
    rows = []
    for one in scored:
        summary = one.evaluation.summary.get(group, {})
        count = max((int(scores["count"]) for scores in summary.values()), default=0)
        failed = f"{len(one.evaluation.failed)} failed" if one.evaluation.failed and not group else ""
        row = [Cell(one.name, one.name, style=looks[one.name]), Cell(f"{count:,}", count, failed)]
        for metric in metrics:
            scores = summary.get(metric)
            row.append(_score(metric, scores, best[metric]) if scores else Cell(""))
        row += [_fact(cost(one, costs), digits) for _, _, digits, cost in COSTS]
        rows.append(row)
    which = f"Pictures of {group}" if group else "All pictures"
    used = [
        index
        for index, column in enumerate(columns)
        if column.title in ("method", "pictures") or any(row[index].text for row in rows)
    ]
    caption = f"{which}: means, and in small their 95 % intervals; in bold the best mean of each column"
    return Table(caption, [columns[i] for i in used], [[row[i] for i in used] for row in rows])


def title(metric: str) -> str:
    """What a column is called, with its unit.

    >>> title("psnr_gt_mean")
    'PSNR GT-mean, dB'
    """
    plain, gt_mean = metric.removesuffix(AFTER), " GT-mean" if metric.endswith(AFTER) else ""
    words = "-".join(word.upper() if word in ACRONYMS else word for word in plain.split("_"))
    words = words.replace("-", " ") if words.islower() else words
    unit = METRICS[plain].unit if plain in METRICS else ""
    return f"{words}{gt_mean}{f', {unit}' if unit else ''}"


def _parameters(one: Scored, costs: Mapping[str, Cost]) -> float | None:
    value = one.evaluation.method.get("facts", {}).get("parameters")
    return float(value) if isinstance(value, int | float) else None


def _while_scored(one: Scored, costs: Mapping[str, Cost]) -> float | None:
    """The milliseconds that a method took for a megapixel of what it made, over all of its pictures."""
    timed = [row for row in one.evaluation.scored if row.get("seconds") and row.get("width") and row.get("height")]
    if not timed or one.evaluation.method.get("kind") == "pictures":  # reading a finished picture is no work of its own
        return None
    megapixels = sum(int(row["width"]) * int(row["height"]) for row in timed) / MEGA
    return 1000 * sum(float(row["seconds"]) for row in timed) / megapixels


def _measured_time(one: Scored, costs: Mapping[str, Cost]) -> float | None:
    return costs[one.name].ms_per_mp if one.name in costs else None


def _measured_memory(one: Scored, costs: Mapping[str, Cost]) -> float | None:
    return costs[one.name].peak_mb if one.name in costs else None


COSTS = (
    ("parameters", "weights that were learnt", 0, _parameters),
    (
        "ms/MP while scored",
        "milliseconds for a million pixels of the outcome, reading the input included; other work on "
        "the machine slows it",
        1,
        _while_scored,
    ),
    ("ms/MP", "milliseconds for a million pixels, measured on its own", 1, _measured_time),
    ("peak memory, MB", "the most that the whole process held, programs and weights included", 0, _measured_memory),
)
"""What a method costs, where it is known: name, in words, decimals, and how it is had."""


def values(one: Scored, metric: str) -> Values:
    """The finite scores of its pictures."""
    scores = [row[metric] for row in one.evaluation.scored if isinstance(row.get(metric), int | float)]
    array = np.array(scores, np.float64)
    return array[np.isfinite(array)]


def _score(metric: str, scores: Mapping[str, float], best: float | None) -> Cell:
    mean, digits = _float(scores.get("mean")), digits_of(metric)
    low, high = _float(scores.get("low")), _float(scores.get("high"))
    known = math.isfinite(low) and math.isfinite(high)
    note = f"{number(low, digits)} to {number(high, digits)}" if known else ""
    return Cell(number(mean, digits), None if math.isnan(mean) else mean, note, best=mean == best)


def _float(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.nan


def _fact(value: float | None, digits: int) -> Cell:
    return Cell(number(value, digits), value)


def _best(scored: Sequence[Scored], metric: str, group: str) -> float | None:
    """The best mean of a column, where there is more than one to choose from."""
    rows = [one.evaluation.summary.get(group, {}).get(metric, {}) for one in scored]
    means = [mean for mean in (_float(row.get("mean")) for row in rows) if not math.isnan(mean)]
    known = _kind(metric)
    if known is None or len(means) < 2:
        return None
    return {"higher": max(means), "lower": min(means), "zero": min(means, key=abs)}[known[0]]


def digits_of(metric: str) -> int:
    known = _kind(metric)
    return known[1] if known else 3


def _kind(metric: str) -> tuple[str, int] | None:
    try:
        return kind_of(metric)
    except KeyError:  # of another version
        return None


def _hint(metric: str) -> str:
    known = METRICS.get(metric.removesuffix(AFTER))
    if known is None:
        return ""
    after = "; after one gain that equalises the mean brightness" if metric.endswith(AFTER) else ""
    better = {"higher": "higher is better", "lower": "lower is better", "zero": "nearer to 0 is better"}[known.better]
    return f"{better}{after}; {known.source}"


def _warnings(scored: Sequence[Scored]) -> Iterable[str]:
    counts = {len(one.evaluation.scored) for one in scored}
    if len(counts) > 1:
        yield (
            f"Not all methods were scored on the same number of pictures (from {min(counts):,} to {max(counts):,}): "
            "their means are not of the same pictures."
        )
    protocols = {str(one.evaluation.data["protocol"]) for one in scored}
    if len(protocols) > 1:
        yield f"Not all were scored in the same way: {'; '.join(sorted(protocols))}."
    for one in scored:
        failed = one.evaluation.failed
        if failed:
            named = "; ".join(f"{row['name']}: {row['error']}" for row in failed[:FAILURES])
            more = f"; and {len(failed) - FAILURES:,} more" if len(failed) > FAILURES else ""
            yield f"{one.name} failed on {len(failed):,} pictures ({named}{more})."


def _costs(scored: Sequence[Scored], looks: Mapping[str, Style], costs: Mapping[str, Cost]) -> Iterable[Figure]:
    """PSNR against what a method costs, as far as that is known of two or more."""
    for name, hint, digits, cost in COSTS:
        points = []
        for one in scored:
            x, scores = cost(one, costs), one.evaluation.summary.get("", {})
            psnr = scores.get("psnr", {})
            if x is not None and math.isfinite(_float(psnr.get("mean"))):
                interval = _float(psnr.get("low")), _float(psnr.get("high"))
                gt_mean = _float(scores.get("psnr_gt_mean", {}).get("mean"))
                points.append(Point(one.name, x, _float(psnr["mean"]), *interval, gt_mean))
        if len(points) > 1:
            listing = "; ".join(f"{point.name}: {number(point.x, digits)}, {point.y:.2f} dB" for point in points)
            yield Figure(
                f"PSNR against {name}",
                rate_quality(points, looks, name, "PSNR, dB"),
                f"PSNR against {name}. {listing}.",
                f"Filled: as is, with its 95 % interval; hollow: after GT-mean. {name}: {hint}.",
            )


def _spreads(scored: Sequence[Scored], metrics: Sequence[str], looks: Mapping[str, Style]) -> Iterable[Figure]:
    for metric in metrics:
        of_all = {one.name: values(one, metric) for one in scored}
        of_all = {name: of_one for name, of_one in of_all.items() if len(of_one) > 1}
        if metric in SPREAD and of_all:
            digits = digits_of(metric)
            listing = "; ".join(
                f"{name}: {number(float(v.min()), digits)} to {number(float(v.max()), digits)}, "
                f"median {number(float(np.median(v)), digits)}"
                for name, v in of_all.items()
            )
            yield Figure(
                f"{title(metric)}: the pictures",
                histograms(of_all, looks, title(metric)),
                f"Histograms of {title(metric)} over the pictures. {listing}.",
                "How many pictures scored what; the line stands at the mean.",
            )


def _detail(one: Scored) -> Detail:
    method, data = one.evaluation.method, one.evaluation.data
    facts = "\n".join(f"{key}: {value}" for key, value in method.get("facts", {}).items() if key != "recipe")
    blocks = [(f"Method ({method.get('kind', '')})", facts), ("Recipe", str(method.get("facts", {}).get("recipe", "")))]
    blocks += [("Pictures", json.dumps(dict(data), indent=2, ensure_ascii=False)), ("Environment", one.environment)]
    return Detail(f"{one.name}: recipe and environment", [block for block in blocks if block[1]])
