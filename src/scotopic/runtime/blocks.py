"""Rows of a picture shared out among threads."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


def default_threads() -> int:
    """How many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def in_blocks(do_rows: Callable[[int, int], None], rows: int, blocks: int) -> None:
    """Calls `do_rows(first, last)` over `blocks` parts of the rows at most, the first of them in this thread."""
    blocks = max(1, min(blocks, rows, default_threads()))
    if blocks == 1:
        return do_rows(0, rows)
    edges = [rows * block // blocks for block in range(blocks + 1)]
    others = [_pool().submit(do_rows, edges[block], edges[block + 1]) for block in range(1, blocks)]
    try:
        do_rows(edges[0], edges[1])
    finally:
        for other in others:
            other.result()


@lru_cache(maxsize=1)
def _pool() -> ThreadPoolExecutor:
    from concurrent.futures import ThreadPoolExecutor

    return ThreadPoolExecutor(default_threads(), thread_name_prefix="scotopic-rows")


if hasattr(os, "register_at_fork"):  # a forked child has the executor but not its threads
    os.register_at_fork(after_in_child=_pool.cache_clear)
