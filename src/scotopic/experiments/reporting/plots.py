"""The plots of a report, as SVG to stand inside a page: its ink is the page's, in a light scheme as in a dark one."""

from __future__ import annotations

import hashlib
import io
import math
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

Values = NDArray[np.float64]

COLOURS = (
    *("#3179d1", "#cf6a10", "#2a9457", "#d2445f", "#8f63d2"),
    *("#0f93a8", "#a86f3d", "#c74fa4", "#7f8a1a", "#7a828c"),
)
"""Of middling lightness: each stands out by 3 : 1 at least (WCAG 2.2, 1.4.11) on white and on the dark page."""
MARKERS = "osD^v"
DASHES = ("", "5 2", "1.5 1.5", "7 2 1.5 2", "10 3")
"""As SVG has them, in units of the line's width; beyond ten methods the colours come again, with these."""

INK, GRID, PAPER = "#010203", "#040506", "#070809"
"""Colours no plot has: they stand for the page's own."""
WIDTH, HEIGHT = 4.6, 3.0
"""Inches of a plot: at 72 points an inch it fits a phone as it is."""
LETTER, GAP = 4.3, 7.0
"""Points: the width of a letter of a name, and how far names stand from what they name."""
BINS = 24
LOG_FROM = 5.0
"""Ratio of the largest to the smallest value from which a falling number has a logarithmic axis."""


@dataclass(frozen=True)
class Style:
    """How a method looks in every plot of a page."""

    colour: str
    marker: str
    dashes: str


@dataclass(frozen=True)
class Point:
    """A method in a rate-quality plot: its cost `x`, its score `y` with an interval, and the score after GT-mean."""

    name: str
    x: float
    y: float
    low: float
    high: float
    gt_mean: float = math.nan


def styles(names: Sequence[str]) -> dict[str, Style]:
    """A style for each name, in order of appearance."""
    rounds = zip(MARKERS, DASHES, strict=True)
    looks = [Style(colour, marker, dashes) for (marker, dashes), colour in product(rounds, COLOURS)]
    return {name: looks[index % len(looks)] for index, name in enumerate(dict.fromkeys(names))}


def curves(
    lines: Sequence[tuple[str, Values, Values]],
    looks: Mapping[str, Style],
    unit: str,
    *,
    falling: bool = False,
) -> str:
    """Lines over steps: name, steps, values. A `falling` number that loses much has a logarithmic axis."""
    with _axes("step", unit) as (drawing, axes):
        for name, steps, values in lines:
            look = looks[name]
            few = look.marker if len(steps) < 30 else ""
            axes.plot(steps, values, color=look.colour, linestyle=_dashes(look), linewidth=1.4, marker=few, ms=3)
        together = np.concatenate([values for _, _, values in lines])
        if falling and together.min() > 0 and together.max() > LOG_FROM * together.min():
            _logarithmic(axes, "y")
        axes.xaxis.set_major_formatter("{x:,.0f}")
        axes.locator_params(axis="x", nbins=5, integer=True, min_n_ticks=1)
        return _svg(drawing)


def rate_quality(points: Sequence[Point], looks: Mapping[str, Style], cost: str, unit: str) -> str:
    """Scores against what they cost, on a logarithmic axis where the costs differ much.

    Filled: as is, with its 95 % interval; hollow above it: after GT-mean.
    """
    with _axes(cost, unit) as (drawing, axes):
        for point in points:
            look = looks[point.name]
            if math.isfinite(point.low) and math.isfinite(point.high):
                axes.plot([point.x] * 2, [point.low, point.high], color=look.colour, linewidth=1.2, alpha=0.7)
            axes.plot(point.x, point.gt_mean, color=look.colour, marker=look.marker, ms=6, markerfacecolor="none")
            axes.plot(point.x, point.y, color=look.colour, marker=look.marker, ms=6)
        costs = [point.x for point in points]
        axes.locator_params(axis="x", nbins=5)
        axes.xaxis.set_major_formatter(lambda value, _: _short(value))
        if min(costs) > 0 and max(costs) > LOG_FROM * min(costs):
            _logarithmic(axes, "x")
        axes.margins(0.12)
        _name(drawing, axes, points)
        return _svg(drawing)


def histograms(scores: Mapping[str, Values], looks: Mapping[str, Style], unit: str) -> str:
    """The scores of each method's pictures on one axis, a row each; the line stands at the mean."""
    together = np.concatenate(list(scores.values()))
    low, high = float(together.min()), float(together.max())
    edges = np.linspace(low, high if high > low else low + 1e-9 + abs(low) * 1e-6, BINS + 1)
    counts = {name: np.histogram(values, edges)[0] for name, values in scores.items()}
    highest = max(int(row.max()) for row in counts.values())
    with _axes(unit, "", height=0.55 + 0.55 * len(scores)) as (drawing, axes):
        for row, (name, values) in enumerate(reversed(list(scores.items()))):
            colour, tall = looks[name].colour, 0.6 * counts[name] / highest
            axes.bar(edges[:-1], tall, np.diff(edges), bottom=row, align="edge", color=colour, alpha=0.75)
            axes.plot([values.mean()] * 2, [row, row + 0.62], color=INK, linewidth=1.1)
            axes.text(0.01, row + 0.95, name, fontsize=7.5, va="top", transform=axes.get_yaxis_transform())
        axes.set_yticks(range(len(scores)), [""] * len(scores))
        axes.set_ylim(-0.05, len(scores))
        return _svg(drawing)


@contextmanager
def _axes(across: str, up: str, *, height: float = HEIGHT) -> Iterator[tuple[Drawing, Axes]]:
    # Imported here: it takes a second. No pyplot, which keeps every figure and asks for a screen.
    import matplotlib
    from matplotlib.figure import Figure

    rules: dict[Any, Any] = {
        "svg.fonttype": "none",  # text stays text: it can be read aloud, searched and takes the page's colour
        "svg.hashsalt": "scotopic",
        "text.parse_math": False,  # a $ in a name is a $
        **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
        "grid.color": GRID,
        "grid.linewidth": 0.6,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.axisbelow": True,
        "font.size": 8.5,
    }
    with matplotlib.rc_context(rules), warnings.catch_warnings():
        # The page's font has the letters that ours lacks.
        warnings.filterwarnings("ignore", message="Glyph")
        drawing = Figure(figsize=(WIDTH, height), dpi=72, layout="constrained")
        drawing.patch.set_visible(False)
        axes = drawing.add_subplot()
        axes.patch.set_visible(False)
        axes.set_xlabel(across)
        axes.set_ylabel(up)
        axes.grid()
        yield drawing, axes


def _dashes(look: Style) -> str | tuple[int, list[float]]:
    return (0, [float(length) for length in look.dashes.split()]) if look.dashes else "-"


def _logarithmic(axes: Axes, which: str) -> None:
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    axis = axes.xaxis if which == "x" else axes.yaxis
    axes.set_xscale("log") if which == "x" else axes.set_yscale("log")
    low, high = sorted(axis.get_view_interval())
    axis.set_major_formatter(FuncFormatter(lambda value, _: _short(value)))
    if high < 100 * low:  # few powers of ten: their parts are named too
        axis.set_minor_locator(LogLocator(subs=(2, 5)))
        axis.set_minor_formatter(FuncFormatter(lambda value, _: _short(value)))
    else:
        axis.set_minor_formatter(NullFormatter())


def _short(value: float) -> str:
    """A number on an axis.

    >>> [_short(v) for v in (0.02, 5, 2_000, 500_000, 2_000_000)]
    ['0.02', '5', '2k', '500k', '2M']
    """
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{letter}"
    return f"{value:g}"


def _name(drawing: Drawing, axes: Axes, points: Sequence[Point]) -> None:
    """Write each name beside its point, where no other name stands; one without room is left to its colour."""
    drawing.draw_without_rendering()  # only now it is known where the axes lie
    box = axes.bbox
    taken: list[tuple[float, float, float, float]] = []
    for point in sorted(points, key=lambda point: -point.y):
        x, y = axes.transData.transform((point.x, point.y))
        wide = LETTER * len(point.name)
        fits = x + GAP + wide < box.x1
        for step, right in product((0, 9, -9, 18, -18, 27, -27, 36, -36), (fits, not fits)):
            left = x + GAP if right else x - GAP - wide
            spot = (left, y + step - 4, left + wide, y + step + 4)
            if left < box.x0 or left + wide > box.x1 or any(map(_touching(spot), taken)):
                continue
            taken.append(spot)
            words = axes.annotate(
                point.name,
                (point.x, point.y),
                (GAP if right else -GAP, step),
                textcoords="offset points",
                ha="left" if right else "right",
                va="center",
                fontsize=7.5,
            )
            words.set_in_layout(False)
            break


def _touching(spot: tuple[float, float, float, float]) -> Callable[[tuple[float, float, float, float]], bool]:
    left, low, right, high = spot
    return lambda other: left < other[2] and other[0] < right and low < other[3] and other[1] < high


def _svg(drawing: Drawing) -> str:
    """The drawing as markup for the inside of a page: ids of its own, the page's font and colours."""
    file = io.StringIO()
    drawing.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r"<style.*?</style>\s*", "", text, flags=re.DOTALL)
    prefix = f"p{hashlib.sha256(text.encode('utf-8', 'replace')).hexdigest()[:8]}-"
    text = re.sub(r'(\sid="|href="#|url\(#)', rf"\g<1>{prefix}", text)
    text = re.sub(r"font-family: [^;\"]*", "font-family: inherit", text)
    for stand_in, own in ((INK, "currentColor"), (GRID, "var(--line)"), (PAPER, "var(--paper)")):
        text = text.replace(stand_in, own)
    # Its words are said by the figure's own alternative text.
    return text.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)
