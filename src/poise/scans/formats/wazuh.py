"""Wazuh's vulnerability detection as JSON: answers of its API (to 4.7) and of its indexer (from 4.8).

The API answers ``{"data": {"affected_items": [...]}}`` with one package and CVE per item; scripts that ask
for every agent put the agent's name and address into each item. The indexer answers with
``hits.hits[]._source``; exports of it are lists or lines of hits or of their sources.

An agent, a CVE and a package in one version make one finding. ``Package unfixed`` says that there is no fix
yet, not that there is no vulnerability.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.csvfields import words_of
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Component, Finding
from poise.scans.format import Format
from poise.scans.hosts import sort_names
from poise.scans.identifiers import split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import Texts, convert, json_cursor, read_record, required, score_in_range
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_LESS_THAN = re.compile(r"Package less than (?!or equal)(\S.*)")
#: Members of an indexed document that a finding is made of.
_PARTS: Final = frozenset({"agent", "host", "package", "vulnerability"})


class _Item(msgspec.Struct):
    """An item of the API to 4.7 (``GET /vulnerability/{agent_id}``)."""

    cve: str
    name: str
    version: str | None = None
    condition: str | None = None
    severity: str | None = None
    status: str | None = None
    title: str | None = None
    detection_time: str | None = None
    cvss2_score: float | None = None
    cvss3_score: float | None = None
    external_references: Texts = None
    agent_id: str | None = None
    agent_name: str | None = None
    agent_ip: str | None = None


class _Agent(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    ip: Texts | str = None


class _System(msgspec.Struct):
    full: str | None = None
    name: str | None = None
    version: str | None = None


class _Host(msgspec.Struct):
    os: _System | None = None
    ip: Texts | str = None
    hostname: str | None = None


class _Package(msgspec.Struct):
    name: str | None = None
    version: str | None = None
    type: str | None = None
    path: str | None = None


class _Score(msgspec.Struct):
    base: float | None = None


class _Scanner(msgspec.Struct):
    condition: str | None = None


class _Vulnerability(msgspec.Struct):
    id: str
    severity: str | None = None
    description: str | None = None
    detected_at: str | None = None
    reference: Texts | str = None
    score: _Score | None = None
    scanner: _Scanner | None = None


class _Document(msgspec.Struct):
    """A document of the index ``wazuh-states-vulnerabilities-*`` from 4.8."""

    vulnerability: _Vulnerability
    package: _Package | None = None
    agent: _Agent | None = None
    host: _Host | None = None


class _Hit(msgspec.Struct):
    source: _Document = msgspec.field(name="_source")


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if any(path.endswith("affected_items") and path.count(".") == 1 for path in shape):
        return True
    return any(
        f"{start}vulnerability.{field}" in shape and f"{start}agent.id" in shape
        for start in ("hits.hits[]._source.", "_source.", "[]._source.", "[].", "")
        for field in ("id", "severity")
    ) or ("hits.hits" in shape and "_shards" in shape)


def _read(source: Source) -> Iterator[Finding | Fault]:
    with json_cursor(source) as cursor:
        count = 0
        for _ in cursor.documents():
            if cursor.kind() == "array":
                for record in cursor.values():
                    count += 1
                    yield _record(source, record, count)
            else:
                for item in _walk(source, cursor, count):
                    count += isinstance(item, Finding)
                    yield item


def _walk(source: Source, cursor: JsonCursor, count: int) -> Iterator[Finding | Fault]:
    """Walk one object: an answer of the API or of the indexer, a hit, or a document."""
    document: dict[str, Any] = {}
    for key in cursor.members():
        if key in _PARTS:
            document[key] = cursor.value()
        elif key == "_source":
            yield _record(source, cursor.value(), count + 1)
        elif key == "hits":
            yield from _hits(source, cursor)
        elif key == "timed_out":
            if cursor.value() is True:
                yield source.fault("E418", "The indexer's search timed out; results are missing.", key)
        elif key == "_shards":
            shards = cursor.value()
            if isinstance(shards, dict) and (failed := shards.get("failed")):
                message = f"{failed} shards of the index did not answer; results are missing."
                yield source.fault("E418", message, key)
        elif cursor.kind() == "object":
            # Scripts that ask for every agent put each answer under the agent's id.
            yield from _answer(source, cursor, key if key.isdigit() else "")
    if "vulnerability" in document:
        yield _record(source, document, count + 1)


def _hits(source: Source, cursor: JsonCursor) -> Iterator[Finding | Fault]:
    total: Any = None
    count = 0
    for key in cursor.members():
        if key == "hits":
            for count, record in enumerate(cursor.values(_Hit), 1):
                yield _record(source, record, count)
        elif key == "total":
            total = cursor.value()
    if isinstance(total, dict):
        total = total.get("value")
    yield from _missing(source, count, total)


def _answer(source: Source, cursor: JsonCursor, agent_id: str) -> Iterator[Finding | Fault]:
    make = partial(_from_item, agent_id=agent_id)
    total: Any = None
    count = 0
    for key in cursor.members():
        if key == "affected_items":
            for count, record in enumerate(cursor.values(_Item), 1):
                yield read_record(source, f"item {count}", record, make, "cve")
        elif key == "failed_items":
            for failed in cursor.values():
                error = failed.get("error") if isinstance(failed, dict) else None
                reason = error.get("message") if isinstance(error, dict) else failed
                agents = failed.get("id") if isinstance(failed, dict) else None
                yield source.fault("E418", f"Wazuh could not answer for {agents}: {str(reason)[:300]}", key)
        elif key == "total_affected_items":
            total = cursor.value()
    yield from _missing(source, count, total)


def _missing(source: Source, count: int, total: Any) -> Iterator[Fault]:
    if isinstance(total, int) and total > count:
        yield source.fault(
            "E419",
            f"The answer holds {count:,} of {total:,} results.",
            hint="Ask for all pages (offset and limit, or scroll) and pass each of them.",
        )


def _record(source: Source, record: Any, number: int) -> Finding | Fault:
    if isinstance(record, _Hit):
        return read_record(source, f"hit {number}", record.source, _from_document)
    if isinstance(record, dict) and isinstance(record.get("_source"), dict):
        record = record["_source"]
    if isinstance(record, dict) and "cve" in record:
        return read_record(source, f"item {number}", record, _from_item, "cve")
    return read_record(source, f"hit {number}", record, _from_document)


def _from_item(record: Any, where: str, agent_id: str = "") -> Finding:
    item = convert(record, _Item)
    # Neither is there a fixed version in the condition "less than or equal", nor is a score of 0 one.
    score = item.cvss3_score or item.cvss2_score or None
    package = required(item.name, "name")
    condition = item.condition or ""
    asset = _asset(item.agent_id or agent_id, item.agent_name or "", item.agent_ip or "", "")
    return _finding(
        where,
        required(item.cve, "cve"),
        asset,
        Component(package, "", item.version or "", _fixed(condition)),
        severity_text=item.severity or "",
        title=item.title or "",
        status="fixed" if (item.status or "").upper() == "OBSOLETE" else "open",
        cvss_score=score_in_range(score),
        first_seen=parse_when(item.detection_time),
        evidence=condition,
        references=item.external_references or (),
    )


def _from_document(record: Any, where: str) -> Finding:
    document = convert(record, _Document)
    found = document.vulnerability
    package = document.package or _Package()
    agent, host = document.agent or _Agent(), document.host or _Host()
    system = host.os or _System()
    condition = (found.scanner and found.scanner.condition) or ""
    ips = ",".join((_joined(agent.ip), _joined(host.ip)))
    names = ",".join((agent.name or "", host.hostname or ""))
    full = system.full or " ".join(part for part in (system.name, system.version) if part)
    return _finding(
        where,
        required(found.id, "vulnerability.id"),
        _asset(agent.id or "", names, ips, full),
        # A vulnerability of the system itself has no package.
        Component(
            package.name or system.name or "", package.type or "", package.version or "", _fixed(condition)
        ),
        severity_text=found.severity or "",
        cvss_score=score_in_range((found.score and found.score.base) or None),
        first_seen=parse_when(found.detected_at),
        locations=(package.path,) if package.path else (),
        evidence=condition,
        references=words_of(_joined(found.reference)),
    )


def _finding(where: str, cve: str, asset: AssetIdentity, component: Component, **fields: Any) -> Finding:
    cves, aliases = split_ids(cve)
    text = fields["severity_text"]
    title = fields.pop("title", "") or (f"{cve} in {component.name}" if component.name else cve)
    return Finding(
        where=where,
        identity=f"{asset.agent_id or asset.label}|{cve}|{component.name}|{component.installed_version}",
        asset=asset,
        rule=f"wazuh:{cve}",
        title=title,
        cves=cves,
        aliases=aliases,
        component=component,
        severity=parse_severity(text),
        **fields,
    )


@lru_cache(maxsize=16_384)
def _asset(agent_id: str, names: str, ips: str, system: str) -> AssetIdentity:
    hostnames, addresses = sort_names(names, ips)
    return AssetIdentity(
        hostnames=hostnames,
        ips=addresses,
        agent_id=f"wazuh:{agent_id}" if agent_id else "",
        operating_system=system,
    )


@lru_cache(maxsize=16_384)
def _fixed(condition: str) -> tuple[str, ...]:
    less = _LESS_THAN.match(condition)
    return (less[1].strip(),) if less else ()


def _joined(texts: tuple[str, ...] | str | None) -> str:
    return texts if isinstance(texts, str) else ",".join(texts or ())


FORMATS = (Format("wazuh-json", "Wazuh vulnerability detection", "json", _sniff, _read),)
