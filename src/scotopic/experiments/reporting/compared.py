"""The part of a report about a comparison: what sets methods apart, on which pictures, and the places to look at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .folders import Compared
from .page import Cell, Column, Detail, Section, Table, number
from .score_tables import digits_of, title
from .slides import from_file

STRIPS = 6
"""Strips at 100 % that are shown, at most: each takes as much room as several pictures."""
STRIP_SIDE = 2000


def comparison_section(compared: Compared) -> Section:
    facts = compared.facts
    data = facts["data"]
    section = Section(f"Comparison on {data['name']}: {' · '.join(method['name'] for method in facts['methods'])}")
    section.words = [
        f"{facts['pictures']:,} pictures of {facts['scenes']:,} scenes, the same for every method. {facts['reading']}"
    ]
    groups = dict.fromkeys(contest["group"] for contest in facts["differences"])
    section.tables = [_differences(facts, group) for group in groups]
    if facts["cases"]:
        section.tables.append(_cases(facts))
    for strip in facts["strips"][:STRIPS]:
        shown = from_file(compared.folder / strip["file"], f"{strip['name']}, {strip['window']['rule']}", STRIP_SIDE)
        if shown:
            section.details.append(
                Detail(f"At 100 %: {strip['name']}, {strip['window']['rule']} ({strip['why']})", [], shown)
            )
    return section


def _differences(facts: Mapping[str, Any], group: str) -> Table:
    """A row for every two methods, a column for each metric."""
    metrics = dict.fromkeys(contest["metric"] for contest in facts["differences"])
    rows: dict[str, dict[str, Cell]] = {}
    for contest in facts["differences"]:
        if contest["group"] == group:
            row = rows.setdefault(f"{contest['a']} against {contest['b']}", {})
            row[contest["metric"]] = _difference(contest)
    columns = [Column("methods", numeric=False), *(Column(title(metric)) for metric in metrics)]
    which = f"Pictures of {group}" if group else "All pictures"
    return Table(
        f"{which}: how much better the first is; in small the 95 % interval, p (Holm), and pictures it wins : loses",
        columns,
        [[Cell(pair, pair), *(row.get(metric, Cell("")) for metric in metrics)] for pair, row in rows.items()],
    )


def _difference(contest: Mapping[str, Any]) -> Cell:
    digits = digits_of(contest["metric"])
    mean, low, high, p = (contest[key] for key in ("mean", "low", "high", "p_holm"))
    parts = [] if low is None else [f"{number(low, digits, signed=True)} to {number(high, digits, signed=True)}"]
    parts += [] if p is None else [f"p {number(p, 3)}"]
    parts.append(f"{contest['wins']} : {contest['losses']}")
    return Cell(number(mean, digits, signed=True), mean, ", ".join(parts))


def _cases(facts: Mapping[str, Any]) -> Table:
    digits = digits_of(facts["by"])
    columns = [Column("methods", numeric=False), Column("picture", numeric=False), Column("the first")]
    columns += [Column("the second"), Column("better by")]
    rows = []
    for case in facts["cases"]:
        pair = f"{case['a']} against {case['b']}"
        row = [Cell(pair, pair), Cell(case["name"], case["name"])]
        row += [Cell(number(case[key], digits), case[key]) for key in ("score_a", "score_b")]
        rows.append([*row, Cell(number(case["difference"], digits, signed=True), case["difference"])])
    return Table(f"The best and worst cases by {title(facts['by'])}", columns, rows)
