from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

import scotopic.data
import scotopic.training.log

from . import toy_training


@pytest.fixture(autouse=True)
def toy_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(scotopic.data.DATASETS, "toy", toy_training.ToyPictures)


@pytest.fixture(autouse=True)
def no_curves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a second for each validation; test_curves.py paints them."""
    monkeypatch.setattr(scotopic.training.log, "draw_curves", lambda run_dir, recipe: None)


@pytest.fixture(autouse=True, scope="module")
def one_thread() -> Iterator[None]:
    """Toy pictures are too small to share between threads, and sums in one order are what bit-equality is about."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def train_in_process(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a toy training in a process of its own."""
    started = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-W", "error", toy_training.__file__, *arguments]
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        process = subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True)
        started.append(process)
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
