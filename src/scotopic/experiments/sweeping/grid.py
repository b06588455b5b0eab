"""A grid: one TOML file that says which recipes are trained with which settings and seeds, read and checked whole."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import product
from pathlib import Path
from typing import Any

from scotopic.training.recipe import Recipe, read_recipe
from scotopic.training.settings import Table, choice, read_section, suggestion

from ...errors import RecipeError

Axes = Mapping[str, Mapping[str, Sequence[str]]]
"""The changes behind each label of each axis."""

COLUMNS = (
    *("psnr", "psnr_gt_mean", "ssim", "mae", "mse"),
    *("step", "training_s", "seconds", "parameters"),
)
"""What the table shows of a row, unless the grid says otherwise."""


@dataclass(frozen=True)
class GridFile:
    """The keys of a grid file.

    - `recipe`: the recipe that all start from. Paths are seen from the file they stand in.
    - `seeds`: each row is trained once with each, as `loop.seed`.
    - `split`: which held-out pictures are scored: "val" or "test"; "" = test where the data set has one, else val.
    - `checkpoint`: which step of a trial is scored, its "best" (by `loop.best_by`) or its "last".
    - `changes`: KEY=VALUE as `scotopic train` takes them, for all trials.
    - `[grid.AXIS]`: labels, and for each a change or a list of them; the change `recipe=PATH` takes another recipe.
      Shorter, `"KEY" = [VALUE, VALUE]` in `[grid]` is an axis, too.
    - `[[rows]]`: a label for each axis, where not every combination is wanted. An axis it leaves out has its first.
    - `columns`: what the Markdown table shows.
    - `like`: another grid file, whose keys hold where this one has none. Changes are added to its changes.
    """

    recipe: str = ""
    name: str = ""
    seeds: Sequence[int] = (0,)
    split: str = choice("", "", "val", "test")
    checkpoint: str = choice("best", "best", "last")
    changes: Sequence[str] = ()
    columns: Sequence[str] = COLUMNS
    grid: dict[str, Any] = field(default_factory=dict)
    rows: Sequence[dict[str, Any]] = ()
    like: str = ""


@dataclass(frozen=True)
class Trial:
    """One training run: a row of the grid (the label of each axis), with one seed."""

    labels: Mapping[str, str]
    seed: int
    recipe: Recipe

    @property
    def name(self) -> str:
        """What its folder is called."""
        return self.recipe.name

    @property
    def row(self) -> str:
        return in_words(self.labels)


@dataclass(frozen=True)
class Grid:
    """A grid file, resolved: every trial's recipe is read and can be followed. Trials are ordered by row, then seed."""

    name: str
    split: str
    checkpoint: str
    columns: tuple[str, ...]
    axes: tuple[str, ...]
    trials: tuple[Trial, ...]

    @property
    def rows(self) -> dict[str, list[Trial]]:
        """The trials of each row, by its name."""
        rows: dict[str, list[Trial]] = {}
        for trial in self.trials:
            rows.setdefault(trial.row, []).append(trial)
        return rows


def read_grid(path: str | Path, changes: Sequence[str] = (), seeds: Sequence[int] = ()) -> Grid:
    """The grid in the TOML file `path`; `changes` come after its own, and `seeds` in place of its own.

    Raises RecipeError for whatever is wrong with the file or with the recipe of any row, before anything is trained.
    """
    path = Path(path)
    file = read_section(GridFile, _read(path, ()), path.name)
    file = replace(file, seeds=tuple(seeds) or tuple(file.seeds), name=file.name or path.stem)
    _refuse(file, changes)
    axes = {name: _axis(name, options) for name, options in file.grid.items()}
    trials = tuple(
        Trial(labels, seed, _recipe(file, labels, axes, changes, seed))
        for labels in _rows(file.rows, axes)
        for seed in file.seeds
    )
    _refuse_twins(trials)
    return Grid(file.name, file.split, file.checkpoint, tuple(file.columns), tuple(axes), trials)


def in_words(labels: Mapping[str, str]) -> str:
    """A row's name: its labels, or what to call the only one.

    >>> in_words({"network": "CNN", "loss": "MAE"})
    'CNN, MAE'
    """
    return ", ".join(labels.values()) or "the recipe"


def slug(text: str) -> str:
    """`text` as part of a folder's name.

    >>> slug("MAE + 0.01 BCE"), slug("U-Net, ReLU")
    ('mae_0.01_bce', 'u-net_relu')
    """
    return re.sub(r"[^\w.-]+", "_", text.lower()).strip("_.")


def _read(path: Path, below: tuple[Path, ...]) -> Table:
    """The keys of a file and of those that it is like, with whole paths of recipes."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RecipeError(f"The grid '{path}' cannot be read ({error.strerror}). Give a TOML file.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"The grid '{path}' is not valid TOML: {error}.") from error
    if not isinstance(table.get("grid", {}), dict):
        raise RecipeError(f"[grid] in '{path}' must be a table of axes, got {table['grid']!r}.")
    axes = {name: _here(options, path.parent) for name, options in table.get("grid", {}).items()}
    own = {**table, "grid": axes}
    if table.get("recipe") and isinstance(table["recipe"], str):
        own["recipe"] = str(path.parent / table["recipe"])
    if not isinstance(table.get("like"), str):
        return own
    if path.resolve() in below:
        raise RecipeError(f"The grid '{path}' is like itself. Take the key 'like' out of one of the files.")
    other = _read(path.parent / table["like"], (*below, path.resolve()))
    both: Table = {**other, **own, "grid": {**other["grid"], **axes}}
    if isinstance(own.get("changes"), list) and isinstance(other.get("changes"), list):
        both["changes"] = [*other["changes"], *own["changes"]]
    return both


def _here(options: Any, folder: Path) -> Any:
    """The options of an axis with the recipes they name seen from `folder`."""
    if not isinstance(options, dict):
        return options
    changed = {label: [change] if isinstance(change, str) else change for label, change in options.items()}
    return {
        label: [
            f"recipe={folder / change.partition('=')[2].strip()}" if _key(change) == "recipe" else change
            for change in changes
        ]
        if isinstance(changes, list)
        else changes
        for label, changes in changed.items()
    }


def _key(change: object) -> str:
    return change.partition("=")[0].strip() if isinstance(change, str) else ""


def _axis(name: str, options: Any) -> dict[str, list[str]]:
    """The changes behind each label."""
    if isinstance(options, list) and options:
        # What JSON writes of these is TOML, too.
        if any(not isinstance(value, str | int | float | list) for value in options):
            raise RecipeError(f'grid."{name}" must be a list of plain values. Give labels: [grid.{name}]')
        return {
            value if isinstance(value, str) else json.dumps(value): [f"{name}={json.dumps(value)}"] for value in options
        }
    if not isinstance(options, dict) or not options:
        raise RecipeError(f"[grid.{name}] must be labels with their changes, got {options!r}.")
    for label, changes in options.items():
        if not isinstance(changes, list) or not all(isinstance(change, str) for change in changes):
            raise RecipeError(
                f"grid.{name}.{label} must be a change or a list of changes, got {changes!r}. Write {label} = "
                f'"KEY=VALUE" or, for a setting and its values, a quoted key: "{name}.{label}" = [VALUE, VALUE]'
            )
    return options


def _rows(rows: Sequence[Any], axes: Axes) -> Iterable[dict[str, str]]:
    if not rows:
        return [dict(zip(axes, labels, strict=True)) for labels in product(*axes.values())]
    complete = []
    for number, row in enumerate(rows, start=1):
        if not isinstance(row, dict):
            raise RecipeError(f"Row {number} must be a table of labels, got {row!r}.")
        for name, label in row.items():
            if name not in axes:
                raise RecipeError(f"Row {number} names '{name}', which is no axis of [grid]. {suggestion(name, axes)}")
            if label not in axes[name]:
                raise RecipeError(f"Row {number} has no {name} {label!r}. {suggestion(str(label), axes[name])}")
        complete.append({name: row.get(name, next(iter(axes[name]))) for name in axes})
    return complete


def _recipe(file: GridFile, labels: Mapping[str, str], axes: Axes, more: Sequence[str], seed: int) -> Recipe:
    chosen = [change for name, label in labels.items() for change in axes[name][label]]
    recipes = [change.partition("=")[2] for change in chosen if _key(change) == "recipe"] or [file.recipe]
    if not recipes[-1]:
        raise RecipeError(f"The row '{in_words(labels)}' has no recipe. Give the grid one: recipe = \"PATH\"")
    own = [change for change in chosen if _key(change) != "recipe"]
    name = "-".join([*(slug(label) for label in labels.values()), f"seed{seed}"])
    settings = [*file.changes, *own, *more, f"loop.seed={seed}", f"name={json.dumps(name)}"]
    try:
        return read_recipe(recipes[-1], settings)
    except RecipeError as error:
        raise RecipeError(f"The row '{in_words(labels)}' cannot be trained. {error}") from error


def _refuse(file: GridFile, changes: Sequence[str]) -> None:
    if not file.seeds or len(set(file.seeds)) < len(file.seeds) or min(file.seeds) < 0:
        raise RecipeError(f"seeds must be different whole numbers of at least 0, got {list(file.seeds)}.")
    everywhere = [*file.changes, *changes]
    for key, instead in (("loop.seed", "seeds = [0, 1, 2]"), ("recipe", 'recipe = "PATH"'), ("name", 'name = "NAME"')):
        if any(_key(change) == key for change in everywhere):
            raise RecipeError(f"'{key}' cannot be changed for all trials. Say it in the grid file: {instead}")


def _refuse_twins(trials: Sequence[Trial]) -> None:
    """Rows that differ in name alone: most likely something said later undoes what tells them apart."""
    seen: dict[str, Trial] = {}
    names: dict[str, Trial] = {}
    for trial in trials:
        same = seen.setdefault(replace(trial.recipe, name="").sha256, trial)
        if same is not trial:
            raise RecipeError(
                f"The rows '{same.row}' and '{trial.row}' are the same recipe: nothing that tells them apart is left "
                "after all changes. Leave one out, or the change that undoes the difference."
            )
        other = names.setdefault(trial.name, trial)
        if other is not trial:
            raise RecipeError(
                f"The rows '{other.row}' and '{trial.row}' would share the folder '{trial.name}'. Give other labels."
            )
