"""Which pictures step n sees: a pure function of the seed and n, so that resuming needs no replay."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from torch import Tensor
from torch.utils.data import BatchSampler, DataLoader, Dataset


class Pictures(Protocol):
    """What DATASETS hold: items are a function of (seed, epoch, index) alone."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: int, /) -> Any: ...
    def set_epoch(self, epoch: int, /) -> None: ...


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
    """The positions in the stream that steps `first` to `last` take, those of one of `devices` processes."""

    def __init__(self, first: int, last: int, batch: int, device: int = 0, devices: int = 1) -> None:
        self.first, self.last = first, last
        self.batch, self.share = batch, batch // devices
        self.device = device

    def __len__(self) -> int:
        return self.last - self.first + 1

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.first, self.last + 1):
            start = (step - 1) * self.batch + self.device * self.share
            yield list(range(start, start + self.share))


def batches(pictures: Pictures, seed: int, steps: Steps, workers: int = 0) -> DataLoader[Any]:
    """A loader that yields one batch for each of `steps`."""
    return DataLoader(Stream(pictures, seed), batch_sampler=steps, num_workers=workers)
