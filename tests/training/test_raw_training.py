"""Training on packed raw: the published recipes on a small tree, epochs as a length, linear light, what is refused."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from data.sid_tree import make_tree
from scotopic.errors import CheckpointError, RecipeError
from scotopic.image import linear_to_srgb, read
from scotopic.image.mosaic import RGGB, XTRANS, pack
from scotopic.networks import NETWORKS, KSigmaUNet, RawNetwork, SIDUNet
from scotopic.training import checkpoint, read_recipe, train
from scotopic.training.checkpoint import Progress
from scotopic.training.loop import build_network
from scotopic.training.objective import Develop, Objective, refuse_misfit, srgb_encoded
from scotopic.training.recipe import NetworkChoice, Recipe
from scotopic.training.validation import is_better, preview, validate

from .toy_training import Sample, ToyPictures, toy_recipe

RECIPES = Path(__file__).parents[2] / "recipes"
SMALL = ("network.width=4", "data.size=16", "data.held_out_size=16", "loop.workers=0", "loop.accelerator=cpu")


@pytest.fixture(scope="module")
def sony(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_tree(tmp_path_factory.mktemp("sony"))


@pytest.fixture(scope="module")
def fuji(tmp_path_factory: pytest.TempPathFactory) -> Path:
    # LibRaw's X-Trans interpolation refuses sides below 512.
    return make_tree(tmp_path_factory.mktemp("fuji"), "Fuji", XTRANS, height=516, width=522)


def sid_recipe(root: Path, *overrides: str, name: str = "sid_sony") -> Recipe:
    return read_recipe(RECIPES / f"{name}.toml", [f"data.root={root}", *SMALL, *overrides])


def rows(run_dir: Path) -> list[dict[str, str]]:
    with open(run_dir / "log.csv", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("name", "scale"), [("sid_sony", 2), ("sid_fuji", 3)])
def test_the_published_recipes_train(name: str, scale: int, tmp_path: Path, sony: Path, fuji: Path) -> None:
    root = sony if name == "sid_sony" else fuji
    recipe = sid_recipe(root, "loop.epochs=4", "loop.val_every=4", "loop.strip_every=8", name=name)
    summary = train(recipe, run_dir=tmp_path)
    assert summary.steps == 8, "two scenes, four epochs"
    log = rows(tmp_path)
    assert [float(row["lr"]) for row in log] == pytest.approx([1e-4] * 4 + [1e-5] * 4)
    assert all(np.isfinite(float(row["loss"])) for row in log)
    assert -1 <= float(log[-1]["val_ssim"]) <= 1
    strip = read(tmp_path / "strips/0000008.png").pixels
    side = 16 * scale
    assert strip.shape == (2 * side, 3 * side, 3), "two held-out pairs, low | out | target"
    assert 0.2 < strip[:, :side].mean() < 0.9, "the planes are seen"


def test_the_published_recipes_say_what_the_paper_says() -> None:
    for name, planes, scenes in (("sid_sony", 4, 161), ("sid_fuji", 9, 135)):
        recipe = read_recipe(RECIPES / f"{name}.toml")
        network = build_network(recipe)
        assert isinstance(network, SIDUNet)
        assert (network.planes, network.light_out, network.normalisation) == (planes, "srgb", "ratio")
        assert recipe.data.settings["size"] == 512
        assert (recipe.loop.epochs, recipe.loop.batch, recipe.optimiser.name) == (4000, 1, "adam")
        assert (recipe.optimiser.weight_decay, recipe.optimiser.clip_norm, recipe.loop.ema) == (0, 0, 0)
        assert recipe.last_step(scenes) == 4000 * scenes
        assert [(term.name, term.weight) for term in recipe.losses] == [("l1", 1.0)]


@pytest.mark.parametrize(
    "network", ["network={name='can', width=6, depth=5}", "network={name='sid_unet', width=3, depth=3}"]
)
def test_raw_training_goes_on_bit_by_bit(tmp_path: Path, sony: Path, network: str) -> None:
    change = (network, "data.size=12", "loop.steps=6", "loop.epochs=0", "loop.val_every=2", "loop.strip_every=3")
    recipe = read_recipe(RECIPES / "sid_sony.toml", [f"data.root={sony}", *SMALL[2:], "network.width=4", *change])
    recipe = replace(recipe, optimiser=replace(recipe.optimiser, schedule="constant"))
    train(recipe, run_dir=tmp_path / "whole")
    train(replace(recipe, loop=replace(recipe.loop, steps=3)), run_dir=tmp_path / "parts")
    train(recipe, run_dir=tmp_path / "parts")
    whole, parts = (
        checkpoint.load(tmp_path / run / "checkpoints/last.safetensors").tensors for run in ("whole", "parts")
    )
    assert [name for name in whole if not torch.equal(whole[name], parts[name])] == []


def test_painting_strips_changes_no_weight(tmp_path: Path, sony: Path) -> None:
    """Batch normalisation keeps averages: looking must not count as training."""
    change = ("network={name='can', width=6, depth=4}", "loop.epochs=2", "data.size=12")
    for name, every in (("with", 1), ("without", 0)):
        overrides = [f"data.root={sony}", *SMALL[2:], *change, f"loop.strip_every={every}"]
        train(read_recipe(RECIPES / "sid_sony.toml", overrides), run_dir=tmp_path / name)
    one, other = (
        checkpoint.load(tmp_path / run / "checkpoints/last.safetensors").part("network") for run in ("with", "without")
    )
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert not torch.equal(one["norms.0.norm.running_mean"], torch.zeros(6))


def test_epochs_are_a_length(tmp_path: Path) -> None:
    """10 pictures in batches of 4: 3 epochs are 30 pictures, which the 8th batch sees to their end."""
    summary = train(toy_recipe("loop.steps=0", "loop.epochs=3"), run_dir=tmp_path)
    assert summary.steps == 8
    assert toy_recipe("loop.steps=0", "loop.epochs=2").last_step(10) == 5
    assert checkpoint.load(summary.last_checkpoint).progress.last_step == 8


@pytest.mark.parametrize("changes", [("loop.epochs=2",), ("loop.steps=0",), ("loop.steps=0", "loop.epochs=0")])
def test_a_run_has_one_length(changes: tuple[str, ...]) -> None:
    with pytest.raises(RecipeError, match=r"as long as loop\.steps or loop\.epochs says, got steps \d and epochs \d"):
        toy_recipe(*changes)


def test_a_recipe_in_epochs_needs_no_steps() -> None:
    recipe = read_recipe(RECIPES / "sid_sony.toml")
    assert (recipe.loop.steps, recipe.loop.epochs) == (0, 4000)
    assert toy_recipe("loop={batch=4}").loop.steps == 1000


def test_epochs_and_steps_of_one_length_are_one_run(tmp_path: Path) -> None:
    half = ("optimiser.schedule=step_at_half", "loop.checkpoint_every=1", "loop.val_every=2")
    train(toy_recipe("loop.steps=5", *half), run_dir=tmp_path)
    again = train(toy_recipe("loop.steps=0", "loop.epochs=2", *half), run_dir=tmp_path)
    assert again.steps == 5


def test_a_schedule_over_epochs_fixes_the_data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With two more pictures the rate would have fallen at another step."""
    recipe = toy_recipe("loop.steps=0", "loop.epochs=4", "optimiser.schedule=step_at_half")
    train(recipe, run_dir=tmp_path)
    monkeypatch.setattr(ToyPictures, "__len__", lambda self: self.count + 2)
    with pytest.raises(CheckpointError, match=r"loop\.steps was 10, is 12"):
        train(recipe, run_dir=tmp_path)


def test_where_data_lies_is_no_part_of_the_recipe(sony: Path) -> None:
    recipe = sid_recipe(sony)
    assert sid_recipe(sony, "data.cache=elsewhere").sha256 == recipe.sha256
    assert sid_recipe(sony, "data.size=32").sha256 != recipe.sha256
    assert sid_recipe(sony, "loop.epochs=3999").sha256 != recipe.sha256


@pytest.mark.parametrize("path", [RECIPES / "zero_dce.toml", RECIPES / "zero_dce_pp.toml"], ids=lambda path: path.stem)
def test_recipes_in_steps_keep_their_number(path: Path) -> None:
    """The cards of shipped models name it."""
    from scotopic.runtime.card import read_card

    card = read_card(Path(__file__).parents[2] / "src/scotopic/zoo" / path.stem)
    assert card.training is not None
    assert card.training.recipe_sha256 == read_recipe(path).sha256


def test_linear_light_is_encoded_as_by_the_standard() -> None:
    light = torch.linspace(0, 1, 101)
    np.testing.assert_allclose(srgb_encoded(light).numpy(), linear_to_srgb(light.numpy()), atol=1e-6)


def test_the_curve_goes_on_and_always_has_a_slope() -> None:
    light = torch.tensor([-1.0, -0.1, 0.0, 0.003, 0.0031308, 0.5, 1.0, 4.0], requires_grad=True)
    encoded = srgb_encoded(light)
    assert (encoded.diff() > 0).all()
    assert encoded[0].item() == pytest.approx(-12.92)
    assert encoded[-1].item() == pytest.approx(1.055 * 4 ** (1 / 2.4) - 0.055)
    encoded.sum().backward()
    assert light.grad is not None
    assert (light.grad > 0.1).all()
    assert light.grad.isfinite().all()


def test_only_networks_in_linear_light_are_encoded() -> None:
    low = torch.rand(1, 12, 16, 16) * 0.1 + 0.01
    linear = KSigmaUNet(width=2).eval()
    torch.testing.assert_close(Develop(linear)(low).out, srgb_encoded(linear(low)))
    srgb = SIDUNet(width=2).eval()
    torch.testing.assert_close(Develop(srgb)(low[:, :4]).out, srgb(low[:, :4]))


@pytest.mark.parametrize(("cfa", "scale"), [(RGGB, 2), (XTRANS, 3)])
def test_previews_show_the_light_in_its_place(cfa: tuple[str, ...], scale: int) -> None:
    """Grey light that rises to the right, in a mosaic: the preview is grey, and brightness is where it was."""
    light = np.linspace(0.1, 0.9, 12 * scale, dtype=np.float32)[None].repeat(8 * scale, 0)
    planes = torch.from_numpy(pack(light, cfa))
    for extra in (0, 2 * scale**2 + (scale == 3)):
        low = torch.cat([planes, torch.rand(extra, 8, 12)])
        shown = preview(low, 8 * scale - 1, 12 * scale - 1)
        assert shown.shape == (8 * scale - 1, 12 * scale - 1, 3)
        np.testing.assert_allclose(shown, linear_to_srgb(light[:-1, :-1, None]).repeat(3, 2), atol=0.06)


def test_a_preview_of_a_picture_is_the_picture() -> None:
    low = torch.rand(3, 5, 7)
    np.testing.assert_array_equal(preview(low, 5, 7), low.permute(1, 2, 0).numpy())


class Shown(RawNetwork):
    """Makes of each packed pixel the square of its R, G1 and B."""

    normalisation = "ratio"
    light_out = "srgb"
    halo, multiple = 0, 1

    def process(self, low: Tensor) -> Tensor:
        return low[:, [0, 1, 3]].repeat_interleave(2, 2).repeat_interleave(2, 3)


class RawPictures(ToyPictures):
    def __getitem__(self, index: int) -> Sample:
        low = torch.rand(4, 16, 16, generator=torch.Generator().manual_seed(index))
        return Sample(low, Shown(4).process(low[None])[0], 1.0, str(index))


def test_validation_of_raw_pictures() -> None:
    objective = Objective(toy_recipe("losses={l1=1.0}").losses)
    perfect = validate(Develop(Shown(4)), objective, RawPictures("", "val"), torch.device("cpu"))
    assert perfect["ssim"] == pytest.approx(1)
    assert perfect["loss"] == 0


def test_the_best_may_be_the_most_similar() -> None:
    assert is_better({"ssim": 0.8}, {"ssim": 0.7}, "ssim")
    assert not is_better({"ssim": 0.6}, {"ssim": 0.7}, "ssim")


def test_best_by_ssim(tmp_path: Path) -> None:
    summary = train(toy_recipe("loop.best_by=ssim", "loop.val_every=2"), run_dir=tmp_path)
    scores = {int(row["step"]): float(row["val_ssim"]) for row in rows(tmp_path) if row["val_ssim"]}
    assert summary.best_step == max(scores, key=lambda step: scores[step])


def test_a_network_and_data_that_do_not_fit() -> None:
    raw, picture = RawPictures("", "val")[0], ToyPictures("", "val")[0]
    refuse_misfit(Shown(4), raw)
    refuse_misfit(NETWORKS["zero_dce"](), picture)
    with pytest.raises(RecipeError, match=r"takes 4 channels and makes 3 of 64 x 64 .* data set gives 3 channels"):
        refuse_misfit(SIDUNet(width=1), picture)
    with pytest.raises(RecipeError, match=r"takes 3 channels .* data set gives 4 channels and targets of 32 x 32"):
        refuse_misfit(NETWORKS["zero_dce"](), raw)
    with pytest.raises(RecipeError, match=r"takes 12 channels"):
        refuse_misfit(KSigmaUNet(width=1), raw)


def test_a_misfit_ends_a_run_before_it_begins(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=r"takes 4 channels"):
        train(toy_recipe("network={name='sid_unet', width=2}", "losses={l1=1.0}"), run_dir=tmp_path)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["data.normalisation=k-sigma"], r"'sid_unet' wants data.normalisation to be 'ratio', got 'k-sigma'"),
        (["data.colour=camera"], r"'sid_unet' wants data.colour to be 'srgb', got 'camera'"),
        (["network={name='ksigma_unet'}"], r"'ksigma_unet' wants data.normalisation to be 'k-sigma', got 'ratio'"),
        (["losses.spatial_consistency=1"], r"The loss 'spatial_consistency' compares with the picture that goes in"),
        (["losses.illumination_smoothness=1"], r"The loss 'illumination_smoothness' looks at curve maps"),
    ],
)
def test_what_does_not_go_together(overrides: list[str], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        read_recipe(RECIPES / "sid_sony.toml", overrides)


@pytest.mark.parametrize(
    ("name", "settings", "sentence"),
    [
        ("sid_unet", {"planes": 3}, r"planes must be 4 \(Bayer\) or 9 \(X-Trans\), got 3"),
        ("sid_unet", {"activation": "gelu"}, "activation must be one of leaky_relu, relu, got 'gelu'"),
    ],
)
def test_networks_that_cannot_be(name: str, settings: dict[str, object], sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        build_network(replace(toy_recipe(), network=NetworkChoice(name, settings)))


def test_checkpoints_of_before_epochs_are_read(tmp_path: Path) -> None:
    """An older one says nothing of its last step: its recipe does."""
    saved = checkpoint.Checkpoint(tmp_path, toy_recipe("optimiser.schedule=cosine"), Progress(step=3), {})
    checkpoint.check_same_run(saved, toy_recipe("optimiser.schedule=cosine"), 8, {})
    with pytest.raises(CheckpointError, match=r"loop\.steps was 8, is 9"):
        checkpoint.check_same_run(saved, toy_recipe("optimiser.schedule=cosine"), 9, {})
