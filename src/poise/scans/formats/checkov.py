"""Checkov's JSON: one object per framework, or a list of them; without any check only a summary."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poise.errors import Fault
from poise.scans.codeplace import place_of
from poise.scans.finding import AssetIdentity, Component, Finding, Kind, Provenance, Status
from poise.scans.format import Format
from poise.scans.identifiers import split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.recordlists import inner, text, texts, told
from poise.scans.records import json_cursor, required
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_LISTS = {"failed_checks": "open", "skipped_checks": "accepted"}


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if any(f"{start}check_type" in shape for start in ("", "[].")):
        return True
    return "checkov_version" in shape and "passed" in shape and "failed" in shape


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    with json_cursor(source) as cursor:
        if cursor.kind() == "array":
            for _ in cursor.elements():
                yield from _framework(source, cursor)
        else:
            yield from _framework(source, cursor)
        cursor.end()


def _framework(source: Source, cursor: JsonCursor) -> Iterator[Finding | Fault | Provenance]:
    version, checks = "", None
    for key in cursor.members():
        if key == "results":
            for inside in cursor.members():
                if inside in _LISTS:
                    status: Status = "open" if inside == "failed_checks" else "accepted"
                    for number, record in enumerate(cursor.values(), start=1):
                        yield from told(source, _makers[status], record, f"{inside} {number}")
                elif inside == "parsing_errors":
                    for path in texts(cursor.value()):
                        yield source.fault("E418", f"Checkov could not read {path[:200]}.", path[:200])
        elif key in ("summary", "checkov_version"):
            value = cursor.value()
            version = text(value) or text(inner(value, "checkov_version")) or version
            counts = [inner(value, name) for name in ("passed", "failed", "skipped")]
            if all(isinstance(one, int) for one in counts):
                checks = sum(counts)
    yield Provenance(tool="Checkov", tool_version=version, checks=checks)


def _open(record: Any, where: str) -> Iterator[Finding]:
    return _findings(record, where, "open")


def _accepted(record: Any, where: str) -> Iterator[Finding]:
    return _findings(record, where, "accepted")


_makers = {"open": _open, "accepted": _accepted}


def _findings(record: Any, where: str, status: Status) -> Iterator[Finding]:
    check = required(text(inner(record, "check_id")), "check_id")
    path = text(inner(record, "repo_file_path")) or text(inner(record, "file_path"))
    resource = text(inner(record, "resource"))
    lines = inner(record, "file_line_range")
    first, last = lines[:2] if isinstance(lines, list) and len(lines) > 1 else (None, None)
    details = inner(record, "vulnerability_details")
    cves, aliases = split_ids(text(inner(details, "id"))) if details else ((), ())
    kind: Kind = "misconfiguration"
    if details:
        kind = "vulnerability"
    elif check.startswith("CKV_SECRET"):
        kind = "secret"
    word = text(inner(record, "severity"))
    fixed = text(inner(details, "lowest_fixed_version"))
    guide = text(inner(record, "guideline"))
    yield Finding(
        where=where,
        identity=f"{check}|{path}|{resource}|{first}|{text(inner(record, 'check_name'))}|{status}",
        asset=AssetIdentity(),
        rule=f"checkov:{check}",
        title=text(inner(record, "check_name")) or check,
        cves=cves,
        aliases=aliases,
        component=Component(
            text(inner(details, "package_name")),
            "",
            text(inner(details, "package_version")),
            (fixed,) if fixed else (),
        ),
        kind=kind,
        status=status,
        severity=parse_severity(word),
        severity_text=word,
        locations=(resource,) if resource else (),
        remedy=guide,
        references=(guide,) if guide.startswith("http") else (),
        place=place_of(path.lstrip("/"), first, last, snippet=resource),
        justification=text(inner(record, "check_result", "suppress_comment"))[:400],
    )


FORMATS = (Format("checkov-json", "Checkov", "json", _sniff, _read),)
