"""How docs/outputs.md writes the types of plan.json, derived from the structs themselves."""

from __future__ import annotations

import types
import typing
from datetime import date, datetime
from typing import Any

_WORDS: dict[Any, str] = {
    str: "text",
    int: "integer",
    float: "number",
    bool: "true or false",
    date: "date",
    datetime: "date-time",
    type(None): "null",
}


def type_words(annotation: Any) -> str:
    """Return a type in words: ``"list of Visit"``, ``"number or null"``, ``"`law` or `policy`"``."""
    if annotation in _WORDS:
        return _WORDS[annotation]
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is tuple:
        return f"list of {type_words(arguments[0])}"
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if origin in (types.UnionType, typing.Union):
        return " or ".join(type_words(argument) for argument in arguments)
    return f"[{annotation.__name__}](#{annotation.__name__.lower()})"
