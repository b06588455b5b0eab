"""Finding, checking and loading models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from scotopic.errors import CardError, ControlError, CorruptModelError, ModelNotFoundError
from scotopic.runtime import Enhancer, list_models, load_model, zoo
from scotopic.runtime.session import open_graph, resolve_providers

from .conftest import MakeModel, convolutional_graph


@pytest.fixture
def zoo_of_two(tmp_path: Path, make_model: MakeModel, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_model("curves_3")
    make_model("conv")
    (tmp_path / "not_a_model").mkdir()
    monkeypatch.setattr(zoo, "zoo_folder", lambda: tmp_path)
    return tmp_path


def test_the_zoo_lists_folders_with_a_card(zoo_of_two: Path) -> None:
    assert list_models() == ["conv", "curves_3"]


def test_a_model_loads_by_name_and_by_folder(zoo_of_two: Path) -> None:
    by_name, by_folder = load_model("curves_3"), load_model(zoo_of_two / "curves_3")
    assert by_name == by_folder
    assert by_name.decide
    assert by_name.apply is None


def test_an_unknown_model_suggests_a_known_one(zoo_of_two: Path) -> None:
    with pytest.raises(ModelNotFoundError, match=r"no model 'curvs_3'. Did you mean 'curves_3'\? .*: conv, curves_3"):
        load_model("curvs_3")
    with pytest.raises(ModelNotFoundError, match=r"no model 'nowhere/at/all'. Shipped models: conv, curves_3; or"):
        Enhancer(Path("nowhere/at/all"))


def test_a_changed_graph_is_refused(make_model: MakeModel) -> None:
    folder = make_model("conv")
    graph = folder / "apply.onnx"
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    with pytest.raises(CorruptModelError, match="is not the file its card vouches for: SHA-256 is"):
        load_model(folder)
    graph.unlink()
    with pytest.raises(CardError, match=r"names 'apply.onnx', which is not there"):
        load_model(folder)


def test_a_changed_denoiser_is_refused(make_model: MakeModel) -> None:
    folder = make_model("tiers")
    model = load_model(folder)
    graph = folder / "denoise.onnx"
    assert model.denoise == graph.read_bytes()
    graph.write_bytes(graph.read_bytes()[:-1] + b"\0")
    with pytest.raises(CorruptModelError, match=r"denoise.onnx' is not the file its card vouches for: SHA-256 is"):
        load_model(folder)


def test_bytes_that_are_no_graph_are_refused() -> None:
    with pytest.raises(CardError, match="'conv/apply' is not a graph ONNX Runtime can run"):
        open_graph(b"no graph", "conv/apply")


def test_the_cpu_is_the_default_and_the_last_resort() -> None:
    assert resolve_providers(None) == ["CPUExecutionProvider"]
    assert resolve_providers(["cpu"]) == ["CPUExecutionProvider"]
    assert open_graph(convolutional_graph(), "conv").providers == ["CPUExecutionProvider"]


@pytest.mark.parametrize("name", ["cuda", "CUDA", "CUDAExecutionProvider"])
def test_providers_go_by_short_and_long_names(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    both = ["CUDAExecutionProvider", "CPUExecutionProvider"]
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: both)
    assert resolve_providers([name]) == both


def test_a_provider_that_is_not_installed_names_those_that_are(make_model: MakeModel) -> None:
    with pytest.raises(ControlError, match=r"provider 'abacus' is not installed. Installed: .*cpu"):
        Enhancer(make_model("conv"), providers=["abacus"])


@pytest.mark.parametrize("threads", [0, -2, 1.5, "2"])
def test_threads_are_counted_from_one(make_model: MakeModel, threads: Any) -> None:
    with pytest.raises(ControlError, match=f"threads must be .* got {threads!r}"):
        Enhancer(make_model("conv"), threads=threads)
    if isinstance(threads, int):
        with pytest.raises(ControlError, match="at least 1"):
            open_graph(convolutional_graph(), "conv", threads=threads)
