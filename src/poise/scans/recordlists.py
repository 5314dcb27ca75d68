"""JSON reports that are a list of alike records: an array, a member of an object, or a record a line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from poise.errors import Fault
from poise.scans.finding import Finding
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import RecordError, json_cursor, record_fault
from poise.scans.source import Source

#: Makes the findings of one record, given where it stands; may raise ``RecordError``.
Maker = Callable[[Any, str], Iterator[Finding]]


def read_list(
    source: Source, make: Maker, *, member: str = "", kind: type[Any] | None = None, required: bool = True
) -> Iterator[Finding | Fault]:
    """Yield the findings of every record of a report.

    Parameters
    ----------
    member
        Member of the outermost object that holds the records; empty where each object is a record.
    kind
        A ``msgspec.Struct`` that most records fit, for speed.
    required
        Whether an object without that member is refused.

    Raises
    ------
    ScanFormatError
        E412 when the list is missing, and what the walk raises.
    """
    count = 0
    with json_cursor(source) as cursor:
        for _ in cursor.documents():
            if cursor.kind() == "array":
                for record in cursor.values(kind):
                    count += 1
                    yield from told(source, make, record, f"record {count}")
            elif not member:
                count += 1
                yield from told(source, make, cursor.value(), f"record {count}")
            else:
                found = False
                for key in cursor.members():
                    if key == member:
                        found = True
                        for record in cursor.values(kind):
                            count += 1
                            yield from told(source, make, record, f"{member} {count}")
                if not found and required:
                    raise source.refusal("E412", f"The report has no list {member!r}.")


def told(source: Source, make: Maker, record: Any, where: str) -> Iterator[Finding | Fault]:
    """Yield the findings of one record, or the fault that says why there are none."""
    try:
        yield from make(record, where)
    except RecordError as error:
        yield record_fault(source, where, error)


def object_values(cursor: JsonCursor) -> Iterator[tuple[str, Any]]:
    """Walk an object whose members are records: yield each key and its decoded value."""
    for key in cursor.members():
        yield key, cursor.value()


def text(value: Any) -> str:
    """Return a text as it is, a number as text, and anything else as nothing."""
    if isinstance(value, str):
        return value
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else ""


def texts(value: Any) -> list[str]:
    """Return the texts of a list, or of a text alone."""
    found = value if isinstance(value, list) else [value]
    return [one for one in found if isinstance(one, str) and one.strip()]


def inner(record: Any, *path: str) -> Any:
    """Return a member of nested objects, ``None`` where any of them is missing."""
    for name in path:
        record = record.get(name) if isinstance(record, dict) else None
    return record
