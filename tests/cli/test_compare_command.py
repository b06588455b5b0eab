"""`scotopic compare` from two folders of pictures to a tally."""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from scotopic.experiments.comparing.preference import Vote


@pytest.fixture
def pairs(here):
    """LOL in small: four pairs to test on."""
    rng = np.random.default_rng(0)
    for split, count in (("our485", 1), ("eval15", 4)):
        for i in range(count):
            target = rng.integers(0, 256, (32, 40, 3), np.uint8)
            for folder, pixels in (("low", target // 8), ("high", target)):
                path = Path("lol") / split / folder / f"{i}.png"
                path.parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(pixels).save(path)
    return "lol"


def test_from_names_to_pages_and_on_from_evaluations(scotopic, pairs):
    words = ("--metrics", "psnr,mae", "--scenes", 2, "--crop", 16, "--jobs", 1)
    first = scotopic("compare", "dark=input", "gamma", "--data", pairs, "-o", "out", *words)
    assert first.exit_code == 0, first.output
    assert "dark against gamma: −" in first.output
    facts = json.loads(Path("out/comparison.json").read_text())
    assert (facts["pictures"], [method["name"] for method in facts["methods"]]) == (4, ["dark", "gamma"])
    folders = [method["evaluation"] for method in facts["methods"]]
    assert all(len(list(Path(folder, "pictures").glob("*.png"))) == 4 for folder in folders)
    idle = scotopic("compare", *folders, "--limit", 2)
    assert idle.exit_code == 2
    assert "--limit says how to score" in idle.output
    again = scotopic("compare", f"other={folders[0]}", folders[1], "-o", "again", "--scenes", 2)
    assert again.exit_code == 0, again.output
    repeated = json.loads(Path("again/comparison.json").read_text())
    assert [method["name"] for method in repeated["methods"]] == ["other", "gamma"]
    assert repeated["differences"][0]["mean"] == facts["differences"][0]["mean"]
    assert {s["name"] for s in repeated["strips"] if s["why"] == "fixed"} == {
        s["name"] for s in facts["strips"] if s["why"] == "fixed"
    }


def test_a_blind_session_is_served_and_counted(scotopic, pairs, monkeypatch):
    from scotopic.experiments.comparing import blind

    def judged_by_nobody_but_us(server, *_):
        session = server.RequestHandlerClass.args[0]
        for number in range(len(session.questions) - 1):
            session.vote(number, "left")
        assert not Path("out/preference.json").exists()
        session.vote(len(session.questions) - 1, "none")
        raise KeyboardInterrupt

    monkeypatch.setattr(blind.Server, "serve_forever", judged_by_nobody_but_us)
    listed = [{"scene": i, "low": f"low/{i}.png", "target": f"high/{i}.png"} for i in range(4)]
    Path("lol/eval15/pairs.json").write_text(json.dumps(listed))
    words = (
        "--data",
        "lol/eval15/pairs.json",
        "--split",
        "all",
        "-o",
        "out",
        "--metrics",
        "psnr",
        "--scenes",
        3,
        "--crop",
        16,
        "--jobs",
        1,
    )
    result = scotopic("compare", "input", "gamma", "--blind", *words)
    assert result.exit_code == 0, result.output
    assert "http://127.0.0.1:" in result.output
    assert "3 votes on 3 scenes: 2 left, 0 right, 1 no difference" in result.output
    assert "dB" not in result.output  # no scores before the votes
    assert json.loads(Path("out/preference.json").read_text())["votes"] == 3


def test_votes_are_counted_again(scotopic, here):
    votes = [Vote(str(i), str(i), "a", "b", "left" if i else "none") for i in range(4)]
    Path("votes.jsonl").write_text("".join(json.dumps(asdict(vote)) + "\n" for vote in votes))
    result = scotopic("compare", "--tally", ".")
    assert result.exit_code == 0, result.output
    assert "a rather than b: 88%" in result.output
    kept = json.loads(Path("preference.json").read_text())
    assert [standing["name"] for standing in kept["standings"]] == ["a", "b"]
    assert not list(Path().glob(".*"))


@pytest.mark.parametrize(
    ("words", "code", "why"),
    [
        (["input"], 2, "Two or more"),
        (["input", "gamma"], 2, "--data"),
        (["input", "--tally", "."], 2, "takes no methods"),
        (["--tally", "."], 1, "There are no votes"),
        (["input", "gamma", "--data", "lol", "--port", 8000], 2, "Add --blind"),
        (["input", "input", "--data", "lol", "--metrics", "psnr"], 1, "NAME=METHOD"),
        (["input", "gamma", "--data", "lol", "--metrics", "psnr", "--by", "ssim"], 1, "Choose one of: psnr"),
    ],
)
def test_slips_are_explained(scotopic, pairs, words, code, why):
    result = scotopic("compare", *words)
    assert (result.exit_code, why in result.output) == (code, True), result.output
    assert Path("evaluations").exists() == ("--by" in words)  # told before hours of scoring
