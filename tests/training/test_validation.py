"""What validation measures, on pictures whose answer is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from scotopic.errors import DivergedError
from scotopic.training.log import in_words
from scotopic.training.objective import Develop, Objective
from scotopic.training.validation import (
    MOST_PSNR_DB,
    Report,
    colourfulness,
    is_better,
    preview,
    validate,
    washed_out,
)

from .toy_training import Sample, ToyPictures, toy_recipe


class Gain(nn.Module):
    """Multiplies by `gain`: 4 undoes what the toy pictures suffered."""

    def __init__(self, gain: float) -> None:
        super().__init__()
        self.gain = gain

    def forward(self, low: Tensor) -> Tensor:
        return low * self.gain


class Grey(nn.Module):
    def forward(self, low: Tensor) -> Tensor:
        return 4 * low.mean(1, keepdim=True).expand_as(low)


class WithGrey(ToyPictures):
    """The second held-out picture has no colour at all."""

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        if index == 0:
            return sample
        grey = sample.target.mean(0, keepdim=True).expand_as(sample.target)
        return sample._replace(target=grey, low=grey / 4)


class Unpaired(ToyPictures):
    """The targets are pictures of something else, of another size."""

    paired = False

    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return sample._replace(target=torch.rand(3, 20, 24))


def report(network: nn.Module, pictures: ToyPictures | None = None, losses: str = "{l1=2.0}") -> Report:
    objective = Objective(toy_recipe(f"losses={losses}").losses)
    return validate(Develop(network), objective, pictures or ToyPictures("", "val"), torch.device("cpu"))


def test_perfect_pictures() -> None:
    perfect = report(Gain(4))
    assert perfect["loss"] == 0
    assert perfect["psnr_db"] == perfect["psnr_gt_mean_db"] == MOST_PSNR_DB
    assert perfect["mae"] == 0
    assert perfect["ssim"] == pytest.approx(1)
    assert perfect["colour"] == pytest.approx(1)


def test_half_as_bright() -> None:
    """Uniform noise at half its value: off by 1/2 / 2, squared by 1/3 / 4, which is 10.8 dB; GT-mean forgives it."""
    dark = report(Gain(2))
    assert dark["psnr_db"] == pytest.approx(10.8, abs=0.2)
    assert dark["psnr_gt_mean_db"] > 60
    assert dark["brightness"] == pytest.approx(0.25, abs=0.01)
    assert dark["colour"] == pytest.approx(0.5, abs=0.01)
    assert dark["mae"] == pytest.approx(0.25, abs=0.01)
    assert dark["loss_l1"] == pytest.approx(0.25, abs=0.01)
    assert dark["loss"] == pytest.approx(2 * dark["loss_l1"])


def test_washed_out_pictures_have_no_colour() -> None:
    assert report(Grey())["colour"] == pytest.approx(0, abs=1e-4)


def test_a_grey_picture_among_others_does_not_spoil_the_share_of_colour() -> None:
    assert report(Gain(4), WithGrey("", "val"))["colour"] == pytest.approx(1)


def test_without_a_truth_there_are_no_scores() -> None:
    seen = report(Gain(4), Unpaired("", "val"), "{exposure={weight=1.0, patch=8}}")
    assert set(seen) == {"loss", "loss_exposure", "brightness", "colour"}
    assert seen["brightness"] == pytest.approx(0.5, abs=0.02)
    assert seen["colour"] == pytest.approx(1, abs=0.1), "noise as colourful as the other noise"
    assert in_words(seen).startswith(f"loss {seen['loss']:.4g}, brightness 0.50, colour ")
    assert washed_out({"loss": 1.0, "colour": 0.1}, 2, {"loss": 2.0, "colour": 1.0}, 1) == "", "nobody can tell"


class Poisoned(ToyPictures):
    def __getitem__(self, index: int) -> Sample:
        sample = super().__getitem__(index)
        return sample if index == 0 else sample._replace(low=sample.low / 0)


def test_a_held_out_picture_that_is_no_number_is_named() -> None:
    with pytest.raises(DivergedError, match=r"held-out picture 'val-1' came out with values that are no numbers"):
        report(Gain(1), Poisoned("", "val"))


def test_what_is_to_be_enlarged_is_seen_in_squares() -> None:
    low = torch.rand(3, 5, 7)
    shown = preview(low, 15, 21)
    assert shown.shape == (15, 21, 3)
    np.testing.assert_array_equal(shown[1::3, 1::3], low.permute(1, 2, 0).numpy())
    np.testing.assert_array_equal(shown[:3, :3], np.broadcast_to(shown[0, 0], (3, 3, 3)))


def test_what_a_discriminator_thinks_is_no_measure() -> None:
    recipe = toy_recipe("losses={l1=2.0, adversarial=0.01}", "discriminator={name='patch_discriminator'}")
    seen = validate(Develop(Gain(2)), Objective(recipe.losses), ToyPictures("", "val"), torch.device("cpu"))
    assert "loss_adversarial" not in seen
    assert seen["loss"] == pytest.approx(2 * seen["loss_l1"])


def test_colourfulness_by_hand() -> None:
    """Half red, half grey 0.5: rg is 1 or 0, yb 0.5 or 0; deviations 0.5 and 0.25, means 0.5 and 0.25."""
    picture = np.full((2, 2, 3), 0.5, np.float32)
    picture[0] = (1, 0, 0)
    assert colourfulness(picture) == pytest.approx(1.3 * np.hypot(0.5, 0.25))


def test_better_is_more_psnr_or_less_loss() -> None:
    good, bad = {"psnr_db": 20.0, "loss": 2.0}, {"psnr_db": 19.0, "loss": 1.0}
    assert is_better(good, bad, "psnr")
    assert not is_better(bad, good, "psnr")
    assert is_better(bad, good, "loss")
    assert not is_better(good, good, "psnr")
    assert is_better(bad, {}, "psnr")
    assert is_better({"mae": 0.1}, {"mae": 0.2}, "mae")
    assert is_better({"loss_l1": 0.1}, {"loss_l1": 0.2}, "loss_l1")
    assert not is_better({"loss_l1": 0.3}, {"loss_l1": 0.2}, "loss_l1")


BEST = {"loss": 1.0, "psnr_db": 20.0, "colour": 0.9}


@pytest.mark.parametrize(
    ("now", "washed"),
    [
        ({"loss": 0.9, "psnr_db": 19.0, "colour": 0.6}, True),
        ({"loss": 1.1, "psnr_db": 19.0, "colour": 0.6}, False),  # the loss rose too: plain overfitting
        ({"loss": 0.9, "psnr_db": 20.5, "colour": 0.6}, False),  # better pictures
        ({"loss": 0.9, "psnr_db": 19.0, "colour": 0.9}, False),  # worse, and as colourful
    ],
)
def test_washing_out(now: Report, washed: bool) -> None:
    words = washed_out(now, 400, BEST, 300)
    assert bool(words) == washed
    if washed:
        assert words == (
            "Washing out: from step 300 to 400 the validation loss fell from 1 to 0.9, but PSNR fell from 20.00 to "
            "19.00 dB and colourfulness from 90% to 60% of the target's."
        )


def test_nothing_is_washed_out_before_there_is_a_best() -> None:
    assert washed_out(BEST, 100, {}, 0) == ""
