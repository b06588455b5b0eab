"""`scotopic report` as a front for experiments.report, which has tests of its own."""

import sys
import types
from pathlib import Path

import pytest

import scotopic as package_of_all


@pytest.fixture
def asked(monkeypatch):
    """A report that only notes what it is asked for."""
    calls = []
    fake = types.ModuleType("scotopic.experiments.reporting.report")
    fake.problems = []

    def write_report(folders, page, *, title, pictures, measured):
        calls.append((folders, page, title, pictures, measured))
        made = {"html": page, "markdown": page.replace(".html", ".md"), "contents": "2 training runs"}
        return types.SimpleNamespace(**made, problems=fake.problems)

    fake.write_report = write_report
    monkeypatch.setitem(sys.modules, "scotopic.experiments.reporting.report", fake)
    return calls, fake


def test_it_says_what_was_written(scotopic, asked):
    run = scotopic("report", "runs", "evaluations")
    assert run.exit_code == 0, run.stderr
    assert run.stdout == "report.html  2 training runs; the same as Markdown: report.md\n"
    assert asked[0] == [(("runs", "evaluations"), "report.html", "Report", 4, {})]


def test_options_reach_the_report(scotopic, asked):
    words = ("-o", "x/july.html", "--title", "July", "--pictures", 0)
    scotopic("report", "runs", *words, "--measure", "mine=models/a", "--measure", "models/zero_dce")
    measured = {"mine": "models/a", "zero_dce": "models/zero_dce"}
    assert asked[0] == [(("runs",), "x/july.html", "July", 0, measured)]


def test_a_folder_may_have_an_equals_sign_in_its_name(scotopic, asked, here):
    Path("lr=1").mkdir()
    scotopic("report", "runs", "--measure", "lr=1")
    assert asked[0][0][-1] == {"lr=1": "lr=1"}


def test_what_was_left_out_is_said_and_the_exit_code_tells(scotopic, asked):
    asked[1].problems = ["'runs/bad' is damaged."]
    run = scotopic("report", "runs")
    assert run.exit_code == 1
    assert run.stderr == "Error: 'runs/bad' is damaged.\n"
    assert "report.html" in run.stdout


def test_nothing_to_report_is_an_error_in_words(scotopic, here):
    pytest.importorskip("torch")
    run = scotopic("report", "gone")
    assert run.exit_code == 1
    assert "'gone' holds nothing to report" in run.stderr
    assert scotopic("report").exit_code == 2
    assert list(here.iterdir()) == []


def test_without_the_train_extra_it_says_what_to_install(scotopic, monkeypatch):
    for package in ("experiments", "training"):  # they are imported anew, and must be the old ones for later tests
        monkeypatch.setattr(package_of_all, package, pytest.importorskip(f"scotopic.{package}"))
    for name in [name for name in sys.modules if name.startswith(("scotopic.experiments", "scotopic.training"))]:
        monkeypatch.delitem(sys.modules, name)
    for name in ("torch", "matplotlib", "jinja2"):
        monkeypatch.setitem(sys.modules, name, None)
    run = scotopic("report", "runs")
    assert run.exit_code == 1
    assert "pip install 'scotopic[train]'" in run.stderr
