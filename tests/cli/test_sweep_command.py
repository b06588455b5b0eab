"""`scotopic sweep` as a front for the package of experiments, which has tests of its own."""

import sys
import types
from pathlib import Path

import pytest


@pytest.fixture
def experiments(monkeypatch):
    """Experiments that only note what they are asked for."""
    calls = []
    table = types.SimpleNamespace(missing=0, to_markdown=lambda: "| the table |\n")
    grids, sweeps = (types.ModuleType(f"scotopic.experiments.sweeping.{name}") for name in ("grid", "sweep"))
    plan = types.SimpleNamespace(name="tiny", rows=[0, 1], trials=[0, 1, 2, 3])
    grids.read_grid = lambda path, changes, seeds: calls.append((path, changes, seeds)) or plan

    def sweep(plan, folder, *, on_progress, **options):
        calls.append((folder, options))
        return table

    sweeps.sweep = sweep
    for name, module in (("grid", grids), ("sweep", sweeps)):
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setattr(f"scotopic.experiments.sweeping.{name}", module, raising=False)
    return calls, table, sweeps


def test_sweep_follows_the_grid_and_shows_the_table(scotopic, experiments):
    calls, _, _ = experiments
    run = scotopic("sweep", "tiny.toml", "loop.steps=10", "data.root=pairs")
    assert run.exit_code == 0, run.stderr
    assert run.stdout == "| the table |\n"
    assert calls[0] == ("tiny.toml", ("loop.steps=10", "data.root=pairs"), ())
    folder, options = calls[1]
    assert folder == Path("sweeps/tiny")
    assert options == {"jobs": 1, "threads": 0, "retries": 2, "fresh": False, "ray": ""}
    options = ("--seeds", "3,4", "--jobs", "2", "--threads", "1", "--retries", "0", "--fresh")
    scotopic("sweep", "tiny.toml", "-o", "x", *options)
    assert calls[2][2] == (3, 4)
    assert calls[3] == (Path("x"), {"jobs": 2, "threads": 1, "retries": 0, "fresh": True, "ray": ""})


def test_over_machines_as_many_run_as_there_is_room_for(scotopic, experiments):
    calls, _, _ = experiments
    scotopic("sweep", "tiny.toml", "--ray", "local")
    assert (calls[1][1]["ray"], calls[1][1]["jobs"]) == ("local", 0)


def test_seeds_are_whole_numbers(scotopic, experiments):
    run = scotopic("sweep", "tiny.toml", "--seeds", "1;2")
    assert run.exit_code == 2
    assert "0,1,2" in run.stderr


def test_missing_trials_are_an_exit_code(scotopic, experiments):
    experiments[1].missing = 3
    run = scotopic("sweep", "tiny.toml")
    assert run.exit_code == 1
    assert "3 trials have no result" in run.stderr
    assert run.stdout == "| the table |\n"


def test_an_interrupted_sweep_says_how_it_goes_on(scotopic, experiments):
    def sweep(*_, **__):
        raise KeyboardInterrupt

    experiments[2].sweep = sweep
    run = scotopic("sweep", "tiny.toml")
    assert run.exit_code == 130
    assert "goes on where it stopped" in run.stderr
