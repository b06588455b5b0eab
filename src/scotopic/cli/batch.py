"""Runs a plan: a few pictures at a time, a bad one does not stop the rest, Ctrl-C leaves nothing half-made."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING

from ..errors import ControlError, ModelError, OutputExistsError, WriteError
from .failure import explain, is_disk_full, show_trace
from .find import Problem
from .plan import Job, Skipped, Step
from .report import Report

if TYPE_CHECKING:
    from ..runtime import Result

Work = Callable[[Job], "Result"]


class DiskFullError(WriteError):
    """No picture after this one could be written either."""


def run(steps: Iterable[Step], work: Work, report: Report, *, jobs: int, finish: bool = True) -> None:
    """Does `work` for every job among `steps`, `jobs` at a time, and reports everything.

    `steps` is read only a little ahead of the work. On KeyboardInterrupt nothing new is begun, and the interrupt goes
    on up once the pictures in hand are finished; on a second one, or without `finish`, they are dropped.
    """
    running: dict[Future[Result], Job] = {}
    busy: set[int] = set()

    def task(job: Job) -> Result:
        busy.add(threading.get_ident())
        try:
            return work(job)
        finally:
            busy.discard(threading.get_ident())

    # A picture is always made in a worker: there, unlike here, Ctrl-C cannot land in the middle of libvips' callbacks.
    with ThreadPoolExecutor(jobs, "enhance") as pool:
        try:
            for step in steps:
                if isinstance(step, Problem):
                    report.failed(step)
                elif isinstance(step, Skipped):
                    report.skipped(step)
                else:
                    running[pool.submit(task, step)] = step
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
            except KeyboardInterrupt:
                pass
            _drop(busy)
            while running:
                _settle(running, report)
            raise


def _settle(running: dict[Future[Result], Job], report: Report) -> None:
    """Waits until at least one picture is finished and reports what became of it."""
    for future in wait(running, return_when=FIRST_COMPLETED).done:
        job = running.pop(future)
        error = future.exception()
        if error is None:
            report.done(job, future.result())
        elif isinstance(error, KeyboardInterrupt):
            continue  # dropped, as asked
        elif isinstance(error, OutputExistsError) and os.path.lexists(job.target):
            report.skipped(Skipped(job.source, job.target))  # somebody else made it meanwhile
        else:
            if isinstance(error, ModelError | ControlError) and not report.tally.done:
                raise error  # not this picture's fault: the next ones would say the same
            report.failed(Problem(job.source, explain(error)))
            show_trace(error)
            if is_disk_full(error):
                raise DiskFullError("the disk is full: stopped. Make room, then run the same command again to go on.")


def _drop(threads: Iterable[int]) -> None:
    """Raises KeyboardInterrupt in other threads, which then tidy up as they would after any error."""
    import ctypes

    for thread in list(threads):
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(KeyboardInterrupt))
