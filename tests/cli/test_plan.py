"""Where results go and what they are called."""

import os
from pathlib import Path

import click
import pytest

from scotopic.cli.find import Found, Problem, find
from scotopic.cli.plan import Job, Layout, Skipped, lay_out, plan, written_format
from scotopic.cli.values import FORMAT_NAMES
from scotopic.image import FORMATS


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ["night.jpg", "raw.ARW", "photos/a.jpg", "photos/2024/b.png"]:
        Path(name).parent.mkdir(exist_ok=True, parents=True)
        Path(name).touch()
    return tmp_path


def target(path, place=None, **layout):
    return Layout(**layout).target(Found(path, place or os.path.basename(path)))


def test_without_out_results_lie_beside_their_photos():
    assert target("x/night.jpg") == "x/night_scotopic.jpg"
    assert target("x/night.JPG") == "x/night_scotopic.JPG"
    assert target("x/two.dots.png") == "x/two.dots_scotopic.png"


@pytest.mark.parametrize("name", ["DSC1.ARW", "IMG.HEIC", "scan", "photo.xyz"])
def test_what_cannot_be_written_as_it_came_becomes_jpeg(name):
    assert target(name) == os.path.splitext(name)[0] + "_scotopic.jpg"


def test_out_mirrors_places_and_keeps_names():
    assert target("photos/2024/b.png", "2024/b.png", out="bright") == "bright/2024/b.png"


def test_format_changes_the_suffix_only_where_it_differs():
    assert target("a.JPEG", format="jpeg", out="o") == "o/a.JPEG"
    assert target("a.png", format="jpeg", out="o") == "o/a.jpg"
    assert target("a.tif", format="tiff", out="o") == "o/a.tif"
    assert target("a.nef", format="tiff", out="o") == "o/a.tiff"


def test_comparisons_are_recognised_as_ours_wherever_they_lie():
    assert Layout(compare=True).comparison("x/night_scotopic.jpg") == "x/night_scotopic_compare.jpg"
    assert Layout(compare=True).comparison("out/night.jpg") == "out/night_scotopic_compare.jpg"
    assert Layout().comparison("out/night.jpg") is None


def test_the_formats_we_offer_are_those_the_image_layer_writes():
    assert set(FORMAT_NAMES) == {name for name, format in FORMATS.items() if format.writable}
    assert written_format(".TIF") == "tiff"
    assert written_format(".nef") is None


@pytest.mark.parametrize(
    ("inputs", "out", "is_file"),
    [
        (["night.jpg"], "bright.png", True),
        (["night.jpg"], "bright", False),
        (["night.jpg"], "photos", False),
        (["night.jpg"], "new.folder/", False),
        (["gone.jpg"], "bright.jpg", True),
        (["photos"], "new.folder", False),
        (["night.jpg", "raw.ARW"], "bright", False),
        (["photos/*.jpg"], "bright", False),
        (["-"], "bright.jpg", True),
    ],
)
def test_out_is_a_file_for_one_photo_and_a_folder_for_several(here, inputs, out, is_file):
    assert lay_out(inputs, out).out_is_file is is_file


@pytest.mark.parametrize(
    ("inputs", "out", "options", "why"),
    [
        (["photos"], "bright.jpg", {}, "several photos need a folder"),
        (["night.jpg", "raw.ARW"], "night.jpg", {}, "is a file"),
        (["night.jpg"], "bright.gif", {}, r"can write .*\.jpg"),
        (["night.jpg"], "bright.png", {"format": "jpeg"}, "is png, but --format says jpeg"),
        (["photos"], "photos/../photos", {}, "originals would be replaced"),
    ],
)
def test_an_out_that_cannot_be_is_a_usage_error(here, inputs, out, options, why):
    with pytest.raises(click.UsageError, match=why):
        lay_out(inputs, out, **options)


def test_in_place_needs_overwrite(here):
    (step,) = plan(find(["night.jpg"]), lay_out(["night.jpg"], "night.jpg"))
    assert isinstance(step, Problem)
    assert "--overwrite" in step.message
    layout = lay_out(["night.jpg"], "./night.jpg", overwrite=True)
    assert list(plan(find(["night.jpg"]), layout)) == [Job("night.jpg", "./night.jpg")]
    assert lay_out(["photos"], "photos", overwrite=True).out == "photos"


def test_what_is_replaced_cannot_be_compared(here):
    layout = lay_out(["night.jpg"], "night.jpg", overwrite=True, compare=True)
    (step,) = plan(find(["night.jpg"]), layout)
    assert isinstance(step, Problem)
    assert "--compare" in step.message


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_comparison_does_not_replace_its_photo(here, overwrite):
    Path("n_scotopic_compare.jpg").touch()
    inputs = ["n_scotopic_compare.jpg"]
    (step,) = plan(find(inputs), lay_out(inputs, "n.jpg", compare=True, overwrite=overwrite))
    assert isinstance(step, Problem)
    assert "--compare" in step.message


def test_a_linked_original_is_not_replaced_either(here):
    os.symlink("night.jpg", "link.jpg")
    (step,) = plan(find(["night.jpg"]), lay_out(["night.jpg"], "link.jpg"))
    assert isinstance(step, Problem)


def test_results_that_are_there_are_skipped_unless_asked(here):
    Path("night_scotopic.jpg").touch()
    assert list(plan(find(["night.jpg"]), Layout())) == [Skipped("night.jpg", "night_scotopic.jpg")]
    assert list(plan(find(["night.jpg"]), Layout(overwrite=True))) == [Job("night.jpg", "night_scotopic.jpg")]


def test_a_result_without_its_comparison_gets_that_one_only(here):
    Path("night_scotopic.jpg").touch()
    compare = "night_scotopic_compare.jpg"
    wanted = Job("night.jpg", "night_scotopic.jpg", compare, only_compare=True)
    assert list(plan(find(["night.jpg"]), Layout(compare=True))) == [wanted]
    Path(compare).touch()
    assert list(plan(find(["night.jpg"]), Layout(compare=True))) == [Skipped("night.jpg", "night_scotopic.jpg")]


def test_a_raw_and_its_jpeg_become_two_results(here):
    for name in ["DSC1.ARW", "DSC1.JPG", "IMG.HEIC", "IMG.png", "DSC2.ARW"]:
        Path("photos/2024", name).touch()

    def targets(**layout):
        steps = list(plan(find(["photos/2024"]), Layout(**layout), one_tree=True))
        assert all(isinstance(step, Job) for step in steps)
        return {os.path.basename(step.source): os.path.basename(step.target) for step in steps}

    beside = targets()
    assert beside["DSC1.JPG"] == "DSC1_scotopic.JPG"
    assert beside["DSC1.ARW"] == "DSC1_ARW_scotopic.jpg"
    assert beside["DSC2.ARW"] == "DSC2_scotopic.jpg"
    assert beside["IMG.HEIC"] == "IMG_scotopic.jpg"  # the PNG stays one
    as_tiff = targets(out="o", format="tiff")
    assert as_tiff["IMG.HEIC"] == "IMG_HEIC.tiff"
    assert as_tiff["DSC1.ARW"] == "DSC1_ARW.tiff"
    (alone,) = plan(find(["photos/2024/DSC1.ARW"]), Layout())  # the name does not depend on what else is enhanced
    assert alone.target == "photos/2024/DSC1_ARW_scotopic.jpg"


@pytest.mark.parametrize("one_tree", [True, False])
def test_two_photos_for_one_result_are_caught_by_name(one_tree):
    photos = [
        Found("p/a.jpg", "a.jpg"),
        Found("p/a.png", "a.png"),
        Found("p/b.png", "b.png"),
        Found("q/a.png", "q/a.png"),
    ]
    first, second, third, fourth = plan(photos, Layout(out="o", format="jpeg"), one_tree=one_tree)
    assert first == Job("p/a.jpg", "o/a.jpg")
    assert isinstance(second, Problem)
    assert second.source == "p/a.png"
    assert "p/a.jpg" in second.message
    assert third == Job("p/b.png", "o/b.jpg")
    assert fourth == Job("q/a.png", "o/q/a.jpg")


def test_raw_beside_jpeg_is_caught_even_if_only_the_case_differs():
    steps = list(plan([Found("DSC1.ARW", "DSC1.ARW"), Found("DSC1.JPG", "DSC1.JPG")], Layout()))
    assert [type(step) for step in steps] == [Job, Problem]


def test_the_same_photo_twice_is_made_once(here):
    items = find(["night.jpg", "./night.jpg", f"{here}/night.jpg", "photos", "photos/a.jpg"])
    assert [step.source for step in plan(items, Layout())] == ["night.jpg", "photos/a.jpg", "photos/2024/b.png"]


def test_problems_of_finding_pass_through():
    assert list(plan([Problem("x", "gone")], Layout())) == [Problem("x", "gone")]
