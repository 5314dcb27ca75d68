"""From a decoded JSON record to a typed one, or to the fault that says why it is none.

A reader states the fields it uses as a ``msgspec.Struct`` with the names and types of the format's own
documentation. Unknown fields are no fault: scanners add them with every version.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar

import msgspec

from poise.errors import Fault
from poise.scans.finding import Finding
from poise.scans.jsonstream import ELEMENT_CHARACTERS, JsonCursor
from poise.scans.source import Source

#: A list of texts as Go, Python and Java programs write it: absent and null mean empty.
Texts = tuple[str, ...] | None

_WRONG_TYPE = re.compile(r"Expected `([^`]+)`(?: of length [^,]+)?, got `([^`]+)`(?: - at `([^`]+)`)?")
_MISSING = re.compile(r"Object missing required field `([^`]+)`(?: - at `([^`]+)`)?")
_WORDS: Final = {
    "str": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "null": "null",
    "array": "a list",
    "object": "an object",
}
_LEFT_OUT: Final = "The record was left out; the others were read."
_T = TypeVar("_T")


class RecordError(ValueError):
    """A record cannot become a finding.

    Parameters
    ----------
    message
        What was seen and what was expected; a sentence.
    identifier
        E411 where a field is missing, E414 where one holds what it must not.
    hint
        What the reader can do about it.
    """

    def __init__(self, message: str, identifier: str = "E414", hint: str = _LEFT_OUT) -> None:
        super().__init__(message)
        self.identifier = identifier
        self.hint = hint


def convert(record: Any, kind: type[_T]) -> _T:
    """Return a decoded JSON value as a typed record.

    Raises
    ------
    RecordError
        When a required field is missing or a field has the wrong type.
    """
    try:
        return msgspec.convert(record, kind)
    except msgspec.ValidationError as error:
        raise _explained(str(error)) from error


def _explained(text: str) -> RecordError:
    """Say in words what msgspec says in Python types."""
    missing = _MISSING.match(text)
    if missing:
        field = f"{_field(missing[2])}.{missing[1]}".lstrip(".")
        return RecordError(
            f"The field {field} is missing.", "E411", "The record was left out; the others were read."
        )
    wrong = _WRONG_TYPE.match(text)
    if not wrong:
        return RecordError(f"The record does not fit its format: {text}.")
    expected, got = (
        " or ".join(_WORDS.get(word.strip(), word.strip()) for word in side.split("|"))
        for side in (wrong[1], wrong[2])
    )
    field = _field(wrong[3])
    subject = f"The field {field}" if field else "The record"
    return RecordError(f"{subject} is {got}, expected {expected}.")


def _field(path: str | None) -> str:
    return (path or "").removeprefix("$").removeprefix(".")


def required(text: str | None, field: str) -> str:
    """Return a text that must not be empty.

    Raises
    ------
    RecordError
        When it is.
    """
    if text is None or not text.strip():
        raise RecordError(f"The field {field} is empty, expected an id.", "E411")
    return text


def score_in_range(score: float | None) -> float | None:
    """Return a CVSS base score, or ``None`` where the number is none (outside [0, 10])."""
    return score if score is not None and 0.0 <= score <= 10.0 else None


def record_fault(source: Source, place: str, error: RecordError, name: str = "") -> Fault:
    """Return the fault of a record that was left out.

    Parameters
    ----------
    place
        Where it stands, as :attr:`poise.scans.finding.Finding.where` says it.
    name
        The id that the record gives itself, when it gives one.
    """
    return source.fault(error.identifier, f"{name}: {error}" if name else str(error), place, error.hint)


def read_record(
    source: Source, place: str, record: Any, make: Callable[[Any, str], Finding], id_field: str = ""
) -> Finding | Fault:
    """Return the finding of one record, or the fault that says why there is none.

    Parameters
    ----------
    make
        Builds the finding from the decoded record and its place; raises :class:`RecordError`.
    id_field
        The field by which the fault names a record that has one.
    """
    try:
        return make(record, place)
    except RecordError as error:
        name = record.get(id_field) if isinstance(record, dict) else None
        return record_fault(source, place, error, name[:80] if isinstance(name, str) else "")


@contextmanager
def json_cursor(source: Source) -> Iterator[JsonCursor]:
    """Open a report as a cursor at its first value."""
    with source.open_text() as stream:
        limit = min(ELEMENT_CHARACTERS, source.limits.record_bytes)
        yield JsonCursor(stream, source.name, element_characters=limit)


def top_members(source: Source, names: frozenset[str]) -> dict[str, Any]:
    """Walk a report once for some members of its outermost object, which stand behind its records.

    Returns
    -------
    dict
        The members that the object has, decoded whole.
    """
    found: dict[str, Any] = {}
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key in names:
                found[key] = cursor.value()
    return found


def read_numbered(
    source: Source, records: Iterator[Any], make: Callable[[Any, str], Iterator[Finding]], name: str
) -> Iterator[Finding | Fault]:
    """Yield the findings of records that may hold several each, numbered in their order.

    Parameters
    ----------
    records
        Decoded records; faults among them are passed on.
    make
        Makes the findings of one record, given where it stands; may raise `RecordError`.
    name
        Field that names a record in its fault.
    """
    count = 0
    for record in records:
        if isinstance(record, Fault):
            yield record
            continue
        count += 1
        where = f"finding {count}"
        try:
            yield from make(record, where)
        except RecordError as error:
            known = record.get(name) if isinstance(record, dict) else None
            yield record_fault(source, where, error, known[:120] if isinstance(known, str) else "")
