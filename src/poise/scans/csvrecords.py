"""From the rows of a CSV report to findings, with the faults in between."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from typing import Any

from poise.errors import Fault
from poise.scans.csvstream import RECORD_CHARACTERS, Column, CsvTable, Header, HeaderTest
from poise.scans.finding import Finding
from poise.scans.records import RecordError
from poise.scans.source import Source


def read_rows(
    source: Source,
    is_header: HeaderTest,
    columns: Sequence[Column],
    make: Callable[[Any, str], Finding | None],
    *,
    only_these: bool = False,
) -> Iterator[Finding | Fault]:
    """Yield what a format makes of the rows of a CSV report, faults in between.

    Parameters
    ----------
    source
        The report. One that is not UTF-8 is read as Windows-1252, and a fault says so.
    is_header
        The format's test of the header row.
    columns
        As for :meth:`CsvTable.rows`.
    make
        Builds the finding from the columns' texts and the row's place; raises
        :class:`~poise.scans.records.RecordError` for a row that is none. ``None`` passes a row over that
        the format defines as no record.
    only_these
        Whether a column that is not among `columns` is a mistake, which a fault tells.

    Raises
    ------
    ScanFormatError
        E403 for a wrong encoding, and what :class:`CsvTable` raises.
    """
    _, misread = source.text_encoding("cp1252")
    if misread is not None:
        yield misread
    with source.open_text("cp1252") as stream:
        limit = min(RECORD_CHARACTERS, source.limits.record_bytes)
        table = CsvTable(stream, source.name, is_header, record_characters=limit)
        if only_these:
            yield from _unknown_columns(source, table.header, columns)
        for row in table.rows(columns):
            if isinstance(row, Fault):
                yield row
                continue
            try:
                found = make(row, f"line {table.line}")
            except RecordError as error:
                yield source.fault(error.identifier, str(error), f"line {table.line}", error.hint)
            else:
                if found is not None:
                    yield found


def _unknown_columns(source: Source, header: Header, columns: Sequence[Column]) -> Iterator[Fault]:
    known = [name for column in columns for name in ((column,) if isinstance(column, str) else column)]
    for name in header.names:
        if name and name not in known:
            near = get_close_matches(name, known, 1)
            hint = f"Did you mean {near[0]!r}?" if near else f"Known columns: {', '.join(known)}."
            message = f"The column {name[:60]!r} is not known; its cells were not read."
            yield source.fault("E414", message, f"line {header.line}", hint)
