"""`scotopic enhance` on real files: what appears where, what is said, what it exits with."""

import errno
import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from .conftest import brightness


def test_a_photo_comes_out_brighter_beside_itself(scotopic, photo, model):
    before = photo("night.jpg").read_bytes()
    run = scotopic("enhance", "night.jpg", "--model", model)
    assert run.exit_code == 0
    assert run.stdout.startswith("night_scotopic.jpg  60 × 40")
    assert run.stderr == ""
    assert brightness("night_scotopic.jpg") > 2 * brightness("night.jpg")
    assert Path("night.jpg").read_bytes() == before


def test_a_tree_is_mirrored_and_made_once(scotopic, photo, model, here):
    for name in ["in/a.jpg", "in/b.png", "in/2024/may/c.tif"]:
        photo(name)
    first = scotopic("enhance", "in", "-o", "out", "--model", model)
    assert first.exit_code == 0, first.stderr
    assert "3 pictures enhanced" in first.stderr
    assert first.stdout == ""
    made = sorted(str(path.relative_to("out")) for path in Path("out").rglob("*.*"))
    assert made == ["2024/may/c.tif", "a.jpg", "b.png"]

    Path("out/b.png").unlink()
    times = {path: path.stat().st_mtime_ns for path in Path("out").rglob("*.*")}
    second = scotopic("enhance", "in", "-o", "out", "--model", model)
    assert "1 picture enhanced" in second.stderr
    assert "2 skipped" in second.stderr
    assert all(path.stat().st_mtime_ns == time for path, time in times.items())
    third = scotopic("enhance", "in", "-o", "out", "--model", model, "--overwrite")
    assert "3 pictures enhanced" in third.stderr


def test_a_rerun_beside_the_photos_finds_nothing_new(scotopic, photo, model):
    photo("in/a.jpg")
    scotopic("enhance", "in", "--model", model, "--compare")
    again = scotopic("enhance", "in", "--model", model, "--compare")
    assert sorted(os.listdir("in")) == ["a.jpg", "a_scotopic.jpg", "a_scotopic_compare.jpg"]
    assert "0 pictures enhanced, 1 skipped" in again.stderr


def test_an_out_folder_inside_the_input_is_not_enhanced_again(scotopic, photo, model):
    photo("in/a.jpg")
    for _ in range(2):
        assert scotopic("enhance", "in", "-o", "in/bright", "--model", model).exit_code == 0
    assert os.listdir("in/bright") == ["a.jpg"]


def test_a_pattern_is_expanded_by_us(scotopic, photo, model):
    for name in ["in/a.jpg", "in/deep/b.jpg", "in/c.png"]:
        photo(name)
    assert scotopic("enhance", "in/**/*.jpg", "-o", "out", "--model", model).exit_code == 0
    assert sorted(map(str, Path("out").rglob("*.*"))) == ["out/a.jpg", "out/deep/b.jpg"]


def test_a_bad_file_among_good_ones(scotopic, photo, model):
    for name in ["a.jpg", "b.jpg", "c.jpg"]:
        photo(name)
    Path("b.jpg").write_bytes(Path("b.jpg").read_bytes()[:400])
    run = scotopic("enhance", "a.jpg", "b.jpg", "c.jpg", "gone.jpg", "-o", "out", "--model", model, "--json")
    assert run.exit_code == 1
    assert sorted(os.listdir("out")) == ["a.jpg", "c.jpg"]
    lines = {line["input"]: line for line in map(json.loads, run.stdout.splitlines())}
    assert {name: line["status"] for name, line in lines.items()} == {
        "a.jpg": "done",
        "b.jpg": "failed",
        "c.jpg": "done",
        "gone.jpg": "failed",
    }
    assert lines["a.jpg"]["mean_after"] > lines["a.jpg"]["mean_before"]
    assert "b.jpg" in run.stderr
    assert "2 failed" in run.stderr
    assert "Traceback" not in run.stderr


def test_colliding_results_are_said_and_the_first_is_made(scotopic, photo, model):
    photo("in/a.jpg"), photo("in/a.png")
    run = scotopic("enhance", "in", "-o", "out", "--format", "jpg", "--model", model)
    assert run.exit_code == 1
    assert os.listdir("out") == ["a.jpg"]
    assert "in/a.png: would become out/a.jpg, and so would in/a.jpg" in run.stderr


def test_format_quality_and_bits(scotopic, photo, model):
    photo("n.png", width=200, height=200)
    assert scotopic("enhance", "n.png", "-o", "small.jpg", "-q", "30", "--model", model).exit_code == 0
    assert scotopic("enhance", "n.png", "-o", "large.jpg", "-q", "95", "--model", model).exit_code == 0
    assert Path("small.jpg").stat().st_size < Path("large.jpg").stat().st_size / 2
    assert scotopic("enhance", "n.png", "--format", "tif", "--bits", "16", "--model", model).exit_code == 0
    import tifffile

    assert tifffile.imread("n_scotopic.tiff").dtype == np.uint16


def test_a_photo_is_denoised_as_far_as_asked(scotopic, photo, tiers_model):
    photo("n.png")
    seen = {}
    for words in ("--quality fast", "-d 0", "--denoise 0.5", "--quality best", ""):
        run = scotopic("enhance", "n.png", "-o", "out.png", "--overwrite", "-m", tiers_model, *words.split())
        assert run.exit_code == 0, run.output
        seen[words] = np.asarray(Image.open("out.png").convert("RGB"))
    assert np.array_equal(seen["--quality fast"], seen["-d 0"])
    assert np.array_equal(seen["--quality best"], seen[""])
    assert seen["--quality fast"].mean() > seen["--denoise 0.5"].mean() > seen[""].mean() > brightness("n.png")


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("--quality slow", "is neither fast nor best nor a number from 1 to 100"),
        ("--quality 101", "is neither fast nor best nor a number from 1 to 100"),
        ("--quality fast --quality best", "given as fast and as best: leave one away"),
        ("-q 30 -q 40", "given as 30 and as 40: leave one away"),
        ("--denoise 2", "denoise must be between 0 and 1, got 2"),
        ("--denoise nan", "denoise must be between 0 and 1, got nan"),
        ("--quality fast --denoise 1", "got tier fast: leave one away"),
    ],
)
def test_a_tier_that_cannot_be_meant_is_a_slip(scotopic, photo, tiers_model, words, says):
    photo("n.png")
    run = scotopic("enhance", "n.png", "-m", tiers_model, *words.split())
    assert run.exit_code == 2
    assert says in run.stderr
    assert not Path("n_scotopic.png").exists()


@pytest.mark.parametrize("words", ["--quality best", "--denoise 0.5"])
def test_a_model_without_a_denoiser_says_so_once(scotopic, photo, model, words):
    for name in ["in/n.png", "in/o.png"]:
        photo(name)
    run = scotopic("enhance", "in", "-o", "out", "-m", model, *words.split())
    assert (run.exit_code, run.stderr.count("\n")) == (2, 1)
    assert "for models with a denoiser, and model 'plain', which 'in/n.png' would get, has none" in run.stderr
    assert not Path("out").exists()
    assert scotopic("enhance", "in", "-o", "out", "-m", model, "--quality", "fast").exit_code == 0


def test_the_input_is_replaced_only_when_asked(scotopic, photo, model):
    before = photo("n.jpg").read_bytes()
    refused = scotopic("enhance", "n.jpg", "-o", "n.jpg", "--model", model)
    assert refused.exit_code == 1
    assert "--overwrite" in refused.stderr
    assert Path("n.jpg").read_bytes() == before
    assert scotopic("enhance", "n.jpg", "-o", "n.jpg", "--model", model, "--overwrite").exit_code == 0
    assert brightness("n.jpg") > 50


def test_compare_puts_both_side_by_side(scotopic, photo, model):
    photo("n.png")
    run = scotopic("enhance", "n.png", "--compare", "--model", model)
    assert "side by side: n_scotopic_compare.png" in run.stdout
    with Image.open("n_scotopic_compare.png") as both:
        pixels = np.asarray(both).astype(float)
    assert pixels.shape[0] == 40
    assert pixels.shape[1] > 120
    assert pixels[:, :60].mean() == pytest.approx(brightness("n.png"))
    assert pixels[:, -60:].mean() == pytest.approx(brightness("n_scotopic.png"))


def test_a_comparison_whose_result_was_never_made_is_made_again_with_it(scotopic, photo, model):
    """As after a power cut between the two: the result decides whether a photo is done."""
    photo("n.png")
    Path("n_scotopic_compare.png").write_text("of a run that was cut off")
    run = scotopic("enhance", "n.png", "--compare", "--model", model)
    assert run.exit_code == 0, run.stderr
    with Image.open("n_scotopic_compare.png") as both:
        assert both.size[0] > 2 * 60
    assert Path("n_scotopic.png").exists()


def test_a_photo_that_fails_leaves_neither_result_nor_comparison(scotopic, photo, model, monkeypatch):
    photo("n.png")

    def replace(part, path, move=os.replace):
        if str(path) == "n_scotopic.png":
            raise PermissionError(13, "Permission denied")
        move(part, path)

    monkeypatch.setattr("os.replace", replace)
    run = scotopic("enhance", "n.png", "--compare", "--model", model)
    assert run.exit_code == 1
    assert "permission denied" in run.stderr.lower()
    assert os.listdir() == ["n.png"]


def test_a_comparison_asked_for_later_is_made_and_the_result_stays(scotopic, photo, model):
    photo("n.png"), photo("m.png")
    Path("n_scotopic.png").write_text("mine")
    first = scotopic("enhance", "n.png", "--compare", "--model", model)
    assert first.exit_code == 0, first.stderr
    assert first.stdout.startswith("n_scotopic_compare.png  60 × 40")
    assert "n_scotopic.png is there already, and stays" in first.stdout
    assert Path("n_scotopic.png").read_text() == "mine"
    scotopic("enhance", "m.png", "--compare", "--model", model)
    with Image.open("m_scotopic_compare.png") as whole, Image.open("n_scotopic_compare.png") as later:
        assert np.array_equal(np.asarray(whole), np.asarray(later))
    again = scotopic("enhance", "n.png", "--compare", "--model", model, "--json")
    assert json.loads(again.stdout)["status"] == "skipped"


@pytest.mark.parametrize("command", ["enhance", "info"])
def test_a_file_without_permission_is_one_bad_file_among_others(scotopic, photo, model, monkeypatch, command):
    """Root may read everything, so what the system says of the file is made up here."""
    photo("a.jpg"), photo("secret.jpg"), photo("c.jpg")
    secret = Path("secret.jpg").absolute()

    def look(path, mode, ask=os.access):
        return Path(os.fsdecode(path)).absolute() != secret and ask(path, mode)

    def opened(path, *words, open=Path.open, **more):
        if path.absolute() == secret:
            raise PermissionError(13, "Permission denied")
        return open(path, *words, **more)

    monkeypatch.setattr("os.access", look)
    monkeypatch.setattr(Path, "open", opened)
    run = scotopic(command, "a.jpg", "secret.jpg", "c.jpg", *(["--model", model] if command == "enhance" else []))
    assert run.exit_code == 1
    assert "'secret.jpg' cannot be read: Permission denied" in run.stderr
    if command == "enhance":
        assert Path("a_scotopic.jpg").exists()
        assert Path("c_scotopic.jpg").exists()
    else:
        assert "c.jpg" in run.stdout


def test_what_a_shell_makes_of_a_star_is_enhanced_once(scotopic, photo, model):
    for name in ["r/a.jpg", "r/b.png"]:
        photo(name)
    for _ in range(2):
        names = sorted(map(str, Path("r").iterdir()))
        run = scotopic("enhance", *names, "--compare", "--model", model)
        assert run.exit_code == 0, run.stderr
    assert sorted(os.listdir("r")) == [
        "a.jpg",
        "a_scotopic.jpg",
        "a_scotopic_compare.jpg",
        "b.png",
        "b_scotopic.png",
        "b_scotopic_compare.png",
    ]


def test_strength_and_exposure_reach_the_model(scotopic, photo, model):
    photo("n.png")
    for out, *more in [
        ("zero.png", "-s", 0),
        ("one.png",),
        ("darker.png", "-e", "-0.5"),
        ("brighter.png", "--exposure", "+0.5"),
    ]:
        assert scotopic("enhance", "n.png", "-o", out, "--model", model, *more).exit_code == 0
    zero, one, darker, brighter = map(brightness, ["zero.png", "one.png", "darker.png", "brighter.png"])
    assert zero == pytest.approx(brightness("n.png"), abs=1)
    assert zero < darker < one < brighter


def test_pictures_larger_than_the_limit_are_refused(scotopic, photo, model):
    photo("n.jpg")
    run = scotopic("enhance", "n.jpg", "--max-pixels", "2.3k", "--model", model)
    assert run.exit_code == 1
    assert "--max-pixels" in run.stderr
    assert scotopic("enhance", "n.jpg", "--max-pixels", "2.4k", "--model", model).exit_code == 0


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (["n.jpg", "--strength", "3"], "strength must be between 0 and 2"),
        (["n.jpg", "--exposure", "9"], "exposure must be between"),
        (["n.jpg", "--model", "nobody"], "no model 'nobody'"),
        (["n.jpg", "--format", "gif"], "gif"),
        (["n.jpg", "--max-pixels", "many"], "no number of pixels"),
        (["n.jpg", "--bits", "16"], "jpeg has 8 bits"),
        (["n.jpg", "--format", "png", "-q", "50"], "--quality does nothing"),
        (["n.jpg", "-o", "x.jpg", "--provider", "abacus"], "provider 'abacus' is not installed"),
        ([], "Missing argument"),
        (["-", "n.jpg"], "give one INPUT"),
        (["-", "-o", "folder/"], "let OUT be a file"),
        (["n.jpg", "-o", "-", "--json"], "--json"),
        (["-", "-o", "x.tiff", "-q", "50"], "--quality does nothing"),
        (["-", "--format", "png", "-q", "50"], "--quality does nothing"),
    ],
)
def test_what_cannot_be_meant_exits_2_and_makes_nothing(scotopic, photo, model, words, why):
    photo("n.jpg")
    if "--model" not in words:
        words = [*words, "--model", model]
    run = scotopic("enhance", *words)
    assert run.exit_code == 2
    assert why in run.stderr
    assert os.listdir() == ["n.jpg"]


def test_a_broken_model_ends_the_run_at_once(scotopic, photo, model, here):
    import shutil

    photo("in/a.jpg"), photo("in/b.jpg")
    shutil.copytree(model, "broken")
    with open("broken/decide.onnx", "ab") as file:
        file.write(b"!")
    run = scotopic("enhance", "in", "--model", "broken")
    assert run.exit_code == 1
    assert run.stderr.count("not the file its card vouches for") == 1


def test_a_folder_without_pictures_is_no_failure(scotopic, here, model):
    Path("empty").mkdir()
    run = scotopic("enhance", "empty", "--model", model)
    assert run.exit_code == 0
    assert "No pictures in empty" in run.stderr


def test_a_full_disk_says_so_and_what_was_done(scotopic, photo, model, monkeypatch):
    photo("in/a.jpg"), photo("in/b.jpg")

    def full(*_, **__):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("os.replace", full)
    run = scotopic("enhance", "in", "-o", "out", "--model", model, "--jobs", 1)
    assert run.exit_code == 1
    assert "disk is full" in run.stderr
    assert "0 pictures enhanced, " in run.stderr
    assert os.listdir("out") == []


def test_an_odd_name_is_no_trouble(scotopic, photo, model):
    photo("a[1] ünï.jpg")
    assert scotopic("enhance", "a[1] ünï.jpg", "--model", model).exit_code == 0
    assert Path("a[1] ünï_scotopic.jpg").exists()


def test_debug_shows_where(scotopic, photo, model, monkeypatch):
    photo("n.jpg").write_bytes(b"")
    assert "Traceback" not in scotopic("enhance", "n.jpg", "--model", model).stderr
    assert "Traceback" in scotopic("--debug", "enhance", "n.jpg", "--model", model).stderr
    monkeypatch.setenv("SCOTOPIC_DEBUG", "1")
    assert "Traceback" in scotopic("enhance", "n.jpg", "--model", model).stderr
