"""Recipes: what is written down is what is followed, and a slip of the pen is answered with the right word."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from scotopic.errors import RecipeError
from scotopic.runtime import load_model
from scotopic.runtime.toml import dump_toml
from scotopic.training.loop import build_network
from scotopic.training.recipe import read_recipe, recipe_from_table

from .toy_training import ADVERSARIAL, ToyPictures, toy_recipe, toy_table


def test_shipped_recipes_can_be_followed() -> None:
    for path in (Path(__file__).parents[2] / "recipes").glob("*.toml"):
        recipe = read_recipe(path)
        assert recipe.name == path.stem
        assert recipe.export.licence
        assert recipe.export.data


def test_a_file_is_named_after_itself_and_its_defaults_are_filled_in(tmp_path: Path) -> None:
    path = tmp_path / "night.toml"
    path.write_text('[network]\nname = "zero_dce_pp"\n[data]\nname = "toy"\nroot = "x"\n[losses]\nexposure = 10\n')
    recipe = read_recipe(path)
    assert recipe.name == "night"
    assert recipe.network.settings["width"] == 32
    assert recipe.network.settings["iterations"] == 8
    assert recipe.losses[0].weight == 10.0
    assert recipe.losses[0].settings == {"level": 0.6, "patch": 16}


def test_a_resolved_recipe_reads_back_as_itself() -> None:
    recipe = toy_recipe("loop.ema=0.99", 'export.title=Say "night"', "optimiser.schedule=cosine")
    assert recipe_from_table(tomllib.loads(recipe.to_toml())) == recipe


@pytest.mark.parametrize(
    ("assignment", "table", "key", "value"),
    [
        ("optimiser.lr=1e-3", "optimiser", "lr", 1e-3),
        ("optimiser.schedule=cosine", "optimiser", "schedule", "cosine"),
        ("loop.compile = true", "loop", "compile", True),
        ("network.width=16", "network", "width", 16),
        ("losses.exposure=2", "losses", "exposure", {"weight": 2.0, "level": 0.6, "patch": 8}),
        ("losses.l1=2", "losses", "l1", {"weight": 2.0}),
        ("losses.exposure.level=0.5", "losses", "exposure", {"weight": 0.1, "level": 0.5, "patch": 8}),
        ("losses.l1.weight=3.5", "losses", "l1", {"weight": 3.5}),
        ("data.root=a folder/with = signs", "data", "root", "a folder/with = signs"),
    ],
)
def test_overrides(assignment: str, table: str, key: str, value: object) -> None:
    assert toy_recipe(assignment).as_table()[table][key] == value


@pytest.mark.parametrize(
    ("assignment", "sentence"),
    [
        ("loop.stepz=1", r"\[loop\] has no key 'stepz'. Did you mean 'steps'\?"),
        ("optimizer.lr=1", r"no table \[optimizer\]. Did you mean 'optimiser'\?"),
        ("network.widht=8", r"\[network\] has no setting 'widht'. Did you mean 'width'\?"),
        ("network.name=zero_dce_p", r"no network 'zero_dce_p'. Did you mean 'zero_dce_pp'\?"),
        ("data.coutn=8", r"\[data\] has no setting 'coutn'. Did you mean 'count'\?"),
        ("data.split=val", r"\[data\] has no setting 'split'"),
        ("losses.exposre=1", r"no loss 'exposre'. Did you mean 'exposure'\?"),
        ("losses.exposure.levle=1", r"\[losses.exposure\] has no setting 'levle'. Did you mean 'level'\?"),
        ("losses.exposure.out=1", r"\[losses.exposure\] has no setting 'out'"),
        ("losses.l1=-1", r"losses.l1.weight must be at least 0, got -1"),
        ("losses.l1=strong", r"losses.l1.weight must be a number, got 'strong'"),
        ("optimiser.schedule=cosin", r"optimiser.schedule cannot be 'cosin'. Did you mean 'cosine'\?"),
        ("loop.steps=-1", r"loop.steps must be at least 0, got -1"),
        ("loop.steps=1.5", r"loop.steps must be a whole number, got 1.5"),
        ("loop.steps=true", r"loop.steps must be a whole number, got True"),
        ("loop.ema=1.0", r"loop.ema must be between 0 and 0.999999, got 1"),
        ("optimiser.lr=inf", r"optimiser.lr must be finite"),
        ("loop.devices=3", r"loop.batch \(4\) must divide evenly among loop.devices \(3\)"),
        ("network.width=wide", r"network.width must be a whole number, got 'wide'"),
        ("export.data=[{name='x'}]", r"\[export.data\] needs the key 'licence'"),
        ("name.x=1", r"'name' is 'toy', so it has no key 'x'"),
        ("loop.steps", r"An override reads key=value"),
        ("losses={l1=0}", r"gives no loss a weight"),
        ("losses.l1={weight=1, on='ycb'}", r"losses.l1.on cannot be 'ycb'. Did you mean 'ycbcr'\?"),
        ("losses.chroma={weight=1, on='y'}", r"The loss 'chroma' knows no other colours than 'rgb'"),
        ("losses.illumination_smoothness={weight=1, on='y'}", r"'illumination_smoothness' knows no other colours"),
        ("losses.adversarial=0.01", r"The loss 'adversarial' wants a discriminator"),
        ("discriminator.name=patch_discriminator", r"Nobody listens to the \[discriminator\]. Add the loss 'advers"),
        ("discriminator.name=patch_discriminater", r"Did you mean 'patch_discriminator'\?"),
        ("discriminator={name='patch_discriminator', widht=8}", r"\[discriminator\] has no setting 'widht'"),
        (
            "discriminator={name='patch_discriminator', optimiser={rate=1}}",
            r"\[discriminator.optimiser\] has no key 'rate'",
        ),
        ("optimiser={name='adagrad', momentum=0.5}", r"adagrad has no momentum. Leave optimiser.momentum out"),
        ("optimiser.name=adagard", r"Did you mean 'adagrad'\?"),
        ("loop.nodes=3", r"loop.batch \(4\) must divide evenly among loop.devices \(1\) on each of loop.nodes \(3\)"),
        ("loop.precision=16-mixed", r"'16-mixed' wants loop.accelerator 'cuda', got 'cpu'. Take 'bf16-mixed'"),
        ("loop.best_by=loss_l2", r"gives no number 'loss_l2' to take for loop.best_by. Did you mean 'loss_l1'\?"),
        ("loop.accumulate=0", r"loop.accumulate must be at least 1"),
    ],
)
def test_slips_get_a_sentence(assignment: str, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        toy_recipe(assignment)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ("name='paired_folder', zoom=['a', 'b']", r"Item 1 of data.zoom must be a number, got 'a'"),
        ("name='paired_folder', zoom=[1, 'b']", r"Item 2 of data.zoom must be a number, got 'b'"),
        ("name='paired_folder', zoom=1.5", r"data.zoom must be a list, got 1.5"),
        ("name='paired_folder', zoom=[1.0]", r"data.zoom must be 2 numbers, like \[1.0, 1.0\], got \[1.0\]"),
        ("name='super_resolution', noise=[0, nan]", r"Item 2 of data.noise must be finite, got nan"),
        ("name='super_resolution', quality=[30, 95.5]", r"Item 2 of data.quality must be a whole number, got 95.5"),
        ("name='super_resolution', licences='CC0'", r"data.licences must be a list, got 'CC0'"),
        ("name='virtual_camera', ratio=[1, 2, 3]", r"data.ratio must be 2 numbers, like \[1.0, 300.0\]"),
        ("name='virtual_camera', cameras=['generic', 7]", r"Item 2 of data.cameras must be a text, got 7"),
    ],
)
def test_slips_in_lists_get_a_sentence(data: str, sentence: str) -> None:
    with pytest.raises(RecipeError, match=sentence):
        toy_recipe(f"data={{root='x', {data}}}")


def test_lists_stay_as_they_were_written() -> None:
    settings = toy_recipe("data={root='x', name='virtual_camera', ratio=[1, 30], cameras=['generic']}").data.settings
    assert [type(number) for number in settings["ratio"]] == [int, int]  # else old recipes got another number
    assert settings["cameras"] == ["generic"]


def test_a_network_has_as_many_levels_as_it_is_given() -> None:
    levels = "network={name='scotopic_denoiser', widths=[4, 6], encoders=[0, 1], decoders=[1, 0]}"
    assert toy_recipe(levels).network.settings["widths"] == [4, 6]
    with pytest.raises(RecipeError, match=r"one number a level each, got 2, 3 and 3"):
        build_network(toy_recipe("network={name='scotopic_denoiser', widths=[4, 6]}"))


@pytest.mark.parametrize("best_by", ["psnr", "psnr_gt_mean", "ssim", "mae", "loss", "loss_l1", "loss_exposure"])
def test_the_best_can_be_told_by_any_number_of_the_report(best_by: str) -> None:
    assert toy_recipe(f"loop.best_by={best_by}").loop.best_by == best_by


def test_a_discriminator_follows_the_generator_in_what_it_does_not_say() -> None:
    recipe = toy_recipe(*ADVERSARIAL, "optimiser.momentum=0.5", "discriminator.optimiser.lr=0.002")
    assert recipe.discriminator
    assert recipe.discriminator.optimiser == replace(recipe.optimiser, lr=0.002)
    assert recipe.discriminator.settings["width"] == 4
    assert recipe_from_table(tomllib.loads(recipe.to_toml())) == recipe
    assert toy_recipe(*ADVERSARIAL, "discriminator.width=8").sha256 != toy_recipe(*ADVERSARIAL).sha256
    with pytest.raises(RecipeError, match=r"no number 'loss_adversarial' to take"):
        toy_recipe(*ADVERSARIAL, "loop.best_by=loss_adversarial")
    with pytest.raises(RecipeError, match=r"losses.adversarial.kind cannot be 'hing'. Did you mean 'hinge'\?"):
        toy_recipe(*ADVERSARIAL, "losses.adversarial.kind=hing")


def test_pictures_without_a_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ToyPictures, "paired", False, raising=False)
    with pytest.raises(RecipeError, match=r"The loss 'l1' compares with the truth, and the targets of 'toy' are other"):
        toy_recipe()
    unsupervised = ("losses={exposure=1.0}",)
    with pytest.raises(RecipeError, match=r"Validation on 'toy' .* no number 'psnr' .* Known: loss, loss_exposure"):
        toy_recipe(*unsupervised)
    assert toy_recipe(*unsupervised, "loop.best_by=loss").loop.best_by == "loss"
    with pytest.raises(RecipeError, match=r"no number 'loss' to take for loop.best_by. None are known"):
        toy_recipe(*ADVERSARIAL, "losses={adversarial=1.0}", "loop.best_by=loss")


def test_a_network_that_enlarges_cannot_be_compared_with_what_goes_in() -> None:
    larger = "network={name='srgan_generator', scale=2}"
    with pytest.raises(RecipeError, match=r"'spatial_consistency' compares with the picture that goes in, .* a larger"):
        toy_recipe(larger, "losses.spatial_consistency=1")
    assert toy_recipe(larger).network.settings["scale"] == 2


def test_younger_settings_leave_old_numbers_alone() -> None:
    """The number of a recipe was 0d235421… before there was momentum, accumulate, nodes, or a discriminator."""
    recipe = read_recipe(Path(__file__).parents[2] / "recipes/sid_fuji.toml")
    assert recipe.sha256 == "0d23542139ba35bbc2f35c4a67a2c67f547d6d9717010732ea2bf69b116f2a62"
    changed = [
        replace(recipe, optimiser=replace(recipe.optimiser, momentum=0.5)),
        replace(recipe, loop=replace(recipe.loop, accumulate=2)),
        replace(recipe, losses=(replace(recipe.losses[0], on="y"),)),
    ]
    assert len({recipe.sha256, *(other.sha256 for other in changed)}) == 4


def test_what_is_not_retouched_keeps_its_number() -> None:
    """The number is on the card of what was trained before there was `retouched`."""
    path = Path(__file__).parents[2] / "recipes/zero_dce_pp.toml"
    training = load_model("zero_dce_pp").card.training
    assert training is not None
    assert read_recipe(path).data.settings["retouched"] == 0
    assert read_recipe(path, ["data.retouched=0.0"]).sha256 == training.recipe_sha256
    assert read_recipe(path, ["data.retouched=0.5"]).sha256 != training.recipe_sha256


def test_what_is_missing_is_named() -> None:
    table = toy_table()
    del table["data"]
    with pytest.raises(RecipeError, match=r"needs the table \[data\]"):
        recipe_from_table(table)


def test_files_that_are_no_recipe(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="cannot be read"):
        read_recipe(tmp_path / "absent.toml")
    (tmp_path / "broken.toml").write_text("[network\n")
    with pytest.raises(RecipeError, match="not valid TOML"):
        read_recipe(tmp_path / "broken.toml")


def test_the_hash_is_of_what_is_trained_not_of_how_it_was_spelt(tmp_path: Path) -> None:
    recipe = toy_recipe()
    (tmp_path / "again.toml").write_text(dump_toml(recipe.as_table()))
    assert read_recipe(tmp_path / "again.toml").sha256 == recipe.sha256
    assert replace(recipe, data=replace(recipe.data, root="elsewhere")).sha256 == recipe.sha256
    assert toy_recipe("losses.exposure.level=0.6").sha256 == recipe.sha256  # the default, spelt out
    assert toy_recipe("losses.exposure.level=0.61").sha256 != recipe.sha256
