"""Learning curves: the numbers of a run's log.csv as pictures, painted into its folder `curves`."""

from __future__ import annotations

import csv
import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .recipe import Recipe
from .validation import ranked_by

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Column = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Steps, and what was noted at them."""

WINDOWS = 50
"""Training numbers jump from batch to batch: each point of their line is the mean over such a share of the run."""
POINTS = 500
LOG_FROM = 5.0
"""Ratio of the largest to the smallest value from which an axis is logarithmic, where it may be."""
ACROSS = 3
WIDTH, HEIGHT, TOP, BOTTOM, LEFT, RIGHT = 4.4, 2.6, 0.75, 0.55, 0.75, 0.1
"""Inches: of a panel, of the space above all of them, and of that around the axes of each."""
BLUE, ORANGE, GREY = "#1f77b4", "#d95f02", "#777777"


@dataclass(frozen=True)
class Panel:
    """Axes: up to two columns of log.csv with their legends, and a level that tells good from bad.

    A `falling` number may lose whole powers of ten, and then has a logarithmic axis.
    """

    title: str
    unit: str
    lines: tuple[tuple[str, str], ...]
    level: tuple[float, str] | None = None
    falling: bool = False

    @property
    def held_out(self) -> bool:
        """Whether a line tells of validations."""
        return any(key.startswith("val_") for key, _ in self.lines)

    @property
    def training(self) -> bool:
        """Whether a line tells of every step, and jumps."""
        return any(not key.startswith("val_") and key != "lr" for key, _ in self.lines)


def draw_curves(run_dir: Path, recipe: Recipe) -> None:
    """Paint `losses.png`, `scores.png`, `optimiser.png` and, of an adversarial run, `discriminator.png` anew.

    A few tenths of a second. Raises OSError where they cannot be written, ImportError where matplotlib is missing.
    """
    columns = read_columns(run_dir / "log.csv")
    (run_dir / "curves").mkdir(exist_ok=True)
    for name, panels in _figures(recipe).items():
        shown = [panel for panel in panels if any(key in columns for key, _ in panel.lines)]
        if shown:
            _paint(run_dir / "curves" / f"{name}.png", f"{recipe.name}: {name}", shown, columns, recipe)


def read_columns(path: Path) -> dict[str, Column]:
    """The columns of a log.csv that hold any finite number, by name."""
    with open(path, encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    table = np.array([[float(cell or "nan") for cell in row] for row in rows]).reshape(-1, len(header))
    steps = table[:, header.index("step")]
    finite = np.isfinite(table)
    return {name: (steps[finite[:, i]], table[finite[:, i], i]) for i, name in enumerate(header) if finite[:, i].any()}


def smoothed(column: Column) -> Column:
    """The running mean over a fiftieth of what is there, thinned out; a short column stays as it is.

    >>> smoothed((np.arange(3.0), np.array([1.0, 5.0, 3.0])))[1]
    array([1., 5., 3.])
    """
    steps, values = column
    window = max(1, len(values) // WINDOWS)
    sums = np.cumsum(np.concatenate([[0.0], values]))
    means = (sums[window:] - sums[:-window]) / window
    middles = (steps[window - 1 :] + steps[: len(steps) - window + 1]) / 2
    chosen = np.unique(np.linspace(0, len(means) - 1, min(POINTS, len(means))).round().astype(int))
    return middles[chosen], means[chosen]


def _figures(recipe: Recipe) -> dict[str, list[Panel]]:
    def loss(title: str, key: str, held_out: str = "held out") -> Panel:
        return Panel(title, "", ((key, "training"), (f"val_{key}", held_out)), falling=True)

    clip = recipe.optimiser.clip_norm
    clipped = (clip, "clipped to") if clip else None
    terms = [loss(f"{term.name}, unweighted (weight {term.weight:g})", f"loss_{term.name}") for term in recipe.losses]
    return {
        "losses": [
            loss("loss: the weighted sum", "loss", f"held out{', adversarial left out' * bool(recipe.discriminator)}"),
            *terms,
        ],
        "scores": [
            Panel("PSNR, held out", "dB", (("val_psnr_db", "as is"), ("val_psnr_gt_mean_db", "GT-mean"))),
            Panel("SSIM, held out", "", (("val_ssim", "as is"),)),
            Panel("mean absolute error, held out", "of the range [0, 1]", (("val_mae", "as is"),)),
            Panel("brightness, held out", "mean, of the range [0, 1]", (("val_brightness", "outcome"),)),
            Panel("colourfulness, held out", "share", (("val_colour", "outcome"),), (1.0, "as the targets")),
        ],
        "optimiser": [
            Panel("learning rate", "per step", (("lr", "training"),)),
            Panel("gradient norm", "", (("grad_norm", "training"),), clipped, falling=True),
        ],
        "discriminator": [
            Panel("loss of the discriminator", "", (("d_loss", "training"),)),
            Panel("what it tells right", "share", (("d_accuracy", "training"),), (0.5, "guessing")),
            Panel("its gradient norm", "", (("d_grad_norm", "training"),), falling=True),
        ],
    }


def _paint(path: Path, title: str, panels: Sequence[Panel], columns: dict[str, Column], recipe: Recipe) -> None:
    # Imported here: it takes a second, and only the first process of a training run paints. No pyplot, which keeps
    # every figure and asks for a screen.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    across = min(ACROSS, len(panels))
    down = math.ceil(len(panels) / across)
    width, height = across * WIDTH, down * HEIGHT + TOP
    figure = Figure(figsize=(width, height), dpi=100)
    FigureCanvasAgg(figure)
    words, window, best = [], len(columns["loss"][0]) // WINDOWS, _best_step(columns, recipe)
    if best is not None and any(panel.held_out for panel in panels):
        words.append(f"dotted: step {best:,.0f}, the best by {recipe.loop.best_by}")
    if window > 1 and any(panel.training for panel in panels):
        words.append(f"training: means over {window:,} steps")
    figure.text(LEFT / width, 1 - 0.2 / height, title, fontsize=13, fontweight="bold", va="top")
    figure.text(LEFT / width, 1 - 0.45 / height, "; ".join(words), fontsize=9, color=GREY, va="top")
    for index, panel in enumerate(panels):
        row, column = divmod(index, across)
        left, bottom = column * WIDTH + LEFT, (down - 1 - row) * HEIGHT + BOTTOM
        size = (WIDTH - LEFT - RIGHT) / width, (HEIGHT - BOTTOM - 0.3) / height
        _fill(figure.add_axes((left / width, bottom / height, *size)), panel, columns, best)
    unfinished = path.with_name(f".{path.name}.unfinished")
    figure.savefig(unfinished, format="png")
    os.replace(unfinished, path)  # who looks while it is painted, or after a run was killed, sees a whole picture


def _fill(axes: Axes, panel: Panel, columns: dict[str, Column], best: float | None) -> None:
    from matplotlib.ticker import LogLocator

    seen = []
    for (key, legend), colour in zip(panel.lines, (BLUE, ORANGE), strict=False):
        if key not in columns:
            continue
        steps, values = columns[key] if key.startswith("val_") or key == "lr" else smoothed(columns[key])
        axes.plot(steps, values, label=legend, color=colour, linewidth=1.2, marker="o" if len(steps) < 30 else "", ms=3)
        seen.append(values)
    if panel.level:
        axes.axhline(panel.level[0], label=panel.level[1], color=GREY, linewidth=0.8, linestyle="--")
    if len(axes.lines) > 1:
        axes.legend(fontsize=8, framealpha=0.7)
    if best is not None and panel.held_out:
        axes.axvline(best, color=GREY, linewidth=0.8, linestyle=":")
    together = np.concatenate(seen)
    if panel.falling and together.min() > 0 and together.max() > LOG_FROM * together.min():
        axes.set_yscale("log")
        axes.yaxis.set_minor_locator(LogLocator(subs=(2, 5)))
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
    axes.set_title(panel.title, fontsize=10, loc="left")
    axes.set_ylabel(panel.unit, fontsize=9)
    axes.set_xlabel("step", fontsize=9)
    axes.xaxis.set_major_formatter("{x:,.0f}")
    axes.locator_params(axis="x", nbins=5, integer=True)
    axes.tick_params(which="both", labelsize=8)
    axes.grid(alpha=0.3)


def _best_step(columns: dict[str, Column], recipe: Recipe) -> float | None:
    """The step of the best validation, if any."""
    key, sign = ranked_by(recipe.loop.best_by)
    if f"val_{key}" not in columns:
        return None
    steps, values = columns[f"val_{key}"]
    return float(steps[np.argmax(sign * values)])
