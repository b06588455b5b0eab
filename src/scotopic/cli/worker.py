"""Makes one picture of a plan: from a file or standard input, to a file or standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from typing import Literal

from ..errors import WriteError
from ..image import DEFAULT_MAX_PIXELS
from ..runtime import DEFAULT_MODEL, Controls, Enhancer, Result
from .plan import STANDARD, Job, Step
from .values import shown


@dataclass
class Worker:
    """What every job has in common. The model is loaded when the first job comes: a rerun may have none."""

    controls: Controls
    model: str | None = None
    threads: int | None = None
    providers: tuple[str, ...] = ()
    format: str | None = None
    quality: int | None = None
    bits: Literal[8, 16] | None = None
    overwrite: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS

    @cached_property
    def enhancer(self) -> Enhancer:
        return Enhancer(self.model or DEFAULT_MODEL, threads=self.threads, providers=self.providers or None)

    def ready(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Passes `steps` on. A model that cannot be loaded ends the run here, before it fails every picture."""
        for step in steps:
            if isinstance(step, Job):
                _ = self.enhancer
            yield step

    def __call__(self, job: Job) -> Result:
        if job.target == STANDARD:
            # Whole or not at all: whoever reads the pipe must not take half a picture for one.
            buffer = BytesIO()
            result = self._enhance(job, buffer)
            sys.stdout.buffer.write(buffer.getbuffer())
            sys.stdout.buffer.flush()
            return result
        folder = os.path.dirname(job.target)
        try:
            os.makedirs(folder or os.curdir, exist_ok=True)
        except OSError as error:
            raise WriteError(f"cannot make the folder '{folder}' ({error.strerror}).") from error
        was_there = os.path.lexists(job.target)
        try:
            return self._enhance(job, job.target)
        except BaseException:
            # The comparison is written after the result. With one of them missing the job is not done: a rerun, which
            # goes by the result, must make both.
            if job.compare is not None and not was_there:
                with suppress(OSError):
                    os.unlink(job.target)
            raise

    def _enhance(self, job: Job, target: str | BytesIO) -> Result:
        piped = job.source == STANDARD
        return self.enhancer.enhance_file(
            sys.stdin.buffer if piped else job.source,
            target,
            controls=self.controls,
            format=self.format if isinstance(target, BytesIO) else None,  # a file's suffix says it
            quality=self.quality,
            bits=self.bits,
            overwrite=self.overwrite,
            compare=job.compare,
            max_pixels=self.max_pixels,
            name="standard input" if piped else shown(job.source),
        )


def share_cores(jobs: int | None, threads: int | None, single: bool) -> tuple[int, int | None]:
    """How many pictures at a time, and threads for each. None: the runtime's own default, all cores.

    Reading and writing a file uses one core for most of its time, so several files at once beat several threads.
    """
    if jobs is None:
        jobs = 1 if single else min(cores(), 8)  # each picture in hand costs up to 0.3 GB
    return jobs, threads if threads is not None or jobs == 1 else max(1, cores() // jobs)


def cores() -> int:
    """The cores that this process may use."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
