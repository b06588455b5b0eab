"""Grids, and sweeps whose trials only pretend to train; one trains."""

from __future__ import annotations

import csv
import io
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scotopic.errors import RecipeError, TrainingError
from scotopic.experiments.sweeping.grid import Grid, read_grid
from scotopic.experiments.sweeping.sweep import Progress, sweep
from scotopic.experiments.sweeping.sweep_table import Table, table_of
from scotopic.experiments.sweeping.trial import Result, losses_at, read_result
from scotopic.image import Picture, write

SWEEPS = sorted((Path(__file__).parents[2] / "recipes/sweeps").glob("*.toml"))

RECIPE = """
[network]
name = "cnn"
width = 2
depth = 2
[data]
name = "paired_folder"
root = "pairs"
[losses]
l1 = 1.0
[loop]
steps = 2
batch = 2
val_every = 2
checkpoint_every = 1
"""

GRID = """
recipe = "cnn.toml"
seeds = [0, 1]
[grid.loss]
MAE = "losses={l1=1.0, mse=0.0}"
MSE = "losses={l1=0.0, mse=1.0}"
[grid.augmentation]
off = "data.flips=false"
on = ["data.rotate=10.0", "data.translate=0.1"]
"""

PRETEND = """
import json, os, signal, sys, time
from pathlib import Path

folder = Path(sys.argv[1])
order = json.loads((folder / "trial.json").read_text())
with open(folder / "tries", "a") as file:
    file.write(f"{os.getpid()}\\n")
first = len((folder / "tries").read_text().split()) == 1
plans = folder.parents[1] / "plans.json"
plan = json.loads(plans.read_text()).get(folder.name, "") if plans.exists() else ""
if plan == "is killed" or plan == "is killed once" and first:
    print("almost there", flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
if plan == "gives up":
    (folder / "failure.json").write_text('{"error": "The loss became nan."}')
    sys.exit(3)
if plan == "waits" and first:
    sys.stdin.read()
    sys.exit(4)
if plan == "waits for all":
    deadline = time.monotonic() + 20
    while len(list(folder.parent.glob("*/tries"))) < 2:
        time.sleep(0.01)
        assert time.monotonic() < deadline, "nobody came"
seed = order["recipe"]["loop"]["seed"]
scores = {"psnr": 20.0 + 2 * seed, "psnr_gt_mean": 21.0, "ssim": 0.5, "mae": 0.2, "mse": 0.04, "seconds": 0.1}
(folder / "result.json").write_text(json.dumps({
    "sha256": order["sha256"], "split": order["split"] or "test", "checkpoint": order["checkpoint"], "pictures": 7,
    "failed": 0, "data": {"digest": "d"}, "scores": {"": scores}, "losses": {"loss_l1": 0.2}, "step": 2, "steps": 2,
    "stopped": "", "training_s": 1.5, "parameters": 123, "machine": f"{os.environ['OMP_NUM_THREADS']} threads",
}))
"""

Write = Callable[..., Path]


@pytest.fixture
def grid_file(tmp_path: Path) -> Write:
    (tmp_path / "cnn.toml").write_text(RECIPE)

    def make(text: str = GRID, name: str = "grid.toml") -> Path:
        (tmp_path / name).write_text(text)
        return tmp_path / name

    return make


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Table]:
    """Sweeps with trials that pretend, which do as `plans` say."""
    (tmp_path / "pretend.py").write_text(PRETEND)

    def start(grid: Grid, plans: dict[str, str] | None = None, **options: Any) -> Table:
        (tmp_path / "out").mkdir(exist_ok=True)
        (tmp_path / "out/plans.json").write_text(json.dumps(plans or {}))
        return sweep(grid, tmp_path / "out", command=(sys.executable, str(tmp_path / "pretend.py")), **options)

    return start


def tries(tmp_path: Path) -> dict[str, int]:
    return {path.parent.name: len(path.read_text().split()) for path in tmp_path.glob("out/trials/*/tries")}


def test_a_grid_is_every_combination_with_every_seed(grid_file: Write) -> None:
    grid = read_grid(grid_file())
    assert list(grid.rows) == ["MAE, off", "MAE, on", "MSE, off", "MSE, on"]
    assert [trial.seed for trial in grid.trials] == [0, 1] * 4
    last = grid.trials[-1]
    assert last.labels == {"loss": "MSE", "augmentation": "on"}
    assert last.name == "mse-on-seed1"
    assert last.recipe.loop.seed == 1
    assert [term.weight for term in last.recipe.losses] == [0, 1]
    assert [last.recipe.data.settings[key] for key in ("rotate", "translate", "flips")] == [10, 0.1, True]


def test_rows_leave_combinations_out_and_take_the_first_of_what_they_do_not_name(grid_file: Write) -> None:
    rows = '[[rows]]\nloss = "MSE"\n[[rows]]\naugmentation = "on"\n'
    assert list(read_grid(grid_file(GRID + rows)).rows) == ["MSE, off", "MAE, on"]


def test_a_key_and_its_values_are_an_axis(grid_file: Write) -> None:
    grid = read_grid(
        grid_file('recipe = "cnn.toml"\n[grid]\n"optimiser.lr" = [1e-3, 2e-5]\n"data.zoom" = [[0.5, 2.0]]\n')
    )
    assert [trial.recipe.optimiser.lr for trial in grid.trials] == [1e-3, 2e-5]
    assert grid.trials[0].recipe.data.settings["zoom"] == [0.5, 2.0]
    assert list(grid.rows) == ["0.001, [0.5, 2.0]", "2e-05, [0.5, 2.0]"]


def test_rows_may_have_recipes_of_their_own_found_from_where_they_are_named(grid_file: Write, tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep/unet.toml").write_text(RECIPE.replace('"cnn"', '"unet"'))
    text = '[grid.network]\nCNN = "recipe=../cnn.toml"\nU-Net = ["recipe=unet.toml", "network.width=4"]\n'
    grid_file(text, "deep/grid.toml")
    above = read_grid(grid_file('like = "deep/grid.toml"\nchanges = ["loop.steps=9"]\n'))
    networks = [trial.recipe.network for trial in above.trials]
    assert [(network.name, network.settings["width"]) for network in networks] == [("cnn", 2), ("unet", 4)]
    assert [trial.recipe.loop.steps for trial in above.trials] == [9, 9]


def test_a_grid_like_another_adds_to_it(grid_file: Write) -> None:
    grid_file(GRID + "[grid.steps]\n", "other.toml")
    grid_file('changes = ["loop.steps=5", "loop.batch=3"]\n' + GRID, "other.toml")
    own = 'like = "other.toml"\nseeds = [7]\nchanges = ["loop.steps=9"]\n[grid.loss]\nL1 = []\n'
    grid = read_grid(grid_file(own), ["loop.workers=1"])
    assert list(grid.rows) == ["L1, off", "L1, on"]
    assert grid.name == "grid"
    loop = grid.trials[0].recipe.loop
    assert (loop.steps, loop.batch, loop.seed, loop.workers) == (9, 3, 7, 1)


@pytest.mark.parametrize(
    ("text", "changes", "words"),
    [
        (GRID + '[[rows]]\nloss = "MAEE"\n', (), ["Row 1", "'MAEE'", "'MAE'"]),
        (GRID + '[[rows]]\nlos = "MAE"\n', (), ["'los'", "'loss'"]),
        (GRID + "[grid.size]\nbig = 3\n", (), ["grid.size.big", "3"]),
        (GRID + '[grid.size]\nbig = "data.sise=3"\n', (), ["MAE, off, big", "'sise'", "'size'"]),
        (GRID.replace("seeds", "seed"), (), ["'seed'", "'seeds'"]),
        (GRID.replace("[0, 1]", "[1, 1]"), (), ["seeds", "[1, 1]"]),
        (GRID.replace('"cnn.toml"', '""'), (), ["no recipe"]),
        (GRID + "[grid.loss2]\nA = []\nB = []\n", (), ["MAE, off, A", "MAE, off, B", "same recipe"]),
        (GRID, ["losses={l1=1.0}"], ["MAE, off", "MSE, off", "same recipe"]),
        (GRID, ["loop.seed=3"], ["loop.seed", "seeds = "]),
        (GRID + 'columns = ["psnr"]', (), ["columns"]),
        ('like = "grid.toml"', (), ["like itself"]),
        ("recipe = ", (), ["not valid TOML"]),
    ],
)
def test_what_is_wrong_with_a_grid_is_said_before_anything_is_trained(
    grid_file: Write, text: str, changes: Sequence[str], words: list[str]
) -> None:
    with pytest.raises(RecipeError) as caught:
        read_grid(grid_file(text), changes)
    assert all(word in str(caught.value) for word in words), caught.value


@pytest.mark.parametrize("path", SWEEPS, ids=lambda path: path.stem)
def test_the_grids_of_the_reports_can_be_followed_and_give_their_commands(path: Path) -> None:
    grid = read_grid(path)
    assert grid.name == path.stem
    assert len(grid.trials) == 3 * len(grid.rows)
    assert f"scotopic sweep recipes/sweeps/{path.name} data.root=FOLDER" in path.read_text()
    if not path.stem.endswith("_short"):
        assert path.with_stem(f"{path.stem}_short") in SWEEPS


def test_a_sweep_ends_in_means_and_deviations_over_seeds(
    grid_file: Write, run: Callable[..., Table], tmp_path: Path
) -> None:
    told: list[Progress] = []
    table = run(read_grid(grid_file()), on_progress=told.append, threads=3)
    assert [(progress.done, progress.failed) for progress in told] == [(done, 0) for done in range(9)]
    markdown = (tmp_path / "out/table.md").read_text()
    assert markdown == table.to_markdown()
    # 20 and 22: the sample's deviation is the square root of 2.
    assert "| MSE | on | 21.00 ± 1.41 | 21.00 ± 0.00 | 0.500 ± 0.000 |" in markdown
    assert "split test: 7 pictures" in markdown
    assert "3 threads" in markdown
    rows = list(csv.DictReader(io.StringIO((tmp_path / "out/table.csv").read_text())))
    assert len(rows) == 4
    assert (rows[0]["loss"], float(rows[0]["psnr_mean"]), rows[0]["psnr_seeds"]) == ("MAE", 21, "2")
    assert float(rows[0]["mae_255_mean"]) == 51
    line = json.loads((tmp_path / "out/table.json").read_text())["lines"][0]
    assert line["numbers"][""]["psnr"]["values"] == {"0": 20.0, "1": 22.0}
    assert line["numbers"][""]["loss_l1"]["mean"] == 0.2


def test_what_is_done_is_not_done_again_and_a_grid_may_grow(
    grid_file: Write, run: Callable[..., Table], tmp_path: Path
) -> None:
    run(read_grid(grid_file(), seeds=[0]))
    assert tries(tmp_path) == dict.fromkeys(["mae-off-seed0", "mae-on-seed0", "mse-off-seed0", "mse-on-seed0"], 1)
    table = run(read_grid(grid_file(), seeds=[0, 1]))
    assert set(tries(tmp_path).values()) == {1}
    assert len(tries(tmp_path)) == 8
    assert table.missing == 0
    run(read_grid(grid_file(GRID.replace("seeds", 'checkpoint = "last"\nseeds'))), threads=1)
    assert set(tries(tmp_path).values()) == {2}, "another step is scored: every trial has something to do"


def test_a_killed_trial_is_started_again_and_a_hopeless_one_harms_no_other(
    grid_file: Write, run: Callable[..., Table], tmp_path: Path
) -> None:
    plans = {"mae-off-seed0": "is killed once", "mae-on-seed0": "is killed", "mse-on-seed1": "gives up"}
    table = run(read_grid(grid_file()), plans, retries=1)
    assert tries(tmp_path) == dict.fromkeys(tries(tmp_path), 1) | {"mae-off-seed0": 2, "mae-on-seed0": 2}
    assert table.missing == 2
    markdown = table.to_markdown()
    assert "- MSE, on, seed 1: The loss became nan." in markdown
    assert "- MAE, on, seed 0: Its process ended 2 times, last by signal 9: almost there" in markdown
    assert next(row for row in markdown.split("\n") if row.startswith("| MAE | on")).endswith("| 1 of 2 |")
    assert run(read_grid(grid_file())).missing == 0, "the next sweep tries both again"
    assert "Without a result" not in (tmp_path / "out/table.md").read_text()


def test_jobs_run_side_by_side(grid_file: Write, run: Callable[..., Table]) -> None:
    grid = read_grid(grid_file('recipe = "cnn.toml"\nseeds = [0, 1]\n'))
    table = run(grid, dict.fromkeys(["seed0", "seed1"], "waits for all"), jobs=2, retries=0)
    assert table.missing == 0
    assert [line.row for line in table.lines] == ["the recipe"]


def test_trials_of_other_settings_are_refused(grid_file: Write, run: Callable[..., Table], tmp_path: Path) -> None:
    run(read_grid(grid_file()))
    other = read_grid(grid_file(), ["optimiser.lr=0.5", "data.root=elsewhere"])
    with pytest.raises(TrainingError, match=r"optimiser\.lr was 0\.0001, is 0\.5.*--fresh"):
        run(other)
    assert set(tries(tmp_path).values()) == {1}
    assert run(read_grid(grid_file(), ["data.root=elsewhere"])).missing == 0, "the same pictures in another place"
    run(other, fresh=True)
    assert set(tries(tmp_path).values()) == {1}


def test_a_column_that_no_result_has_is_refused(grid_file: Write, run: Callable[..., Table]) -> None:
    with pytest.raises(RecipeError, match="'psrn'"):
        run(read_grid(grid_file('columns = ["psrn"]\n' + GRID)))


@pytest.mark.skipif(sys.platform == "win32", reason="SIGKILL")
def test_a_killed_sweep_takes_its_trial_along_keeps_others_out_and_goes_on(
    grid_file: Write, run: Callable[..., Table], tmp_path: Path
) -> None:
    path, out, pretend = grid_file('recipe = "cnn.toml"\nseeds = [0, 1]\n'), tmp_path / "out", tmp_path / "pretend.py"
    out.mkdir()
    (out / "plans.json").write_text('{"seed0": "waits"}')
    driver = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import sys; from scotopic.experiments.sweeping.grid import read_grid;"
            "from scotopic.experiments.sweeping.sweep import sweep;"
            f"sweep(read_grid({str(path)!r}), {str(out)!r}, command=[sys.executable, {str(pretend)!r}])",
        ]
    )
    try:
        while not (out / "trials/seed0/tries").exists() or not (out / "trials/seed0/tries").read_text():
            assert driver.poll() is None
            time.sleep(0.05)
        trial = int((out / "trials/seed0/tries").read_text())
        with pytest.raises(TrainingError, match="Another sweep is at work"):
            run(read_grid(path), {"seed0": "waits"})
        os.kill(trial, 0)
    finally:
        driver.send_signal(signal.SIGKILL)
        driver.wait()
    while Path(f"/proc/{trial}").exists():  # hangs here if the trial outlives its driver
        time.sleep(0.05)
    assert run(read_grid(path), {"seed0": "waits"}).missing == 0
    assert tries(tmp_path) == {"seed0": 2, "seed1": 1}


def test_a_loss_that_is_no_number_is_none(tmp_path: Path) -> None:
    (tmp_path / "log.csv").write_text("step,loss,val_loss,val_loss_l1,val_psnr_db\n1,1,,,\n2,1,nan,0.5,9\n")
    assert losses_at(tmp_path / "log.csv", 2) == {"loss_l1": 0.5}


def result(seed: int, scores: dict[str, dict[str, float]], digest: str = "d") -> Result:
    return Result("", "val", "best", 3, 0, {"digest": digest}, scores, {}, 5, 9, "", 60.0, 1000, f"m{seed % 1}")


def test_groups_of_pictures_have_parts_of_their_own(grid_file: Write) -> None:
    grid = read_grid(grid_file('recipe = "cnn.toml"\nseeds = [0, 1]\ncolumns = ["psnr", "parameters", "mse_255"]\n'))
    scores = {"": {"psnr": 25.0, "mse": 0.01}, "0.1 s": {"psnr": 28.0}, "0.04 s": {"psnr": 22.0}}
    table = table_of(grid, {"seed0": result(0, scores), "seed1": result(1, scores, "e")})
    text = table.to_markdown()
    assert "| the recipe | 25.00 ± 0.00 | 1,000 | 650.2 ± 0.0 |" in text
    assert text.index("**0.1 s**") < text.index("28.00") < text.index("**0.04 s**") < text.index("22.00")
    assert "Each seed has held-out views of its own." in text
    one = table_of(grid, {"seed0": result(0, scores), "seed1": ""})
    assert "| the recipe | 25.00 | 1,000 | 650.2 | 1 of 2 |" in one.to_markdown()
    assert "Without a result" not in one.to_markdown(), "it is still to come"


def test_a_trial_trains_and_is_scored_as_its_evaluation_says(grid_file: Write, tmp_path: Path) -> None:
    for index in range(10):
        target = np.random.default_rng(index).random((20, 20, 3), np.float32)
        for folder, picture in (("low", target / 4), ("high", target)):
            (tmp_path / "pairs" / folder).mkdir(parents=True, exist_ok=True)
            write(Picture(picture), tmp_path / f"pairs/{folder}/{index}.png")
    grid = read_grid(grid_file('recipe = "cnn.toml"\n'), [f"data.root={tmp_path / 'pairs'}"])
    table = sweep(grid, tmp_path / "out", threads=1, retries=0)
    trial = tmp_path / "out/trials/seed0"
    assert table.missing == 0, (trial / "trial.log").read_text()
    found = read_result(trial)
    assert found is not None
    summary = json.loads((trial / "evaluations/test-best/summary.json").read_text())
    assert found.scores[""]["psnr"] == pytest.approx(summary[""]["psnr"]["mean"])
    assert (found.split, found.pictures, found.step, found.steps) == ("test", 1, 2, 2)
    assert found.parameters == 3 * 2 * 9 + 2 + 2 * 3 * 9 + 3
    assert found.losses["loss_l1"] > 0
    assert (trial / "checkpoints/last.safetensors").exists()


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_ray_does_the_same(grid_file: Write, run: Callable[..., Table], tmp_path: Path) -> None:
    pytest.importorskip("ray.tune", reason="needs scotopic[cluster]")
    grid = read_grid(grid_file('recipe = "cnn.toml"\nseeds = [0, 1]\n'))
    plans = {"seed0": "is killed once", "seed1": "gives up"}
    table = run(grid, plans, jobs=1, ray="local")
    assert tries(tmp_path) == {"seed0": 2, "seed1": 1}
    assert table.lines[0].missing == {1: "The loss became nan."}
    assert table.lines[0].numbers[""]["psnr"].mean == 20
