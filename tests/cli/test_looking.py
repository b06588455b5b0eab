"""`scotopic info` and `scotopic models`: looking, not touching."""

import json
import re
from pathlib import Path

import numpy as np
import pytest

from scotopic.cli.info import lines
from scotopic.data.dng import write_dng
from scotopic.image import Description, RawFrame
from scotopic.image.mosaic import XTRANS
from scotopic.runtime import DEFAULT_MODEL, DEFAULT_RAW_MODELS, list_models


def test_info_says_how_dark_and_how_large(scotopic, photo):
    photo("night.jpg", level=15)
    photo("day.png", level=200)
    run = scotopic("info", "night.jpg", "day.png")
    assert run.exit_code == 0
    night, day = run.stdout.split("day.png")
    assert "JPEG, 60 × 40 (0.0 MP), 8 bits, colour" in night
    assert "very dark" in night
    assert "well exposed" in day


def test_info_goes_on_after_a_bad_file(scotopic, photo):
    photo("a.jpg")
    Path("b.jpg").write_bytes(b"")
    run = scotopic("info", "b.jpg", "a.jpg", "--json")
    assert run.exit_code == 1
    bad, good = map(json.loads, run.stdout.splitlines())
    assert "empty" in bad["error"]
    assert (good["file"], good["width"], good["height"], good["bits"]) == ("a.jpg", 60, 40, 8)
    assert "b.jpg" in run.stderr


def test_info_takes_folders(scotopic, photo):
    photo("in/a.jpg"), photo("in/b/c.jpg")
    assert scotopic("info", "in").stdout.count("MP") == 2


def test_info_reads_like_a_camera():
    seen = Description(
        name="a.tif",
        format="tiff",
        width=6000,
        height=4000,
        megapixels=24.0,
        bits=16,
        bands=3,
        alpha=True,
        profile="P3",
        orientation=6,
        make="Canon",
        model="Canon EOS R5",
        iso=6400,
        exposure_s=1 / 30,
        f_number=2.8,
        taken="2024:05:01 21:33:10",
        mean_brightness=0.12,
        shadows=0.4,
        clipped=0.004,
        how_dark="dark",
        noise_sigma_8bit=5.25,
    )
    assert lines(seen) == [
        "picture  TIFF, 6000 × 4000 (24.0 MP), 16 bits, colour with transparency, profile P3, "
        "stored turned (Exif orientation 6)",
        "taken    Canon EOS R5, 1/30 s, f/2.8, ISO 6400, 2024:05:01 21:33:10",
        "light    dark: mean brightness 12%, 40% in deep shadow, 0.4% blown out",
        "noise    sigma 5.2 of 255 in the middle of the picture",
    ]


def test_models_shows_the_card_as_a_table(scotopic, model):
    head, first, second = scotopic("models", model).stdout.splitlines()
    assert re.split("  +", first)[:5] == ["plain", "photos", "The same for everyone", "1,234,567", "CC0-1.0"]
    assert re.split("  +", first)[5:] == ["17.50", "20.25", "0.700", "0.750", "pairs (12 photos)"]
    assert re.split("  +", second.strip()) == ["16.00", "19.00", "0.600", "0.650", "others (3 photos)"]
    assert head.index("LICENCE") == first.index("CC0-1.0")
    assert head.index("SCORED ON") == second.index("others")


def test_models_shows_the_parameters_of_both_tiers(scotopic, tiers_model):
    row = scotopic("models", tiers_model).stdout.splitlines()[1]
    assert re.split("  +", row)[:5] == ["tiers", "photos", "The same for everyone", "1,234,567 + 4,321", "CC0-1.0"]
    assert json.loads(scotopic("models", tiers_model, "--json").stdout)["denoise"]["parameters"] == 4321


def test_models_as_json_is_the_whole_card(scotopic, model):
    card = json.loads(scotopic("models", model, "--json").stdout)
    assert (card["name"], card["licence"], card["decide"]["iterations"], card["scores"][1]["images"]) == (
        "plain",
        "CC0-1.0",
        8,
        3,
    )


def test_models_lists_what_is_shipped(scotopic):
    run = scotopic("models", "--json")
    assert run.exit_code == 0
    cards = [json.loads(line) for line in run.stdout.splitlines()]
    assert [card["name"] for card in cards] == list_models()
    assert [card["name"] for card in cards if card["default"]] == [
        name for name in list_models() if name in (DEFAULT_MODEL, *DEFAULT_RAW_MODELS.values())
    ]


@pytest.mark.skipif(DEFAULT_MODEL not in list_models(), reason="the default model is not there yet")
def test_the_default_model_brightens_a_dark_photo(scotopic, photo):
    from .conftest import brightness

    photo("n.png", width=300, height=200)
    assert scotopic("enhance", "n.png").exit_code == 0
    assert brightness("n_scotopic.png") > 1.3 * brightness("n.png")


def test_models_says_what_is_wrong_with_a_card(scotopic, here):
    Path("empty").mkdir()
    run = scotopic("models", "empty")
    assert run.exit_code == 1
    assert "card.toml" in run.stderr


def test_version(scotopic):
    import scotopic as package

    assert scotopic("--version").stdout == f"scotopic {package.__version__}\n"


def test_an_unknown_command_is_a_usage_error(scotopic):
    assert scotopic("enhence").exit_code == 2


@pytest.mark.parametrize(("cfa", "pattern"), [(("RG", "GB"), "RGGB"), (XTRANS, "X-Trans")])
def test_info_tells_what_a_sensor_is(scotopic, here, cfa, pattern):
    black = np.full((len(cfa), len(cfa)), 512.25, np.float32)
    mosaic = np.full((48, 60), 1500, np.uint16)
    write_dng("a.dng", RawFrame(mosaic, cfa, black, 16383, (2.0, 1.0, 1.5), np.eye(3, dtype=np.float32)))
    run = scotopic("info", "a.dng")
    assert run.exit_code == 0
    assert f"sensor   {pattern}, black 512.25, white 16383, white balance 2 1 1.5\n" in run.stdout
    assert "light    a little dark: wants " in run.stdout
    seen = json.loads(scotopic("info", "a.dng", "--json").stdout)
    assert tuple(seen["sensor"]["cfa"]) == cfa
