"""Where every result goes and what it is called, worked out before a pixel is read."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from ..image import FORMATS, is_picture_path
from .find import Found, Problem
from .values import shown

STANDARD = "-"
"""Standard input or output."""


@dataclass(frozen=True, slots=True)
class Job:
    """One picture to make, and where its side-by-side goes if one is wanted.

    `only_compare`: the result at `target` is there already and stays as it is, only the side-by-side is made.
    """

    source: str
    target: str
    compare: str | None = None
    only_compare: bool = False


@dataclass(frozen=True, slots=True)
class Skipped:
    """A picture whose result is there already."""

    source: str
    target: str


Step = Job | Skipped | Problem


@dataclass(frozen=True)
class Layout:
    """How an output follows from an input.

    `out` is the file (when `out_is_file`) or the folder that results go to; None puts each beside its input as
    `<stem>_scotopic.<suffix>`. `format` is a name in FORMATS, or None to keep the input's.
    """

    out: str | None = None
    out_is_file: bool = False
    format: str | None = None
    compare: bool = False
    overwrite: bool = False

    def target(self, found: Found) -> str:
        if self.out is not None and self.out_is_file:
            return self.out
        folder, name = os.path.split(found.path if self.out is None else os.path.join(self.out, found.place))
        stem, suffix = os.path.splitext(name)
        if self._has_twin(found.path):
            stem += f"_{suffix[1:]}"
        mark = "_scotopic" if self.out is None else ""
        return os.path.join(folder, stem + mark + self._suffix(suffix))

    def _has_twin(self, path: str) -> bool:
        """Whether beside a raw or HEIC lies the same photo as the camera's JPEG, say, which keeps the plain name.

        Told by what lies there, not by what else is enhanced: a photo's result has one name in every run.
        """
        stem, suffix = os.path.splitext(path)
        if not suffix or written_format(suffix) is not None or not is_picture_path(path):
            return False
        others = [end for format in FORMATS.values() if format.writable for end in format.suffixes]
        same = [end for end in others if self._suffix(end) == self._suffix(suffix)]
        return any(os.path.lexists(stem + end) or os.path.lexists(stem + end.upper()) for end in same)

    def format_of(self, path: str) -> str | None:
        """The format that the result of `path` is written in."""
        return written_format(os.path.splitext(self.target(Found(path, path)))[1])

    def comparison(self, target: str) -> str | None:
        stem, suffix = os.path.splitext(target)
        return f"{stem.removesuffix('_scotopic')}_scotopic_compare{suffix}" if self.compare else None

    def _suffix(self, suffix: str) -> str:
        own = written_format(suffix)
        if self.format is not None:
            return suffix if own == self.format else preferred_suffix(self.format)
        return suffix if own is not None else preferred_suffix("jpeg")  # camera raws, HEIC, files without a suffix


def written_format(suffix: str) -> str | None:
    """The format that a file ending in `suffix` is written in, or None if we cannot write that."""
    for name, format in FORMATS.items():
        if format.writable and suffix.lower() in format.suffixes:
            return name
    return None


def preferred_suffix(format: str) -> str:
    return ".jpg" if format == "jpeg" else f".{format}"


def lay_out(
    inputs: Sequence[str],
    out: str | None,
    *,
    format: str | None = None,
    compare: bool = False,
    overwrite: bool = False,
) -> Layout:
    """The layout that the command line asks for. A usage error says which part of it cannot be followed."""
    layout = Layout(out, False, format, compare, overwrite)
    if out is None:
        return layout
    one_file = names_one_file(inputs)
    is_folder = os.path.isdir(out) or out.endswith(("/", os.sep))
    suffix = os.path.splitext(out)[1]
    if is_folder or (one_file and not suffix and not os.path.lexists(out)):
        if not overwrite and any(os.path.isdir(text) and _same_file(text, out) for text in inputs):
            raise click.UsageError(
                f"OUT is the folder {shown(out)!r} that the photos come from: their originals would be replaced. "
                "Name another folder, leave OUT away (results then lie beside the photos), or add --overwrite."
            )
        return layout
    if os.path.lexists(out) and not one_file:
        raise click.UsageError(f"OUT {shown(out)!r} is a file, but several photos need a folder.")
    if not one_file:
        if is_picture_path(out):
            raise click.UsageError(f"OUT {shown(out)!r} names one picture, but several photos need a folder.")
        return layout
    written = written_format(suffix)
    if written is None:
        can = ", ".join(sorted(s for f in FORMATS.values() if f.writable for s in f.suffixes))
        raise click.UsageError(f"OUT {shown(out)!r}: scotopic can write {can}. End the name with / to mean a folder.")
    if format not in (None, written):
        raise click.UsageError(f"OUT {shown(out)!r} is {written}, but --format says {format}: leave one of them away.")
    return Layout(out, True, format, compare, overwrite)


def names_one_file(inputs: Sequence[str]) -> bool:
    """Whether the command line is about a single picture: no folder, no pattern."""
    if len(inputs) != 1 or os.path.isdir(inputs[0]):
        return False
    return os.path.lexists(inputs[0]) or not glob.has_magic(inputs[0])


def plan(items: Iterable[Found | Problem], layout: Layout, *, one_tree: bool = False) -> Iterator[Step]:
    """What to do about each input, in order.

    Two photos that would become the same file are caught: the first is made, the other is a problem that names both.
    `one_tree` says that `items` come folder by folder, so that names need to be remembered for one folder only.
    """
    claimed: dict[str, str] = {}
    folder: str | None = None
    for item in items:
        if isinstance(item, Problem):
            yield item
            continue
        if one_tree and os.path.dirname(item.path) != folder:
            folder = os.path.dirname(item.path)
            claimed.clear()
        target = layout.target(item)
        # DSC1.JPG and DSC1.jpg are one file on many disks, so the suffix's case makes no difference.
        stem, suffix = os.path.splitext(os.path.abspath(target))
        other = claimed.setdefault(stem + suffix.lower(), item.path)
        if other is not item.path:
            if os.path.realpath(other) != os.path.realpath(item.path):
                message = f"would become {shown(target)}, and so would {shown(other)}, which goes first. "
                yield Problem(item.path, message + "Enhance them apart, with another --format or -o for one.")
            continue
        yield _step(item.path, target, layout)


def _step(source: str, target: str, layout: Layout) -> Step:
    compare = layout.comparison(target)
    if compare is not None and _same_file(source, compare):
        return Problem(source, "its side-by-side would replace the photo itself: leave --compare away, or change -o.")
    if os.path.lexists(target):
        if _same_file(source, target):
            if not layout.overwrite:
                return Problem(source, "the result would replace the photo itself. Add --overwrite if you mean it.")
            if layout.compare:
                return Problem(
                    source, "a photo that is replaced cannot be compared: leave --compare away, or change -o."
                )
        elif not layout.overwrite:
            if compare is None or os.path.lexists(compare):
                return Skipped(source, target)
            return Job(source, target, compare, only_compare=True)
    return Job(source, target, compare)


def _same_file(one: str, other: str) -> bool:
    try:
        return os.path.samefile(one, other)
    except OSError:
        return False


def check_wishes(format: str | None, quality: int | None, bits: str | None) -> None:
    """A usage error for a quality or depth that `format` does not have. None: several formats, each as it can."""
    if format is None:
        return
    written = FORMATS[format]
    if quality is not None and written.quality is None:
        raise click.UsageError(f"{format} keeps every pixel as it is, so --quality does nothing: leave it away.")
    if bits is not None and int(bits) not in written.bits:
        raise click.UsageError(f"{format} has {written.bits[0]} bits, not {bits}: add --format tiff or --format png.")
