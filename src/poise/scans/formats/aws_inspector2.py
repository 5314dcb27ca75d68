"""AWS Inspector (version 2): ``aws inspector2 list-findings`` and its JSON reports.

``{"findings": [...]}`` or one finding per line. A finding has a type (package vulnerability, code
vulnerability, network reachability) and usually one resource. Several packages of one finding are records of
one identity.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.format import Format
from poise.scans.formats.aws_terms import asset, component, remedy_of
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import (
    RecordError,
    Texts,
    convert,
    json_cursor,
    read_numbered,
    required,
    score_in_range,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source


class _Camel(msgspec.Struct, rename="camel"):
    """Fields are named as in AWS' documentation, in its spelling."""


class _Package(_Camel):
    name: str | None = None
    version: str | None = None
    epoch: int | None = None
    release: str | None = None
    package_manager: str | None = None
    file_path: str | None = None
    fixed_in_version: str | None = None
    remediation: str | None = None


class _Cvss(_Camel):
    base_score: float | None = None
    scoring_vector: str | None = None


class _PackageDetails(_Camel):
    vulnerability_id: str
    vulnerable_packages: tuple[_Package, ...] | None = None
    cvss: tuple[_Cvss, ...] | None = None
    related_vulnerabilities: Texts = None
    reference_urls: Texts = None
    source_url: str | None = None


class _FilePath(_Camel):
    file_path: str | None = None
    start_line: int | None = None


class _CodeDetails(_Camel):
    cwes: Texts = None
    detector_id: str | None = None
    rule_id: str | None = None
    file_path: _FilePath | None = None
    reference_urls: Texts = None


class _Ports(_Camel):
    begin: int | None = None
    end: int | None = None


class _NetworkDetails(_Camel):
    open_port_range: _Ports | None = None
    protocol: str | None = None


class _Instance(_Camel):
    ip_v4_addresses: Texts = None
    ip_v6_addresses: Texts = None
    platform: str | None = None


class _Image(_Camel):
    repository_name: str | None = None
    image_hash: str | None = None
    image_tags: Texts = None
    platform: str | None = None


class _Function(_Camel):
    runtime: str | None = None


class _Details(_Camel):
    aws_ec2_instance: _Instance | None = None
    aws_ecr_container_image: _Image | None = None
    aws_lambda_function: _Function | None = None


class _Resource(_Camel):
    id: str
    details: _Details | None = None
    tags: dict[str, str | None] | None = None


class _Recommendation(_Camel):
    text: str | None = None
    url: str | None = msgspec.field(default=None, name="Url")


class _Remediation(_Camel):
    recommendation: _Recommendation | None = None


class _Finding(_Camel):
    finding_arn: str
    type: str
    title: str | None = None
    description: str | None = None
    severity: str | None = None
    status: str | None = None
    first_observed_at: str | float | None = None
    last_observed_at: str | float | None = None
    inspector_score: float | None = None
    remediation: _Remediation | None = None
    resources: tuple[_Resource, ...] | None = None
    package_vulnerability_details: _PackageDetails | None = None
    code_vulnerability_details: _CodeDetails | None = None
    network_reachability_details: _NetworkDetails | None = None


_STATUSES: Final[dict[str, Status]] = {"ACTIVE": "open", "SUPPRESSED": "accepted", "CLOSED": "fixed"}
_TYPES: Final = ("PACKAGE_VULNERABILITY", "CODE_VULNERABILITY", "NETWORK_REACHABILITY")


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    return any(f"{start}findingArn" in shape for start in ("findings[].", "[].", ""))


def _read(source: Source) -> Iterator[Finding | Fault]:
    def make(record: Any, where: str) -> Iterator[Finding]:
        return _findings(convert(record, _Finding), where)

    with json_cursor(source) as cursor:
        yield from read_numbered(source, _records(source, cursor), make, "findingArn")


def _records(source: Source, cursor: JsonCursor) -> Iterator[Any]:
    for _ in cursor.documents():
        if cursor.kind() == "array":
            yield from cursor.values(_Finding)
            continue
        single: dict[str, Any] = {}
        for key in cursor.members():
            if key == "findings":
                yield from cursor.values(_Finding)
            elif key in ("nextToken", "NextToken"):
                if cursor.value():
                    yield source.fault(
                        "E419",
                        f"The answer ends with a {key}: AWS has more findings than it holds.",
                        key,
                        "Ask for all pages (the AWS command line does it by itself) and pass each of them.",
                    )
            else:
                single[key] = cursor.value()
        if "findingArn" in single:
            yield single


def _findings(record: _Finding, where: str) -> Iterator[Finding]:
    required(record.finding_arn, "findingArn")
    if record.type not in _TYPES:
        raise RecordError(f"The field type is {record.type[:60]!r}, expected one of {', '.join(_TYPES)}.")
    details = record.package_vulnerability_details
    packages = (details and details.vulnerable_packages) or (_Package(),)
    for one in [_asset(resource) for resource in record.resources or ()] or [AssetIdentity()]:
        for package in packages:
            named = component(
                package.name or "",
                package.package_manager or "",
                str(package.epoch or ""),
                package.version or "",
                package.release or "",
                package.fixed_in_version or "",
            )
            yield _finding(record, where, one, named, package)


def _finding(
    record: _Finding, where: str, one: AssetIdentity, named: Component, package: _Package
) -> Finding:
    found = record.package_vulnerability_details
    code = record.code_vulnerability_details or _CodeDetails()
    network = record.network_reachability_details or _NetworkDetails()
    ids = (found.vulnerability_id, *(found.related_vulnerabilities or ())) if found else ()
    cves, aliases = split_ids(ids)
    ratings = (found and found.cvss) or ()
    scores = [rating.base_score for rating in ratings if rating.base_score is not None]
    advice = (record.remediation and record.remediation.recommendation) or _Recommendation()
    file = code.file_path or _FilePath()
    line = f"{file.file_path}:{file.start_line}" if file.start_line else file.file_path
    rule = ids[0] if ids else code.rule_id or code.detector_id or record.title or record.type
    references = (advice.url, *((found.source_url, *(found.reference_urls or ())) if found else ()))
    return Finding(
        where=where,
        identity=f"{record.finding_arn}|{one.cloud_id}",
        asset=one,
        rule=f"inspector2:{rule}",
        title=(record.title or rule).strip(),
        cves=cves,
        aliases=aliases,
        component=named,
        kind="misconfiguration" if record.type == "NETWORK_REACHABILITY" else "vulnerability",
        status=_STATUSES.get(record.status or "ACTIVE", "open"),
        severity=parse_severity(record.severity or ""),
        severity_text=record.severity or "",
        cvss_vectors=_distinct(rating.scoring_vector for rating in ratings),
        cvss_score=score_in_range(scores[0] if scores else record.inspector_score),
        first_seen=parse_when(record.first_observed_at),
        last_seen=parse_when(record.last_observed_at),
        port=_port(network),
        locations=_distinct((package.file_path, line)),
        evidence=trim_evidence(record.description or ""),
        remedy=remedy_of(package.remediation) or remedy_of(advice.text),
        references=_distinct((*references, *(code.reference_urls or ()))),
    )


def _port(network: _NetworkDetails) -> str:
    ports = network.open_port_range or _Ports()
    if ports.begin is None:
        return ""
    span = str(ports.begin) if ports.end in (None, ports.begin) else f"{ports.begin}-{ports.end}"
    return f"{span}/{network.protocol.lower()}" if network.protocol else span


def _asset(resource: _Resource) -> AssetIdentity:
    details = resource.details or _Details()
    instance = details.aws_ec2_instance or _Instance()
    image = details.aws_ecr_container_image or _Image()
    function = details.aws_lambda_function or _Function()
    return asset(
        required(resource.id, "resources[].id"),
        ips=(*(instance.ip_v4_addresses or ()), *(instance.ip_v6_addresses or ())),
        repository=image.repository_name or "",
        image_tags=image.image_tags or (),
        digest=image.image_hash or "",
        system=instance.platform or image.platform or function.runtime or "",
        tags=resource.tags,
    )


def _distinct(texts: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for text in texts if text))


FORMATS = (Format("aws-inspector2-json", "AWS Inspector", "json", _sniff, _read),)
