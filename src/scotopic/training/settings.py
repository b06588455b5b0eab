"""Reading settings strictly: an unknown key suggests the right one, a wrong value gets a sentence."""

from __future__ import annotations

import inspect
import math
import tomllib
import types
import typing
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING, Field, field, fields
from difflib import get_close_matches
from typing import Any, TypeVar

from ..errors import RecipeError

Table = dict[str, Any]
Section = TypeVar("Section")
PLAIN = (bool, int, float, str, list, tuple)
"""What a default must be for a resolved recipe to spell it out."""


def number(default: float, *, least: float = -math.inf, most: float = math.inf) -> Any:
    """A numeric field between `least` and `most`, both allowed."""
    return field(default=default, metadata={"least": least, "most": most})


def choice(default: str, *options: str) -> Any:
    """A text field that is one of `options`."""
    return field(default=default, metadata={"options": options})


def suggestion(wrong: str, known: Iterable[str]) -> str:
    """What to do about a name that is not `known`.

    >>> suggestion("stepz", ["steps", "batch"])
    "Did you mean 'steps'? Known: batch, steps."
    """
    known = sorted(known)
    near = get_close_matches(wrong, known, n=1, cutoff=0.5)
    listing = f"Known: {', '.join(known)}." if known else "None are known."
    return f"Did you mean '{near[0]}'? {listing}" if near else listing


def pick(options: Mapping[str, Section], name: object, kind: str) -> Section:
    """`options[name]`, or a RecipeError that suggests a name."""
    if not isinstance(name, str) or name not in options:
        raise RecipeError(f"There is no {kind} {name!r}. {suggestion(str(name), options)}")
    return options[name]


def read_section(section: type[Section], table: object, where: str) -> Section:
    """`table` as the frozen dataclass `section`; every key and value is checked. `where` names it in errors."""
    if not isinstance(table, dict):
        raise RecipeError(f"[{where}] must be a table, got {table!r}.")
    known: dict[str, Field[Any]] = {f.name: f for f in fields(section)}  # type: ignore[arg-type]
    hints = typing.get_type_hints(section)
    for key in table:
        if key not in known:
            raise RecipeError(f"[{where}] has no key '{key}'. {suggestion(key, known)}")
    for key, spec in known.items():
        if key not in table and spec.default is MISSING and spec.default_factory is MISSING:
            raise RecipeError(f"[{where}] needs the key '{key}'. Add it: {key} = …")
    return section(
        **{key: check(value, hints[key], f"{where}.{key}", known[key].metadata) for key, value in table.items()}
    )


def check(value: Any, hint: Any, where: str, limits: Mapping[str, Any] = types.MappingProxyType({})) -> Any:
    """`value` if it has the type of `hint` and keeps to `limits`; a whole number may stand for a real one."""
    if hint is float and _is_number(value):
        value = float(value)
    if typing.get_origin(hint) is typing.Literal:
        limits = {"options": typing.get_args(hint)}
    plain = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}
    if hint in plain and type(value) is not hint:
        raise RecipeError(f"{where} must be {plain[hint]}, got {value!r}.")
    if isinstance(value, float) and not math.isfinite(value):
        raise RecipeError(f"{where} must be finite, got {value}.")
    least, most = limits.get("least", -math.inf), limits.get("most", math.inf)
    if isinstance(value, int | float) and not least <= value <= most:
        bounds = f"at least {least:g}" if most == math.inf else f"between {least:g} and {most:g}"
        raise RecipeError(f"{where} must be {bounds}, got {value:g}.")
    if typing.get_origin(hint) is Sequence:
        _check_list(value, typing.get_args(hint)[0], where)
    options = limits.get("options")
    if options and value not in options:
        raise RecipeError(f"{where} cannot be {value!r}. {suggestion(str(value), map(str, options))}")
    return value


def build(options: Mapping[str, Callable[..., Section]], name: str, settings: Table, where: str) -> Section:
    """`options[name]` made with `settings`, or a RecipeError in the words that it refuses them with."""
    try:
        return options[name](**settings)
    except ValueError as error:
        raise RecipeError(f"[{where}] cannot be '{name}' as it is set: {error}.") from error


def check_settings(function: Callable[..., Any], settings: Table, where: str, given: Iterable[str] = ()) -> Table:
    """`settings`, which must be keyword arguments of `function`, with its plain defaults filled in.

    The parameters `given` by the loop are nobody else's to set.
    """
    parameters = inspect.signature(function).parameters
    hints = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
    known = [name for name in parameters if name not in set(given)]
    for key in settings:
        if key not in known:
            raise RecipeError(f"[{where}] has no setting '{key}'. {suggestion(key, known)}")
    for key in known:
        if parameters[key].default is inspect.Parameter.empty and key not in settings:
            raise RecipeError(f"[{where}] needs the setting '{key}'. Add it: {key} = …")
    checked = {key: check(value, hints.get(key, Any), f"{where}.{key}") for key, value in settings.items()}
    for key, value in checked.items():
        usual = parameters[key].default
        if _is_range(usual) and len(value) != 2:
            raise RecipeError(f"{where}.{key} must be 2 numbers, like {list(usual)}, got {value!r}.")
    defaults = {key: parameters[key].default for key in known if isinstance(parameters[key].default, PLAIN)}
    return {key: list(value) if isinstance(value, tuple) else value for key, value in (defaults | checked).items()}


def parse_value(text: str) -> Any:
    """A TOML value; what is not one is a bare string.

    >>> parse_value("1e-3"), parse_value("[1, 2]"), parse_value("cosine")
    (0.001, [1, 2], 'cosine')
    """
    try:
        parsed = tomllib.loads(f"value = {text}")
    except tomllib.TOMLDecodeError:
        return text
    return parsed["value"] if parsed.keys() == {"value"} else text


def override(table: Table, assignment: str) -> Table:
    """`table` with one `dotted.key=value` set; the given table stays as it is.

    >>> override({"optimiser": {"lr": 0.1}}, "optimiser.lr=1e-3")
    {'optimiser': {'lr': 0.001}}
    """
    key, equals, text = assignment.partition("=")
    path = [part.strip() for part in key.split(".")]
    if not equals or not all(path):
        raise RecipeError(f"An override reads key=value, like optimiser.lr=1e-3, got '{assignment}'.")
    return _set(table, path, parse_value(text.strip()))


def _check_list(value: object, of: Any, where: str) -> None:
    """Items stay as they were written: a whole number may stand for a real one."""
    if not isinstance(value, list | tuple):
        raise RecipeError(f"{where} must be a list, got {value!r}.")
    for place, item in enumerate(value, start=1):
        check(item, of, f"Item {place} of {where}")


def _is_range(usual: object) -> bool:
    """From the least to the most. Longer lists of numbers are as long as somebody wants them: one a level, say."""
    return isinstance(usual, tuple) and len(usual) == 2 and all(map(_is_number, usual))


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _set(table: Table, path: list[str], value: Any) -> Table:
    head, *rest = path
    inner = table.get(head, {})
    if not rest:
        # In [losses] a number is short for a table with that weight: its hyperparameters stay.
        weighted = isinstance(inner, dict) and "weight" in inner and _is_number(value)
        return {**table, head: {**inner, "weight": value} if weighted else value}
    if _is_number(inner):
        inner = {"weight": inner}
    if not isinstance(inner, dict):
        raise RecipeError(f"'{head}' is {inner!r}, so it has no key '{'.'.join(rest)}' to override.")
    return {**table, head: _set(inner, rest, value)}
