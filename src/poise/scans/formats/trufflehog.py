"""TruffleHog's JSON: a record a line of version 3, the records of version 2, and those of trufflehog3."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poise.errors import Fault
from poise.scans.codeplace import fingerprint, place_of, secret_digest
from poise.scans.finding import AssetIdentity, Finding, Severity
from poise.scans.format import Format
from poise.scans.identifiers import parse_when
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import inner, read_list, text, texts
from poise.scans.records import RecordError, required
from poise.scans.severity import parse_severity
from poise.scans.source import Source


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if shape.get("logger") == "trufflehog" and "msg" in shape:
        return True  # what it logs, written into the same file as what it found
    return any(
        f"{start}DetectorName" in shape and f"{start}SourceMetadata" in shape for start in ("", "[].")
    ) or any(f"{start}stringsFound" in shape and f"{start}reason" in shape for start in ("", "[]."))


def _read(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _findings)


def _findings(record: Any, where: str) -> Iterator[Finding]:
    if not isinstance(record, dict):
        raise RecordError("The record is no object.")
    if record.get("logger") == "trufflehog":
        if text(record.get("level")).startswith("error"):
            raise RecordError(f"TruffleHog logs an error: {text(record.get('msg'))[:200]}.")
        return
    if "stringsFound" in record:
        yield from _old_findings(record, where)
        return
    detector = required(text(record.get("DetectorName")), "DetectorName")
    data = inner(record, "SourceMetadata", "Data")
    spot = next((one for one in data.values() if isinstance(one, dict)), {}) if isinstance(data, dict) else {}
    path = text(spot.get("file")) or text(spot.get("link"))
    commit, line = text(spot.get("commit")), spot.get("line")
    digest = secret_digest(text(record.get("Raw")) or text(record.get("RawV2")))
    verified = record.get("Verified") is True
    yield Finding(
        where=where,
        identity=f"{detector}|{path}|{commit}|{line}|{digest or text(record.get('Redacted'))}",
        asset=AssetIdentity(path=text(spot.get("repository")), image=text(spot.get("image"))),
        rule=f"trufflehog:{detector}",
        title=f"{detector} secret{' that works' if verified else ''} in {path or 'the source'}",
        kind="secret",
        # TruffleHog rates nothing; a secret that it has tried and found to work is as bad as it gets.
        severity="critical" if verified else None,
        severity_text="verified" if verified else "unverified",
        first_seen=parse_when(text(spot.get("timestamp"))),
        evidence=f"commit {commit}" if commit else "",
        place=place_of(path, line),
        secret_digest=digest,
    )


def _old_findings(record: dict[str, Any], where: str) -> Iterator[Finding]:
    """Yield a finding per string: version 2 puts all strings of one difference into one record."""
    path, reason = required(text(record.get("path")), "path"), text(record.get("reason")) or "secret"
    commit = text(record.get("commitHash"))
    for number, found in enumerate(texts(record.get("stringsFound")) or [""], start=1):
        digest = secret_digest(found)
        yield Finding(
            where=f"{where}, string {number}",
            identity=f"{reason}|{path}|{commit}|{digest or number}",
            asset=AssetIdentity(),
            rule=f"trufflehog:{reason}",
            title=f"{reason} in {path}",
            kind="secret",
            first_seen=parse_when(text(record.get("date"))),
            evidence=f"commit {commit}" if commit else "",
            place=place_of(path),
            secret_digest=digest,
        )


def _sniff_3(head: str) -> bool:
    shape = shape_of(head)
    return "[].rule.id" in shape and "[].secret" in shape and "[].path" in shape


def _read_3(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _findings_3)


def _findings_3(record: Any, where: str) -> Iterator[Finding]:
    rule = required(text(inner(record, "rule", "id")), "rule.id")
    path = required(text(inner(record, "path")), "path")
    word = text(inner(record, "rule", "severity"))
    severity: Severity | None = parse_severity(word)
    digest, commit = secret_digest(text(inner(record, "secret"))), text(inner(record, "commit"))
    yield Finding(
        where=where,
        identity=f"{rule}|{path}|{text(inner(record, 'line'))}|{digest}",
        asset=AssetIdentity(),
        rule=f"trufflehog3:{rule}",
        title=f"{text(inner(record, 'rule', 'message')) or rule} in {path}",
        kind="secret",
        severity=severity,
        severity_text=word,
        first_seen=parse_when(text(inner(record, "date"))),
        evidence=f"commit {commit}" if commit else "",
        place=place_of(path, inner(record, "line")),
        fingerprints=fingerprint("trufflehog3", inner(record, "id")) if commit else (),
        secret_digest=digest,
    )


FORMATS = (
    Format("trufflehog-json", "TruffleHog", "json", _sniff, _read),
    Format("trufflehog3-json", "trufflehog3", "json", _sniff_3, _read_3),
)
