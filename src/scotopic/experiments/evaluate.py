"""Scores of a method on a set of pictures: a row for each picture, what they come to, and the folder they are kept in.

evaluation.json   what was scored, by what, on what, where
rows.jsonl        a line for each picture, written as it is scored: what is there is not done again
rows.csv          the same, for a spreadsheet
summary.json      for each group of rows ("" = all) and each metric: mean, 95 % interval, count
pictures/         what the method made, if that was asked for
"""

from __future__ import annotations

import csv
import datetime
import io
import json
import math
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from scotopic.metrics import Metric

from ..errors import DataError, WriteError
from .scoring import DEFAULT, Row, choose_metrics, row_of
from .sets.item import EvaluationSet, Item, groups_in
from .statistics import interval

if TYPE_CHECKING:
    from .methods import Method

__all__ = ["DEFAULT", "Evaluation", "Row", "evaluate", "read_evaluation"]

FACTS, ROWS, TABLE, SUMMARY, PICTURES = "evaluation.json", "rows.jsonl", "rows.csv", "summary.json", "pictures"
ABOUT = ("name", "scene", "group", "ratio", "width", "height", "seconds")
GROWING = {("run", "steps"), ("run", "minutes")}
LISTEN_EVERY_S = 0.1
"""How long Ctrl-C may go unheard."""

Summary = Mapping[str, Mapping[str, Mapping[str, float]]]


@dataclass(frozen=True)
class Evaluation:
    """What was scored and what came of it.

    `method` and `data` are as in evaluation.json: {name, kind, facts} and {name, root, split, how, digest, protocol,
    count, paired}. `summary[group or ""][metric]` is {"mean", "low", "high", "count"}; `low` and `high`, the 95 %
    interval, are not numbers where there is one scene alone. `rows` are as many as have been scored by now.
    """

    folder: Path
    method: Mapping[str, Any]
    data: Mapping[str, Any]
    metrics: tuple[str, ...]
    rows: tuple[Row, ...]
    summary: Summary

    @property
    def scored(self) -> list[Row]:
        return [row for row in self.rows if "error" not in row]

    @property
    def failed(self) -> list[Row]:
        return [row for row in self.rows if "error" in row]


def evaluate(
    method: Method,
    data: EvaluationSet,
    folder: Path,
    *,
    metrics: Sequence[str] = DEFAULT,
    extra: Sequence[Metric] = (),
    jobs: int = 1,
    save_pictures: bool = False,
    fresh: bool = False,
    on_progress: Callable[[Row, bool], None] | None = None,
) -> Evaluation:
    """Score `method` on every picture of `data`, `jobs` at a time, and keep it all in `folder`.

    `metrics` are names of METRICS, with `_gt_mean` after them for the score after GT-mean; `extra` ones are not in it.

    Rows that are there from an earlier call with the same method, data and metrics are kept, unless all is to be done
    `fresh`; those of pictures that failed are tried again. A picture that cannot be made or scored is a row with an
    error. `on_progress` is told every row, and whether it was there already. Raises DataError where the folder holds
    another evaluation, ControlError for metrics that are none, WriteError.
    """
    columns = choose_metrics(metrics, data.paired, extra)
    chosen = tuple(columns)
    facts = _facts(method, data, chosen, jobs, extra)
    names = [item.name for item in data.items]
    assert len(set(names)) == len(names), "sets give every item a name of its own"
    with _writing(folder):
        if fresh:
            _clear(folder)
        _refuse_other(folder, facts)
        kept = [row for row in _read_rows(folder) if "error" not in row]
        if save_pictures:
            kept = [row for row in kept if _picture(folder, row["name"]).exists()]
        rows = {row["name"]: row for row in kept if row["name"] in set(names)}
        (folder / PICTURES if save_pictures else folder).mkdir(parents=True, exist_ok=True)
        if not (folder / FACTS).exists():
            _put(folder / FACTS, json.dumps(facts, indent=2, ensure_ascii=False) + "\n")
        _put(folder / ROWS, "".join(map(_line, rows.values())))
        for row in rows.values():
            if on_progress:
                on_progress(row, True)
        todo = [item for item in data.items if item.name not in rows]
        turn = None if method.parallel else Lock()

        def work(item: Item) -> Row:
            return row_of(method, item, columns, _picture(folder, item.name) if save_pictures else None, turn)

        with open(folder / ROWS, "a", encoding="utf-8") as log:

            def keep(row: Row) -> None:
                rows[row["name"]] = row
                log.write(_line(row))
                log.flush()
                if on_progress:
                    on_progress(row, False)

            _in_threads(work, todo, jobs, keep)
        ordered = [rows[name] for name in names]
        summary = summarise(ordered, chosen)
        _put(folder / ROWS, "".join(map(_line, ordered)))
        _put(folder / TABLE, _as_csv(ordered, chosen))
        _put(folder / SUMMARY, json.dumps(_finite(summary), indent=2) + "\n")
    return Evaluation(folder, facts["method"], facts["data"], chosen, tuple(ordered), summary)


def read_evaluation(folder: str | Path) -> Evaluation:
    """What `evaluate` left in a folder, as far as it got. Raises DataError."""
    folder = Path(folder)
    try:
        facts = json.loads((folder / FACTS).read_text(encoding="utf-8"))
        method, data, metrics = facts["method"], facts["data"], tuple(facts["metrics"])
    except OSError as error:
        raise DataError(
            f"There is no evaluation in '{folder}' ({error.strerror or error}). Give a folder that 'scotopic evaluate' "
            "made, in which there is an evaluation.json."
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise DataError(
            f"'{folder / FACTS}' is damaged ({type(error).__name__}: {error}). Evaluate again with --fresh."
        ) from error
    rows = tuple(_read_rows(folder))
    return Evaluation(folder, method, data, metrics, rows, summarise(rows, metrics))


def summarise(rows: Iterable[Row], metrics: Sequence[str]) -> Summary:
    """Mean, 95 % interval and count of every metric and of the seconds: of all rows ("") and of each group's.

    A metric that no picture of a group has is left out.
    """
    scored = [row for row in rows if "error" not in row]
    groups: dict[str, list[Row]] = {"": scored}
    for row in scored:
        for label in groups_in(row["group"]):
            groups.setdefault(label, []).append(row)
    # Ratios before exposures, and both from the brightest to the darkest.
    order = sorted(groups, key=lambda label: (label != "", not label.startswith("x"), _mean_ratio(groups[label])))
    summary: dict[str, dict[str, dict[str, float]]] = {}
    for label in order:
        summary[label] = {}
        for metric in (*metrics, "seconds"):
            having = [row for row in groups[label] if row.get(metric) is not None]
            if having:
                values = np.array([row[metric] for row in having], np.float64)
                low, high = interval(values, [row["scene"] for row in having])
                summary[label][metric] = {"mean": float(values.mean()), "low": low, "high": high, "count": len(having)}
    return summary


def _mean_ratio(rows: Sequence[Row]) -> float:
    return float(np.mean([row.get("ratio") or 0 for row in rows])) if rows else 0


def _facts(
    method: Method, data: EvaluationSet, metrics: tuple[str, ...], jobs: int, extra: Sequence[Metric]
) -> dict[str, Any]:
    from scotopic import __version__
    from scotopic.training.speed import machine

    return {
        "method": {"name": method.name, "kind": method.kind, "facts": dict(method.facts)},
        "data": {
            "name": data.name,
            "root": str(data.root),
            "split": data.split,
            "how": data.how,
            "digest": data.digest,
            "protocol": data.protocol,
            "count": len(data.items),
            "paired": data.paired,
        },
        "metrics": list(metrics),
        "brought": {metric.name: metric.source for metric in extra if metric.name in metrics},
        "environment": {
            "scotopic": __version__,
            "python": platform.python_version(),
            "numpy": np.__version__,
            "platform": platform.platform(),
            "processor": machine(),
            "jobs": jobs,
        },
        "started": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
    }


def _refuse_other(folder: Path, facts: Mapping[str, Any]) -> None:
    """DataError where the folder holds rows of another method, of other data or by other metrics."""
    if not (folder / FACTS).exists():
        return
    there = read_evaluation(folder)
    differ = []
    then, now = _flat(there.method), _flat(json.loads(json.dumps(facts["method"])))
    keys = [key for key in {**then, **now} if then.get(key) != now.get(key)]
    if keys:
        differ.append("method: " + ", ".join(f"{key} {then.get(key)} then, {now.get(key)} now" for key in keys))
    if (there.data.get("digest"), there.data.get("protocol")) != (facts["data"]["digest"], facts["data"]["protocol"]):
        differ.append(f"data: '{there.data.get('how')}' then, '{facts['data']['how']}' now, or files of other sizes")
    brought = json.loads((folder / FACTS).read_text(encoding="utf-8")).get("brought", {})
    if brought != facts["brought"]:
        differ.append(f"metrics: {brought or 'none brought along'} then, {facts['brought'] or 'none'} now")
    if list(there.metrics) != facts["metrics"]:
        differ.append(f"metrics: {', '.join(there.metrics)} then, {', '.join(facts['metrics'])} now")
    if differ:
        raise DataError(
            f"'{folder}' holds another evaluation ({'; '.join(differ)}). Choose another folder, or do it all again "
            "with --fresh."
        )


def _flat(method: Mapping[str, Any]) -> dict[str, Any]:
    """A method in evaluation.json, without what a run's log says: it grows while the checkpoint stays as it is."""
    facts = {key: value for key, value in method["facts"].items() if (method["kind"], key) not in GROWING}
    return {"name": method["name"], "kind": method["kind"], **facts}


def _in_threads(work: Callable[[Item], Row], items: Sequence[Item], jobs: int, keep: Callable[[Row], None]) -> None:
    """`keep` the rows of `items` as they are done; when it is stopped those in hand are finished, and the rest left."""
    with ThreadPoolExecutor(jobs, "evaluate") as pool:
        pending: set[Future[Row]] = {pool.submit(work, item) for item in items}
        try:
            while pending:
                # Not for ever at once: a signal that another thread received does not wake one that waits.
                for future in wait(pending, timeout=LISTEN_EVERY_S, return_when=FIRST_COMPLETED).done:
                    keep(future.result())
                    pending.remove(future)
        except BaseException:
            in_hand = {future for future in pending if not future.cancel()}
            for future in wait(in_hand).done:
                if future.exception() is None:
                    keep(future.result())
            raise


def _read_rows(folder: Path) -> list[Row]:
    """The rows that are there; a line that was cut off is none."""
    rows = {}
    with suppress(OSError), open(folder / ROWS, encoding="utf-8", errors="replace") as file:
        for line in file:
            with suppress(ValueError, TypeError, KeyError):
                row = json.loads(line)
                rows[str(row["name"])] = row
    return list(rows.values())


def _picture(folder: Path, name: str) -> Path:
    return folder / PICTURES / f"{name}.png"


def _line(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False) + "\n"


def _as_csv(rows: Sequence[Row], metrics: Sequence[str]) -> str:
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, [*ABOUT, *metrics, "error"], restval="", lineterminator="\n")
    table.writeheader()
    table.writerows(rows)
    return text.getvalue()


def _finite(value: Any) -> Any:
    """The same for JSON, which knows no "not a number"."""
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _put(path: Path, text: str) -> None:
    """Write beside the place, then put it there: a reader finds the old file or the new one, whole."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8", newline="")
    os.replace(unfinished, path)


def _clear(folder: Path) -> None:
    files = [folder / name for name in (FACTS, ROWS, TABLE, SUMMARY)]
    for path in (*files, *(folder / PICTURES).glob("*.png")):
        path.unlink(missing_ok=True)


@contextmanager
def _writing(folder: Path) -> Iterator[None]:
    try:
        yield
    except BrokenPipeError:  # of whoever is told of the progress
        raise
    except OSError as error:
        raise WriteError(
            f"The evaluation cannot be written to '{folder}' ({error.strerror or error}). Choose another folder, or "
            "make room there; then the same command goes on."
        ) from error
