"""TOML out: the standard library reads it and does not write it. Enough for cards: tables, lists of tables, scalars."""

from __future__ import annotations

import json
from typing import Any


def dump_toml(table: dict[str, Any]) -> str:
    """A dict of strings, numbers, booleans, lists and dicts as TOML that `tomllib` reads back as the same dict.

    >>> print(dump_toml({"name": "a", "light": {"scale": 2}, "scores": [{"psnr_db": 20.0}]}))
    name = "a"
    <BLANKLINE>
    [light]
    scale = 2
    <BLANKLINE>
    [[scores]]
    psnr_db = 20.0
    <BLANKLINE>
    """
    return "\n\n".join(_blocks(table, ())) + "\n"


def _blocks(table: dict[str, Any], path: tuple[str, ...], header: str = "") -> list[str]:
    """The table's own lines as one block, then its tables'. TOML wants this order: a key belongs to the last header."""
    lines = [f"{_key(key)} = {_value(value)}" for key, value in table.items() if not _is_table(value)]
    blocks = ["\n".join([header, *lines] if header else lines)] if header or lines else []
    for key, value in table.items():
        inner = (*path, key)
        name = ".".join(map(_key, inner))
        if isinstance(value, dict):
            blocks += _blocks(value, inner, f"[{name}]")
        elif _is_table(value):
            for part in value:
                blocks += _blocks(part, inner, f"[[{name}]]")
    return blocks


def _is_table(value: Any) -> bool:
    if isinstance(value, list):
        return bool(value) and all(isinstance(part, dict) for part in value)
    return isinstance(value, dict)


def _key(key: str) -> str:
    bare = key and key.isascii() and key.replace("_", "").replace("-", "").isalnum()
    return key if bare else _string(key)


def _string(text: str) -> str:
    # JSON escapes what TOML's basic strings escape, in the same way; only DEL is let through by JSON and not by TOML.
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _string(value)
        case int() | float():
            return repr(value)  # also inf and nan, which TOML spells the same way
        case list():
            return "[" + ", ".join(map(_value, value)) + "]"
        case dict():
            return "{ " + ", ".join(f"{_key(key)} = {_value(part)}" for key, part in value.items()) + " }"
    raise TypeError(f"TOML has no {type(value).__name__}: {value!r}")
