"""What a long run shows while it works: a bar on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

import click

if TYPE_CHECKING:
    from rich.progress import Progress as RichProgress
    from rich.progress import TaskID

LOG_EVERY_S = 30.0


@dataclass
class Tally:
    """What has happened so far. `total` is None until the folders are counted."""

    done: int = 0
    skipped: int = 0
    failed: int = 0
    megapixels: float = 0.0
    total: int | None = None
    started: float = field(default_factory=time.monotonic)

    @property
    def seen(self) -> int:
        return self.done + self.skipped + self.failed

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    @property
    def seconds_left(self) -> float | None:
        """At the pace so far; skipped pictures cost nothing and say nothing about the pace."""
        made = self.done + self.failed
        if self.total is None or not made:
            return None
        return max(self.total - self.skipped - made, 0) * self.seconds / made

    def rate(self) -> str:
        seconds = max(self.seconds, 1e-3)
        return f"{self.done / seconds:.3g} pictures/s, {self.megapixels / seconds:.3g} MP/s"


class Screen:
    """Lines on standard error and nothing that moves. For a single picture, and the base of the others."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        return None

    def say(self, text: str, colour: str | None = None) -> None:
        click.secho(text, fg=colour, err=True)

    def update(self, tally: Tally) -> None:
        return None


class Log(Screen):
    """For a pipe or a file: no colours, no bar, a line every half minute."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def update(self, tally: Tally) -> None:
        if time.monotonic() - self._last < LOG_EVERY_S:
            return
        self._last = time.monotonic()
        of = f" of {tally.total:,}" if tally.total is not None else ""
        left = f", {spoken(tally.seconds_left)} left" if tally.seconds_left is not None else ""
        self.say(f"{tally.seen:,}{of}: {tally.rate()}{left}")


class Bar(Screen):
    """For a terminal: how far, how fast, how long still."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        text = TextColumn("{task.fields[pace]}")
        # Standard output may be a pipe that carries --json: it is left alone.
        self._bar: RichProgress = Progress(
            BarColumn(),
            MofNCompleteColumn(),
            text,
            console=Console(stderr=True, highlight=False),
            redirect_stdout=False,
            refresh_per_second=5,
            transient=True,
        )
        self._task: TaskID = self._bar.add_task("", total=None, pace="")

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._bar.stop()

    def say(self, text: str, colour: str | None = None) -> None:
        from rich.text import Text

        # As a Text: a style given to print() would colour the bar below it too.
        self._bar.console.print(Text(text, colour or ""), soft_wrap=True)

    def update(self, tally: Tally) -> None:
        total = None if tally.total is None else tally.total - tally.skipped
        left = f", {spoken(tally.seconds_left)} left" if tally.seconds_left is not None else ""
        made = tally.done + tally.failed
        pace = tally.rate() + left if made else f"{tally.skipped:,} already there" if tally.skipped else ""
        self._bar.update(self._task, completed=made, total=total, pace=pace)


def screen(single: bool, as_json: bool) -> Screen:
    """The screen that suits where standard error goes. A bar would tear JSON lines on the same terminal apart."""
    if single:
        return Screen()
    return Bar() if sys.stderr.isatty() and not (as_json and sys.stdout.isatty()) else Log()


def spoken(seconds: float) -> str:
    """A duration as people say it.

    >>> [spoken(s) for s in (0.42, 8.3, 75, 7300, 200_000)]
    ['0.4 s', '8 s', '1 min 15 s', '2 h 1 min', '2 d 7 h']
    """
    if seconds < 5:
        return f"{seconds:.1f} s"
    minutes, whole = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    if days:
        return f"{days} d {hours} h"
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {whole} s" if minutes else f"{whole} s"
