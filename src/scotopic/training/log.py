"""What a run leaves behind to look at: curves (CSV and TensorBoard), picture strips, recipe, words on the console."""

from __future__ import annotations

import csv
import json
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from torch.utils.tensorboard.writer import SummaryWriter

from scotopic.image import Picture, write
from scotopic.runtime.thumbnail import shrink

from ..errors import TrainingError
from .agreement import SCORES, SCORES_OF_PAIRS, has_truth, is_paired, looks_at
from .batches import Pictures
from .curves import draw_curves
from .objective import Develop
from .recipe import Recipe
from .speed import environment
from .validation import Report, preview, ranked_by, to_numpy

STRIP_PICTURES = 4
STRIP_SIDE = 1024
"""Longest side in pixels of a picture in a strip: larger ones are shrunk."""


class RunLog:
    """The files of a run folder: recipe.toml, environment.json, log.csv, tensorboard/, curves/, strips/; live progress.

    `done` is the step the run goes on after: what an interrupted sitting logged beyond it is dropped. `last_step` is
    where it ends.
    """

    def __init__(self, run_dir: Path, recipe: Recipe, done: int, last_step: int, console: Console) -> None:
        self.run_dir = run_dir
        self.recipe = recipe
        self.last_step = last_step
        self.console = console
        make_run_folder(run_dir)
        (run_dir / "recipe.toml").write_text(recipe.to_toml(), encoding="utf-8")
        (run_dir / "environment.json").write_text(json.dumps(environment(), indent=2) + "\n", encoding="utf-8")
        losses = [f"loss_{term.name}" for term in recipe.losses]
        measured = [f"loss_{term.name}" for term in recipe.losses if not looks_at(term.name, *SCORES)]
        rival = ("d_loss", "d_accuracy", "d_grad_norm") if recipe.discriminator else ()
        scores = [key for key, _ in SCORES_OF_PAIRS.values()] if has_truth(recipe) else []
        self.columns = [
            "step",
            "seconds",
            "wait",
            "lr",
            "grad_norm",
            "loss",
            *losses,
            *rival,
            *(f"val_{key}" for key in ("loss", *scores, "brightness", "colour", *measured)),
        ]
        self._rewind(run_dir / "log.csv", done)
        self.file = open(run_dir / "log.csv", "a", encoding="utf-8", newline="")  # noqa: SIM115 - closed in __exit__
        self.rows = csv.DictWriter(self.file, self.columns)
        self.draws = True
        if not done:
            self.rows.writeheader()
        self.curves = SummaryWriter(str(run_dir / "tensorboard"), purge_step=done + 1 if done else None)
        self.progress = Progress(
            TextColumn("step"),
            MofNCompleteColumn(),
            BarColumn(),
            TimeRemainingColumn(),
            TextColumn("{task.description}"),
            console=console,
            disable=not console.is_terminal,
        )
        self.bar = self.progress.add_task("", total=last_step, completed=done)

    def __enter__(self) -> RunLog:
        self.progress.start()
        return self

    def __exit__(self, *why: object) -> None:
        self.progress.stop()
        self.file.close()
        self.curves.close()

    def step(self, step: int, train: Report, report: Report) -> None:
        """Note a step: `train` holds its columns of the CSV, `report` the validation's, empty where there was none."""
        validation = {f"val_{key}": value for key, value in report.items()}
        self.rows.writerow({"step": step, **{key: f"{value:.6g}" for key, value in (train | validation).items()}})
        for key, value in train.items():
            self.curves.add_scalar(f"train/{key}", value, step)
        for key, value in report.items():
            self.curves.add_scalar(f"val/{key}", value, step)
        speed = self.progress.tasks[0].speed or 0.0
        words = f"loss {train['loss']:.4g}, {speed:.2f} steps/s, {train['wait']:.0%} waiting for data"
        self.progress.update(self.bar, completed=step, description=words)

    def say(self, words: str) -> None:
        self.console.print(words, highlight=False, soft_wrap=True)

    def validation(self, step: int, train: Report, report: Report, improved: bool, warning: str) -> None:
        mark = f", best by {self.recipe.loop.best_by}" if improved else ""
        self.say(f"step {step}/{self.last_step}: loss {train['loss']:.4g}, held out: {in_words(report)}{mark}")
        if warning:
            self.say(warning)
        self.draw()

    def draw(self) -> None:
        """Paint curves/. A picture that cannot be painted ends no run: that is said, once."""
        self.file.flush()
        try:
            if self.draws:
                draw_curves(self.run_dir, self.recipe)
        except (ImportError, OSError) as error:
            self.draws = False
            self.say(f"No learning curves are painted: {error}. The numbers are in log.csv.")

    def strip(self, step: int, develop: Develop, pictures: Pictures, device: torch.device) -> None:
        """Paint strips/<step>.png: low | out | target, a row for each of the first held-out pictures.

        Where the target shows another scene it is left out.
        """
        rows = []
        pictures.set_epoch(0)
        develop.eval()
        for index in range(min(STRIP_PICTURES, len(pictures))):
            sample = pictures[index]
            with torch.no_grad():
                out = develop(sample.low[None].to(device)).out
            shown = [preview(sample.low, *out.shape[-2:]), to_numpy(out)]
            if is_paired(pictures):
                shown.append(to_numpy(sample.target))
            rows.append(np.concatenate([shrink(picture, STRIP_SIDE) for picture in shown], axis=1))
        develop.train()
        path = self.run_dir / "strips" / f"{step:07d}.png"
        path.parent.mkdir(exist_ok=True)
        write(Picture(stack(rows)), path, overwrite=True)

    def flush(self) -> None:
        """Put on disk what was logged, so that a checkpoint is never ahead of its curves."""
        self.file.flush()
        self.curves.flush()

    def _rewind(self, path: Path, done: int) -> None:
        if not done or not path.exists():
            path.unlink(missing_ok=True)
            return
        with open(path, encoding="utf-8", newline="") as file:
            rows = [row for row in csv.DictReader(file) if (row["step"] or "").isdigit() and int(row["step"]) <= done]
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, self.columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)


def make_run_folder(run_dir: Path) -> None:
    try:
        run_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise TrainingError(
            f"The run folder '{run_dir}' cannot be made ({error.strerror or error}). Give another: --run-dir FOLDER"
        ) from error


def start_over(run_dir: Path) -> None:
    """Remove what an earlier run left in `run_dir`, and nothing else; make it if it is not there."""
    make_run_folder(run_dir)
    for folder in ("checkpoints", "tensorboard", "curves", "strips"):
        shutil.rmtree(run_dir / folder, ignore_errors=True)
    for file in ("recipe.toml", "environment.json", "log.csv"):
        (run_dir / file).unlink(missing_ok=True)


def in_words(report: Report) -> str:
    scores = ""
    if "psnr_db" in report:
        scores = (
            f"PSNR {report['psnr_db']:.2f} dB ({report['psnr_gt_mean_db']:.2f} GT-mean), SSIM {report['ssim']:.3f}, "
            f"MAE {report['mae']:.3f}, "
        )
    return f"loss {report['loss']:.4g}, {scores}brightness {report['brightness']:.2f}, colour {report['colour']:.0%}"


def best_in_words(report: Report, step: int, best_by: str) -> str:
    key, _ = ranked_by(best_by)
    return f"{key} {report[key]:.4g} at step {step}"


def stack(rows: Sequence[NDArray[np.float32]]) -> NDArray[np.float32]:
    """Pictures `h w 3` under each other, narrower ones filled up with black on the right."""
    width = max(row.shape[1] for row in rows)
    return np.concatenate([np.pad(row, ((0, 0), (0, width - row.shape[1]), (0, 0))) for row in rows])
