"""What a sweep comes to: a line for each row of its grid, mean and standard deviation over seeds."""

from __future__ import annotations

import csv
import io
import os
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from ...errors import RecipeError
from .grid import Grid, Trial
from .trial import Result, read_failure, read_result, write_json

HEADS: dict[str, tuple[str, int]] = {
    "psnr": ("PSNR, dB", 2),
    "psnr_gt_mean": ("PSNR GT-mean, dB", 2),
    "ssim": ("SSIM", 3),
    "mae": ("MAE", 4),
    "mse": ("MSE", 5),
    "mae_255": ("MAE, of 255", 2),
    "mse_255": ("MSE, of 255²", 1),
    "seconds": ("seconds a picture", 3),
    "step": ("step scored", 0),
    "steps": ("steps trained", 0),
    "training_s": ("seconds of training", 0),
    "parameters": ("parameters", 0),
}
"""Head and decimals of each column; a loss of the held-out pictures is `loss_NAME`."""

LOSS_DIGITS = 5


@dataclass(frozen=True)
class Number:
    """Over the seeds that have a result: the mean, and the standard deviation of the sample (none of a single one)."""

    mean: float
    std: float | None
    values: dict[int, float]


@dataclass(frozen=True)
class Line:
    """A row of the grid. `numbers[group or ""][column]`; `missing`: seeds without a result, and why."""

    labels: dict[str, str]
    row: str
    numbers: dict[str, dict[str, Number]]
    missing: dict[int, str]


@dataclass(frozen=True)
class Table:
    """The lines of a sweep; `notes` are what a reader must know about how they were scored."""

    name: str
    axes: list[str]
    columns: list[str]
    seeds: list[int]
    lines: list[Line]
    notes: list[str] = field(default_factory=list)

    @property
    def missing(self) -> int:
        """How many trials have no result."""
        return sum(len(line.missing) for line in self.lines)

    @property
    def groups(self) -> list[str]:
        """The parts of the held-out pictures that have lines of their own, "" first: all of them."""
        return list(dict.fromkeys(["", *(group for line in self.lines for group in line.numbers)]))

    def to_markdown(self) -> str:
        """One table of all pictures, and where they come in groups, one for each."""
        parts = [" ".join(self.notes)] if self.notes else []
        for group in self.groups:
            parts += [f"**{group}**"] * bool(group) + [self._part(group)]
        gone = [f"- {line.row}, seed {seed}: {why}" for line in self.lines for seed, why in line.missing.items() if why]
        return "\n\n".join([*parts, *(["Without a result:\n\n" + "\n".join(gone)] if gone else [])]) + "\n"

    def _part(self, group: str) -> str:
        heads = [*(self.axes or ["row"]), *(_head(column) for column in self.columns)]
        short = any(line.missing for line in self.lines)
        rows = [[*heads, "seeds"] if short else heads]
        rows.append(["---"] * (len(rows[0]) - len(self.columns) - short) + ["---:"] * (len(self.columns) + short))
        for line in self.lines:
            numbers = line.numbers.get(group, {})
            cells = [_cell(column, numbers.get(column)) for column in self.columns]
            count = [f"{len(self.seeds) - len(line.missing)} of {len(self.seeds)}"] if short else []
            rows.append([*(line.labels.values() or [line.row]), *cells, *count])
        return "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |" for row in rows)

    def to_csv(self) -> str:
        """Every column of every line and group: mean, standard deviation and number of seeds."""
        parts = [part for line in self.lines for part in line.numbers.values()]
        columns = sorted({column for part in parts for column in part}, key=_order)
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        ends = ("mean", "std", "seeds")
        writer.writerow([*self.axes, "group", *(f"{column}_{end}" for column in columns for end in ends)])
        for line in self.lines:
            for group, numbers in line.numbers.items():
                cells: list[Any] = []
                for column in columns:
                    number = numbers.get(column)
                    cells += [number.mean, number.std, len(number.values)] if number else ["", "", 0]
                writer.writerow([*line.labels.values(), group, *cells])
        return text.getvalue()


def write_tables(grid: Grid, folder: Path) -> Table:
    """The table of the results in `folder`, and table.md, .csv and .json there."""
    results = {trial.name: _result(grid, trial, folder / "trials" / trial.name) for trial in grid.trials}
    table = table_of(grid, results)
    _write(folder / "table.md", table.to_markdown())
    _write(folder / "table.csv", table.to_csv())
    write_json(folder / "table.json", asdict(table))
    return table


def table_of(grid: Grid, results: Mapping[str, Result | str]) -> Table:
    """The table of `results` by trial name; a text says why there is none, and is empty where it is still to come."""
    seeds = sorted({trial.seed for trial in grid.trials})
    lines = [
        Line(dict(trials[0].labels), row, *_numbers([(trial.seed, results[trial.name]) for trial in trials]))
        for row, trials in grid.rows.items()
    ]
    return Table(grid.name, list(grid.axes), list(grid.columns), seeds, lines, list(_notes(grid, results)))


def refuse_unknown(columns: Iterable[str]) -> None:
    """Raise RecipeError for a column that no result has."""
    unknown = [column for column in columns if column not in HEADS and not column.startswith("loss")]
    if unknown:
        raise RecipeError(f"The table has no column '{unknown[0]}'. Known: {', '.join(HEADS)}, loss_NAME.")


def _result(grid: Grid, trial: Trial, folder: Path) -> Result | str:
    result = read_result(folder)
    fits = result and (result.sha256, result.checkpoint) == (trial.recipe.sha256, grid.checkpoint)
    if result and fits and grid.split in ("", result.split):
        return result
    return read_failure(folder)


def _numbers(results: Sequence[tuple[int, Result | str]]) -> tuple[dict[str, dict[str, Number]], dict[int, str]]:
    values: dict[str, dict[str, dict[int, float]]] = {}
    for seed, result in results:
        if isinstance(result, Result):
            for group, scores in _columns(result).items():
                for column, value in scores.items():
                    values.setdefault(group, {}).setdefault(column, {})[seed] = value
    numbers = {group: {c: _number(of_seed) for c, of_seed in columns.items()} for group, columns in values.items()}
    return numbers, {seed: result for seed, result in results if isinstance(result, str)}


def _columns(result: Result) -> dict[str, dict[str, float]]:
    """What a trial says in each column, by group. What is not of single pictures stands in the row of all."""
    columns = {}
    for group, scores in result.scores.items():
        columns[group] = dict(scores)
        columns[group] |= {"mae_255": 255 * scores["mae"]} if "mae" in scores else {}
        columns[group] |= {"mse_255": 255**2 * scores["mse"]} if "mse" in scores else {}
    of_all = {"step": result.step, "steps": result.steps, "training_s": result.training_s, **result.losses}
    columns[""] = {**columns.get("", {}), **of_all, "parameters": result.parameters}
    return columns


def _number(values: dict[int, float]) -> Number:
    numbers = list(values.values())
    return Number(statistics.fmean(numbers), statistics.stdev(numbers) if len(numbers) > 1 else None, values)


def _notes(grid: Grid, results: Mapping[str, Result | str]) -> Iterable[str]:
    """What was scored and how, in sentences."""
    found = [(trial, result) for trial in grid.trials if isinstance(result := results[trial.name], Result)]
    if not found:
        return
    trial, first = found[0]
    seeds = len({trial.seed for trial in grid.trials})
    count = f"mean ± standard deviation over {seeds} seeds" if seeds > 1 else "one seed"
    yield f"Data set `{trial.recipe.data.name}`, split {first.split}: {first.pictures} pictures; {count};"
    yield f"the {first.checkpoint} step of each trial."
    protocol = str(first.data.get("protocol", "")).partition("; 95 %")[0]  # no intervals here: seeds are told apart
    if protocol:
        yield f"{protocol.rstrip('.')}."
    digests = {(trial.seed, result.data.get("digest")) for trial, result in found}
    if len(digests) > len({seed for seed, _ in digests}):
        yield "Not all rows were scored on the same pictures."
    elif len({digest for _, digest in digests}) > 1:
        yield "Each seed has held-out views of its own."
    failed = sum(result.failed for _, result in found)
    if failed:
        yield f"{failed} pictures could not be scored, counted over all trials."
    yield f"{', '.join(sorted({result.machine for _, result in found}))}."


def _head(column: str) -> str:
    return HEADS[column][0] if column in HEADS else column.removeprefix("loss_").replace("_", " ")


def _cell(column: str, number: Number | None) -> str:
    if number is None:
        return ""
    digits = HEADS[column][1] if column in HEADS else LOSS_DIGITS
    spread = number.std or 0.0
    if number.std is None or (column in ("parameters", "step", "steps") and not spread):
        return f"{number.mean:,.{digits}f}"
    return f"{number.mean:,.{digits}f} ± {spread:,.{digits}f}"


def _order(column: str) -> tuple[int, str]:
    known = list(HEADS)
    return (known.index(column) if column in known else len(known), column)


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    os.replace(unfinished, path)
