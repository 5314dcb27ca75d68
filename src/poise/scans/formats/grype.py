"""Anchore Grype's JSON report: ``grype IMAGE -o json``.

A match is one vulnerability of one package. The package at several paths gives several matches; they are
one finding (same id, name and version), each path a record of it. ``ignoredMatches`` are findings that a
rule or a VEX document of the user has set aside: they keep that status.

What was scanned stands behind the matches, so the report is walked twice.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding, Provenance, Status
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.records import (
    RecordError,
    Texts,
    convert,
    json_cursor,
    read_record,
    required,
    score_in_range,
    top_members,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_LISTS: Final = ("matches", "ignoredMatches")
_VEX_STATUSES: Final[dict[str, Status]] = {"not_affected": "false_positive", "fixed": "fixed"}


class _Metrics(msgspec.Struct, rename="camel"):
    base_score: float | None = None


class _Cvss(msgspec.Struct, rename="camel"):
    version: str | None = None
    vector: str | None = None
    metrics: _Metrics | None = None


class _OldCvss(msgspec.Struct, rename="camel"):
    """Before version 0.13: ``cvss_v2`` and ``cvss_v3`` in place of the list."""

    base_score: float | None = None
    vector: str | None = None


class _Fix(msgspec.Struct, rename="camel"):
    versions: Texts = None
    state: str | None = None


class _Advisory(msgspec.Struct, rename="camel"):
    id: str | None = None
    link: str | None = None


class _Related(msgspec.Struct, rename="camel"):
    id: str
    data_source: str | None = None
    urls: Texts = None
    cvss: tuple[_Cvss, ...] | None = None


class _Vulnerability(_Related, rename="camel"):
    severity: str | None = None
    description: str | None = None
    links: Texts = None
    fixed_in_version: str | None = None
    cvss_v2: _OldCvss | None = None
    cvss_v3: _OldCvss | None = None
    fix: _Fix | None = None
    advisories: tuple[_Advisory, ...] | None = None


class _Location(msgspec.Struct, rename="camel"):
    path: str | None = None


class _Artifact(msgspec.Struct, rename="camel"):
    name: str
    version: str | None = None
    type: str | None = None
    purl: str | None = None
    locations: tuple[_Location, ...] | None = None


class _Found(msgspec.Struct, rename="camel"):
    version_constraint: str | None = None


class _Detail(msgspec.Struct, rename="camel"):
    matcher: str | None = None
    found: _Found | None = None


class _IgnoreRule(msgspec.Struct, rename="camel"):
    vex_status: str | None = msgspec.field(default=None, name="vex-status")
    reason: str | None = None


class _Match(msgspec.Struct, rename="camel"):
    vulnerability: _Vulnerability
    artifact: _Artifact
    related_vulnerabilities: tuple[_Related, ...] | None = None
    #: A single object before version 0.13.
    match_details: tuple[_Detail, ...] | _Detail | None = None
    applied_ignore_rules: tuple[_IgnoreRule, ...] | None = None


class _ImageTarget(msgspec.Struct, rename="camel"):
    user_input: str | None = None
    image_id: str | None = msgspec.field(default=None, name="imageID")
    manifest_digest: str | None = None
    tags: Texts = None
    repo_digests: Texts = None


class _ScanSource(msgspec.Struct, rename="camel"):
    type: str | None = None
    target: _ImageTarget | str | None = None


class _Distro(msgspec.Struct, rename="camel"):
    name: str | None = None
    version: str | None = None


class _Descriptor(msgspec.Struct):
    version: str | None = None
    timestamp: str | None = None
    db: Any = None


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if shape.get("descriptor.name") == "grype":
        return True
    if "matches[].vulnerability" in shape or "matches[].artifact" in shape:
        return True
    return shape.get("matches") == "[]" and ("descriptor" in shape or "source" in shape)


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    asset, when, provenance = _scanned(source)
    yield provenance
    with json_cursor(source) as cursor:
        for key in cursor.members():
            if key in _LISTS:
                make = partial(_finding, asset=asset, when=when, ignored=key == "ignoredMatches")
                for index, record in enumerate(cursor.values(_Match), start=1):
                    yield read_record(source, f"{key} {index}", record, make)
        cursor.end()


def _scanned(source: Source) -> tuple[AssetIdentity, datetime | None, Provenance]:
    """Return what was scanned and when, which stands behind the matches."""
    raw = top_members(source, frozenset(("source", "distro", "descriptor")))
    try:
        scanned = convert(raw.get("source") or {}, _ScanSource)
        distro = convert(raw.get("distro") or {}, _Distro)
        descriptor = convert(raw.get("descriptor") or {}, _Descriptor)
    except RecordError as error:
        raise source.refusal("E414", f"What was scanned has no readable name: {error}") from error
    system = f"{distro.name or ''} {distro.version or ''}".strip()
    when = parse_when(descriptor.timestamp)
    provenance = Provenance("Grype", descriptor.version or "", _database(descriptor.db), finished=when)
    target = scanned.target
    if not isinstance(target, _ImageTarget):
        return AssetIdentity(path=target or "", operating_system=system), when, provenance
    digests = [digest.split("@", 1)[1] for digest in target.repo_digests or () if "@" in digest]
    asset = AssetIdentity(
        image=target.user_input or next(iter(target.tags or ()), ""),
        image_digest=digests[0] if digests else target.manifest_digest or "",
        operating_system=system,
        tags=(f"image-id:{target.image_id}",) if target.image_id else (),
    )
    return asset, when, provenance


def _database(value: Any) -> str:
    """Return when the database was built: ``db.built``, or ``db.status.built`` since version 0.88."""
    known = value if isinstance(value, dict) else {}
    status = known.get("status")
    built = (status if isinstance(status, dict) else known).get("built")
    return built if isinstance(built, str) else ""


def _finding(
    record: Any, where: str, *, asset: AssetIdentity, when: datetime | None, ignored: bool
) -> Finding:
    match = convert(record, _Match)
    raw, artifact, related = match.vulnerability, match.artifact, match.related_vulnerabilities or ()
    identifier = required(raw.id, "vulnerability.id")
    name, version = required(artifact.name, "artifact.name"), artifact.version or ""
    cves, aliases = split_ids((identifier, *(other.id for other in related)))
    vectors, score = _cvss(raw, related)
    fix = raw.fix or _Fix()
    fixed = tuple(text for text in (*(fix.versions or ()), raw.fixed_in_version or "") if text)
    advisories = raw.advisories or ()
    return Finding(
        where=where,
        identity=f"{identifier}|{name}|{version}",
        asset=asset,
        rule=f"grype:{identifier}",
        title=f"{identifier} in {name} {version}".rstrip(),
        cves=cves,
        aliases=aliases,
        component=Component(
            name=name,
            ecosystem=artifact.type or "",
            installed_version=version,
            fixed_versions=fixed,
            purl=artifact.purl or "",
        ),
        status=_ignored_status(match) if ignored else "open",
        severity=parse_severity(raw.severity or ""),
        severity_text=raw.severity or "",
        last_seen=when,
        cvss_vectors=vectors,
        cvss_score=score,
        locations=tuple(dict.fromkeys(place.path for place in artifact.locations or () if place.path)),
        evidence=_evidence(match),
        remedy=f"Update {name} to {' or '.join(fixed)}." if fixed else "",
        remedy_ids=tuple(dict.fromkeys(advisory.id for advisory in advisories if advisory.id)),
        references=_references(raw, related),
    )


def _ignored_status(match: _Match) -> Status:
    for rule in match.applied_ignore_rules or ():
        if rule.vex_status in _VEX_STATUSES:
            return _VEX_STATUSES[rule.vex_status]
    return "accepted"


def _cvss(raw: _Vulnerability, related: tuple[_Related, ...]) -> tuple[tuple[str, ...], float | None]:
    """Return all vectors, and the base score of the newest CVSS version of the first source that has one."""
    vectors: dict[str, None] = {}
    score: float | None = None
    for rated in (raw, *related):
        for one in sorted(rated.cvss or (), key=lambda cvss: cvss.version or "", reverse=True):
            if one.vector:
                vectors[one.vector] = None
            if score is None and one.metrics:
                score = score_in_range(one.metrics.base_score)
    for old in (raw.cvss_v3, raw.cvss_v2):
        if old and old.vector:
            vectors[old.vector] = None
            score = score_in_range(old.base_score) if score is None else score
    return tuple(vectors), score


def _evidence(match: _Match) -> str:
    details = match.match_details or ()
    parts: list[str] = []
    for detail in (details,) if isinstance(details, _Detail) else details:
        constraint = detail.found.version_constraint if detail.found else None
        parts.append(f"{detail.matcher or 'matcher'}: {constraint or 'no constraint'}")
    if match.vulnerability.fix and match.vulnerability.fix.state:
        parts.append(f"fix state: {match.vulnerability.fix.state}")
    parts += [f"ignored: {rule.reason}" for rule in match.applied_ignore_rules or () if rule.reason]
    return "; ".join(dict.fromkeys(parts))


def _references(raw: _Vulnerability, related: tuple[_Related, ...]) -> tuple[str, ...]:
    found = [raw.data_source or "", *(raw.urls or ()), *(raw.links or ())]
    found += [advisory.link or "" for advisory in raw.advisories or ()]
    for other in related:
        found += [other.data_source or "", *(other.urls or ())]
    return tuple(dict.fromkeys(link for link in found if link))


FORMATS = (Format("grype-json", "Anchore Grype", "json", _sniff, _read),)
