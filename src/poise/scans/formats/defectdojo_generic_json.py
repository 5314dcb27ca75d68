"""DefectDojo's "Generic Findings Import" in JSON: ``{"findings": [{"title": ..., "severity": ...}]}``.

Each finding has a title, a severity and a description, and any of the documented fields
(https://docs.defectdojo.com, "Generic Findings Import"). A finding whose endpoints name several hosts is one
finding on each of them, because each host is patched on its own; DefectDojo itself keeps it as one.
"""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids, trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.records import (
    RecordError,
    Texts,
    convert,
    json_cursor,
    record_fault,
    required,
    score_in_range,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_TOP: Final = frozenset(
    ("findings", "name", "type", "title", "version", "description", "static_tool", "dynamic_tool", "soc")
)


class _Endpoint(msgspec.Struct):
    host: str | None = None
    port: int | str | None = None
    protocol: str | None = None
    path: str | None = None


class _Record(msgspec.Struct):
    title: str
    severity: str
    description: str
    date: str | None = None
    cve: str | None = None
    vulnerability_ids: tuple[str, ...] | str | None = None
    vuln_id_from_tool: str | None = None
    unique_id_from_tool: str | None = None
    cvssv3: str | None = None
    cvssv4: str | None = None
    #: Tools write "N/A", or numbers in quotes; so for the line.
    cvssv3_score: float | str | None = None
    cvssv4_score: float | str | None = None
    mitigation: str | None = None
    impact: str | None = None
    steps_to_reproduce: str | None = None
    references: str | tuple[str, ...] | None = None
    active: bool | None = None
    false_p: bool | None = None
    out_of_scope: bool | None = None
    risk_accepted: bool | None = None
    is_mitigated: bool | None = None
    mitigated: str | None = None
    component_name: str | None = None
    component_version: str | int | float | None = None
    fix_version: str | None = None
    file_path: str | None = None
    line: int | str | None = None
    param: str | None = None
    service: str | None = None
    endpoints: tuple[_Endpoint | str, ...] | None = None
    tags: Texts = None


#: Documented fields that the reader does not use.
_UNUSED_WORDS: Final = """
    cwe cwes effort_for_fixing epss_percentile epss_score files fix_available kev_date known_exploited
    nb_occurences numerical_severity payload planned_remediation_date planned_remediation_version publish_date
    ransomware_used sast_sink_object sast_source_file_path sast_source_line sast_source_object
    scanner_confidence severity_justification static_finding dynamic_finding thread_id under_review url
    verified
"""
_DOCUMENTED: Final = frozenset((*_UNUSED_WORDS.split(), *_Record.__struct_fields__))


def _sniff(head: str) -> bool:
    """Claim findings most of whose fields are documented: other tools write "findings" too."""
    shape = shape_of(head)
    if shape.get("findings") != "[]":
        return False
    prefix = "findings[]."
    fields = {path.removeprefix(prefix) for path in shape if path.startswith(prefix)}
    fields = {name for name in fields if "." not in name and "[" not in name}
    if not fields:
        top = {path for path in shape if path and "." not in path and "[" not in path}
        return top <= _TOP
    return "title" in fields and 2 * len(fields & _DOCUMENTED) > len(fields)


def _read(source: Source) -> Iterator[Finding | Fault]:
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "findings":
                for index, raw in enumerate(cursor.values(_Record), start=1):
                    yield from _record(source, raw, f"finding {index}")
        cursor.end()


def _record(source: Source, raw: Any, where: str) -> Iterator[Finding | Fault]:
    try:
        record = convert(raw, _Record)
        required(record.title, "title")
        hosts = _hosts(record)
    except RecordError as error:
        title = raw.get("title") if isinstance(raw, dict) else ""
        yield record_fault(source, where, error, title[:80] if isinstance(title, str) else "")
        return
    for host, ports in hosts.items():
        yield _finding(record, where, host, ports)


def _hosts(record: _Record) -> dict[str, list[str]]:
    """Return the ports and paths of each host; one nameless host where no endpoint is given.

    Raises
    ------
    RecordError
        When an endpoint is no address.
    """
    hosts: dict[str, list[str]] = {}
    for endpoint in record.endpoints or ():
        if isinstance(endpoint, str):
            try:
                parts = urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
                at = _Endpoint(parts.hostname, parts.port, path=parts.path)
            except ValueError as error:
                message = f"The endpoint {endpoint[:80]!r} is no address: {error}."
                raise RecordError(message) from error
        else:
            at = endpoint
        host, port, path = at.host or "", at.port, at.path or ""
        if host:
            hosts.setdefault(host.strip().lower(), []).append(f"{port or ''}|{path}")
    return hosts or {"": []}


def _finding(record: _Record, where: str, host: str, seen: list[str]) -> Finding:
    cves, aliases = split_ids((record.cve or "", *_texts(record.vulnerability_ids)))
    name, version = record.component_name or "", _text(record.component_version)
    ports = tuple(dict.fromkeys(port for one in seen if (port := one.partition("|")[0])))
    rule = record.vuln_id_from_tool or (cves or aliases or (record.title,))[0]
    lines = ":".join(part for part in (record.file_path, _digits(record.line)) if part)
    score = _number(record.cvssv4_score)
    score = _number(record.cvssv3_score) if score is None else score
    seen_at = (f"{host}:{one.replace('|', '')}".rstrip(":") for one in seen)
    evidence = (record.description, record.impact, record.steps_to_reproduce)
    return Finding(
        where=where,
        identity=_identity(record, host),
        asset=_asset(record, host),
        rule=f"generic:{rule}",
        title=record.title,
        cves=cves,
        aliases=aliases,
        component=Component(
            name=name,
            installed_version=version,
            fixed_versions=(record.fix_version,) if record.fix_version else (),
        ),
        status=_status(record),
        severity=parse_severity(record.severity),
        severity_text=record.severity,
        cvss_vectors=tuple(vector for vector in (record.cvssv4, record.cvssv3) if vector),
        cvss_score=score_in_range(score),
        first_seen=parse_when(record.date),
        port=ports[0] if len(ports) == 1 else "",
        locations=tuple(dict.fromkeys(place for place in (lines, *seen_at) if place)),
        evidence=trim_evidence("\n".join(text for text in evidence if text)),
        remedy=record.mitigation or "",
        references=tuple(dict.fromkeys(" ".join(_texts(record.references)).split())),
    )


def _identity(record: _Record, host: str) -> str:
    """Return the fields by which the record says what it is about, in a digest of 16 bytes."""
    fields = (
        host,
        record.title,
        record.description,
        record.cve,
        *_texts(record.vulnerability_ids),
        record.vuln_id_from_tool,
        record.unique_id_from_tool,
        record.component_name,
        _text(record.component_version),
        record.file_path,
        str(record.line or ""),
        record.param,
        record.service,
    )
    text = "\x1f".join(field or "" for field in fields)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _texts(value: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else value or ()


def _text(value: str | float | None) -> str:
    return "" if value is None else str(value)


def _digits(value: int | str | None) -> str:
    """Return a line number; a placeholder for one is none."""
    return str(value) if value is not None and str(value).strip().isdigit() else ""


def _number(value: float | str | None) -> float | None:
    """Return a score, which some tools write in quotes; a placeholder for one is none."""
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _asset(record: _Record, host: str) -> AssetIdentity:
    tags = (f"service:{record.service}",) if record.service else ()
    if not host:
        return AssetIdentity(path=record.file_path or "", tags=tags)
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return AssetIdentity(hostnames=(host,), tags=tags)
    return AssetIdentity(ips=(str(address),), tags=tags)


def _status(record: _Record) -> Status:
    if record.false_p:
        return "false_positive"
    if record.is_mitigated or record.mitigated:
        return "fixed"
    return "accepted" if record.risk_accepted or record.out_of_scope else "open"


FORMATS = (Format("defectdojo-generic-json", "DefectDojo generic findings", "json", _sniff, _read),)
