"""A report as a page: its parts, and how they become one HTML file or Markdown.

What stands in the parts comes from files and is never markup: Jinja escapes it all, except the plots, which are ours.
"""

from __future__ import annotations

import functools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from jinja2 import Environment

    from .plots import Style

MARK = "made by scotopic report"
"""Stands in every page we write: what does not hold it is not ours to replace."""


@dataclass(frozen=True)
class Cell:
    """A cell: its `text`, the `value` a table is sorted by (None: nothing is known), and a `note` in small letters."""

    text: str
    value: float | str | None = None
    note: str = ""
    best: bool = False
    style: Style | None = None


@dataclass(frozen=True)
class Column:
    """A column: `hint` says in words what it holds, for those who ask."""

    title: str
    hint: str = ""
    numeric: bool = True


@dataclass(frozen=True)
class Table:
    caption: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]


@dataclass(frozen=True)
class Figure:
    """A plot: `svg` is markup of ours, `alt` says it in words to those who cannot see it."""

    title: str
    svg: str
    alt: str
    note: str = ""


@dataclass(frozen=True)
class Shown:
    """A picture on the page: `data` is a data: URI."""

    label: str
    data: str
    width: int
    height: int
    score: str = ""
    style: Style | None = None


@dataclass(frozen=True)
class Strip:
    """The same scene several times: what went in, what methods made of it, the truth."""

    title: str
    pictures: Sequence[Shown]


@dataclass(frozen=True)
class Detail:
    """What is folded away: a recipe, an environment. `blocks`: headings and plain texts."""

    title: str
    blocks: Sequence[tuple[str, str]]
    picture: Shown | None = None


@dataclass
class Section:
    title: str
    words: list[str] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    strips: list[Strip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    """What is to be known about the strips."""
    details: list[Detail] = field(default_factory=list)

    @property
    def legend(self) -> dict[str, Style]:
        """The colours of the plots, by name, as far as the tables do not show them."""
        cells = [row[0] for table in self.tables for row in table.rows if row]
        return {cell.text: cell.style for cell in cells if cell.style}


@dataclass(frozen=True)
class Page:
    title: str
    words: Sequence[str]
    sections: Sequence[Section]


def html(page: Page) -> str:
    """The page as one HTML file that asks nothing of any other file or network."""
    return _templates().get_template("report.html").render(page=page, mark=MARK) + "\n"


def markdown(page: Page) -> str:
    """The words, tables, recipes and environments of the page; plots and pictures stay with the HTML."""
    parts = [f"<!-- {MARK} -->\n# {_plain(page.title)}", *map(_plain, page.words)]
    for section in page.sections:
        parts += [f"## {_plain(section.title)}", *map(_plain, section.words)]
        for table in section.tables:
            parts += [f"**{_plain(table.caption)}**", _rows(table)]
        for detail in section.details:
            if not detail.blocks:
                continue  # it is a picture
            parts.append(f"### {_plain(detail.title)}")
            for heading, text in detail.blocks:
                fence = "`" * max(3, 1 + max(map(len, re.findall("`+", text)), default=0))
                parts.append(f"{_plain(heading)}\n\n{fence}text\n{text.rstrip()}\n{fence}")
    return "\n\n".join(parts) + "\n"


def number(value: float | None, digits: int, *, signed: bool = False) -> str:
    """A number for a table; nothing for None or what is no number.

    >>> number(21.456, 2), number(None, 2), number(float("inf"), 2), number(12345.0, 0)
    ('21.46', '', '∞', '12,345')
    """
    if value is None or math.isnan(value):
        return ""
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    return f"{value:{'+' if signed else ''},.{digits}f}".replace("-", "−")


def _rows(table: Table) -> str:
    lines = [
        "| " + " | ".join(_plain(column.title) for column in table.columns) + " |",
        "|" + "|".join("---:" if column.numeric else "---" for column in table.columns) + "|",
    ]
    for row in table.rows:
        cells = []
        for cell in row:
            text = f"**{_plain(cell.text)}**" if cell.best and cell.text else _plain(cell.text)
            cells.append(f"{text} ({_plain(cell.note)})" if cell.note else text)
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text on one line that Markdown takes for text.

    >>> _plain("a|b <i> *c*")
    'a\\\\|b &lt;i&gt; \\\\*c\\\\*'
    """
    text = " ".join(text.split()).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return re.sub(r"([\\`*_\[\]|#~])", r"\\\1", text)


@functools.cache
def _templates() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=PackageLoader(__package__ or "", ""),
        autoescape=select_autoescape(("html",)),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
