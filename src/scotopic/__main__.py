"""The `scotopic` command as a process of its own, also as `python -m scotopic`: started lean, left at once."""

from __future__ import annotations

import gc
import os
import sys

GARBAGE_AFTER = 50_000
"""New objects before Python looks for garbage. Importing makes half a million that all stay; its own 700 cost 30 ms."""


def run() -> None:
    """Runs the command and ends the process."""
    gc.set_threshold(GARBAGE_AFTER)
    from .cli import main

    try:
        main(prog_name="scotopic")
    except SystemExit as end:
        if end.code == 0 and "torch" not in sys.modules:
            _leave()
        raise


def _leave() -> None:
    """Ends the process, unless its output is still on the way: Python takes 70 ms to free what the system frees anyway.

    Only after success, when nothing is left to tidy up.
    """
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
    except (OSError, ValueError):
        return
    os._exit(0)


if __name__ == "__main__":
    run()
