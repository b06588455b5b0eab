"""The part of a report about training runs with the same held-out pictures: how they learnt, and where they ended."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ...training.curves import smoothed
from .folders import Run
from .page import Cell, Column, Detail, Figure, Section, Shown, Table, number
from .plots import Point, Style, curves, rate_quality

SCORES = (
    ("psnr_db", "PSNR, dB", 2, "higher is better"),
    ("psnr_gt_mean_db", "PSNR GT-mean, dB", 2, "higher is better; after one gain that equalises the mean brightness"),
    ("ssim", "SSIM", 3, "higher is better"),
    ("mae", "MAE", 4, "lower is better; of the range [0, 1]"),
)
PANELS = (
    ("loss", "training loss", "loss", True),
    ("val_loss", "held-out loss", "loss", True),
    ("val_psnr_db", "held-out PSNR", "dB", False),
    ("val_psnr_gt_mean_db", "held-out PSNR after GT-mean", "dB", False),
    ("val_ssim", "held-out SSIM", "SSIM", False),
    ("val_mae", "held-out mean absolute error", "of the range [0, 1]", True),
    ("val_brightness", "held-out brightness", "mean, of the range [0, 1]", False),
    ("val_colour", "held-out colourfulness", "share of the targets'", False),
)
MOST_SAID = 12
"""Lines of a plot that its alternative text describes."""


def learning_section(runs: Sequence[Run], looks: Mapping[str, Style], shown: Mapping[str, Shown | None]) -> Section:
    """Table, plots and details of runs; `shown`: a strip of held-out pictures of some of them."""
    data = runs[0].recipe.get("data", {})
    section = Section(f"Training on {data.get('name', 'unknown data')}: {_names(runs)}")
    section.words = [
        f"{len(runs)} {'run' if len(runs) == 1 else 'runs'}, validated on the same held-out pictures. The table shows "
        "each at its best validation, which these very pictures chose: for numbers that hold, score it on pictures "
        "that chose nothing ('scotopic evaluate').",
    ]
    if any("loss" in run.columns for run in runs) and len({str(run.recipe.get("losses")) for run in runs}) > 1:
        section.words.append(
            "The losses are those of each recipe, weighed as it says: where recipes differ in them, only their course "
            "can be compared, not their height."
        )
    section.tables = [run_table(runs, looks)]
    section.figures = [*curve_figures(runs, looks), *_rate(runs, looks)]
    section.details = [run_detail(run, shown.get(run.name)) for run in runs]
    return section


def run_table(runs: Sequence[Run], looks: Mapping[str, Style]) -> Table:
    columns = [Column("run", numeric=False), Column("network", numeric=False), Column("losses", numeric=False)]
    columns += [Column(title, hint) for _, title, _, hint in SCORES]
    columns += [Column("best step"), Column("steps"), Column("minutes", "of training and validating")]
    columns += [Column("parameters"), Column("seed")]
    rows = []
    for run in runs:
        step, report = run.best or (None, {})
        losses = " + ".join(_loss(name, loss) for name, loss in run.recipe.get("losses", {}).items())
        network = str(run.recipe.get("network", {}).get("name", ""))
        row = [Cell(run.name, run.name, style=looks[run.method]), Cell(network, network), Cell(losses, losses)]
        for key, _, digits, _ in SCORES:
            row.append(Cell(number(report.get(key), digits), report.get(key)))
        minutes = float(run.columns["seconds"][1][-1]) / 60 if "seconds" in run.columns else None
        seed = run.recipe.get("loop", {}).get("seed")
        row += [
            Cell(number(step, 0), step),
            Cell(f"{run.steps:,}", run.steps, "" if run.finished else "not finished"),
            Cell(number(minutes, 1), minutes),
            Cell(number(run.parameters, 0), run.parameters),
            Cell("" if seed is None else str(seed), seed),
        ]
        rows.append(row)
    return Table("Each run at its best validation", columns, rows)


def _loss(name: str, settings: Mapping[str, object] | float) -> str:
    weight = settings.get("weight", 1.0) if isinstance(settings, Mapping) else settings
    return name if weight == 1.0 else f"{weight:g} {name}" if isinstance(weight, int | float) else name


def _names(runs: Sequence[Run]) -> str:
    names = [run.name for run in runs]
    return ", ".join(names[:4]) + (f" and {len(names) - 4} more" if len(names) > 4 else "")


def curve_figures(runs: Sequence[Run], looks: Mapping[str, Style]) -> list[Figure]:
    """A plot for each of PANELS that any of the runs logged."""
    figures = []
    for key, title, unit, falling in PANELS:
        logged = [run for run in runs if key in run.columns]
        if not logged:
            continue
        seen = [run.columns[key] if key.startswith("val_") else smoothed(run.columns[key]) for run in logged]
        lines = [(run.method, *column) for run, column in zip(logged, seen, strict=True)]
        listing = [
            f"{run.name}: from {values[0]:.4g} to {values[-1]:.4g} at step {steps[-1]:,.0f}"
            for run, (steps, values) in zip(logged[:MOST_SAID], seen, strict=False)
        ]
        more = [f"and {len(logged) - MOST_SAID} more"] if len(logged) > MOST_SAID else []
        words = f"{title[0].upper()}{title[1:]}"
        note = "Means over a fiftieth of the run." if key == "loss" else ""
        alt = f"{words} over the steps of training. {'; '.join([*listing, *more])}."
        figures.append(Figure(words, curves(lines, looks, unit, falling=falling), alt, note))
    return figures


def _rate(runs: Sequence[Run], looks: Mapping[str, Style]) -> list[Figure]:
    points = []
    for run in runs:
        report = run.best[1] if run.best else {}
        if run.parameters and "psnr_db" in report:
            gt_mean = report.get("psnr_gt_mean_db", np.nan)
            points.append(Point(run.method, run.parameters, report["psnr_db"], np.nan, np.nan, gt_mean))
    if len(points) < 2:
        return []
    listing = "; ".join(f"{point.name}: {point.x:,.0f} parameters, {point.y:.2f} dB" for point in points)
    return [
        Figure(
            "Held-out PSNR against parameters",
            rate_quality(points, looks, "parameters", "PSNR, dB"),
            f"Held-out PSNR at the best validation against parameters. {listing}.",
            "Filled: as is; hollow: after GT-mean. At the best validation of each run.",
        )
    ]


def run_detail(run: Run, strip: Shown | None) -> Detail:
    blocks = [("Recipe", run.recipe_text), ("Environment", run.environment)]
    return Detail(f"{run.name}: recipe and environment", [block for block in blocks if block[1]], strip)
