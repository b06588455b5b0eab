"""Makes one picture of a plan: from a file or standard input, to a file or standard output."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from io import BytesIO
from threading import Event
from typing import Literal

from ..errors import WriteError
from ..image import DEFAULT_MAX_PIXELS
from ..runtime import Controls, Enhancer, Result
from ..runtime.work import refuse_denoising
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
    profile: str | None = None
    overwrite: bool = False
    max_pixels: int = DEFAULT_MAX_PIXELS
    drop: Event = field(default_factory=Event)
    """Once it is set, pictures in hand end with KeyboardInterrupt at their next strip, and leave nothing."""

    @cached_property
    def enhancer(self) -> Enhancer:
        return Enhancer(self.model, threads=self.threads, providers=self.providers or None)

    def ready(self, steps: Iterable[Step]) -> Iterator[Step]:
        """Passes `steps` on. What is wrong with the model ends the run here, before it fails every picture."""
        for step in steps:
            if isinstance(step, Job) and self.model is None:
                _ = self.enhancer
            elif isinstance(step, Job):
                refuse_denoising(self.controls, self.enhancer.card, shown(step.source))
            yield step

    def __call__(self, job: Job) -> Result:
        if job.target == STANDARD:
            # Whole or not at all: whoever reads the pipe must not take half a picture for one.
            buffer = BytesIO()
            result = self._enhance(job, buffer)
            self._check()
            _put_out(buffer.getbuffer())
            return result
        folder = os.path.dirname(job.target)
        try:
            os.makedirs(folder or os.curdir, exist_ok=True)
        except OSError as error:
            raise WriteError(f"cannot make the folder '{folder}' ({error.strerror}).") from error
        if job.only_compare:
            return self._enhance(job, None)
        if job.compare is not None and not os.path.lexists(job.target):
            # The comparison is written before the result: without a result it is left from a run that was cut off.
            with suppress(OSError):
                os.unlink(job.compare)
        return self._enhance(job, job.target)

    def _enhance(self, job: Job, target: str | BytesIO | None) -> Result:
        piped = job.source == STANDARD
        return self.enhancer.enhance_file(
            sys.stdin.buffer if piped else job.source,
            target,
            controls=self.controls,
            format=self.format if isinstance(target, BytesIO) else None,  # a file's suffix says it
            quality=self.quality,
            bits=self.bits,
            profile=self.profile,
            overwrite=self.overwrite,
            compare=job.compare,
            max_pixels=self.max_pixels,
            name="standard input" if piped else shown(job.source),
            check=self._check,
        )

    def _check(self) -> None:
        if self.drop.is_set():
            raise KeyboardInterrupt


def _put_out(picture: memoryview) -> None:
    """A whole picture to standard output. WriteError if it cannot take it, BrokenPipeError if the reader has left."""
    try:
        sys.stdout.buffer.write(picture)
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise WriteError(f"cannot write standard output: {error.strerror or error}.") from error


def share_cores(jobs: int | None, threads: int | None, single: bool) -> tuple[int, int | None]:
    """How many pictures at a time, and threads for each. None: the runtime's own default, all cores.

    Reading and writing a file uses one core for most of its time, so several files at once beat several threads.
    """
    if jobs is None:
        jobs = 1 if single else min(cores(), 8)  # each picture in hand costs up to 0.6 GB, each raw up to 1 GB
    return jobs, threads if threads is not None or jobs == 1 else max(1, cores() // jobs)


def cores() -> int:
    """The cores that this process may use."""
    affinity: Callable[[int], set[int]] | None = getattr(os, "sched_getaffinity", None)
    return len(affinity(0)) if affinity else os.cpu_count() or 1
