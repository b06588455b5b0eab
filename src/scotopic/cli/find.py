"""Which pictures the words on the command line mean: files, folders, patterns. Lazy, sorted, in bounded memory."""

from __future__ import annotations

import fnmatch
import glob
import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..image import is_picture_path

OWN_OUTPUT = re.compile(r"_scotopic(_compare)?\.[^.]+$")
"""What our default names end with. A folder is often enhanced twice, and its results are not new photos."""


@dataclass(frozen=True, slots=True)
class Found:
    """A picture and its place under the folder that OUT mirrors: `photos/2024/a.jpg` has the place `2024/a.jpg`."""

    path: str
    place: str


@dataclass(frozen=True, slots=True)
class Problem:
    """An input that cannot become a picture, and the sentence that says why."""

    source: str
    message: str


def find(inputs: Sequence[str], leave_out: str | None = None) -> Iterator[Found | Problem]:
    """The pictures that `inputs` name, in the order given, folders sorted, files before subfolders.

    A single folder (or pattern) is mirrored from its own top; beside other inputs a folder keeps its name. Folders and
    patterns give files with a picture's suffix, without hidden files and our own results; a file that is named is
    taken whatever it is called. `leave_out` is a folder not to walk into: the one the results go to.
    """
    closed = os.path.realpath(leave_out) if leave_out else None
    for text in inputs:
        if os.path.isdir(text):
            top = "" if len(inputs) == 1 else os.path.basename(os.path.abspath(text))
            yield from _walk(text, top, closed)
        elif os.path.lexists(text):
            yield Found(text, os.path.basename(text))
        elif glob.has_magic(text):
            nothing = True
            for item in _matches(text, closed):
                nothing = False
                yield item
            if nothing:
                yield Problem(text, "no picture matches this pattern.")
        else:
            yield Problem(text, "no such file or folder.")


def _walk(top: str, place: str, closed: str | None) -> Iterator[Found | Problem]:
    pending = [(top, place)]
    while pending:
        folder, place = pending.pop()
        listing = _list(folder)
        if isinstance(listing, Problem):
            yield listing
            continue
        files, folders = listing
        for name in files:
            if _is_new_picture(name):
                yield Found(os.path.join(folder, name), os.path.join(place, name))
        for name in reversed(folders):
            inner = os.path.join(folder, name)
            if os.path.realpath(inner) != closed:
                pending.append((inner, os.path.join(place, name)))


def _list(folder: str) -> tuple[list[str], list[str]] | Problem:
    """Names of the visible files and subfolders, sorted: a snapshot, because results may be written beside them."""
    files: list[str] = []
    folders: list[str] = []
    try:
        with os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith("."):
                    # A link to a folder may lead back to where we are: not followed.
                    (folders if entry.is_dir(follow_symlinks=False) else files).append(entry.name)
    except OSError as error:
        return Problem(folder, f"this folder cannot be read ({error.strerror}).")
    return sorted(files), sorted(folders)


def _is_new_picture(name: str) -> bool:
    return is_picture_path(name) and OWN_OUTPUT.search(name) is None


def _matches(pattern: str, closed: str | None) -> Iterator[Found | Problem]:
    """What the quoted `pattern` matches. `**` is any number of folders; other matching folders are walked whole."""
    drive, rest = os.path.splitdrive(pattern)
    parts = [part for part in re.split(r"[/\\]+" if os.sep == "\\" else "/+", rest) if part not in ("", ".")]
    plain = next(i for i, part in enumerate(parts) if glob.has_magic(part))
    root = os.path.join(drive + os.sep if rest.startswith(("/", os.sep)) else drive, *parts[:plain])
    parts = [part for i, part in enumerate(parts) if i == 0 or part != "**" or parts[i - 1] != "**"][plain:]
    yield from _match(root, "", parts, closed, recursive="**" in parts)


def _match(
    root: str, place: str, parts: list[str], closed: str | None, *, recursive: bool
) -> Iterator[Found | Problem]:
    listing = _list(os.path.join(root, place) or os.curdir)
    if isinstance(listing, Problem):
        if os.path.isdir(os.path.join(root, place)):
            yield listing
        return
    files, folders = listing
    part, rest = parts[0], parts[1:]
    if part == "**":
        part, rest = ("*", []) if not rest else (rest[0], rest[1:])
    if not rest:
        for name in fnmatch.filter(files, part):
            if _is_new_picture(name):
                yield Found(os.path.join(root, place, name), os.path.join(place, name))
    for name in folders:
        inner = os.path.join(place, name)
        if os.path.realpath(os.path.join(root, inner)) == closed:
            continue
        if fnmatch.fnmatch(name, part):
            if rest:
                yield from _match(root, inner, rest, closed, recursive=recursive)
            elif not recursive:
                yield from _walk(os.path.join(root, inner), inner, closed)
        if parts[0] == "**":
            yield from _match(root, inner, parts, closed, recursive=recursive)
