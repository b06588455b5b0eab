"""A card comes back as it was written, and a card that is wrong says how."""

from __future__ import annotations

import dataclasses
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scotopic.errors import CardError
from scotopic.runtime import (
    ApplyCard,
    Card,
    DataCard,
    DecideCard,
    DenoiseCard,
    LightCard,
    RawCard,
    ScoreCard,
    TrainingCard,
    read_card,
    write_card,
)
from scotopic.runtime.toml import dump_toml

CARD = Card(
    name="night",
    title='Night "vision" \\ 夜',
    source="A paper\nin two lines",
    licence="MIT",
    parameters=10_561,
    version="1.0",
    light=LightCard("srgb", "srgb", 3, 3),
    decide=DecideCard("decide.onnx", "a" * 64, 512, iterations=8, maps=3, multiple=4),
    apply=ApplyCard("apply.onnx", "b" * 64, halo=0),
    training=TrainingCard(
        "recipes/night.toml",
        "c" * 64,
        (DataCard("Photos", "CC0-1.0", "Many", "https://example.org"), DataCard("More", "MIT", "One")),
        hours=1.5,
        machine="two cores",
        steps=3000,
        date="2026-01-31",
    ),
    scores=(ScoreCard("pairs", "as is", 100, 18.5, 21.0, 0.7, 0.75, "a command"),),
)


def test_a_card_comes_back_as_it_was_written(tmp_path: Path) -> None:
    write_card(CARD, tmp_path)
    assert read_card(tmp_path) == CARD


TRAINING = dataclasses.replace(CARD.training, recipe="recipes/clean.toml", steps=9) if CARD.training else None
TIERS = dataclasses.replace(CARD, denoise=DenoiseCard("denoise.onnx", "d" * 64, 70, 280_060, 8, TRAINING))


@pytest.mark.parametrize("training", [TRAINING, None])
def test_a_card_with_a_denoiser_comes_back(tmp_path: Path, training: TrainingCard | None) -> None:
    assert TIERS.denoise
    card = dataclasses.replace(TIERS, denoise=dataclasses.replace(TIERS.denoise, training=training))
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card
    assert card.graphs == [card.decide, card.apply, card.denoise]
    assert card.parameters == CARD.parameters


def test_a_card_without_a_denoiser_says_nothing_of_one(tmp_path: Path) -> None:
    write_card(CARD, tmp_path)
    assert "denoise" not in (tmp_path / "card.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("line", "wrong", "says"),
    [
        ("halo = 70", "halo = -1", "denoise.halo must be at least 0, got -1"),
        ("halo = 70", "", "denoise: missing 'halo'"),
        ("parameters = 280060", "parameters = 0", "denoise.parameters must be at least 1, got 0"),
        ("multiple = 8", "multiple = 0", "multiple of 'denoise.onnx' must be at least 1"),
        ('file = "denoise.onnx"', 'file = "../denoise.onnx"', "a graph lies beside the card"),
        (f'sha256 = "{"d" * 64}"', 'sha256 = "abc"', "must be 64 lower-case hexadecimal digits"),
        ('output = "srgb"', 'output = "linear"', r"\[denoise\] wants srgb light in and out, and scale 1, got"),
    ],
)
def test_a_wrong_denoiser_says_what_is_wrong(tmp_path: Path, line: str, wrong: str, says: str) -> None:
    write_card(TIERS, tmp_path)
    replace_line(tmp_path, line, wrong)
    with pytest.raises(CardError, match=says):
        read_card(tmp_path)


def test_a_denoiser_follows_a_decision(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"\[denoise\] wants a \[decide\] table beside it"):
        write_card(dataclasses.replace(TIERS, decide=None), tmp_path)
    with pytest.raises(CardError, match=r"neither a \[decide\] nor an \[apply\]"):
        write_card(dataclasses.replace(TIERS, decide=None, apply=None), tmp_path)


def test_parts_that_are_absent_stay_absent(tmp_path: Path) -> None:
    card = dataclasses.replace(CARD, apply=None, training=None, scores=())
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card


def test_a_whole_number_will_do_for_hours(tmp_path: Path) -> None:
    write_card(CARD, tmp_path)
    replace_line(tmp_path, "hours = 1.5", "hours = 2")
    training = read_card(tmp_path).training
    assert training is not None
    assert training.hours == 2.0


@pytest.mark.parametrize(
    ("line", "wrong", "says"),
    [
        ("iterations = 8", "iteratons = 8", r"decide: unknown key 'iteratons'. Did you mean 'iterations'\?"),
        ("iterations = 8", "qqq = 8", "unknown key 'qqq'. It may hold: file, "),
        ("iterations = 8", "", "decide: missing 'iterations'"),
        ("iterations = 8", "iterations = 8.0", "iterations wants a whole number, got 8.0"),
        ("iterations = 8", "iterations = true", "iterations wants a whole number, got True"),
        ("iterations = 8", "iterations = 0", "iterations must be at least 1"),
        ("maps = 3", "maps = 5", "8 iterations want 3 or 6 or 24 maps, got decide.maps = 5"),
        ("long_side = 512", "long_side = 0", "long_side must be at least 1"),
        ("multiple = 4", "multiple = 0", "multiple of 'decide.onnx' must be at least 1"),
        ('kind = "curves"', 'kind = "spells"', "kind wants one of 'curves', got 'spells'"),
        ('input = "srgb"', 'input = "moonlight"', "input wants one of 'srgb', 'linear', 'packed-raw', got 'moonlight'"),
        ("channels_in = 3", "channels_in = 0", "channels_in and channels_out must be at least 1"),
        ("scale = 1", "scale = 0", "light.scale must be at least 1"),
        ("scale = 1", "scale = 2", "curves keep the size"),
        ("halo = 0", "halo = -1", "halo must be at least 0"),
        ('file = "decide.onnx"', 'file = "../decide.onnx"', "a graph lies beside the card"),
        (f'sha256 = "{"a" * 64}"', 'sha256 = "abc"', "must be 64 lower-case hexadecimal digits"),
        ("hours = 1.5", 'hours = "long"', "hours wants a number, got 'long'"),
        ('licence = "CC0-1.0"', "licence = 0", r"data\[0\]: licence wants a string, got 0"),
        ('name = "night"', "name = night", "is not valid TOML"),
        ("[light]", "[ligth]", "Did you mean 'light'"),
    ],
)
def test_a_wrong_card_says_what_is_wrong(tmp_path: Path, line: str, wrong: str, says: str) -> None:
    write_card(CARD, tmp_path)
    replace_line(tmp_path, line, wrong)
    with pytest.raises(CardError, match=says):
        read_card(tmp_path)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "missing 'name', 'title'"),
        ("light = 3", "light wants a table, got 3"),
        ("scores = 3", "scores wants a list, got 3"),
        ("scores = [1]", r"scores\[0\] wants a table, got 1"),
    ],
)
def test_a_card_of_the_wrong_shape_says_so(tmp_path: Path, text: str, says: str) -> None:
    needed = 'name = "n"\ntitle = "t"\nsource = "s"\nlicence = "l"\nparameters = 1\nversion = "1"\n'
    light = (
        ""
        if not text or "light" in text
        else '\n[light]\ninput = "srgb"\noutput = "srgb"\nchannels_in = 3\nchannels_out = 3\n'
    )
    (tmp_path / "card.toml").write_text((needed if text else "") + text + light)
    with pytest.raises(CardError, match=says):
        read_card(tmp_path)


def test_a_model_that_does_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(CardError, match="neither a \\[decide\\] nor an \\[apply\\]"):
        write_card(dataclasses.replace(CARD, decide=None, apply=None), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_folder_without_a_card_is_not_a_model(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"has no card.toml. A model is a folder"):
        read_card(tmp_path)
    (tmp_path / "card.toml").mkdir()
    with pytest.raises(CardError, match=r"cannot read .*card.toml"):
        read_card(tmp_path)


RAW = dataclasses.replace(
    CARD, light=LightCard("packed-raw", "linear", 12, 3, 2), raw=RawCard("bayer", "k-sigma"), decide=None
)


@pytest.mark.parametrize(
    ("cfa", "normalisation", "channels", "scale"),
    [("bayer", "ratio", 4, 2), ("bayer", "k-sigma", 12, 2), ("xtrans", "ratio", 9, 3), ("xtrans", "k-sigma", 28, 3)],
)
def test_a_raw_card_comes_back(tmp_path: Path, cfa: Any, normalisation: Any, channels: int, scale: int) -> None:
    light = LightCard("packed-raw", "srgb", channels, 3, scale)
    card = dataclasses.replace(RAW, light=light, raw=RawCard(cfa, normalisation))
    write_card(card, tmp_path)
    assert read_card(tmp_path) == card


@pytest.mark.parametrize(
    ("line", "wrong", "says"),
    [
        ("channels_in = 12", "channels_in = 4", "bayer and k-sigma want light.channels_in = 12, got 4"),
        ("channels_out = 3", "channels_out = 1", "light.channels_out = 3, got 1"),
        ("scale = 2", "scale = 3", "light.scale = 2, got 3"),
        ('cfa = "bayer"', 'cfa = "foveon"', "cfa wants one of 'bayer', 'xtrans', got 'foveon'"),
        ('input = "packed-raw"', 'input = "srgb"', r"a \[raw\] table and light.input = 'packed-raw' go together"),
        ('output = "linear"', 'output = "packed-raw"', "packed raw becomes 'srgb' or 'linear' light"),
    ],
)
def test_a_wrong_raw_card_says_what_is_wrong(tmp_path: Path, line: str, wrong: str, says: str) -> None:
    write_card(RAW, tmp_path)
    replace_line(tmp_path, line, wrong)
    with pytest.raises(CardError, match=says):
        read_card(tmp_path)


def test_raw_models_have_no_decision(tmp_path: Path) -> None:
    with pytest.raises(CardError, match=r"model of \[apply\] alone|curves keep the size"):
        write_card(dataclasses.replace(RAW, decide=CARD.decide), tmp_path)
    with pytest.raises(CardError, match="go together"):
        write_card(dataclasses.replace(RAW, raw=None), tmp_path)


SCALARS = st.text() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.booleans()
TABLES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda part: st.lists(part, max_size=3) | st.dictionaries(st.text(), part, max_size=3),
    max_leaves=12,
)


@given(table=st.dictionaries(st.text(), TABLES, max_size=5))
@settings(deadline=None)
def test_any_table_survives_toml(table: dict[str, Any]) -> None:
    assert tomllib.loads(dump_toml(table)) == table


def test_what_toml_cannot_say_is_refused() -> None:
    with pytest.raises(TypeError, match="TOML has no NoneType"):
        dump_toml({"nothing": None})


def replace_line(folder: Path, line: str, by: str) -> None:
    text = (folder / "card.toml").read_text(encoding="utf-8")
    assert line in text.split("\n"), f"no line {line!r} in the card"
    (folder / "card.toml").write_text(text.replace(line, by, 1), encoding="utf-8")
