"""Gitleaks' JSON reports, of version 8 and of the versions before.

The fingerprint of version 8 is commit, file, rule and line. With a commit it names one text for ever;
without one it is a position, at which the next commit may have another secret, so it is left out.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from poise.errors import Fault
from poise.scans.codeplace import fingerprint, place_of, secret_digest
from poise.scans.finding import AssetIdentity, Finding
from poise.scans.format import Format
from poise.scans.identifiers import parse_when
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import read_list
from poise.scans.records import convert, required
from poise.scans.source import Source


class _Leak(msgspec.Struct):
    rule_id: str | None = msgspec.field(default=None, name="RuleID")
    rule: str | None = None
    description: str | None = msgspec.field(default=None, name="Description")
    file: str | None = msgspec.field(default=None, name="File")
    old_file: str | None = msgspec.field(default=None, name="file")
    start_line: int | None = msgspec.field(default=None, name="StartLine")
    end_line: int | None = msgspec.field(default=None, name="EndLine")
    start_column: int | None = msgspec.field(default=None, name="StartColumn")
    line_number: int | None = msgspec.field(default=None, name="lineNumber")
    secret: str | None = msgspec.field(default=None, name="Secret")
    offender: str | None = None
    commit: str | None = msgspec.field(default=None, name="Commit")
    old_commit: str | None = msgspec.field(default=None, name="commit")
    date: str | None = msgspec.field(default=None, name="Date")
    old_date: str | None = msgspec.field(default=None, name="date")
    fingerprint: str | None = msgspec.field(default=None, name="Fingerprint")
    tags: Any = msgspec.field(default=None, name="Tags")


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if "[].RuleID" in shape and ("[].Secret" in shape or "[].Match" in shape or "[].File" in shape):
        return True
    return "[].offender" in shape and "[].rule" in shape


def _read(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _findings, kind=_Leak)


def _findings(record: Any, where: str) -> Iterator[Finding]:
    leak = convert(record, _Leak)
    rule = required(leak.rule_id or leak.rule, "RuleID")
    path = required(leak.file or leak.old_file, "File")
    commit = leak.commit or leak.old_commit or ""
    line = leak.start_line if leak.start_line is not None else leak.line_number
    digest = secret_digest(leak.secret or leak.offender)
    yield Finding(
        where=where,
        identity=f"{rule}|{path}|{commit}|{line}|{leak.start_column}|{digest}",
        asset=AssetIdentity(),
        rule=f"gitleaks:{rule}",
        title=leak.description or f"{rule} in {path}",
        kind="secret",
        first_seen=parse_when(leak.date or leak.old_date),
        evidence=f"commit {commit}" if commit else "",
        place=place_of(path, line, leak.end_line, leak.start_column),
        fingerprints=fingerprint("gitleaks", leak.fingerprint) if commit else (),
        secret_digest=digest,
    )


FORMATS = (Format("gitleaks-json", "Gitleaks", "json", _sniff, _read),)
