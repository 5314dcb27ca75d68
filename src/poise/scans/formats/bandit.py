"""Bandit's JSON report of Python code: ``bandit -f json``."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any

import msgspec

from poise.errors import Fault
from poise.scans.codeplace import cwe_ids, place_of
from poise.scans.finding import AssetIdentity, Finding, Provenance
from poise.scans.format import Format
from poise.scans.identifiers import parse_when
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import inner, read_list, text
from poise.scans.records import convert, required, top_members
from poise.scans.severity import parse_severity
from poise.scans.source import Source


class _Issue(msgspec.Struct):
    test_id: str
    filename: str
    issue_text: str | None = None
    issue_severity: str | None = None
    issue_confidence: str | None = None
    test_name: str | None = None
    line_number: int | None = None
    line_range: tuple[int, ...] | None = None
    col_offset: int | None = None
    code: str | None = None
    issue_cwe: dict[str, Any] | None = None
    more_info: str | None = None


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    return "results[].test_id" in shape or ("metrics._totals" in shape and "errors" in shape)


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    known = top_members(source, frozenset(("errors", "generated_at")))
    when = parse_when(text(known.get("generated_at")))
    errors = known.get("errors")
    for error in errors if isinstance(errors, list) else ():
        reason = text(inner(error, "reason")) or "no reason is given"
        place = text(inner(error, "filename"))
        yield source.fault("E418", f"Bandit did not scan {place[:200]}: {reason[:200]}.", place[:200])
    yield Provenance(tool="Bandit", finished=when)
    yield from read_list(source, partial(_findings, when=when), member="results", kind=_Issue)


def _findings(record: Any, where: str, *, when: datetime | None) -> Iterator[Finding]:
    issue = convert(record, _Issue)
    path = required(issue.filename, "filename")
    end = max(issue.line_range) if issue.line_range else None
    column = issue.col_offset + 1 if issue.col_offset is not None else None
    place = place_of(path, issue.line_number, end, column, _own_line(issue))
    yield Finding(
        where=where,
        # Without a column (before 1.7.1) two issues of one line cannot be told apart, and are two all the
        # same.
        identity=f"{issue.test_id}|{path}|{issue.line_number}|{where if column is None else column}",
        asset=AssetIdentity(),
        rule=f"bandit:{required(issue.test_id, 'test_id')}",
        title=issue.issue_text or issue.test_name or issue.test_id,
        kind="secret" if issue.test_id in ("B105", "B106", "B107") else "code",
        severity=parse_severity(issue.issue_severity or ""),
        severity_text=issue.issue_severity or "",
        last_seen=when,
        evidence=f"confidence: {issue.issue_confidence}" if issue.issue_confidence else "",
        references=(issue.more_info,) if issue.more_info else (),
        place=place,
        cwes=cwe_ids([(issue.issue_cwe or {}).get("id")]),
    )


def _own_line(issue: _Issue) -> str:
    """Return the line of the finding without its neighbours; Bandit numbers the lines of its excerpt."""
    lines = (issue.code or "").splitlines()
    for line in lines:
        number, _, rest = line.lstrip().partition(" ")
        if number.isdecimal() and issue.line_number is not None and int(number[:9]) == issue.line_number:
            return rest
    return issue.code or ""


FORMATS = (Format("bandit-json", "Bandit", "json", _sniff, _read),)
