"""A comparison as files: comparison.json for programs, comparison.md and comparison.html for people."""

from __future__ import annotations

import html
import json
import math
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any
from urllib.parse import quote

from ...errors import WriteError
from ..reporting.score_tables import title
from .compare import Comparison, Strip, kind_of
from .strips import CHOICE, RULES

READING = (
    "A difference is how much better the first method is: positive means better, in the metric's unit, whichever way "
    "the metric goes (where 0 is best: how much nearer to 0). Its 95 % interval and two-sided p come from a paired "
    "bootstrap over scenes; p (Holm) is corrected for the number of pairs of methods compared by that metric, not for "
    "the number of metrics."
)

STYLE = """\
body { margin: 0 auto; padding: 16px; max-width: 1800px; font: 16px/1.5 system-ui, sans-serif; color: #222;
  background: #fff; }
h1 { font-size: 24px; } h2 { font-size: 20px; margin-top: 32px; }
p { max-width: 75ch; overflow-wrap: anywhere; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 4px 12px; border-bottom: 1px solid #ddd; text-align: right; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; }
figure { margin: 24px 0; } figcaption { color: #555; overflow-wrap: anywhere; } img { display: block; }
"""


@dataclass(frozen=True)
class Table:
    """A table of texts; the first column holds names, the others numbers."""

    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class Section:
    title: str
    words: tuple[str, ...] = ()
    table: Table | None = None
    strips: tuple[Strip, ...] = ()


def write_pages(folder: Path, comparison: Comparison, strips: Sequence[Strip], problems: Mapping[str, str]) -> None:
    """Write all three into `folder`. `problems`: why a picture has no strip. Raises WriteError."""
    sections = list(_sections(comparison, strips, problems))
    name = " · ".join(comparison.methods)
    try:
        _put(folder / "comparison.json", json.dumps(to_json(comparison, strips, problems), indent=2) + "\n")
        _put(folder / "comparison.md", "\n\n".join(_markdown(name, sections)) + "\n")
        _put(folder / "comparison.html", "\n".join(_html(name, sections)) + "\n")
    except OSError as error:
        raise WriteError(f"Cannot write to '{folder}': {error.strerror}. Choose another folder.") from error


def to_json(comparison: Comparison, strips: Sequence[Strip], problems: Mapping[str, str]) -> dict[str, Any]:
    """Everything, with None for what is no number."""
    means = {
        method: {
            metric: dict(zip(("mean", "low", "high"), comparison.means(i, metric), strict=True))
            for metric in comparison.metrics
        }
        for i, method in enumerate(comparison.methods)
    }
    contests = [
        {**{key: value for key, value in asdict(contest).items() if key != "difference"}, **asdict(contest.difference)}
        for contest in comparison.contests
    ]
    facts = {
        "data": dict(comparison.evaluations[0].data),
        "methods": [{**one.method, "evaluation": str(one.folder)} for one in comparison.evaluations],
        "pictures": len(comparison.names),
        "scenes": len(set(comparison.scenes)),
        "left_out": dict(comparison.left_out),
        "by": comparison.by,
        "seed": comparison.seed,
        "reading": READING,
        "means": means,
        "differences": contests,
        "cases": [asdict(case) for case in comparison.cases],
        "strips": [asdict(strip) for strip in strips],
        "without_strip": dict(problems),
    }
    return _finite(facts)  # type: ignore[no-any-return]


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _sections(comparison: Comparison, strips: Sequence[Strip], problems: Mapping[str, str]) -> Iterator[Section]:
    data = comparison.evaluations[0].data
    count = f"{len(comparison.names)} pictures of {len(set(comparison.scenes))} scenes, the same for every method."
    words = [f"{data['name']}, {data['split']} split. {data['how']}", f"Compared: {count} {data['protocol']}"]
    if comparison.left_out:
        named = "; ".join(f"{name}: {why}" for name, why in comparison.left_out.items())
        words.append(f"Left out: {len(comparison.left_out)} pictures that not all have a score of ({named}).")
    head = ("method", *map(title, comparison.metrics))
    rows = [
        (method, *(interval_text(metric, *comparison.means(i, metric)) for metric in comparison.metrics))
        for i, method in enumerate(comparison.methods)
    ]
    yield Section("Scores", (*words, f"Means, and their 95 % intervals. {READING}"), Table(head, tuple(rows)))
    for a, b in combinations(comparison.methods, 2):
        yield Section(f"{a} against {b}", (), _differences(comparison, a, b))
        cases = [case for case in comparison.cases if (case.a, case.b) == (a, b)]
        if cases:
            cells = tuple(
                (case.name, *(_number(case.metric, score) for score in (case.score_a, case.score_b, case.difference)))
                for case in cases
            )
            which = f"The pictures on which {a} is most ahead of {b} by {title(comparison.by)}, and most behind."
            heading = f"Best and worst of {a} against {b}"
            yield Section(heading, (which,), Table(("picture", a, b, "difference"), cells))
    rules = " ".join(f"Place '{rule}': {words}." for rule, words in RULES.items())
    left = tuple(f"No strip of {name}: {why}" for name, why in problems.items())
    fixed = tuple(strip for strip in strips if strip.why == "fixed")
    others = tuple(strip for strip in strips if strip.why != "fixed")
    at_100 = "A pixel of a tile is a pixel of the picture."
    yield Section("The same scenes for all", (CHOICE, f"{rules} {at_100}", *left), strips=fixed)
    if others:
        chosen = f"Chosen by {title(comparison.by)}, so they show the extremes and not the usual."
        yield Section("Best and worst cases", (chosen,), strips=others)


def _differences(comparison: Comparison, a: str, b: str) -> Table:
    own = [contest for contest in comparison.contests if (contest.a, contest.b) == (a, b)]
    rows = []
    for contest in own:
        difference, metric = contest.difference, contest.metric
        rows.append(
            (
                title(metric) + (f" ({contest.group})" if contest.group else ""),
                interval_text(metric, difference.mean, difference.low, difference.high, sign="+"),
                p_text(difference.p),
                p_text(contest.p_holm),
                f"{difference.wins} : {difference.losses}",
                str(difference.count),
            )
        )
    return Table(("metric", "difference (95 %)", "p", "p (Holm)", "better : worse", "pictures"), tuple(rows))


def _number(metric: str, value: float, sign: str = "") -> str:
    return "–" if math.isnan(value) else f"{value:{sign}.{kind_of(metric)[1]}f}".replace("-", "−")


def interval_text(metric: str, mean: float, low: float, high: float, sign: str = "") -> str:
    known = f" ({_number(metric, low, sign)} to {_number(metric, high, sign)})" if not math.isnan(low) else ""
    return f"{_number(metric, mean, sign)}{known}"


def p_text(value: float) -> str:
    """A p-value; the bootstrap's smallest, 1 in 2000 draws on the rarer side, is a bound.

    >>> p_text(0.5), p_text(0.0123), p_text(0.0005), p_text(float("nan"))
    ('0.5', '0.012', '0.0005', '–')
    """
    return "–" if math.isnan(value) else f"{value:.2g}"


def _markdown(name: str, sections: Sequence[Section]) -> Iterator[str]:
    yield f"# {_plain(name)}"
    for section in sections:
        yield f"## {_plain(section.title)}"
        yield from map(_plain, section.words)
        if section.table:
            rule = "|".join(["---", *["---:"] * (len(section.table.head) - 1)])
            lines = [_row(section.table.head), f"|{rule}|", *map(_row, section.table.rows)]
            yield "\n".join(lines)
        for strip in section.strips:
            yield f"{_plain(_caption(strip))}\n\n![{_plain(strip.name)}]({quote(strip.file)})"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_plain, cells))} |"


def _plain(text: str) -> str:
    """Text on one line that Markdown takes for text."""
    return re.sub(r"([\\`*_\[\]|#~<>])", r"\\\1", " ".join(text.split()).replace("&", "&amp;"))


def _html(name: str, sections: Sequence[Section]) -> Iterator[str]:
    title = html.escape(name)
    yield f'<!doctype html>\n<html lang="en">\n<meta charset="utf-8">\n<title>{title}</title>'
    yield f'<meta name="viewport" content="width=device-width, initial-scale=1">\n<style>\n{STYLE}</style>'
    yield f"<h1>{title}</h1>"
    for section in sections:
        yield f"<h2>{html.escape(section.title)}</h2>"
        yield from (f"<p>{html.escape(words)}</p>" for words in section.words)
        if section.table:
            yield '<div class="wide"><table>'
            yield _cells("th", section.table.head)
            yield from (_cells("td", row) for row in section.table.rows)
            yield "</table></div>"
        for strip in section.strips:
            caption = html.escape(_caption(strip))
            yield f'<figure><figcaption>{caption}</figcaption><div class="wide">'
            yield f'<img src="{html.escape(quote(strip.file))}" alt="{caption}"></div></figure>'


def _cells(tag: str, cells: Sequence[str]) -> str:
    return "<tr>" + "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def _caption(strip: Strip) -> str:
    window = strip.window
    place = f"{window.width} × {window.height} pixels from column {window.left}, row {window.top}"
    why = window.rule if strip.why == "fixed" else strip.why
    return f"{strip.name}: {why}, {place}"


def _put(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8", newline="")
    os.replace(unfinished, path)
