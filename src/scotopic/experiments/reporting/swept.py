"""The part of a report about a sweep: its table of means and deviations over seeds, and how its trials learnt."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..sweeping.sweep_table import HEADS, LOSS_DIGITS
from .folders import Sweep
from .learning import curve_figures, run_detail
from .page import Cell, Column, Section, Table, number
from .plots import Style


def sweep_section(sweep: Sweep, looks: Mapping[str, Style]) -> Section:
    """Tables of all pictures and of their groups, curves in a colour for each row, a recipe of each row."""
    section = Section(f"Sweep: {sweep.name}")
    section.words = [str(note) for note in sweep.table["notes"]]
    groups = dict.fromkeys(("", *(group for line in sweep.table["lines"] for group in line["numbers"])))
    section.tables = [_table(sweep, group, looks) for group in groups]
    for line in sweep.table["lines"]:
        for seed, why in line["missing"].items():
            if why:
                section.words.append(f"{line['row']}, seed {seed}, has no result: {why}")
    section.figures = curve_figures(sweep.runs, looks)
    firsts = {run.method: run for run in reversed(sweep.runs)}
    section.details = [run_detail(firsts[method], None) for method in reversed(firsts)]
    return section


def _table(sweep: Sweep, group: str, looks: Mapping[str, Style]) -> Table:
    table = sweep.table
    columns = [Column("row", "the labels of its axes: " + ", ".join(table["axes"]), numeric=False)]
    columns += [Column(HEADS[name][0] if name in HEADS else name.replace("_", " ")) for name in table["columns"]]
    columns.append(Column("seeds"))
    rows = []
    for line in table["lines"]:
        numbers = line["numbers"].get(group, {})
        style = looks.get(sweep.method_of(line))
        seeds = len(table["seeds"]) - len(line["missing"])
        row = [Cell(line["row"], line["row"], style=style)]
        row += [_cell(name, numbers.get(name)) for name in table["columns"]]
        rows.append([*row, Cell(f"{seeds} of {len(table['seeds'])}", seeds)])
    which = f"Pictures of {group}" if group else "All pictures"
    return Table(f"{which}: means over seeds, and in small their standard deviations", columns, rows)


def _cell(column: str, found: Mapping[str, Any] | None) -> Cell:
    if not found:
        return Cell("")
    digits = HEADS[column][1] if column in HEADS else LOSS_DIGITS
    spread = f"± {number(found['std'], digits)}" if found.get("std") else ""
    return Cell(number(found["mean"], digits), found["mean"], spread)
