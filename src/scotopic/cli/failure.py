"""How an error reads on the command line, and what it exits with."""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import click

from ..errors import ImageTooLargeError, MissingExtraError, ScotopicError

INTERRUPTED = 130
"""128 + SIGINT, as shells have it."""

TRAIN_PACKAGES = frozenset(
    {
        "torch",
        "lightning_fabric",
        "safetensors",
        "onnx",
        "onnxscript",
        "tensorboard",
        "imagehash",
        "cv2",
        "matplotlib",
        "jinja2",
        "skimage",
        "scipy",
    }
)


def explain(error: BaseException) -> str:
    """The sentence for the user. An error that is not ours is a bug, and says so."""
    if isinstance(error, ImageTooLargeError):
        return str(error).replace("Raise max_pixels", "Raise --max-pixels")
    if isinstance(error, ScotopicError):
        return str(error)
    if isinstance(error, MemoryError):
        return "not enough memory. Try --jobs 1."
    return f"{type(error).__name__}: {error}. That is a bug in scotopic; 'scotopic --debug' shows where."


def show_trace(error: BaseException) -> None:
    """Where it came from, for those who asked with --debug or SCOTOPIC_DEBUG=1."""
    context = click.get_current_context(silent=True)
    if context is not None and context.find_root().params.get("debug"):
        click.echo("".join(traceback.format_exception(error)), err=True, nl=False)


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a full disk (or an exhausted quota) is at the root of `error`."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return True
        if os.strerror(errno.ENOSPC) in str(error):  # libvips has no numbers, only words
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def needs_train_extra(what: str) -> Iterator[None]:
    """A package of `scotopic[train]` that is missing becomes the sentence that says how to get it."""
    try:
        yield
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] not in TRAIN_PACKAGES:
            raise
        raise MissingExtraError(what, "train") from error
