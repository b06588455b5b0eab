"""A run that was cut off ends with the weights that it would have had without the break, bit for bit."""

from __future__ import annotations

import csv
import json
import signal
import subprocess
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from scotopic.data.splits import split_scenes, write_splits
from scotopic.errors import CheckpointError
from scotopic.training import checkpoint, train

from .toy_training import make_pairs, toy_recipe

Start = Callable[..., subprocess.Popen[str]]


def tensors(run_dir: Path, which: str = "last") -> dict[str, Tensor]:
    return checkpoint.load(run_dir / f"checkpoints/{which}.safetensors").tensors


def assert_same_bits(a: dict[str, Tensor], b: dict[str, Tensor]) -> None:
    assert a.keys() == b.keys()
    assert [name for name in a if not torch.equal(a[name], b[name])] == []


def logged_steps(run_dir: Path) -> list[int]:
    with open(run_dir / "log.csv", newline="") as file:
        return [int(row["step"]) for row in csv.DictReader(file)]


@pytest.mark.parametrize(
    "variant",
    [
        (),
        ("loop.ema=0.9", "optimiser.name=adamw", "optimiser.weight_decay=0.01"),
        ("loop.channels_last=true",),
        ("optimiser.name=adagrad", "loop.batch=2", "loop.accumulate=2"),
        ("optimiser={name='sgd', lr=0.01}",),
    ],
    ids=["plain", "average", "channels_last", "adagrad", "sgd"],
)
def test_half_and_resume_is_whole(tmp_path: Path, variant: tuple[str, ...]) -> None:
    train(toy_recipe(*variant), run_dir=tmp_path / "whole")
    train(toy_recipe(*variant, "loop.steps=3"), run_dir=tmp_path / "parts")  # breaks in the middle of an epoch
    train(toy_recipe(*variant), run_dir=tmp_path / "parts")
    assert_same_bits(tensors(tmp_path / "whole"), tensors(tmp_path / "parts"))


def test_the_seed_decides(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("other", 2)):
        train(toy_recipe("loop.steps=1", f"loop.seed={seed}"), run_dir=tmp_path / name)
    first, second = tensors(tmp_path / "one"), tensors(tmp_path / "other")
    assert not torch.equal(first["network.conv1.0.weight"], second["network.conv1.0.weight"])


def test_workers_change_nothing(tmp_path: Path) -> None:
    for workers in (0, 2):
        train(toy_recipe("loop.steps=4", f"loop.workers={workers}"), run_dir=tmp_path / str(workers))
    assert_same_bits(tensors(tmp_path / "0"), tensors(tmp_path / "2"))


def test_killed_without_warning(tmp_path: Path, train_in_process: Start) -> None:
    steps = ("loop.steps=12", "loop.val_every=6")
    process = train_in_process(str(tmp_path / "killed"), *steps, "data.wait_s=0.02")
    last = tmp_path / "killed/checkpoints/last.safetensors"
    deadline = time.monotonic() + 60
    while not last.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert 0 < checkpoint.load(last).progress.step < 12

    train(toy_recipe(*steps, "data.wait_s=0.02"), run_dir=tmp_path / "killed")
    train(toy_recipe(*steps, "data.wait_s=0.02"), run_dir=tmp_path / "whole")
    for which in ("last", "best"):
        assert_same_bits(tensors(tmp_path / "whole", which), tensors(tmp_path / "killed", which))
    assert logged_steps(tmp_path / "killed") == list(range(1, 13))


def test_curves_go_back_with_the_run(tmp_path: Path) -> None:
    """What an interrupted sitting logged after its last checkpoint is logged again, not twice."""
    train(toy_recipe("loop.steps=4"), run_dir=tmp_path)
    with open(tmp_path / "log.csv", "a") as file:
        file.write("5,0.1,0.01,0.2,0.3,0.4,0.5,,,,,,,\n6,0.1")
    train(toy_recipe(), run_dir=tmp_path)
    assert logged_steps(tmp_path) == list(range(1, 9))


def test_two_processes_learn_what_one_does(tmp_path: Path, train_in_process: Start) -> None:
    process = train_in_process(str(tmp_path / "two"), "loop.devices=2")
    train(toy_recipe(), run_dir=tmp_path / "one")
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 0, errors
    one, two = tensors(tmp_path / "one"), tensors(tmp_path / "two")
    assert one.keys() == two.keys()
    for name in one:
        torch.testing.assert_close(one[name], two[name], rtol=1e-3, atol=1e-6)


def test_a_finished_run_stays_finished(tmp_path: Path) -> None:
    train(toy_recipe(), run_dir=tmp_path)
    before = (tmp_path / "checkpoints/last.safetensors").read_bytes()
    summary = train(toy_recipe(), run_dir=tmp_path)
    assert summary.steps == 8
    assert (tmp_path / "checkpoints/last.safetensors").read_bytes() == before


def test_without_resume_a_run_starts_over(tmp_path: Path) -> None:
    train(toy_recipe(), run_dir=tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    train(toy_recipe("loop.steps=2", "loop.seed=5"), run_dir=tmp_path, resume=False)
    assert checkpoint.load(tmp_path / "checkpoints/last.safetensors").progress.step == 2
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_another_recipe_is_refused(tmp_path: Path) -> None:
    train(toy_recipe("loop.steps=2"), run_dir=tmp_path)
    with pytest.raises(CheckpointError, match=r"optimiser\.lr was 0\.01, is 0\.1"):
        train(toy_recipe("optimiser.lr=0.1"), run_dir=tmp_path)


def test_more_steps_and_other_habits_are_the_same_run(tmp_path: Path) -> None:
    train(toy_recipe("loop.steps=2"), run_dir=tmp_path)
    summary = train(toy_recipe("loop.steps=4", "loop.val_every=1", "loop.checkpoint_every=9"), run_dir=tmp_path)
    assert summary.steps == 4


def test_a_schedule_that_depends_on_the_end_fixes_the_end(tmp_path: Path) -> None:
    train(toy_recipe("loop.steps=2", "optimiser.schedule=cosine"), run_dir=tmp_path)
    with pytest.raises(CheckpointError, match=r"loop\.steps was 2, is 4"):
        train(toy_recipe("loop.steps=4", "optimiser.schedule=cosine"), run_dir=tmp_path)


def test_other_pictures_are_refused(tmp_path: Path) -> None:
    """Were the splits redrawn between two sittings, what was learnt from would be held out."""
    names, splits = [str(i) for i in range(10)], tmp_path / "data/splits.json"
    make_pairs(tmp_path / "data", names)
    recipe = toy_recipe(f"data={{name='paired_folder', root='{tmp_path / 'data'}', size=16}}", "loop.batch=1")
    write_splits(splits, split_scenes(names, seed=1), seed=1)
    train(recipe, run_dir=tmp_path / "run")
    last = tmp_path / "run/checkpoints/last.safetensors"
    before = last.read_bytes()
    train(recipe, run_dir=tmp_path / "run")

    write_splits(splits, split_scenes(names, seed=2), seed=2)
    sentence = r"other pictures: train was 14 files \(\w+\), is 14 files \(\w+\); val was 4 files .* Put the files and"
    with pytest.raises(CheckpointError, match=sentence):
        train(recipe, run_dir=tmp_path / "run")
    assert last.read_bytes() == before

    # The same pictures somewhere else are the same pictures.
    write_splits(splits, split_scenes(names, seed=1), seed=1)
    (tmp_path / "data").rename(tmp_path / "moved")
    moved = toy_recipe(f"data={{name='paired_folder', root='{tmp_path / 'moved'}', size=16}}", "loop.batch=1")
    train(moved, run_dir=tmp_path / "run")

    # A checkpoint older than this knows nothing of its pictures, and goes on.
    with safe_open(last, "pt") as file:
        facts = json.loads(file.metadata()["scotopic"])
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    del facts["progress"]["data"]
    save_file(tensors, last, {"scotopic": json.dumps(facts)})
    write_splits(tmp_path / "moved/splits.json", split_scenes(names, seed=2), seed=2)
    longer = replace(moved, loop=replace(moved.loop, steps=9))
    assert train(longer, run_dir=tmp_path / "run").steps == 9
    assert checkpoint.load(last).progress.data["train"].startswith("14 files")
