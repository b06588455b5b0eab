"""Decoded files on disk: each is decoded once, then mapped into memory page by page as it is needed."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import DataError

VERSION = 1
"""Counted up when what is kept of a file changes: entries of other versions are not looked at."""

Arrays = dict[str, NDArray[Any]]


class DecodedCache:
    """Arrays made of files, a folder of .npy files for each.

    Any number of processes may use one cache. An entry is made beside its place and appears whole; two processes that
    want it at the same time may both make it, and one of the two stays. An entry belongs to a file's path, size and
    time of change; entries of files that are gone or have changed stay until somebody deletes the folder, which is
    safe at any time.
    """

    def __init__(self, folder: str | Path) -> None:
        self.folder = Path(folder)

    def get(self, source: Path, kind: str, make: Callable[[], Mapping[str, NDArray[Any]]]) -> Arrays:
        """What `make` gave for this `kind` and the file `source`, mapped read-only; made now if it was never before.

        Arrays have at least one element. Raises DataError where the cache cannot be written, and what `make` raises.
        """
        entry = self.folder / f"{source.stem}-{kind}-{_key(source, kind)}"
        arrays = _load(entry)
        if arrays is None:
            made = dict(make())
            try:
                _store(entry, made)
            except OSError as error:
                raise DataError(
                    f"The cache of decoded pictures in '{self.folder}' cannot be written ({error.strerror or error}). "
                    "Make room there, or set data.cache to a folder with more."
                ) from error
            arrays = _load(entry)
            if arrays is None:  # somebody deletes while we work: without the cache, then
                return made
        return arrays


def _key(source: Path, kind: str) -> str:
    facts = source.stat()
    identity = (VERSION, kind, str(source.resolve()), facts.st_size, facts.st_mtime_ns)
    return hashlib.sha256(repr(identity).encode()).hexdigest()[:16]


def _load(entry: Path) -> Arrays | None:
    """The arrays of an entry, or None if there is none or it is damaged."""
    try:
        return {path.stem: np.load(path, mmap_mode="r") for path in sorted(entry.iterdir())} or None
    except (OSError, ValueError, EOFError):
        return None


def _store(entry: Path, arrays: Arrays) -> None:
    entry.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".unfinished-", dir=entry.parent) as workshop:
        unfinished = Path(workshop) / "new"
        unfinished.mkdir()
        for name, array in arrays.items():
            with open(unfinished / f"{name}.npy", "wb") as file:
                np.save(file, array, allow_pickle=False)
                file.flush()
                os.fsync(file.fileno())
        if entry.exists() and _load(entry) is None:
            shutil.rmtree(entry, ignore_errors=True)
        try:
            unfinished.rename(entry)
        except OSError:
            if not entry.is_dir():  # else another process was faster, and its entry is as good
                raise
