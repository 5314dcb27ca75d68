"""AWS Security Finding Format (ASFF), as Security Hub, Inspector, GuardDuty, Config and Prowler write it.

Findings come as ``{"Findings": [...]}`` (``aws securityhub get-findings``), as a bare list, one per line, or
in the events of EventBridge. The format is described in AWS' "Security Hub user guide", ASFF syntax.

A finding is one check with its own ``Id``. A vulnerability is reported once for each of its resources,
because each needs its change; its packages are records of one identity. Any other check is one finding, whose
further resources stand among its locations. A check that passed, and a finding that is archived or resolved,
is ``fixed``; a suppressed one is ``accepted``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Component, Finding, Kind, Severity, Status
from poise.scans.format import Format
from poise.scans.formats.aws_terms import asset, component, remedy_of
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import (
    Texts,
    convert,
    json_cursor,
    read_numbered,
    required,
    score_in_range,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source


class _Pascal(msgspec.Struct, rename="pascal"):
    """Fields are named as in AWS' documentation, in its spelling."""


class _Severity(_Pascal):
    label: str | None = None
    normalized: float | str | None = None


class _Recommendation(_Pascal):
    text: str | None = None
    url: str | None = None


class _Remediation(_Pascal):
    recommendation: _Recommendation | None = None


class _Instance(_Pascal):
    ip_v4_addresses: Texts = None
    ip_v6_addresses: Texts = None


class _Image(_Pascal):
    repository_name: str | None = None
    image_digest: str | None = None
    image_tags: Texts = None


class _Container(_Pascal):
    image_name: str | None = None
    image_id: str | None = None


class _Function(_Pascal):
    runtime: str | None = None


class _Details(_Pascal):
    aws_ec2_instance: _Instance | None = None
    aws_ecr_container_image: _Image | None = None
    aws_lambda_function: _Function | None = None
    container: _Container | None = None


class _Resource(_Pascal):
    id: str
    type: str | None = None
    tags: dict[str, str | None] | None = None
    details: _Details | None = None


class _Package(_Pascal):
    name: str | None = None
    version: str | None = None
    epoch: str | int | None = None
    release: str | None = None
    fixed_in_version: str | None = None
    package_manager: str | None = None
    file_path: str | None = None
    remediation: str | None = None


class _Cvss(_Pascal):
    base_score: float | str | None = None
    base_vector: str | None = None


class _Vendor(_Pascal):
    url: str | None = None


class _Vulnerability(_Pascal):
    id: str
    vulnerable_packages: tuple[_Package, ...] | None = None
    cvss: tuple[_Cvss, ...] | None = None
    related_vulnerabilities: Texts = None
    reference_urls: Texts = None
    vendor: _Vendor | None = None


class _State(_Pascal):
    status: str | None = None


class _Finding(_Pascal):
    id: str
    title: str | None = None
    description: str | None = None
    generator_id: str | None = None
    product_arn: str | None = None
    types: Texts = None
    first_observed_at: str | None = None
    last_observed_at: str | None = None
    created_at: str | None = None
    updated_at: str | None = None
    severity: _Severity | None = None
    remediation: _Remediation | None = None
    product_fields: dict[str, str | None] | None = None
    resources: tuple[_Resource, ...] | None = None
    record_state: str | None = None
    workflow: _State | None = None
    compliance: _State | None = None
    vulnerabilities: tuple[_Vulnerability, ...] | None = None
    source_url: str | None = None


_STATUSES: Final[dict[str, Status]] = {
    "ARCHIVED": "fixed",
    "RESOLVED": "fixed",
    "CLOSED": "fixed",
    "PASSED": "fixed",
    "SUPPRESSED": "accepted",
}
#: Outer namespaces of ``Types`` that tell of events, not of weaknesses.
_EVENTS: Final = ("TTPs", "Effects", "Unusual Behaviors", "Sensitive Data Identifications")
_MARKS: Final = ("ProductArn", "GeneratorId", "AwsAccountId")


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    for start in ("Findings[].", "findings[].", "[].", "", "detail.findings[].", "[].detail.findings[]."):
        if all(f"{start}{mark}" in shape for mark in ("Id", "SchemaVersion")):
            return True
        if f"{start}Id" in shape and sum(f"{start}{mark}" in shape for mark in _MARKS) >= 2:
            return True
    return shape.get("Findings") == "[]" and "Findings[]" not in shape


def _read(source: Source) -> Iterator[Finding | Fault]:
    def make(record: Any, where: str) -> Iterator[Finding]:
        return _findings(convert(record, _Finding), where)

    with json_cursor(source) as cursor:
        yield from read_numbered(source, _records(source, cursor), make, "Id")


def _records(source: Source, cursor: JsonCursor) -> Iterator[Any]:
    for _ in cursor.documents():
        if cursor.kind() == "array":
            for value in cursor.values(_Finding):
                yield from _unpacked(value)
            continue
        single: dict[str, Any] = {}
        for key in cursor.members():
            if key in ("Findings", "findings"):
                yield from cursor.values(_Finding)
            elif key == "NextToken":
                if cursor.value():
                    yield source.fault(
                        "E419",
                        "The answer ends with a NextToken: AWS has more findings than it holds.",
                        key,
                        "Ask for all pages (the AWS command line does it by itself) and pass each of them.",
                    )
            else:
                single[key] = cursor.value()
        if "Id" in single or "detail" in single:
            yield from _unpacked(single)


def _unpacked(value: Any) -> Iterator[Any]:
    """Yield the findings of an event of EventBridge, or the finding itself."""
    detail = value.get("detail") if isinstance(value, dict) else None
    findings = detail.get("findings") if isinstance(detail, dict) else None
    if isinstance(findings, list):
        yield from findings
    else:
        yield value


def _findings(record: _Finding, where: str) -> Iterator[Finding]:
    required(record.id, "Id")
    kind = _kind(record)
    assets = [_asset(resource) for resource in record.resources or ()] or [AssetIdentity()]
    if kind != "vulnerability":
        others = tuple(one.cloud_id for one in assets[1:])
        yield _finding(record, where, kind, assets[0], Component(), others)
        return
    packages = [
        package for found in record.vulnerabilities or () for package in found.vulnerable_packages or ()
    ]
    for one in assets:
        for package in packages or [_Package()]:
            named = component(
                package.name or "",
                package.package_manager or "",
                str(package.epoch or ""),
                package.version or "",
                package.release or "",
                package.fixed_in_version or "",
            )
            paths = (package.file_path,) if package.file_path else ()
            yield _finding(record, where, kind, one, named, paths, package.remediation)


def _finding(
    record: _Finding,
    where: str,
    kind: Kind,
    one: AssetIdentity,
    named: Component,
    locations: tuple[str, ...],
    package_remedy: str | None = None,
) -> Finding:
    found = record.vulnerabilities or ()
    title = (record.title or "").strip()
    ids = [name for entry in found for name in (entry.id, *(entry.related_vulnerabilities or ()))]
    # Inspector names the CVE in the title even where Security Hub lost the list.
    cves, aliases = split_ids(ids) if ids else (split_ids(title)[0] if kind == "vulnerability" else (), ())
    severity, severity_text = _severity(record.severity or _Severity())
    advice = (record.remediation and record.remediation.recommendation) or _Recommendation()
    scores = [_number(rating.base_score) for entry in found for rating in entry.cvss or ()]
    return Finding(
        where=where,
        identity=f"{record.id}|{one.cloud_id}" if kind == "vulnerability" else record.id,
        asset=one,
        rule=f"asff:{record.generator_id or title}",
        title=title,
        cves=cves,
        aliases=aliases,
        component=named,
        kind=kind,
        status=_status(record),
        severity=severity,
        severity_text=severity_text,
        cvss_vectors=_distinct(rating.base_vector for entry in found for rating in entry.cvss or ()),
        cvss_score=next((score for score in scores if score_in_range(score) is not None), None),
        first_seen=parse_when(record.first_observed_at or record.created_at),
        last_seen=parse_when(record.last_observed_at or record.updated_at),
        locations=locations,
        evidence=trim_evidence(record.description or ""),
        remedy=remedy_of(package_remedy) or remedy_of(advice.text),
        references=_distinct(
            (
                advice.url,
                *(entry.vendor.url for entry in found if entry.vendor),
                *(url for entry in found for url in entry.reference_urls or ()),
                record.source_url,
            )
        ),
    )


def _kind(record: _Finding) -> Kind:
    types = record.types or ()
    if record.vulnerabilities or any("/Vulnerabilities" in one for one in types):
        return "vulnerability"
    if any(one.startswith(_EVENTS) for one in types) or "/aws/guardduty" in (record.product_arn or ""):
        return "information"
    if record.compliance or any(one.startswith("Software and Configuration Checks") for one in types):
        return "misconfiguration"
    return "vulnerability"


def _status(record: _Finding) -> Status:
    states = (
        record.record_state,
        record.workflow and record.workflow.status,
        record.compliance and record.compliance.status,
        (record.product_fields or {}).get("aws/inspector/FindingStatus"),
    )
    return next((_STATUSES[state] for state in states if state in _STATUSES), "open")


def _severity(rating: _Severity) -> tuple[Severity | None, str]:
    """Return the label, or the step that ASFF documents for the normalised number."""
    if rating.label:
        return parse_severity(rating.label), rating.label
    number = _number(rating.normalized)
    if number is None or not 0 <= number <= 100:
        return None, ""
    steps: tuple[tuple[float, Severity], ...] = ((90, "critical"), (70, "high"), (40, "medium"), (1, "low"))
    return next((name for least, name in steps if number >= least), "info"), f"{number:g}"


def _asset(resource: _Resource) -> AssetIdentity:
    details = resource.details or _Details()
    instance = details.aws_ec2_instance or _Instance()
    image = details.aws_ecr_container_image or _Image()
    container = details.container or _Container()
    function = details.aws_lambda_function or _Function()
    return asset(
        required(resource.id, "Resources[].Id"),
        ips=(*(instance.ip_v4_addresses or ()), *(instance.ip_v6_addresses or ())),
        repository=image.repository_name or container.image_name or "",
        image_tags=image.image_tags or (),
        digest=image.image_digest or "",
        system=function.runtime or "",
        tags=resource.tags,
    )


def _number(value: float | str | None) -> float | None:
    """Return a number that some exporters write as a text."""
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _distinct(texts: Any) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


FORMATS = (Format("asff-json", "AWS Security Hub (ASFF)", "json", _sniff, _read),)
