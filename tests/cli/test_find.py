"""Files, folders and patterns on the command line become pictures, lazily and in order."""

import os
from pathlib import Path

import pytest

from scotopic.cli.find import Found, Problem, find


@pytest.fixture
def tree(tmp_path, monkeypatch):
    pictures = ["a.jpg", "b.PNG", "2024/c.jpg", "2024/may/d.nef", "2025/e.tif"]
    for name in [*pictures, "notes.txt", ".hidden.jpg", ".trash/f.jpg"]:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def places(*inputs, leave_out=None):
    return [item.place if isinstance(item, Found) else item for item in find(inputs, leave_out)]


def test_a_folder_gives_its_pictures_sorted_and_nothing_hidden(tree):
    assert places("photos") == ["a.jpg", "b.PNG", "2024/c.jpg", "2024/may/d.nef", "2025/e.tif"]
    assert next(iter(find(["photos"]))) == Found("photos/a.jpg", "a.jpg")


def test_folders_keep_their_names_beside_each_other(tree):
    assert places("photos/2024", "photos/2025/") == ["2024/c.jpg", "2024/may/d.nef", "2025/e.tif"]


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("photos/*.jpg", ["a.jpg"]),
        ("photos/**/*.jpg", ["a.jpg", "2024/c.jpg"]),
        ("photos/**", ["a.jpg", "b.PNG", "2024/c.jpg", "2024/may/d.nef", "2025/e.tif"]),
        ("photos/**/may/*", ["2024/may/d.nef"]),
        ("photos/202?/*.*", ["2024/c.jpg", "2025/e.tif"]),
        ("photos/202[5-9]", ["2025/e.tif"]),
        ("./p*/2024", ["photos/2024/c.jpg", "photos/2024/may/d.nef"]),
        ("photos/**/**/*.tif", ["2025/e.tif"]),
    ],
)
def test_patterns_mirror_from_their_first_wildcard(tree, pattern, expected):
    assert places(pattern) == expected


def test_absolute_patterns_work(tree):
    assert [item.path for item in find([f"{tree}/photos/*/c.*"])] == [f"{tree}/photos/2024/c.jpg"]


def test_a_file_that_is_named_is_taken_whatever_it_is_called(tree):
    Path("a[1]_scotopic.jpg").touch()
    assert places("photos/notes.txt", "photos/.hidden.jpg") == ["notes.txt", ".hidden.jpg"]
    assert places("a[1]_scotopic.jpg") == ["a[1]_scotopic.jpg"]


def test_our_own_results_are_not_new_photos(tree):
    for name in ["a_scotopic.jpg", "a_scotopic_compare.jpg", "scotopic.jpg"]:
        Path("photos", name).touch()
    assert places("photos/*.jpg") == ["a.jpg", "scotopic.jpg"]


def test_a_named_result_is_left_alone_beside_its_named_photo(tree):
    names = ["a.jpg", "a_scotopic.jpg", "a_scotopic_compare.png", "b_scotopic.jpg", "p/a_scotopic.jpg"]
    names += ["DSC1.ARW", "DSC1_ARW_scotopic.jpg"]
    Path("p").mkdir()
    for name in names:
        Path(name).touch()
    new = [item.path for item in find(names, new_only=True)]
    assert new == ["a.jpg", "b_scotopic.jpg", "p/a_scotopic.jpg", "DSC1.ARW"]
    assert [item.path for item in find(names)] == names


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_in_a_folder_is_no_picture_but_a_link_is_followed(tree):
    os.mkfifo("photos/2024/pipe.jpg")
    os.symlink("pipe.jpg", "photos/2024/to_pipe.jpg")
    os.symlink("c.jpg", "photos/2024/link.jpg")
    os.symlink("nowhere.jpg", "photos/2024/lost.jpg")
    assert places("photos/2024") == ["c.jpg", "link.jpg", "lost.jpg", "may/d.nef"]
    assert places("photos/2024/*.jpg") == ["c.jpg", "link.jpg", "lost.jpg"]
    assert places("photos/2024/pipe.jpg") == ["pipe.jpg"]


def test_the_output_folder_is_not_walked_into(tree):
    assert places("photos", leave_out="photos/2024") == ["a.jpg", "b.PNG", "2025/e.tif"]
    assert places("photos/**/*.*", leave_out=f"{tree}/photos/2024") == ["a.jpg", "b.PNG", "2025/e.tif"]


def test_what_is_not_there_is_a_problem_and_the_rest_goes_on(tree):
    missing, nothing, found = find(["gone.jpg", "photos/*.gif", "photos/a.jpg"])
    assert isinstance(missing, Problem)
    assert "no such file" in missing.message
    assert isinstance(nothing, Problem)
    assert "no picture matches" in nothing.message
    assert found == Found("photos/a.jpg", "a.jpg")


def test_a_link_to_a_parent_folder_does_not_loop(tree):
    os.symlink("..", "photos/2024/up", target_is_directory=True)
    assert places("photos/2024") == ["c.jpg", "may/d.nef"]


def test_a_closed_folder_is_a_problem_and_the_rest_goes_on(tree, monkeypatch):
    def scandir(folder, look=os.scandir):
        if os.path.basename(folder) == "2024":
            raise PermissionError(13, "Permission denied")
        return look(folder)

    monkeypatch.setattr("os.scandir", scandir)
    *found, closed, last = find(["photos"])
    assert len(found) == 2
    assert closed == Problem("photos/2024", "this folder cannot be read (Permission denied).")
    assert last == Found("photos/2025/e.tif", "2025/e.tif")


def test_a_big_tree_is_walked_folder_by_folder(tmp_path):
    for folder in range(20):
        (tmp_path / f"{folder:02}").mkdir()
        for photo in range(100):
            (tmp_path / f"{folder:02}" / f"{photo:03}.jpg").touch()
    walk = find([str(tmp_path)])
    assert isinstance(next(walk), Found)
    (tmp_path / "19" / "late.jpg").touch()  # the last folder has not been read yet
    assert sum(1 for _ in walk) == 2000
