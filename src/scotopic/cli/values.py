"""The kinds of values that our options take, and how paths are shown. Light to import: `--help` needs them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import click
from click.shell_completion import CompletionItem

FORMAT_NAMES = ("jpeg", "png", "tiff", "webp", "avif")
"""What can be written. A test holds this against the image layer, which is not imported for a help text."""

PROFILE_NAMES = ("srgb", "display-p3", "prophoto")
"""What a raw can be developed to; a test holds this too."""

TIER_NAMES = ("fast", "best")
"""How good an ordinary picture can become; held by that test as well."""

ALIASES = {"jpg": "jpeg", "tif": "tiff"}


def shown(path: str) -> str:
    """A path fit for the screen, even if its bytes are no text."""
    return click.format_filename(path)


class FormatName(click.Choice):  # type: ignore[type-arg]  # older clicks cannot be subscripted
    """A format by name; `jpg` and `tif` will do."""

    def __init__(self) -> None:
        super().__init__(FORMAT_NAMES, case_sensitive=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(super().convert(ALIASES.get(str(value).lower(), value), param, ctx))


class Quality(click.ParamType):  # type: ignore[type-arg]
    """A tier by name, or how well a file is kept: 1 to 100."""

    name = "quality"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str | int:
        text = str(value).lower()
        if text in TIER_NAMES:
            return text
        if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 100):
            self.fail(f"{value!r} is neither {' nor '.join(TIER_NAMES)} nor a number from 1 to 100.", param, ctx)
        return int(text)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        return [CompletionItem(name) for name in TIER_NAMES if name.startswith(incomplete)]


def tier_and_quality(given: Sequence[str | int]) -> tuple[Any, int | None]:
    """The tier and the number among what --quality was given, once each at most."""
    tiers = [value for value in given if isinstance(value, str)]
    numbers = [value for value in given if isinstance(value, int)]
    for several in (tiers, numbers):
        if len(several) > 1:
            raise click.UsageError(f"--quality is given as {several[0]} and as {several[1]}: leave one away.")
    return tiers[0] if tiers else None, numbers[0] if numbers else None


class ModelName(click.ParamType):  # type: ignore[type-arg]
    """A shipped model or a folder; the Enhancer says if it is neither."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        from ..runtime import list_models

        found = [CompletionItem(model) for model in list_models() if model.startswith(incomplete)]
        return [*found, CompletionItem(incomplete, type="dir")]


class Pixels(click.ParamType):  # type: ignore[type-arg]
    """A number of pixels: 500M, 1.2G, 800MP or plain."""

    name = "pixels"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([kMG]?)P?", str(value), re.IGNORECASE)
        if match is None or float(match[1]) <= 0:
            self.fail(f"{value!r} is no number of pixels. Write 800M for 800 million, or plain digits.", param, ctx)
        return round(float(match[1]) * {"": 1, "k": 10**3, "m": 10**6, "g": 10**9}[match[2].lower()])
