"""The page about the command line says what the command line says."""

import importlib.util
from pathlib import Path

import pytest

from scotopic.cli.enhance import enhance
from scotopic.runtime.decision import DENOISE

GENERATOR = Path(__file__).parents[2] / "docs" / "generate.py"


def test_the_page_is_what_the_help_texts_give(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")  # the width of whoever generates it makes no difference
    spec = importlib.util.spec_from_file_location("generate", GENERATOR)
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    if generate.PAGE.read_text(encoding="utf-8") != generate.page():
        pytest.fail("docs/command-line.md is out of date: run `python docs/generate.py`.")


def test_the_help_says_what_is_taken_away_by_default():
    """Written out there, since help imports nothing that decides."""
    option = next(parameter for parameter in enhance.params if parameter.name == "denoise")
    assert f"[default: {DENOISE:g}]" in (getattr(option, "help", None) or "")
