"""What a run tells: a line per problem, a line of JSON per picture if asked, a summary at the end."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import click

from .find import Problem
from .plan import STANDARD, Job, Skipped
from .progress import Screen, Tally, spoken
from .values import shown

if TYPE_CHECKING:
    from ..runtime import Result


class Report:
    """Counts what happens, and says it on `screen` (standard error) and, as JSON, on standard output.

    `estimated` says that nobody gave a ratio for raws.
    """

    def __init__(self, screen: Screen, *, as_json: bool = False, single: bool = False, estimated: bool = True) -> None:
        self.screen = screen
        self.tally = Tally()
        self._as_json = as_json
        self._single = single
        self._estimated = estimated

    def done(self, job: Job, result: Result) -> None:
        self.tally.done += 1
        self.tally.megapixels += result.width * result.height / 1e6
        if self._as_json:
            self._line(
                job.source,
                "done",
                output=job.target,
                compare=job.compare,
                width=result.width,
                height=result.height,
                seconds=round(result.seconds, 4),
                mean_before=round(result.mean_before, 5),
                mean_after=round(result.mean_after, 5),
                **({} if result.ratio is None else {"ratio": round(result.ratio, 4)}),
                **({} if result.note is None else {"note": result.note}),
            )
        elif job.only_compare:
            if self._single:
                click.echo(
                    f"{shown(str(job.compare))}  {self._seen(result)} ({shown(job.target)} is there already, and stays)"
                )
        elif self._single and job.target != STANDARD:
            beside = f" (side by side: {shown(job.compare)})" if job.compare else ""
            click.echo(f"{shown(job.target)}{beside}  {self._seen(result)}")
        if result.note and not self._as_json:
            self.note(f"{shown(job.source)}: {result.note}")
        self.screen.update(self.tally)

    def _seen(self, result: Result) -> str:
        """Size, time, and of a raw the amplification."""
        how = ", estimated" if self._estimated else ""
        ratio = "" if result.ratio is None else f" (x{result.ratio:.3g}{how})"
        return f"{result.width} × {result.height}, {spoken(result.seconds)}{ratio}"

    def skipped(self, skipped: Skipped) -> None:
        self.tally.skipped += 1
        if self._as_json:
            self._line(skipped.source, "skipped", output=skipped.target)
        elif self._single:
            self.note(f"{shown(skipped.target)} is there already: skipped. Add --overwrite to make it again.")
        self.screen.update(self.tally)

    def failed(self, problem: Problem) -> None:
        self.tally.failed += 1
        if self._as_json:
            self._line(problem.source, "failed", error=problem.message)
        who = "standard input" if problem.source == STANDARD else shown(problem.source)
        text = problem.message if who in problem.message else f"{who}: {problem.message}"
        self.screen.say(f"Error: {text}", "red")
        self.screen.update(self.tally)

    def note(self, text: str) -> None:
        self.screen.say(text)

    def summary(self) -> None:
        """The last line of a batch. A single picture has said everything already."""
        if self._single:
            return
        tally = self.tally
        parts = [f"{_pictures(tally.done)} enhanced"]
        if tally.done:
            parts[0] += f" in {spoken(tally.seconds)} ({tally.rate()})"
        if tally.skipped:
            parts.append(f"{tally.skipped:,} skipped as their results are there (--overwrite makes them again)")
        if tally.failed:
            parts.append(f"{tally.failed:,} failed (see above)")
        self.screen.say(", ".join(parts) + ".", "red" if tally.failed else None)

    def _line(self, source: str, status: str, **more: object) -> None:
        click.echo(json.dumps({"input": source, "status": status, **more}))


def _pictures(count: int) -> str:
    return f"{count:,} picture" + ("" if count == 1 else "s")
