"""One trial of a sweep, in a process of its own: train by a recipe, score what comes out, write down what it is worth.

    python -m scotopic.experiments.sweeping.trial FOLDER

FOLDER holds `trial.json` (see `Order`); `result.json` is the last thing written to it. The process ends when its
standard input does: with whoever started it.
"""

from __future__ import annotations

import csv
import json
import math
import os
import sys
import threading
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...errors import DataError, ScotopicError

ORDER, RESULT, FAILURE, LOG = "trial.json", "result.json", "failure.json", "trial.log"

METRICS = ("psnr", "psnr_gt_mean", "ssim", "mae", "mse")
GIVEN_UP = 3
"""Exit code of a trial that would fail again; what went wrong is in `failure.json`."""


@dataclass(frozen=True)
class Order:
    """What a trial is to do: `recipe` as TOML tables, and which held-out pictures score which checkpoint."""

    recipe: dict[str, Any]
    sha256: str
    split: str
    checkpoint: str
    threads: int


@dataclass(frozen=True)
class Result:
    """What came of a trial. `scores[group or ""]`: means over its pictures; `losses`: of the held-out pictures that
    validated it, unweighted, at the step that was scored."""

    sha256: str
    split: str
    checkpoint: str
    pictures: int
    failed: int
    data: dict[str, Any]
    scores: dict[str, dict[str, float]]
    losses: dict[str, float]
    step: int
    steps: int
    stopped: str
    training_s: float
    parameters: int
    machine: str


def write_json(path: Path, value: Any) -> None:
    """Written beside `path` and put in its place: a reader finds all of it or none."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(unfinished, path)


def read_order(folder: Path) -> Order | None:
    """The order in `folder`, None where there is none."""
    table = _table(folder / ORDER)
    return Order(**table) if table else None


def read_result(folder: Path) -> Result | None:
    """The result in `folder`, None where there is none."""
    table = _table(folder / RESULT)
    return Result(**table) if table else None


def read_failure(folder: Path) -> str:
    """Why the trial in `folder` was given up, in a sentence, or nothing."""
    return str(_table(folder / FAILURE).get("error", ""))


def _table(path: Path) -> dict[str, Any]:
    try:
        table = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise DataError(f"'{path}' cannot be read ({error}). Delete it and start the sweep again.") from error
    assert isinstance(table, dict)
    return table


def follow(folder: Path, order: Order) -> Result:
    """Train, or go on training, in `folder` as ordered, and score it. Raises ScotopicError."""
    import torch

    from scotopic.training import train
    from scotopic.training.checkpoint import load
    from scotopic.training.loop import build_network
    from scotopic.training.recipe import recipe_from_table

    from ..evaluate import evaluate
    from ..methods import open_method

    torch.set_num_threads(order.threads)
    recipe = recipe_from_table(order.recipe)
    summary = train(recipe, run_dir=folder)
    progress = load(folder / "checkpoints" / f"{order.checkpoint}.safetensors").progress
    split, data = held_out(folder, order.split)
    method = open_method(f"{folder}@{order.checkpoint}", threads=order.threads)
    scored = evaluate(method, data, folder / "evaluations" / f"{split}-{order.checkpoint}", metrics=METRICS, fresh=True)
    if not scored.scored:
        raise DataError(
            f"None of the {len(scored.rows)} pictures of '{folder}' could be scored. The first: "
            f"{scored.failed[0]['error'] if scored.failed else 'there is none'}"
        )
    return Result(
        sha256=order.sha256,
        split=split,
        checkpoint=order.checkpoint,
        pictures=len(scored.scored),
        failed=len(scored.failed),
        data=dict(scored.data),
        scores={group: means(summary) for group, summary in scored.summary.items()},
        losses=losses_at(folder / "log.csv", progress.step),
        step=progress.step,
        steps=summary.steps,
        stopped=summary.stopped,
        training_s=summary.seconds,
        parameters=sum(parameter.numel() for parameter in build_network(recipe).parameters()),
        machine=progress.machine,
    )


def held_out(folder: Path, split: str) -> tuple[str, Any]:
    """The held-out pictures of the run in `folder` and the name of their split; "" = test, or val where none are."""
    from ..sets.items import recipe_set

    if split:
        return split, recipe_set(folder, split)  # type: ignore[arg-type]
    try:
        return "test", recipe_set(folder, "test")
    except DataError:
        return "val", recipe_set(folder, "val")


def means(summary: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    return {metric: float(numbers["mean"]) for metric, numbers in summary.items()}


def losses_at(log: Path, step: int) -> dict[str, float]:
    """The losses that the validation of `step` found, by name ("loss_l1"), from a run's log.csv; the finite ones."""
    with open(log, encoding="utf-8", newline="") as file:
        row = next((row for row in csv.DictReader(file) if row["step"] == str(step)), {})
    return {
        key.removeprefix("val_"): float(value)
        for key, value in row.items()
        if key.startswith("val_loss") and value and math.isfinite(float(value))
    }


def _end_with_starter() -> None:
    """Wait for the end of standard input, then leave at once: what is on disk goes on from there."""
    while os.read(0, 1024):
        pass
    os._exit(GIVEN_UP + 1)


def main(folder: Path) -> int:
    from filelock import FileLock

    threading.Thread(target=_end_with_starter, daemon=True).start()
    order = read_order(folder)
    if order is None:
        raise DataError(f"There is no {ORDER} in '{folder}'. Trials are started by scotopic sweep.")
    # One that was left behind by a driver that was killed has a moment to end.
    with FileLock(folder / ".lock", timeout=60):
        try:
            result = follow(folder, order)
        except ScotopicError as error:
            traceback.print_exc()
            write_json(folder / FAILURE, {"error": str(error)})
            return GIVEN_UP
        write_json(folder / RESULT, asdict(result))
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
