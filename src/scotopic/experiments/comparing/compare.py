"""Methods on the same pictures, against each other: differences with intervals, the cases behind them, and strips."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from scotopic.image import read
from scotopic.metrics import METRICS

from ...errors import DataError, ScotopicError, WriteError
from ..scoring import AFTER
from ..sets.item import groups_in
from ..statistics import Difference, interval, paired
from .blind import Shot
from .strips import Window, choose, draw_strip, low_of, reference_of, windows

if TYPE_CHECKING:
    from ..evaluate import Evaluation
    from ..sets.items import EvaluationSet, Item

Doubles = NDArray[np.float64]


@dataclass(frozen=True)
class Contest:
    """Method `a` against `b` by a metric, on all common pictures (`group` "") or those of a group.

    `difference` is how much better `a` is, in the metric's unit: positive means `a` is better, whichever way the metric
    goes; where 0 is best, it is how much nearer `a` comes to it. `p_holm` is its `p`, corrected for the number of pairs
    compared by this metric (Holm, Scandinavian Journal of Statistics 1979).
    """

    a: str
    b: str
    group: str
    metric: str
    difference: Difference
    p_holm: float


@dataclass(frozen=True)
class Case:
    """A picture on which `a` does better than `b` (`difference` > 0), or worse, than on all others."""

    a: str
    b: str
    metric: str
    name: str
    scene: str
    score_a: float
    score_b: float
    difference: float


@dataclass(frozen=True)
class Strip:
    """A strip that was drawn: `file` in the comparison's folder. `why` it is shown: "fixed" or the case it is."""

    file: str
    name: str
    scene: str
    window: Window
    why: str = "fixed"


@dataclass(frozen=True)
class Comparison:
    """Evaluations on one set, and what sets them apart, on the pictures that all of them have scored."""

    evaluations: tuple[Evaluation, ...]
    metrics: tuple[str, ...]
    by: str
    names: tuple[str, ...]
    scenes: tuple[str, ...]
    left_out: Mapping[str, str]
    contests: tuple[Contest, ...]
    cases: tuple[Case, ...]
    seed: int

    @property
    def methods(self) -> tuple[str, ...]:
        return tuple(str(evaluation.method["name"]) for evaluation in self.evaluations)

    def means(self, method: int, metric: str) -> tuple[float, float, float]:
        """Mean over the common pictures that have a finite score, and its 95 % interval."""
        values = _column(self.evaluations[method], self.names, metric)
        finite = np.isfinite(values)
        if not finite.any():
            return math.nan, math.nan, math.nan
        scenes = np.array(self.scenes)[finite]
        return float(values[finite].mean()), *interval(values[finite], scenes, self.seed)


def compare(evaluations: Sequence[Evaluation], *, by: str | None = None, cases: int = 3, seed: int = 0) -> Comparison:
    """Differences of every two methods, and the `cases` best and worst pictures of each pair by the metric `by`.

    `by` is the evaluations' first common metric if not given. DataError if the evaluations are not of one set, have no
    picture in common, or two methods have one name.
    """
    check_comparable(evaluations)
    metrics = tuple(name for name in evaluations[0].metrics if all(name in other.metrics for other in evaluations))
    by = by or next(iter(metrics), None)
    if by not in metrics or by is None:
        raise DataError(f"There is no metric '{by}' that all were scored by. Choose one of: {', '.join(metrics)}.")
    first = {row["name"]: row for row in evaluations[0].rows}
    missing = {row["name"]: str(row["error"]) for other in evaluations for row in other.failed}
    scored = [{row["name"] for row in other.scored} for other in evaluations]
    names = tuple(name for name in first if all(name in some for some in scored))
    if not names:
        raise DataError("No picture was scored by all of these methods, so nothing can be compared.")
    left_out = {name: missing.get(name, "not scored by all") for name in sorted(set.union(*scored) - set(names))}
    scenes = tuple(str(first[name]["scene"]) for name in names)
    groups = _groups([str(first[name].get("group") or "") for name in names])
    contests: list[Contest] = []
    for metric in metrics:
        columns = [_column(evaluation, names, metric) for evaluation in evaluations]
        for group, members in groups.items():
            some = [column[members] for column in columns]
            contests += _contests(evaluations, metric, group, some, np.array(scenes)[members], seed)
    found = [case for a, b in combinations(evaluations, 2) for case in _cases(a, b, by, names, scenes, cases)]
    return Comparison(tuple(evaluations), metrics, by, names, scenes, left_out, tuple(contests), tuple(found), seed)


def check_comparable(evaluations: Sequence[Evaluation]) -> None:
    """DataError unless there are two or more, of different names, scored on the same pictures in the same way."""
    check_names([str(evaluation.method["name"]) for evaluation in evaluations])
    one = evaluations[0]
    for other in evaluations[1:]:
        for key in ("digest", "split", "protocol"):
            if one.data[key] != other.data[key]:
                raise DataError(
                    f"'{one.folder}' and '{other.folder}' cannot be compared: their {key} differs ({one.data['name']} "
                    f"{one.data[key]}, {other.data['name']} {other.data[key]}). Evaluate both on the same data."
                )


def check_names(names: Sequence[str]) -> None:
    """DataError unless these are two or more, all different."""
    if len(names) < 2:
        raise DataError(f"Two or more methods can be compared, got {len(names)}.")
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise DataError(f"Two methods are called '{twice[0]}'. Write NAME=METHOD to call one of them otherwise.")


def _column(evaluation: Evaluation, names: Sequence[str], metric: str) -> Doubles:
    """Scores by the pictures' names, NaN where there is none."""
    rows = {row["name"]: row for row in evaluation.scored}
    return np.array([math.nan if (value := rows[name].get(metric)) is None else float(value) for name in names])


def _groups(labels: Sequence[str]) -> dict[str, NDArray[np.intp]]:
    """Which pictures are in a group, all of them in ""; a label that holds for all of them says no more than that."""
    groups: dict[str, list[int]] = {}
    for i, label in enumerate(labels):
        for part in groups_in(label):
            groups.setdefault(part, []).append(i)
    real = {group: np.array(members) for group, members in groups.items() if len(members) < len(labels)}
    return {"": np.arange(len(labels)), **real}


def kind_of(metric: str) -> tuple[str, int]:
    """Which way a score is better (higher, lower, zero), and its digits. KeyError for one that nobody knows."""
    plain = metric.removesuffix(AFTER)
    if plain == "lpips":  # measured by a graph that is brought along, so it is not in METRICS
        return "lower", 4
    return METRICS[plain].better, METRICS[plain].digits


def goodness(values: Doubles, metric: str) -> Doubles:
    """Scores turned so that more is better."""
    return {"higher": values, "lower": -values, "zero": -np.abs(values)}[kind_of(metric)[0]]


def _contests(
    evaluations: Sequence[Evaluation],
    metric: str,
    group: str,
    columns: Sequence[Doubles],
    scenes: NDArray[np.str_],
    seed: int,
) -> Iterator[Contest]:
    pairs = list(combinations(range(len(columns)), 2))
    differences = []
    for a, b in pairs:
        both = np.isfinite(columns[a]) & np.isfinite(columns[b])
        first, second = (goodness(column[both], metric) for column in (columns[a], columns[b]))
        differences.append(paired(first, second, scenes[both], seed))
    corrected = holm([difference.p for difference in differences])
    for (a, b), difference, p in zip(pairs, differences, corrected, strict=True):
        names = [str(evaluations[i].method["name"]) for i in (a, b)]
        yield Contest(names[0], names[1], group, metric, difference, p)


def holm(p: Sequence[float]) -> list[float]:
    """p-values corrected for their number (Holm 1979); NaN stays.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    known = sorted((value, i) for i, value in enumerate(p) if not math.isnan(value))
    corrected, most = list(p), 0.0
    for rank, (value, i) in enumerate(known):
        most = max(most, min(1.0, (len(known) - rank) * value))
        corrected[i] = most
    return corrected


def _cases(
    a: Evaluation, b: Evaluation, metric: str, names: Sequence[str], scenes: Sequence[str], count: int
) -> Iterator[Case]:
    """The pictures of the largest differences either way, the best for `a` first."""
    columns = [_column(evaluation, names, metric) for evaluation in (a, b)]
    gain = goodness(columns[0], metric) - goodness(columns[1], metric)
    order = [int(i) for i in np.argsort(-gain, kind="stable") if math.isfinite(gain[i])]
    first, second = (str(evaluation.method["name"]) for evaluation in (a, b))
    for i in [i for i in order[:count] if gain[i] > 0] + [i for i in order[-count:] if gain[i] < 0]:
        score_a, score_b = (float(column[i]) for column in columns)
        yield Case(first, second, metric, names[i], scenes[i], score_a, score_b, float(gain[i]))


def picture_of(evaluation: Evaluation, name: str) -> Path:
    """The finished picture that an evaluation saved of an item."""
    return evaluation.folder / "pictures" / f"{name}.png"


def draw_strips(
    comparison: Comparison,
    data: EvaluationSet,
    folder: Path,
    *,
    scenes: int = 12,
    side: int = 256,
) -> tuple[list[Strip], list[Shot], dict[str, str]]:
    """Draw strips into `folder`/strips: of the fixed scenes, then of the best and worst case of every pair.

    Also what the blind page may ask about the fixed scenes; and the pictures that could not be shown, with the reason.
    """
    there = comparison.evaluations[0].data
    if there["digest"] != data.digest:
        raise DataError(
            f"'{comparison.evaluations[0].folder}' was scored on other pictures ({there['how']}) than these "
            f"({data.how}). Give the same --data, --split and choice of pictures."
        )
    try:
        (folder / "strips").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise WriteError(f"Cannot write to '{folder}': {error.strerror}. Choose another folder.") from error
    items = {item.name: item for item in data.items}
    strips: list[Strip] = []
    shots: list[Shot] = []
    problems: dict[str, str] = {}
    for name, why in _shown(comparison, choose(data.items, scenes, comparison.seed)):
        item = items[name]
        try:
            reference = reference_of(item, data)
            if reference is None:
                raise DataError(f"'{name}' has no picture to choose a place in.")
            found = windows(reference, side)
            places = found if why == "fixed" else found[:1]
            drawn = _draw(comparison, item, reference, places, folder, why, truth=data.paired)
        except (ScotopicError, OSError) as error:
            problems[name] = str(error)
            continue
        strips += drawn
        if why == "fixed":
            middle = found[0].top + found[0].height // 2, found[0].left + found[0].width // 2
            files = {str(e.method["name"]): picture_of(e, name) for e in comparison.evaluations}
            shots.append(Shot(name, item.scene, files, middle))
    return strips, shots, problems


def _shown(comparison: Comparison, fixed: Sequence[Item]) -> Iterator[tuple[str, str]]:
    """Names of items, and why each is shown."""
    for item in fixed:
        yield item.name, "fixed"
    cases: dict[str, list[str]] = {}
    for a, b in combinations(comparison.methods, 2):
        own = [case for case in comparison.cases if (case.a, case.b) == (a, b)]
        for case, word in ((own[0], "best"), (own[-1], "worst")) if own else ():
            if (case.difference > 0) == (word == "best"):
                cases.setdefault(case.name, []).append(f"{word} of {a} against {b}")
    for name, why in cases.items():
        yield name, "; ".join(why)


def _draw(
    comparison: Comparison,
    item: Item,
    reference: NDArray[np.float32],
    places: Sequence[Window],
    folder: Path,
    why: str,
    *,
    truth: bool,
) -> list[Strip]:
    tiles: list[tuple[str, NDArray[np.float32] | None]] = []
    low = low_of(item)
    if low is not None and low.shape == reference.shape:
        tiles.append(("dark picture", low))
    for evaluation in comparison.evaluations:
        path = picture_of(evaluation, item.name)
        tiles.append((str(evaluation.method["name"]), read(path).pixels if path.exists() else None))
    if truth:
        tiles.append(("truth", reference))
    strips = []
    for window in places:
        ending = window.rule if why == "fixed" else "case"
        strip = Strip(f"strips/{item.name}_{ending}.png", item.name, item.scene, window, why)
        draw_strip(folder / strip.file, window, reference, tiles)
        strips.append(strip)
    return strips
