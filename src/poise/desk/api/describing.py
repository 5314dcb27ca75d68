"""The API's description for people: what OpenAPI says of each call and each shape, in words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from poise.desk.actions.tokens import SCOPES

_WORDS: Final = {
    "string": "text",
    "integer": "whole number",
    "number": "number",
    "boolean": "true or false",
    "object": "object",
    "null": "null",
}
_FORMATS: Final = {"date": "day, 2026-12-24", "date-time": "time with zone", "binary": "file"}
#: What refuses a call; told once for all of them.
_REFUSAL: Final = "Refusal"
#: A bound from which on numbers count rows.
_ROWS: Final = 2**53


@dataclass(frozen=True, slots=True)
class FieldRow:
    """One field or parameter: its name, what it holds, the shape behind it if any, and more in words."""

    name: str
    holds: str
    shape: str
    is_needed: bool
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Parameters
    ----------
    id
        The operation's id.
    method, path
        Such as ``GET`` and ``/api/plans``.
    scope, may
        The scope that a token needs, and what that allows.
    text
        What it does.
    parameters
        In the address.
    body
        What is sent: a file's or a shape's fields.
    answers
        Of success, by code.
    """

    id: str
    method: str
    path: str
    scope: str
    may: str
    text: str
    parameters: tuple[FieldRow, ...]
    body: tuple[FieldRow, ...]
    answers: tuple[FieldRow, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A named shape that answers hold."""

    name: str
    text: str
    fields: tuple[FieldRow, ...]


def calls(schema: Mapping[str, Any]) -> list[Call]:
    """Return the calls that an OpenAPI document describes, in its order."""
    return [
        _call(schema, method, path, operation)
        for path, operations in schema["paths"].items()
        for method, operation in operations.items()
    ]


def shapes(schema: Mapping[str, Any], found: Iterable[Call]) -> list[Shape]:
    """Return the shapes that calls answer with, and those inside of them, by name."""
    known, waiting = dict[str, Shape](), [_REFUSAL, *(row.shape for one in found for row in one.answers)]
    while waiting:
        name = waiting.pop()
        if not name or name in known:
            continue
        described = schema["components"]["schemas"][name]
        fields = tuple(_fields(described))
        known[name] = Shape(name, _plain(described), fields)
        waiting += [row.shape for row in fields]
    return [known[name] for name in sorted(known)]


def _call(schema: Mapping[str, Any], method: str, path: str, operation: Mapping[str, Any]) -> Call:
    parameters = tuple(
        _row(one["name"], one["schema"], is_needed=one.get("required", False))
        for one in operation.get("parameters", ())
    )
    scope = operation["x-scope"]
    return Call(
        id=operation["operationId"],
        method=method.upper(),
        path=path,
        scope=scope,
        may=SCOPES[scope],
        text=_plain(operation),
        parameters=parameters,
        body=tuple(_body(schema, operation)),
        answers=tuple(_answers(operation)),
    )


def _body(schema: Mapping[str, Any], operation: Mapping[str, Any]) -> list[FieldRow]:
    content = operation.get("requestBody", {}).get("content", {})
    rows = []
    for described in (one["schema"] for one in content.values()):
        if "$ref" in described:
            described = schema["components"]["schemas"][_name(described["$ref"])]
        # What has no fields of its own is sent as it is, such as a file that another command wrote.
        rows += _fields(described) or [_row(described["title"], described, is_needed=True)]
    return rows


def _answers(operation: Mapping[str, Any]) -> list[FieldRow]:
    rows = []
    for status, answer in operation["responses"].items():
        described = next((one["schema"] for one in answer.get("content", {}).values()), None)
        if described is None:
            rows.append(FieldRow(str(status), "nothing", "", True, ""))
        elif (row := _row(str(status), described, is_needed=True)).shape != _REFUSAL:
            rows.append(row)
    return rows


def _fields(described: Mapping[str, Any]) -> list[FieldRow]:
    """Return the fields of a shape, first those that are needed."""
    needed = described.get("required", ())
    rows = [
        _row(name, one, is_needed=name in needed) for name, one in described.get("properties", {}).items()
    ]
    return sorted(rows, key=lambda row: not row.is_needed)


def _row(name: str, described: Mapping[str, Any], *, is_needed: bool) -> FieldRow:
    holds, shape = _holds(described, is_needed=is_needed)
    return FieldRow(name, holds, shape, is_needed, described.get("description", ""))


def _holds(described: Mapping[str, Any], *, is_needed: bool = True) -> tuple[str, str]:
    """Return what a place holds, in words, and the shape that it names; empty for none.

    What may be left out need not be sent as null either.
    """
    if "$ref" in described:
        return _name(described["$ref"]), _name(described["$ref"])
    if "anyOf" in described:
        parts = [_holds(one) for one in described["anyOf"] if is_needed or one.get("type") != "null"]
        return " or ".join(words for words, _ in parts), next((shape for _, shape in parts if shape), "")
    if "enum" in described:
        return f"one of {', '.join(map(str, described['enum']))}", ""
    if described.get("type") == "array":
        words, shape = _holds(described["items"])
        return f"list of {words}", shape
    words = _FORMATS.get(described.get("format", "")) or _WORDS.get(described.get("type", ""), "anything")
    return words + _bounds(described), ""


def _bounds(described: Mapping[str, Any]) -> str:
    """Return the bounds of a number; none that only say what a database can hold."""
    least, most = described.get("minimum"), described.get("maximum")
    if most is not None and most < _ROWS:
        return f", {least or 0:,} to {most:,}"
    return "" if least is None or most is not None else f", at least {least:g}"


def _plain(described: Mapping[str, Any]) -> str:
    """Return a description without the marks of code, on one line."""
    return " ".join(described.get("description", "").replace("``", "").split())


def _name(reference: str) -> str:
    return reference.rpartition("/")[2]
