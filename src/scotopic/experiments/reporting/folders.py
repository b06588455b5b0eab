"""The folders that a report is made of: training runs, evaluations, comparisons, sweeps; told by what they hold."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from ...errors import DataError, ScotopicError
from ...training.curves import Column, read_columns
from ...training.validation import ranked_by
from ..evaluate import Evaluation, read_evaluation
from ..sweeping.grid import slug

COMPARISON = ("data", "methods", "pictures", "scenes", "reading", "differences", "cases", "strips", "by")
SWEEP = ("name", "axes", "columns", "seeds", "lines", "notes")
"""What stands in a comparison.json and in a table.json of ours."""

KINDS = ("evaluation.json", "comparison.json", "table.json", "log.csv")
"""The file that only an evaluation has, a comparison, a sweep, a training run."""
DEEP = 4
"""Folders in each other that are looked through for runs and evaluations."""

TRAINING_ONLY = frozenset(
    (
        *("size", "flips", "quarter_turns", "rotate", "translate", "zoom"),
        *("brightness", "contrast", "saturation", "hue", "jitter", "cache"),
    )
)
"""Settings of data sets with `held_out_size` that change nothing about held-out pictures."""


@dataclass(frozen=True)
class Run:
    """A run folder: its recipe as a table and as text, and the numbers of its log.

    `method` is what it counts as: itself, or its row of a sweep.
    """

    name: str
    folder: Path
    recipe: Mapping[str, Any]
    recipe_text: str
    environment: str
    columns: Mapping[str, Column]
    parameters: int | None
    finished: bool
    row: str = ""

    @property
    def method(self) -> str:
        return self.row or self.name

    @property
    def held_out(self) -> str:
        """The same for runs whose held-out scores are of the same pictures."""
        data = self.recipe.get("data", {})
        if "held_out_size" in data:
            data = {key: value for key, value in data.items() if key not in TRAINING_ONLY}
        drawn = "" if data.get("splits") else self.recipe.get("loop", {}).get("seed")
        return json.dumps([data, drawn], sort_keys=True, default=str)

    @property
    def steps(self) -> int:
        return int(self.columns["step"][1][-1])

    @property
    def best(self) -> tuple[int, dict[str, float]] | None:
        """The step of the best validation and what was measured then, or None without validations."""
        key, sign = ranked_by(str(self.recipe.get("loop", {}).get("best_by", "loss")))
        if f"val_{key}" not in self.columns:
            return None
        steps, values = self.columns[f"val_{key}"]
        step = steps[(sign * values).argmax()]
        report = {
            name.removeprefix("val_"): float(value[at == step][0])
            for name, (at, value) in self.columns.items()
            if name.startswith("val_") and (at == step).any()
        }
        return int(step), report


@dataclass(frozen=True)
class Scored:
    """An evaluation folder, by the name it has on the page."""

    name: str
    evaluation: Evaluation
    environment: str

    @property
    def folder(self) -> Path:
        return self.evaluation.folder


Some = TypeVar("Some", Run, Scored)


def pictures_of(scored: Scored) -> tuple[str, str, str]:
    """The same for evaluations on the same pictures."""
    data = scored.evaluation.data
    return str(data["name"]), str(data["split"]), str(data["digest"])


@dataclass(frozen=True)
class Compared:
    """A comparison folder: `facts` as in its comparison.json."""

    folder: Path
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Sweep:
    """A sweep folder: `table` as in its table.json, and the runs of its trials."""

    name: str
    folder: Path
    table: Mapping[str, Any]
    runs: Sequence[Run]

    def method_of(self, line: Mapping[str, Any]) -> str:
        """What the runs of a line of the table count as."""
        return f"{self.name}: {'-'.join(map(slug, line['labels'].values()))}"


@dataclass
class Found:
    runs: list[Run] = field(default_factory=list)
    scored: list[Scored] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    sweeps: list[Sweep] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def in_words(self) -> str:
        kinds = ((self.scored, "evaluation"), (self.compared, "comparison"), (self.sweeps, "sweep"))
        counts = [(len(found), what) for found, what in (*kinds, (self.runs, "training run"))]
        return ", ".join(f"{count:,} {what}{'s' * (count != 1)}" for count, what in counts if count)


def find(places: Sequence[str | Path]) -> Found:
    """What is in `places` and below, in order, each folder once. What is broken is a line of `problems`.

    Raises DataError where nothing at all can be shown.
    """
    found, seen = Found(), set()
    for place in map(Path, places):
        folders = list(_below(place))
        if not folders:
            found.problems.append(
                f"'{place}' holds nothing to report. Give what 'scotopic train', 'evaluate', 'compare' or 'sweep' left "
                "(a folder with log.csv, evaluation.json, comparison.json or table.json), or a folder of such."
            )
        for folder, kind in folders:
            if folder.resolve() in seen:
                continue
            seen.add(folder.resolve())
            try:
                _open(folder, kind, found)
            except ScotopicError as error:
                found.problems.append(str(error))
            except (OSError, LookupError, TypeError, ValueError) as error:
                found.problems.append(f"'{folder}' is damaged or not finished, and left out: {error!r}.")
    if not found.in_words:
        raise DataError(" ".join(found.problems))
    found.runs = _told_apart(found.runs, lambda run: 0)
    found.scored = _told_apart(found.scored, pictures_of)
    return found


def _open(folder: Path, kind: str, found: Found) -> None:
    if kind == "log.csv":
        found.runs.append(open_run(folder))
    elif kind == "evaluation.json":
        found.scored.append(open_evaluation(folder))
    elif kind == "comparison.json":
        found.compared.append(Compared(folder, _json(folder / kind, COMPARISON)))
    else:
        found.sweeps.append(open_sweep(folder, found.problems))


def open_sweep(folder: Path, problems: list[str]) -> Sweep:
    """A sweep; trials that cannot be read are lines of `problems`."""
    table = _json(folder / "table.json", SWEEP)
    name = str(table["name"])
    runs = []
    for trial in sorted((folder / "trials").glob("*/log.csv")):
        try:
            row = re.sub(r"-?seed\d+$", "", trial.parent.name)
            runs.append(replace(open_run(trial.parent), row=f"{name}: {row}"))
        except (OSError, LookupError, TypeError, ValueError) as error:
            problems.append(f"The trial '{trial.parent}' is damaged or not begun, and left out: {error!r}.")
    return Sweep(name, folder, table, runs)


def _json(path: Path, keys: Sequence[str]) -> Mapping[str, Any]:
    table = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(table, dict):
        raise ValueError(f"{path.name} holds no table")
    if missing := [key for key in keys if key not in table]:
        raise ValueError(f"{path.name} has no '{missing[0]}'")
    return table


def open_run(folder: Path) -> Run:
    text = (folder / "recipe.toml").read_text(encoding="utf-8")
    columns = read_columns(folder / "log.csv")
    environment = folder / "environment.json"
    return Run(
        folder.resolve().name,
        folder,
        tomllib.loads(text),
        text,
        environment.read_text(encoding="utf-8") if environment.exists() else "",
        columns,
        _parameters(folder / "recipe.toml"),
        (folder / "done").exists(),
    )


def open_evaluation(folder: Path) -> Scored:
    evaluation = read_evaluation(folder)
    facts = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    return Scored(str(evaluation.method["name"]), evaluation, json.dumps(facts.get("environment", {}), indent=2))


def _below(folder: Path, deep: int = DEEP) -> Iterator[tuple[Path, str]]:
    """The folders of ours in `folder`, itself perhaps one, and the file that tells what each is."""
    if not folder.is_dir():
        return
    names = {path.name for path in folder.iterdir()}
    kind = next((kind for kind in KINDS if kind in names), None)
    if kind:
        yield folder, kind
    elif deep:
        for name in sorted(names):
            if not name.startswith("."):
                yield from _below(folder / name, deep - 1)


def _parameters(recipe: Path) -> int | None:
    """The number of weights in the network of a recipe; None for one that this scotopic cannot follow any more."""
    from ...training import read_recipe
    from ...training.loop import build_network

    try:
        network = build_network(read_recipe(recipe))
    except ScotopicError:
        return None
    return sum(parameter.numel() for parameter in network.parameters())


def _told_apart(found: list[Some], same: Callable[[Some], object]) -> list[Some]:
    """Those of one name, where `same` is the same too, get as much of their path as tells them apart."""
    told: list[Some] = []
    for one in found:
        rivals = [other for other in found if other.name == one.name and same(other) == same(one)]
        paths = [rival.folder.resolve().parts for rival in rivals if rival is not one]
        own = one.folder.resolve().parts
        parts = next((n for n in range(1, len(own)) if all(path[-n:] != own[-n:] for path in paths)), len(own))
        told.append(replace(one, name=f"{one.name} ({'/'.join(own[-parts:])})") if paths else one)
    return told
