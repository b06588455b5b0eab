"""Runs a plan: a few pictures at a time, a bad one does not stop the rest, Ctrl-C leaves nothing half-made."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from ..errors import (
    ControlError,
    LightMismatchError,
    ModelError,
    NoDenoiserError,
    OutputExistsError,
    RawOnlyError,
    WriteError,
)
from .failure import explain, is_disk_full, show_trace
from .find import Problem
from .outcome import Report
from .plan import STANDARD, Job, Skipped, Step

if TYPE_CHECKING:
    from ..runtime import Result

Work = Callable[[Job], "Result"]


LISTEN_EVERY_S = 0.1
"""How long Ctrl-C may go unheard."""


class DiskFullError(WriteError):
    """No picture after this one could be written either."""


def run(
    steps: Iterable[Step],
    work: Work,
    report: Report,
    *,
    jobs: int,
    finish: bool = True,
    drop: threading.Event | None = None,
) -> None:
    """Does `work` for every job among `steps`, `jobs` at a time, and reports everything.

    `steps` is read only a little ahead of the work. On KeyboardInterrupt nothing new is begun, and the interrupt goes
    on up once the pictures in hand are finished; on a second one, or without `finish`, they are dropped: `drop` is
    set, which `work` looks at now and then to raise KeyboardInterrupt.
    """
    running: dict[Future[Result], Job] = {}
    # A picture is always made in a worker: there, unlike here, Ctrl-C cannot land in the middle of libvips' callbacks.
    with ThreadPoolExecutor(jobs, "enhance") as pool:
        try:
            for step in steps:
                if isinstance(step, Problem):
                    report.failed(step)
                elif isinstance(step, Skipped):
                    report.skipped(step)
                else:
                    running[pool.submit(work, step)] = step
                    # One more than the workers can do at once, so that none of them waits for us.
                    if len(running) > jobs:
                        _settle(running, report)
            while running:
                _settle(running, report)
        except BaseException as stop:
            for future in list(running):
                if future.cancel():
                    del running[future]
            try:
                if running and finish and isinstance(stop, KeyboardInterrupt):
                    report.note("Finishing what is in hand … (Ctrl-C again drops it)")
                while running and finish:
                    _settle(running, report)
            except (KeyboardInterrupt, OSError):  # the latter from a terminal that was closed, and shows no notes
                pass
            if drop is not None:
                drop.set()
            while running:
                _settle(running, report)
            raise


def _settle(running: dict[Future[Result], Job], report: Report) -> None:
    """Waits until at least one picture is finished and reports what became of it."""
    # Not for ever at once: Windows, and a signal that another thread received, do not wake a thread that waits.
    while not (done := wait(running, timeout=LISTEN_EVERY_S, return_when=FIRST_COMPLETED).done):
        pass
    for future in done:
        job = running.pop(future)
        error = future.exception()
        if error is None:
            report.done(job, future.result())
        elif isinstance(error, KeyboardInterrupt):
            continue  # dropped, as asked
        elif isinstance(error, OutputExistsError) and os.path.lexists(job.target):
            report.skipped(Skipped(job.source, job.target))  # somebody else made it meanwhile
        else:
            # Other pictures may be of another kind.
            of_this_kind = isinstance(error, LightMismatchError | RawOnlyError | NoDenoiserError)
            if isinstance(error, ModelError | ControlError) and not (report.tally.done or of_this_kind):
                raise error  # not this picture's fault: the next ones would say the same
            if isinstance(error, BrokenPipeError) and job.target == STANDARD:
                raise error  # whoever read our output has seen enough
            report.failed(Problem(job.source, explain(error)))
            show_trace(error)
            if is_disk_full(error):
                raise DiskFullError("the disk is full: stopped. Make room, then run the same command again to go on.")
