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


def find(inputs: Sequence[str], leave_out: str | None = None, *, new_only: bool = False) -> Iterator[Found | Problem]:
    """The pictures that `inputs` name, in the order given, folders sorted, files before subfolders.

    A single folder (or pattern) is mirrored from its own top; beside other inputs a folder keeps its name. Folders and
    patterns give files with a picture's suffix, without hidden files and our own results; a file that is named is
    taken whatever it is called, but for one thing: with `new_only`, a result of ours whose photo is named too is left
    alone, as a shell that expands `*.jpg` names both. `leave_out` is a folder not to walk into: the one the results go
    to.
    """
    photos = _own_stems(inputs) if new_only else frozenset[str]()
    closed = os.path.realpath(leave_out) if leave_out else None
    for text in inputs:
        if os.path.isdir(text):
            top = "" if len(inputs) == 1 else os.path.basename(os.path.abspath(text))
            yield from _walk(text, top, closed)
        elif os.path.lexists(text):
            if photos and OWN_OUTPUT.search(text) and OWN_OUTPUT.sub("", text) in photos:
                continue
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


def _own_stems(inputs: Sequence[str]) -> frozenset[str]:
    """What the results that lie beside `inputs` begin with, before the mark: `x/a` and, of a pair, `x/a_ARW`."""
    pairs = [os.path.splitext(text) for text in inputs]
    return frozenset(stem for stem, _ in pairs) | {f"{stem}_{suffix[1:]}" for stem, suffix in pairs}


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
                if entry.name.startswith("."):
                    continue
                if entry.is_dir(follow_symlinks=False):  # a link to a folder may lead back to where we are
                    folders.append(entry.name)
                # A pipe would be waited for until somebody fills it. A link that leads nowhere is said to do so.
                elif entry.is_file() or not os.path.exists(entry.path):
                    files.append(entry.name)
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
