"""A report: one page (HTML, and Markdown beside it) of training runs, evaluations, comparisons and sweeps."""

from __future__ import annotations

import datetime
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from ...errors import ControlError, ModelError, OutputExistsError, WriteError
from .compared import comparison_section
from .cost import Cost, measure
from .folders import Found, Run, find, pictures_of
from .learning import learning_section
from .page import MARK, Page, Section, html, markdown
from .plots import styles
from .score_tables import score_section
from .slides import CHOICE, OF_RUNS, run_strip, side_of, strips
from .swept import sweep_section

HEAD_BYTES = 2000
"""Within which a page of ours says that it is one."""


@dataclass(frozen=True)
class Report:
    """What was written, and what could not be shown."""

    html: Path
    markdown: Path
    contents: str
    """What is on it, in words."""
    problems: Sequence[str]


def write_report(
    places: Sequence[str | Path],
    target: str | Path = "report.html",
    *,
    title: str = "Report",
    pictures: int = 4,
    measured: Mapping[str, str] | None = None,
) -> Report:
    """Write `target`, and the Markdown beside it: what the folders in `places`, and those in them, hold.

    `pictures`: scenes of each set that are shown, at most. What is broken is left out and listed, on the page too.
    `measured`: methods by the names that evaluations have, to be measured: their time and memory.
    Raises DataError where nothing is left to show, OutputExistsError where a file stands that is no report of ours,
    WriteError where none can be written.
    """
    page_file = Path(target)
    if page_file.suffix.lower() not in (".html", ".htm"):
        raise WriteError(f"A report is a page: '{page_file}' should end with .html. The Markdown is written beside it.")
    text_file = page_file.with_suffix(".md")
    for file in (page_file, text_file):
        _check_ours(file)
    found = find(places)
    costs = {}
    for name, spec in (measured or {}).items():
        if name not in {one.name for one in found.scored}:
            raise ControlError(
                f"There is no evaluation of '{name}' here whose cost could be measured. Write NAME=METHOD."
            )
        try:
            costs[name] = measure(spec)
        except ModelError as error:
            found.problems.append(str(error))
    page = make_page(found, title, pictures, costs)
    for file, text in ((page_file, html(page)), (text_file, markdown(page))):
        _write(file, text)
    return Report(page_file, text_file, found.in_words, found.problems)


def make_page(found: Found, title: str, pictures: int, costs: Mapping[str, Cost]) -> Page:
    """The page, with one style for each method throughout."""
    learners = [*found.runs, *(run for sweep in found.sweeps for run in sweep.runs)]
    looks = styles([one.name for one in found.scored] + [run.method for run in learners])
    sections: list[Section] = []
    sets = [list(scored) for _, scored in groupby(sorted(found.scored, key=pictures_of), pictures_of)]
    side = side_of(sum(pictures * (len(scored) + 2) for scored in sets) + 2 * min(len(found.runs), OF_RUNS))
    for scored in sets:
        section = score_section(scored, looks, costs)
        section.strips, missing = strips(scored, looks, pictures, side)
        if section.strips:
            section.notes = [CHOICE.format(side=side), *([missing] if missing else [])]
        sections.append(section)
    sections += [comparison_section(compared) for compared in found.compared]
    sections += [sweep_section(sweep, looks) for sweep in found.sweeps]
    learnt: dict[str, list[Run]] = {}
    for run in found.runs:
        learnt.setdefault(run.held_out, []).append(run)
    shown = {run.name: run_strip(run, 2 * side) for run in found.runs[:OF_RUNS] if pictures}
    sections += [learning_section(runs, looks, shown) for runs in learnt.values()]
    if found.problems:
        sections.append(Section("Left out", list(found.problems)))
    today = datetime.datetime.now(datetime.UTC).strftime("%d %B %Y").lstrip("0")
    return Page(title, [f"{found.in_words}, put together on {today} (UTC) by scotopic report."], sections)


def _check_ours(file: Path) -> None:
    try:
        with open(file, encoding="utf-8", errors="replace") as opened:
            head = opened.read(HEAD_BYTES)
    except FileNotFoundError:
        return
    except OSError as error:
        raise WriteError(f"Cannot write '{file}': {error.strerror or error}. Choose another name: -o FILE") from error
    if MARK not in head:
        raise OutputExistsError(f"'{file}' exists already and is no report. Choose another name: -o FILE")


def _write(file: Path, text: str) -> None:
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        # Names of files may hold bytes that are no text.
        unfinished.write_bytes(text.encode("utf-8", "replace"))
        os.replace(unfinished, file)
    except OSError as error:
        unfinished.unlink(missing_ok=True)
        raise WriteError(f"Cannot write '{file}': {error.strerror or error}. Choose another folder: -o FILE") from error
