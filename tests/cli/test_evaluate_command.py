"""`scotopic evaluate`: one table, exit codes, and where things are put. What it scores has tests in experiments."""

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
from experiments.toy_runs import untrained_run


@pytest.fixture
def pairs(here):
    """Ten scenes to test on, each darkened by its own gain."""
    for i in range(10):
        coarse = np.random.default_rng(i).random((6, 8, 3))
        for folder, level in (("low", 30 + 5 * i), ("high", 230)):
            path = here / "pairs" / folder / f"{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((coarse * level).astype(np.uint8)).resize((64, 48)).save(path)
    (here / "pairs/splits.json").write_text(json.dumps({"seed": 0, "scenes": {str(i): "test" for i in range(10)}}))
    return here / "pairs"


def test_several_methods_make_one_table(scotopic, pairs, model):
    run = scotopic("evaluate", "-m", "input", "-m", f"ours={model}", "-d", "pairs", "--metrics", "psnr_gt_mean,mae")
    assert run.exit_code == 0, run.stderr
    lines = run.stdout.splitlines()
    assert lines[0].startswith("pairs. low -> high")
    assert "10 pictures of 10 scenes, split test" in lines[0]
    assert "rounded to 8 bits" in lines[1]
    head = next(line for line in lines if line.startswith("all (10 pictures)"))
    assert head.split()[3:] == ["psnr", "↑,", "dB", "psnr_gt_mean", "↑,", "dB"]
    shown = {line.split()[0]: line for line in lines if line.startswith(("input", "ours"))}
    assert shown.keys() == {"input", "ours"}
    summary = json.loads((pairs.parent / "evaluations/pairs-test/ours/summary.json").read_text())[""]["psnr"]
    row = next(line for line in lines if line.startswith("ours"))
    assert f"{summary['mean']:.2f} ({summary['low']:.2f} to {summary['high']:.2f})" in row
    assert len((pairs.parent / "evaluations/pairs-test/input/rows.jsonl").read_text().splitlines()) == 10


def test_an_onnx_file_has_an_option_of_its_own(scotopic, pairs, model):
    (graph,) = Path(model).glob("*.onnx")
    wanted = ("-d", "pairs", "--limit", 2, "--metrics", "psnr", "--json")
    one, other = (scotopic("evaluate", option, f"theirs={graph}", *wanted, "-o", option) for option in ("--onnx", "-m"))
    first, second = (json.loads(run.stdout or "{}").get("methods") for run in (one, other))
    assert [(m["name"], m["kind"]) for m in first] == [("theirs", "onnx")], one.stderr
    assert first[0]["summary"][""]["psnr"] == second[0]["summary"][""]["psnr"]


def test_json_is_all_there_is_on_standard_output(scotopic, pairs):
    run = scotopic("evaluate", "-m", "input", "-d", "pairs", "--every", 3, "--limit", 2, "--json", "-o", "there")
    seen = json.loads(run.stdout)
    (method,) = seen["methods"]
    assert (method["name"], method["scored"], method["failed"]) == ("input", 2, [])
    assert seen["data"]["count"] == 2
    assert method["summary"][""]["psnr"]["count"] == 2
    assert (pairs.parent / "there/input/evaluation.json").exists()


def test_a_bad_picture_is_named_and_the_others_are_scored(scotopic, pairs):
    (pairs / "low/3.png").write_bytes((pairs / "low/3.png").read_bytes()[:60])
    run = scotopic("evaluate", "-m", "input", "-d", "pairs", "--metrics", "psnr")
    assert run.exit_code == 1
    assert "input: 3: " in run.stderr
    assert "9 of 10" in run.stdout


def test_the_same_command_goes_on_and_another_is_refused(scotopic, pairs):
    command = ("evaluate", "-m", "input", "-d", "pairs", "--metrics")
    assert scotopic(*command, "psnr").exit_code == 0
    rows = pairs.parent / "evaluations/pairs-test/input/rows.jsonl"
    marked = rows.read_text().replace('"seconds": 0', '"seconds": 77')
    rows.write_text(marked)
    assert scotopic(*command, "psnr").exit_code == 0
    assert rows.read_text() == marked
    refused = scotopic(*command, "mae")
    assert refused.exit_code == 1
    assert "--fresh" in refused.stderr
    assert scotopic(*command, "mae", "--fresh").exit_code == 0
    assert '"seconds": 77' not in rows.read_text()


def test_runs_bring_their_own_pictures(scotopic, pairs):
    (pairs / "splits.json").unlink()
    for name, data in (("a", ""), ("b", ", size=16"), ("c", ", resize=0.5")):
        untrained_run(pairs.parent / name, f"{{name='paired_folder', root='pairs'{data}}}")
    run = scotopic("evaluate", "-m", "a", "-m", "b@last", "-m", "input", "--metrics", "psnr", "--json")
    assert run.exit_code == 0, run.stderr
    seen = json.loads(run.stdout)
    assert [method["name"] for method in seen["methods"]] == ["a", "b@last", "input"]
    assert (seen["data"]["split"], seen["data"]["count"]) == ("val", 2)
    other = scotopic("evaluate", "-m", "a", "-m", "c")
    assert other.exit_code == 2
    assert "a and c hold out different pictures" in " ".join(other.stderr.split())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("-m", "input", "-d", "pairs", "--metrics", "pnsr"), 2, "Did you mean 'psnr'"),
        (("-m", "input"), 2, "--data"),
        (("-m", "input", "--raw-scenes"), 2, "--data"),
        (("-d", "pairs"), 2, "--model"),
        (("-m", "input", "-d", "nowhere"), 1, "no folder 'nowhere'"),
        (("-m", "input", "-d", "pairs", "--split", "val"), 1, "10 test"),
        (("-m", "nobody", "-d", "pairs"), 2, "nobody"),
        (("-m", "theirs=", "-d", "pairs"), 2, "There is no method ''"),
        (("--onnx", "clahe", "-d", "pairs"), 2, "--onnx takes a file called .onnx"),
        (("-m", "input", "-m", "input", "-d", "pairs"), 2, "Two methods are called 'input'"),
        (("-m", "input", "-d", "pairs", "--cfa", "xtrans"), 2, "Add --raw-scenes"),
        (("-m", "input", "-d", "pairs", "--frames", "all"), 1, "is not SID"),
        (("-m", "input", "-d", "pairs", "--raw-scenes", "--without-misaligned"), 2, "are for SID"),
    ],
)
def test_slips_are_one_line(scotopic, pairs, words, code, said):
    run = scotopic("evaluate", *words)
    assert run.exit_code == code
    assert said in run.stderr
    assert not (pairs.parent / "evaluations").exists()
