"""What a method may be: names, folders, files; each gives what its maker would have given, or says why not."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from runtime.conftest import write_model
from scotopic.errors import (
    CheckpointError,
    ControlError,
    DataError,
    LightMismatchError,
    MissingExtraError,
    ModelError,
    ModelNotFoundError,
    ScotopicError,
)
from scotopic.experiments.methods import open_method
from scotopic.experiments.methods.run_method import _developed
from scotopic.experiments.sets.items import Item
from scotopic.image import Picture, RawFrame, write
from scotopic.networks import UNet
from scotopic.runtime import Controls, Enhancer, list_models
from scotopic.training.checkpoint import Progress, save
from scotopic.training.loop import build_network
from scotopic.training.objective import Develop
from scotopic.training.recipe import recipe_from_table

Image = np.ndarray


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    yield
    torch.set_num_threads(threads)


def picture(height: int = 21, width: int = 34, seed: int = 0) -> Image:
    return np.random.default_rng(seed).random((height, width, 3), np.float32) / 3


def frame() -> RawFrame:
    """A small dark Bayer frame: 60 DN of light above black, with noise."""
    mosaic = 512 + np.random.default_rng(4).normal(60, 8, (64, 96))
    return RawFrame(
        mosaic=mosaic.clip(0, 16383).astype(np.uint16),
        cfa=("RG", "GB"),
        black_level_dn=np.full((2, 2), 512, np.float32),
        white_level_dn=16383,
        white_balance=(2.0, 1.0, 1.5),
        camera_to_xyz=np.array([[0.41, 0.36, 0.18], [0.21, 0.72, 0.07], [0.02, 0.12, 0.95]], np.float32),
    )


def item(low: Any, name: str = "night", ratio: float | None = None) -> Item:
    return Item(name, name, "", ratio, lambda: low, lambda: picture(), name)


def test_names_are_baselines_and_shipped_models() -> None:
    low = picture()
    assert np.array_equal(open_method("input").enhance(item(low)), low)
    method = open_method("zero_dce_pp", name="ours")
    assert (method.name, method.kind) == ("ours", "model")
    assert np.array_equal(method.enhance(item(low)), Enhancer("zero_dce_pp", threads=1).enhance(low))
    assert method.facts["parameters"] == Enhancer("zero_dce_pp").card.parameters
    assert {"bytes", "licence", "sha256"} <= set(method.facts)


def test_a_model_is_scored_in_either_tier(tmp_path: Path) -> None:
    folder, low = write_model(tmp_path, "tiers"), picture() / 3
    best, fast = open_method(str(folder)), open_method(f"{folder}@fast")
    assert (best.name, fast.name, open_method(f"{folder}@best").name) == ("tiers", "tiers@fast", "tiers")
    enhancer = Enhancer(folder, threads=1)
    assert np.array_equal(best.enhance(item(low)), enhancer.enhance(low))
    assert np.array_equal(fast.enhance(item(low)), enhancer.enhance(low, Controls(tier="fast")))
    assert not np.array_equal(best.enhance(item(low)), fast.enhance(item(low)))
    assert (best.facts["parameters"], fast.facts["parameters"]) == (235, 1)
    assert best.facts["bytes"] > fast.facts["bytes"]  # type: ignore[operator]
    assert best.facts["sha256"] != fast.facts["sha256"]
    assert (open_method("zero_dce@fast").name, open_method("zero_dce@fast", name="ours").name) == (
        "zero_dce@fast",
        "ours",
    )


def test_what_is_behind_an_at_fits_what_is_before_it(tmp_path: Path) -> None:
    a_run(tmp_path / "run", {"name": "cnn", "width": 4})
    with pytest.raises(ModelNotFoundError, match="'zero_dce' is a model, and only a run has a last checkpoint"):
        open_method("zero_dce@last")
    with pytest.raises(ModelNotFoundError, match="is a run, and only a model has a fast tier"):
        open_method(f"{tmp_path}/run@fast")


def test_a_name_is_meant_before_a_folder_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "gamma").mkdir()
    write(Picture(picture()), tmp_path / "gamma" / "a.png")
    assert open_method("gamma").kind == "baseline"
    assert open_method("./gamma").kind == "pictures"


@pytest.mark.parametrize("spec", ["zero_dce_p", "nowhere/at/all", "run@last"])
def test_what_is_nothing_is_said_to_be_nothing(spec: str) -> None:
    with pytest.raises(ModelNotFoundError, match="There is no method") as caught:
        open_method(spec)
    assert ("Did you mean 'zero_dce_pp'" in str(caught.value)) == (spec == "zero_dce_p")


def test_a_card_is_for_onnx_alone(tmp_path: Path) -> None:
    with pytest.raises(ControlError, match=r"for an \.onnx file"):
        open_method("zero_dce", card=tmp_path / "card.toml")


@pytest.mark.skipif("ksigma_unet" not in list_models(), reason="no raw model is shipped")
def test_raws_get_the_items_ratio_or_an_estimate() -> None:
    raw = frame()
    given = open_method("ksigma_unet").enhance(item(raw, ratio=50))
    estimated = open_method("ksigma_unet", ratio="estimated").enhance(item(raw, ratio=50))
    enhancer = Enhancer("ksigma_unet", threads=1)
    for out, ratio in ((given, 50), (estimated, None)):
        assert np.array_equal(out, enhancer.enhance(raw, Controls(protect_highlights=False, ratio=ratio)).pixels)
    assert not np.array_equal(given, estimated)


@pytest.mark.parametrize("spec", ["gamma", "zero_dce"])
def test_raw_is_refused_by_what_takes_pictures(spec: str) -> None:
    for low in (frame(), torch.zeros(12, 8, 8)):
        with pytest.raises(LightMismatchError):
            open_method(spec).enhance(item(low))


# Runs.

BLOCKS = {"encoders": [0, 1], "decoders": [1, 1]}


def a_run(
    folder: Path, network: dict[str, Any], *, average: bool = False, data: str = "paired_folder"
) -> torch.nn.Module:
    """A run folder with two checkpoints of random weights, not trained; and the network that `best` holds."""
    table = {"name": "toy", "network": network, "data": {"name": data, "root": "nowhere"}, "losses": {"l1": 1.0}}
    recipe = recipe_from_table(table)
    for seed, which in ((2, "last"), (1, "best")):
        torch.manual_seed(seed)
        made = build_network(recipe)
        kept = {name: value * 0.5 for name, value in made.state_dict().items()} if average else None
        optimiser = torch.optim.Adam(made.parameters())
        save(folder / f"checkpoints/{which}.safetensors", recipe, Progress(step=seed), made, optimiser, kept)
    if kept is not None:
        made.load_state_dict(kept)
    return made.eval()


@torch.no_grad()
def developed(network: torch.nn.Module, low: Image) -> Image:
    planes = torch.from_numpy(low.transpose(2, 0, 1))[None]
    return Develop(network)(planes).out[0].clamp(0, 1).permute(1, 2, 0).numpy()


@pytest.mark.parametrize(
    "network",
    [
        {"name": "zero_dce_pp", "width": 4},
        {"name": "cnn", "width": 4},
        {"name": "scotopic", "width": 4},
        {"name": "bilateral_grid", "width": 4},
    ],
    ids=lambda network: network["name"],
)
@pytest.mark.parametrize("average", [False, True])
def test_a_run_is_its_network(tmp_path: Path, network: dict[str, Any], average: bool) -> None:
    best = a_run(tmp_path / "run", network, average=average)
    low = picture(33, 50)
    method = open_method(str(tmp_path / "run"))
    assert (method.name, method.kind, method.facts["step"]) == ("run", "run", 1)
    assert method.facts["parameters"] == sum(p.numel() for p in best.parameters())
    assert np.allclose(method.enhance(item(low)), developed(best, low), atol=1e-6)


def test_which_checkpoint_can_be_said(tmp_path: Path) -> None:
    a_run(tmp_path / "run", {"name": "cnn", "width": 4})
    last = open_method(f"{tmp_path}/run@last")
    file = open_method(str(tmp_path / "run/checkpoints/last.safetensors"))
    assert (last.name, last.facts["step"]) == (file.name, file.facts["step"]) == ("run@last", 2)
    best = open_method(f"{tmp_path}/run@best")
    low = item(picture())
    assert np.array_equal(last.enhance(low), file.enhance(low))
    assert not np.array_equal(last.enhance(low), best.enhance(low))
    assert last.facts["sha256"] != best.facts["sha256"]
    (tmp_path / "run/checkpoints/best.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no checkpoint at"):
        open_method(f"{tmp_path}/run")


def test_large_pictures_come_out_the_same_in_tiles(monkeypatch: pytest.MonkeyPatch) -> None:
    torch.manual_seed(0)
    network = UNet(width=4, depth=2).eval()
    low = torch.rand(3, 150, 131)
    with torch.no_grad():
        whole = _developed(Develop(network), network, low)
        monkeypatch.setattr("scotopic.experiments.methods.run_method.TILE_AREA", 1)
        calls: list[int] = []
        network.register_forward_hook(lambda *_: calls.append(1))
        tiled = _developed(Develop(network), network, low)
    assert len(calls) > 1
    assert np.allclose(whole, tiled, atol=1e-5)


def test_a_raw_run_takes_planes_and_raw_frames_and_no_pictures(tmp_path: Path) -> None:
    network = a_run(tmp_path / "run", {"name": "ksigma_unet", "width": 4}, data="virtual_camera")
    method = open_method(str(tmp_path / "run"))
    planes = torch.rand(12, 16, 24)
    out = method.enhance(item(planes))
    with torch.no_grad():
        assert np.allclose(out, Develop(network)(planes[None]).out[0].clamp(0, 1).permute(1, 2, 0), atol=1e-6)
    raw = frame()
    out = method.enhance(item(raw, ratio=50))
    assert out.shape == (raw.height, raw.width, 3)
    assert not np.array_equal(out, method.enhance(item(raw, ratio=100)))
    estimating = open_method(str(tmp_path / "run"), ratio="estimated")
    assert np.array_equal(estimating.enhance(item(raw, ratio=50)), method.enhance(item(raw)))
    with pytest.raises(ControlError, match="its own ratio already"):
        estimating.enhance(item(planes))
    with pytest.raises(LightMismatchError, match="packed raw"):
        method.enhance(item(picture()))
    pictures = a_run(tmp_path / "other", {"name": "cnn", "width": 4})
    assert pictures is not None
    for low in (raw, planes):
        with pytest.raises(LightMismatchError, match="sRGB pictures"):
            open_method(str(tmp_path / "other")).enhance(item(low))


def test_a_denoisers_run_takes_a_picture_and_the_same_brightened(tmp_path: Path) -> None:
    a_run(tmp_path / "run", {"name": "scotopic_denoiser", "widths": [4, 6]} | BLOCKS, data="phone_patches")
    method = open_method(str(tmp_path / "run"))
    pair = np.concatenate([0.2 * picture(), picture()], 2)
    out = method.enhance(item(torch.from_numpy(pair.transpose(2, 0, 1))))
    np.testing.assert_allclose(out, pair[..., 3:], atol=1e-6)  # not trained, it takes nothing away
    for low in (picture(), frame()):
        with pytest.raises(LightMismatchError, match=r"takes a picture and the same brightened \(6 channels\)"):
            method.enhance(item(low))


def test_a_device_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    a_run(tmp_path / "run", {"name": "cnn", "width": 4})
    with pytest.raises(ControlError, match="nonsense"):
        open_method(str(tmp_path / "run"), device="nonsense")
    with pytest.raises(ControlError, match="nonsense"):
        open_method("zero_dce", device="nonsense").enhance(item(picture()))


# Finished pictures.


def test_finished_pictures_are_found_by_name_whatever_their_format(tmp_path: Path) -> None:
    truth = np.round(picture() * 255) / np.float32(255)
    deep = np.round(picture(seed=1) * 65535) / np.float32(65535)
    write(Picture(truth), tmp_path / "a.0.1s.png")
    write(Picture(deep, bits=16), tmp_path / "b.tiff")
    write(Picture(truth[..., :1].copy()), tmp_path / "grey.png")
    write(Picture(truth), tmp_path / "c_scotopic.png")
    (tmp_path / "deeper/1").mkdir(parents=True)
    (tmp_path / "deeper/2").mkdir()
    write(Picture(truth), tmp_path / "deeper/1/x.png")
    write(Picture(deep, bits=16), tmp_path / "deeper/2/x.png")
    method = open_method(str(tmp_path))
    assert (method.kind, method.facts["files"]) == ("pictures", 6)

    def out(name: str) -> Image:
        return method.enhance(item(None, name))

    for name, expected in (("a.0.1s", truth), ("b", deep), ("c", truth), ("deeper/2/x", deep)):
        assert np.allclose(out(name), expected, atol=1e-6), name
    assert np.allclose(out("grey"), truth[..., :1].repeat(3, axis=2), atol=1e-6)
    with pytest.raises(DataError, match="got none"):
        out("d")
    before = open_method(str(tmp_path)).facts["sha256"]
    again = tmp_path / "a.0.1s.png"
    again.write_bytes(again.read_bytes()[:-40] + bytes(40))  # as large as it was
    assert open_method(str(tmp_path)).facts["sha256"] != before
    with pytest.raises(DataError, match=r"deeper/1/x\.png, deeper/2/x\.png"):
        out("x")


def test_what_is_no_finished_picture_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures in"):
        open_method(str(tmp_path))
    alpha = np.ones((21, 34), np.float32)
    write(Picture(picture(), alpha=alpha), tmp_path / "solid.png")
    alpha[3, 4] = 0.5
    write(Picture(picture(), alpha=alpha), tmp_path / "glass.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    method = open_method(str(tmp_path))
    assert method.enhance(item(None, "solid")).shape == (21, 34, 3)
    with pytest.raises(DataError, match="see-through"):
        method.enhance(item(None, "glass"))
    with pytest.raises(ScotopicError):
        method.enhance(item(None, "broken"))


# Spandrel, which needs a package that is heavy and seldom there: a small one stands for it.


class Descriptor:
    """What spandrel gives of a network that makes a picture of a picture."""

    def __init__(self, channels: int = 3) -> None:
        self.model = torch.nn.Conv2d(channels, channels, 1)
        self.architecture = SimpleNamespace(name="Restorer")
        self.input_channels = self.output_channels = channels
        self.device = torch.device("cpu")
        self.evaluating = False

    def eval(self) -> None:
        self.evaluating = True

    def __call__(self, planes: torch.Tensor) -> torch.Tensor:
        assert self.evaluating
        assert not torch.is_grad_enabled()
        return planes.sqrt()


def spandrel(monkeypatch: pytest.MonkeyPatch, found: Any) -> None:
    def load(path: str) -> Any:
        if isinstance(found, Exception):
            raise found
        return found

    module = ModuleType("spandrel")
    module.ModelLoader = lambda device: SimpleNamespace(load_from_file=load)  # type: ignore[attr-defined]
    module.ImageModelDescriptor = Descriptor  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "spandrel", module)


def test_other_checkpoints_are_spandrels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "restorer.pth"
    path.write_bytes(b"weights")
    spandrel(monkeypatch, Descriptor())
    method = open_method(str(path))
    assert (method.name, method.kind) == ("restorer", "spandrel")
    assert (method.facts["network"], method.facts["parameters"]) == ("Restorer", 12)
    assert np.allclose(method.enhance(item(picture())), np.sqrt(picture()), atol=1e-6)
    spandrel(monkeypatch, Descriptor(channels=1))
    with pytest.raises(ModelError, match="no RGB picture"):
        open_method(str(path))
    spandrel(monkeypatch, RuntimeError("unsupported architecture"))
    with pytest.raises(ModelError, match="unsupported architecture"):
        open_method(str(path))


def test_without_spandrel_its_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "spandrel", None)
    for name in ("restorer.pth", "restorer.safetensors"):
        (tmp_path / name).write_bytes(b"weights")
        with pytest.raises(MissingExtraError, match=r"scotopic\[spandrel\]"):
            open_method(str(tmp_path / name))
