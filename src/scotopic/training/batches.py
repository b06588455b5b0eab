"""Which pictures step n sees: a pure function of the seed and n, so that resuming needs no replay."""

from __future__ import annotations

import hashlib
import multiprocessing
import sys
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset


class Pictures(Protocol):
    """What DATASETS hold: items are a function of (seed, epoch, index) alone.

    Those made of files have their names in `files`, from `root` on and in a fixed order (see `made_of`).
    """

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...
    def set_epoch(self, epoch: int, /) -> None: ...


def made_of(pictures: object) -> str:
    """What a data set is made of, in few words: they differ where its files do. Nothing where it does not tell."""
    files: list[str] | None = getattr(pictures, "files", None)
    if files is None:
        return ""
    return f"{len(files)} files ({hashlib.sha256(chr(0).join(files).encode()).hexdigest()[:12]})"


class Batch(Protocol):
    """A collated `Sample`: `low` (`n 3 h w`, sRGB in [0, 1], or packed raw), `target` (`n 3 h w`), and `n` names."""

    low: Tensor
    target: Tensor
    name: list[str]


class Stream(Dataset[Any]):
    """The endless sequence of pictures: epoch after epoch, each in its own order.

    Any position can be asked for in any order, in any process: nothing is remembered but the epoch last set.
    """

    def __init__(self, pictures: Pictures, seed: int) -> None:
        self.pictures = pictures
        self.seed = seed
        self.epoch = -1

    def __getitem__(self, position: int) -> Any:
        epoch, place = divmod(position, len(self.pictures))
        if epoch != self.epoch:
            self.order = np.random.default_rng([self.seed, epoch]).permutation(len(self.pictures))
            self.pictures.set_epoch(epoch)
            self.epoch = epoch
        return self.pictures[int(self.order[place])]


class Steps(BatchSampler):
    """The positions in the stream that steps `first` to `last` take, those of one of `devices` processes.

    A step takes `accumulate` batches, one after the other.
    """

    def __init__(
        self, first: int, last: int, batch: int, device: int = 0, devices: int = 1, accumulate: int = 1
    ) -> None:
        self.batches = range((first - 1) * accumulate, last * accumulate)
        self.batch, self.share = batch, batch // devices
        self.device = device

    def __len__(self) -> int:
        return len(self.batches)

    def __iter__(self) -> Iterator[list[int]]:
        for index in self.batches:
            start = index * self.batch + self.device * self.share
            yield list(range(start, start + self.share))


def batches(pictures: Pictures, seed: int, steps: Steps, workers: int = 0) -> DataLoader[Any]:
    """A loader that yields the batches of `steps`."""
    context = start_method(pictures) if workers else None
    return DataLoader(Stream(pictures, seed), batch_sampler=steps, num_workers=workers, multiprocessing_context=context)


def start_method(pictures: Pictures) -> str | None:
    """How workers begin; None = as Python does by itself.

    In a copy of a process that has decoded a picture, libvips waits for ever for threads that were not copied: workers
    that read files are copies of a clean process. A data set that holds its pictures `in_memory` reads none: workers
    forked from this process share them, which Linux alone does safely, and Python by itself until 3.13.
    """
    if getattr(pictures, "in_memory", False):
        return "fork" if sys.platform == "linux" else None
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return None
    multiprocessing.set_forkserver_preload(["scotopic.data"])  # once, not once for each worker
    return "forkserver"
