"""Dependency-Track's Finding Packaging Format: the "export findings" of a project, in JSON.

https://docs.dependencytrack.org/integrations/file-formats/ describes it. A project without findings has no
``findings`` at all. A suppressed finding is an accepted one, unless its analysis says what it is.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids, split_purl, trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.records import (
    RecordError,
    convert,
    json_cursor,
    read_record,
    required,
    score_in_range,
    top_members,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_STATUSES: Final[dict[str, Status]] = {
    "FALSE_POSITIVE": "false_positive",
    "NOT_AFFECTED": "false_positive",
    "RESOLVED": "fixed",
}


class _Component(msgspec.Struct):
    name: str
    group: str | None = None
    version: str | None = None
    purl: str | None = None


class _Alias(msgspec.Struct, rename="camel"):
    """One vulnerability under the names of the databases that know it."""

    cve_id: str | None = None
    ghsa_id: str | None = None
    osv_id: str | None = None
    sonatype_id: str | None = None
    snyk_id: str | None = None
    gsd_id: str | None = None
    vuln_db_id: str | None = None


class _Vulnerability(msgspec.Struct, rename="camel"):
    vuln_id: str
    aliases: tuple[_Alias, ...] | None = None
    title: str | None = None
    severity: str | None = None
    cvss_v4_score: float | None = None
    cvss_v4_vector: str | None = None
    cvss_v3_base_score: float | None = None
    cvss_v3_vector: str | None = None
    cvss_v2_base_score: float | None = None
    cvss_v2_vector: str | None = None
    recommendation: str | None = None


class _Analysis(msgspec.Struct, rename="camel"):
    state: str | None = None
    is_suppressed: bool | None = None


class _Attribution(msgspec.Struct, rename="camel"):
    attributed_on: str | int | None = None
    reference_url: str | None = None


class _Record(msgspec.Struct):
    component: _Component
    vulnerability: _Vulnerability
    analysis: _Analysis | None = None
    attribution: _Attribution | None = None


class _Project(msgspec.Struct):
    name: str | None = None
    version: str | None = None
    purl: str | None = None


class _Meta(msgspec.Struct):
    timestamp: str | None = None


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if shape.get("meta.application") == "Dependency-Track":
        return True
    return "findings[].component.name" in shape and "findings[].vulnerability.vulnId" in shape


def _read(source: Source) -> Iterator[Finding | Fault]:
    late = top_members(source, frozenset(("meta", "project")))
    try:
        meta = convert(late.get("meta") or {}, _Meta)
        project = convert(late.get("project") or {}, _Project)
    except RecordError as error:
        raise source.refusal(error.identifier, f"The project has no readable name: {error}") from error
    label = f"{project.name}@{project.version}" if project.name and project.version else project.name or ""
    asset = AssetIdentity(path=label, purl=project.purl or "")
    make = partial(_finding, asset=asset, when=parse_when(meta.timestamp))
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key == "findings":
                for index, raw in enumerate(cursor.values(_Record), start=1):
                    yield read_record(source, f"finding {index}", raw, make)
        cursor.end()


def _finding(record: Any, where: str, *, asset: AssetIdentity, when: Any) -> Finding:
    entry = convert(record, _Record)
    raw, part = entry.vulnerability, entry.component
    identifier = required(raw.vuln_id, "vulnerability.vulnId")
    name = required(f"{part.group}/{part.name}" if part.group else part.name, "component.name")
    version, purl = part.version or "", part.purl or ""
    names = (text for alias in raw.aliases or () for text in msgspec.structs.astuple(alias) if text)
    cves, aliases = split_ids((identifier, *names))
    attribution = entry.attribution or _Attribution()
    vectors = (raw.cvss_v4_vector, raw.cvss_v3_vector, raw.cvss_v2_vector)
    scores = (raw.cvss_v4_score, raw.cvss_v3_base_score, raw.cvss_v2_base_score)
    state = (entry.analysis.state if entry.analysis else None) or ""
    return Finding(
        where=where,
        identity=f"{identifier}|{purl or name}|{version}",
        asset=asset,
        rule=f"dependency-track:{identifier}",
        title=raw.title or f"{identifier} in {name} {version}".rstrip(),
        cves=cves,
        aliases=aliases,
        component=Component(name=name, ecosystem=split_purl(purl)[0], installed_version=version, purl=purl),
        status=_status(entry.analysis or _Analysis()),
        severity=parse_severity(raw.severity or ""),
        severity_text=raw.severity or "",
        cvss_vectors=tuple(vector for vector in vectors if vector),
        cvss_score=next((score for one in scores if (score := score_in_range(one)) is not None), None),
        first_seen=parse_when(attribution.attributed_on),
        last_seen=when,
        evidence=trim_evidence(f"analysis: {state}" if state else ""),
        remedy=raw.recommendation or "",
        references=(attribution.reference_url,) if attribution.reference_url else (),
    )


def _status(analysis: _Analysis) -> Status:
    found = _STATUSES.get(analysis.state or "")
    return found or ("accepted" if analysis.is_suppressed else "open")


FORMATS = (Format("dependency-track-fpf", "OWASP Dependency-Track", "json", _sniff, _read),)
