"""Follow a grid: every trial in a process of its own, one after another, side by side or over machines.

What is done is on disk alone: a result in a trial's folder. So a trial that is killed harms no other and is started
again, from its last checkpoint; and a sweep that is killed goes on when it is started again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ...errors import TrainingError
from .grid import Grid, Trial
from .sweep_table import Table, refuse_unknown, write_tables
from .trial import (
    FAILURE,
    GIVEN_UP,
    LOG,
    ORDER,
    RESULT,
    Order,
    Result,
    read_failure,
    read_order,
    read_result,
    write_json,
)

COMMAND = (sys.executable, "-m", "scotopic.experiments.sweeping.trial")
"""What starts a trial; its folder is added."""
MOMENT_S = 0.1
PATIENCE_S = 20.0
"""How long a process has to end that was asked to."""
LAST_LINES = 3


@dataclass(frozen=True)
class Work:
    """A trial that is to be done: all that is needed to do it, also on another machine."""

    name: str
    folder: Path
    order: Order
    cwd: str
    """What relative paths of the recipe start from."""
    retries: int
    command: tuple[str, ...] = COMMAND


@dataclass(frozen=True)
class Progress:
    """Said after each trial, and once before the first: how many are done, failed and left, and the one that ended."""

    done: int
    failed: int
    total: int
    running: int
    trial: Trial | None = None
    result: Result | None = None
    error: str = ""


Watch = Callable[[Progress], None]


def sweep(
    grid: Grid,
    folder: str | Path,
    *,
    jobs: int = 1,
    threads: int = 0,
    retries: int = 2,
    fresh: bool = False,
    ray: str = "",
    on_progress: Watch | None = None,
    command: Sequence[str] = COMMAND,
) -> Table:
    """Train and score every trial of `grid` that `folder` has no result of, and write its table there.

    `jobs` trials run side by side, with `threads` processor threads each (0 = the cores at hand, shared out). A trial
    whose process dies is started again, `retries` times; one that fails in a way that would come again is left, said,
    and tried anew by the next sweep. `ray` hands the trials to Ray Tune: "local", or a cluster's address; then `jobs`
    0 = as many as there is room for, and `threads` 0 = 1. `fresh` removes what earlier sweeps left in `folder`.

    The folder holds `trials/NAME`, ordinary run folders with a result.json, and table.md, .csv and .json, written anew
    after each trial. Raises TrainingError where another sweep is at work in `folder` or its trials are other ones.
    """
    refuse_unknown(grid.columns)
    folder = Path(folder).absolute()
    share = threads or (1 if ray else max(1, cores() // max(jobs, 1)))
    with alone_in(folder):
        if fresh:
            for left_there in ("trials", "ray"):
                shutil.rmtree(folder / left_there, ignore_errors=True)
        _refuse_other_trials(grid, folder)
        places = {trial.name: folder / "trials" / trial.name for trial in grid.trials}
        left = [trial for trial in grid.trials if not is_done(grid, trial, places[trial.name])]
        works = {
            trial.name: Work(
                trial.name, places[trial.name], _order(grid, trial, share), os.getcwd(), retries, tuple(command)
            )
            for trial in left
        }
        by_name = {trial.name: trial for trial in left}
        done, failed = len(grid.trials) - len(left), 0
        say = on_progress or (lambda progress: None)
        say(Progress(done, failed, len(grid.trials), 0))
        table = write_tables(grid, folder)
        for name, error in _ends(list(works.values()), folder, jobs, ray, retries):
            result = read_result(places[name]) if not error else None
            done, failed = done + (result is not None), failed + (result is None)
            table = write_tables(grid, folder)
            say(Progress(done, failed, len(grid.trials), len(left) - done - failed, by_name[name], result, error))
        return table


def _ends(works: list[Work], folder: Path, jobs: int, ray: str, retries: int) -> Iterator[tuple[str, str]]:
    """The name of each trial as it ends, and why it failed, if it did."""
    if not works:
        return
    if ray:
        from .sweep_ray import over_machines

        yield from over_machines(works, folder, ray, jobs, retries)
    else:
        yield from side_by_side(works, jobs)


def side_by_side(works: Sequence[Work], jobs: int) -> Iterator[tuple[str, str]]:
    """Do `works`, `jobs` at a time. When the caller stops looking, by an error or Ctrl-C, so do the trials."""
    stop = threading.Event()
    with ThreadPoolExecutor(jobs) as pool:
        try:
            futures = {pool.submit(attempt, work, stop): work.name for work in works}
            while futures:
                for future in wait(futures, return_when=FIRST_COMPLETED).done:
                    yield futures.pop(future), future.result()
        finally:
            stop.set()
            pool.shutdown(wait=True, cancel_futures=True)


def attempt(work: Work, stop: threading.Event) -> str:
    """Do a trial, again if its process dies. Nothing, or why it failed, which is noted in its folder, too."""
    work.folder.mkdir(parents=True, exist_ok=True)
    for stale in (FAILURE, RESULT):
        (work.folder / stale).unlink(missing_ok=True)
    write_json(work.folder / ORDER, asdict(work.order))
    end = ""
    for _ in range(1 + work.retries):
        code = _run(work, stop)
        if stop.is_set():
            return "It was interrupted."
        if code == 0 and (work.folder / RESULT).exists():
            return ""
        if code == GIVEN_UP:
            return read_failure(work.folder)
        end = f"by signal {-code}" if code < 0 else f"with exit code {code}"
    times = f"{1 + work.retries} times" if work.retries else "once"
    error = f"Its process ended {times}, last {end}: {_last_words(work.folder)} See {work.folder / LOG}."
    write_json(work.folder / FAILURE, {"error": error})
    return error


def _run(work: Work, stop: threading.Event) -> int:
    """The exit code of one attempt. The process holds a pipe to us: it ends when we do, however that is."""
    threads = str(work.order.threads)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "VIPS_CONCURRENCY")
    with open(work.folder / LOG, "ab") as log:
        process = subprocess.Popen(
            [*work.command, str(work.folder)],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            cwd=work.cwd,
            env={**os.environ, **dict.fromkeys(names, threads)},
            start_new_session=True,  # Ctrl-C is ours alone to hear
        )
    assert process.stdin is not None
    try:
        while process.poll() is None and not stop.wait(MOMENT_S):
            pass
    finally:
        process.stdin.close()
        try:
            process.wait(PATIENCE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return process.returncode


def _last_words(folder: Path) -> str:
    lines = (folder / LOG).read_text(encoding="utf-8", errors="replace").split("\n")
    return " / ".join([line.strip() for line in lines if line.strip()][-LAST_LINES:]) or "it said nothing."


def cores() -> int:
    """How many processor cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@contextmanager
def alone_in(folder: Path) -> Iterator[None]:
    """Keep every other sweep out of `folder`; the system lets go of it when this process ends, however it ends."""
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / ".lock", timeout=0)
        lock.acquire()
    except Timeout as error:
        raise TrainingError(
            f"Another sweep is at work in '{folder}'. Wait for its end, or give this one another folder: --out FOLDER"
        ) from error
    except OSError as error:
        raise TrainingError(
            f"The folder '{folder}' cannot be written to ({error.strerror or error}). Give another: --out FOLDER"
        ) from error
    try:
        yield
    finally:
        lock.release()


def is_done(grid: Grid, trial: Trial, folder: Path) -> bool:
    result = read_result(folder)
    if result is None or result.sha256 != trial.recipe.sha256 or result.checkpoint != grid.checkpoint:
        return False
    return grid.split in ("", result.split)


def _order(grid: Grid, trial: Trial, threads: int) -> Order:
    recipe = trial.recipe
    return Order(recipe.as_table(), recipe.sha256, grid.split, grid.checkpoint, threads)


def _refuse_other_trials(grid: Grid, folder: Path) -> None:
    """A folder holds the trials of one grid: results of other settings must not slip into its table."""
    for trial in grid.trials:
        order = read_order(folder / "trials" / trial.name)
        if order is None or order.sha256 == trial.recipe.sha256:
            continue
        then, now = (_flat(json.loads(json.dumps(table))) for table in (order.recipe, trial.recipe.as_table()))
        keys = [key for key in sorted(then.keys() | now.keys()) if then.get(key) != now.get(key)]
        changed = [f"{key} was {then.get(key, 'absent')}, is {now.get(key, 'absent')}" for key in keys]
        raise TrainingError(
            f"'{folder}' holds trials of other settings. In '{trial.name}' {'; '.join(changed)}. Give this sweep "
            "another folder (--out FOLDER), or start over (--fresh)."
        )


def _flat(table: dict[str, Any], where: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in table.items():
        flat |= _flat(value, f"{where}{key}.") if isinstance(value, dict) else {f"{where}{key}": value}
    return flat
