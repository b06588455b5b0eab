"""Checkpoints come back as they went in, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from scotopic.errors import CheckpointError
from scotopic.training import checkpoint
from scotopic.training.checkpoint import Progress
from scotopic.training.loop import build_network
from scotopic.training.optimise import build_optimiser

from .toy_training import toy_recipe


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    recipe = toy_recipe()
    network = build_network(recipe)
    optimiser = build_optimiser(recipe.optimiser, network)
    network(torch.rand(1, 3, 8, 8)).sum().backward()
    optimiser.step()
    checkpoint.save(
        tmp_path / "a.safetensors", recipe, Progress(step=7, best={"psnr_db": 20.0}), network, optimiser, None
    )
    return tmp_path / "a.safetensors"


def test_there_and_back(saved: Path) -> None:
    read = checkpoint.load(saved)
    assert read.recipe == toy_recipe()
    assert read.progress == Progress(step=7, best={"psnr_db": 20.0})
    network = build_network(read.recipe)
    optimiser = build_optimiser(read.recipe.optimiser, network)
    checkpoint.restore(read, network, optimiser, None)
    checkpoint.save(saved.with_name("b.safetensors"), read.recipe, read.progress, network, optimiser, None)
    assert saved.with_name("b.safetensors").read_bytes() == saved.read_bytes()
    assert sorted(path.name for path in saved.parent.iterdir()) == ["a.safetensors", "b.safetensors"]


@pytest.mark.parametrize("place", [0, 4, 40, -1, -300])
def test_one_flipped_bit_is_noticed(saved: Path, place: int) -> None:
    content = bytearray(saved.read_bytes())
    content[place] ^= 1
    saved.write_bytes(content)
    with pytest.raises(CheckpointError, match=r"a\.safetensors"):
        checkpoint.load(saved)


@pytest.mark.parametrize("length", [0, 5, 100, 2000, -1])
def test_a_truncated_file_is_noticed(saved: Path, length: int) -> None:
    saved.write_bytes(saved.read_bytes()[:length])
    with pytest.raises(CheckpointError, match="damaged"):
        checkpoint.load(saved)


def test_no_file(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="cannot be read"):
        checkpoint.load(tmp_path / "absent.safetensors")


def test_another_network_does_not_fit(saved: Path) -> None:
    wider = build_network(toy_recipe("network.width=8"))
    with pytest.raises(CheckpointError, match=r"does not fit the network in: conv1"):
        checkpoint.fill(checkpoint.load(saved), wider)


def test_a_failed_write_leaves_the_old_checkpoint(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full_disk(*_: object) -> None:
        raise OSError(28, "No space left on device")

    before = saved.read_bytes()
    read = checkpoint.load(saved)
    network = build_network(read.recipe)
    monkeypatch.setattr(checkpoint.os, "replace", full_disk)
    with pytest.raises(OSError, match="No space"):
        checkpoint.save(saved, read.recipe, Progress(), network, build_optimiser(read.recipe.optimiser, network), None)
    assert saved.read_bytes() == before
