"""The tables of the pages about training and recipes say what the code and the recipes say."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from scotopic.data import DATASETS
from scotopic.losses import LOSSES
from scotopic.networks import DISCRIMINATORS, NETWORKS

DOCS = Path(__file__).parents[2] / "docs"


def test_the_tables_are_what_the_code_gives(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(DOCS))
    monkeypatch.delitem(DATASETS, "toy")
    spec = importlib.util.spec_from_file_location("generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generate = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generate)
    for path in (generate.TRAINING, generate.RECIPES):
        if path.read_text(encoding="utf-8") != generate.with_tables(path):
            pytest.fail(f"{path.name} in {path.parent.name} is out of date: run `python docs/generate.py`.")
    training, recipes = (path.read_text(encoding="utf-8") for path in (generate.TRAINING, generate.RECIPES))
    for name in (*NETWORKS, *DISCRIMINATORS, *LOSSES, *DATASETS):
        assert f"\n| `{name}` | " in training
    for path in generate.RECIPES.parent.glob("*.toml"):
        assert f"\n| `{path.stem}` | " in recipes


def test_the_readme_counts_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(DATASETS, "toy")
    page = (DOCS.parent / "README.md").read_text(encoding="utf-8")
    for count, what in (
        (len(NETWORKS), "networks"),
        (len(DISCRIMINATORS), "discriminators"),
        (len(LOSSES), "losses"),
        (len(DATASETS), "data sets"),
    ):
        assert f" {count} {what}" in page
