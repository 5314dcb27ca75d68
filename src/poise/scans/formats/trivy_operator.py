"""Reports that the Trivy Operator keeps in a cluster: ``kubectl get vulnerabilityreports -o json``.

Read are single objects, ``List`` objects with ``items``, bare lists, and dumps keyed by the kinds' full
names. Kinds with findings: vulnerability, configuration audit, infrastructure, RBAC and exposed-secret
reports, each also cluster-wide, and compliance reports (controls that failed, or single checks where the
detail is kept).

An object of a cluster has at most 1.5 MB (the limit of etcd), so each is decoded whole.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final

import msgspec

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Component, Finding
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids, trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.jsonstream import JsonCursor
from poise.scans.records import (
    RecordError,
    Texts,
    convert,
    json_cursor,
    read_record,
    record_fault,
    required,
    score_in_range,
)
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_GROUP: Final = "aquasecurity.github.io"
_LABEL: Final = "trivy-operator.resource."


class _Meta(msgspec.Struct):
    name: str | None = None
    namespace: str | None = None
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None


class _Artifact(msgspec.Struct):
    repository: str | None = None
    tag: str | None = None
    digest: str | None = None


class _Registry(msgspec.Struct):
    server: str | None = None


class _System(msgspec.Struct):
    family: str | None = None
    name: str | None = None


class _Report(msgspec.Struct, rename="camel"):
    update_timestamp: str | None = None
    artifact: _Artifact | None = None
    registry: _Registry | None = None
    os: _System | None = None
    vulnerabilities: list[Any] | None = None
    checks: list[Any] | None = None
    secrets: list[Any] | None = None


class _ControlCheck(msgspec.Struct, rename="camel"):
    id: str
    name: str | None = None
    severity: str | None = None
    total_fail: int | None = None


class _SummaryReport(msgspec.Struct, rename="camel"):
    id: str | None = None
    title: str | None = None
    control_check: list[Any] | None = None


class _DetailResult(msgspec.Struct):
    id: str | None = None
    name: str | None = None
    severity: str | None = None
    checks: list[Any] | None = None


class _DetailReport(msgspec.Struct):
    id: str | None = None
    results: tuple[_DetailResult, ...] | None = None


class _Status(msgspec.Struct, rename="camel"):
    update_timestamp: str | None = None
    summary_report: _SummaryReport | None = None
    detail_report: _DetailReport | None = None


class _Object(msgspec.Struct, rename="camel"):
    kind: str
    metadata: _Meta
    report: _Report | None = None
    status: _Status | None = None


class _Cvss(msgspec.Struct):
    V2Vector: str | None = None
    V3Vector: str | None = None
    V40Vector: str | None = None


class _Vulnerability(msgspec.Struct, rename="camel"):
    vulnerability_id: str = msgspec.field(name="vulnerabilityID")
    resource: str
    installed_version: str | None = None
    fixed_version: str | None = None
    severity: str | None = None
    score: float | None = None
    title: str | None = None
    target: str | None = None
    package_type: str | None = None
    package_path: str | None = None
    pkg_path: str | None = None
    package_purl: str | None = msgspec.field(default=None, name="packagePURL")
    primary_link: str | None = None
    links: Texts = None
    cvss: dict[str, _Cvss] | None = None


class _Check(msgspec.Struct, rename="camel"):
    check_id: str | None = msgspec.field(default=None, name="checkID")
    title: str | None = None
    severity: str | None = None
    success: bool | None = None
    messages: Texts = None
    remediation: str | None = None
    target: str | None = None


class _Secret(msgspec.Struct, rename="camel"):
    rule_id: str = msgspec.field(name="ruleID")
    title: str | None = None
    severity: str | None = None
    target: str | None = None
    match: str | None = None


class _Setting(msgspec.Struct, frozen=True):
    """What all records of one object share."""

    asset: AssetIdentity
    last_seen: Any
    prefix: str


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    places = ("", "[].", "items[].")
    if any(shape.get(f"{place}apiVersion", "").startswith(_GROUP) for place in places):
        return True
    return any(path.endswith(f".{_GROUP}") for path in shape)


def _read(source: Source) -> Iterator[Finding | Fault]:
    with json_cursor(source) as cursor:
        for number, raw in enumerate(_objects(cursor), start=1):
            yield from _object(source, raw, f"object {number}")
        cursor.end()


def _objects(cursor: JsonCursor) -> Iterator[Any]:
    """Walk to every object of the cluster, whatever holds them."""
    if cursor.kind() == "array":
        yield from cursor.values()
        return
    single: dict[str, Any] = {}
    for key in cursor.members():
        if key == "items" or key.endswith(f".{_GROUP}"):
            yield from cursor.values()
        elif key in ("apiVersion", "kind", "metadata", "report", "status"):
            single[key] = cursor.value()
    if single.get("report") is not None or single.get("status") is not None:
        yield single


def _object(source: Source, raw: Any, place: str) -> Iterator[Finding | Fault]:
    try:
        one = convert(raw, _Object)
    except RecordError as error:
        yield record_fault(source, place, error)
        return
    place = f"{one.kind} {one.metadata.name or place}"
    report = one.report or _Report()
    setting = _setting(one, report)
    lists: tuple[tuple[str, list[Any] | None, _Maker, str], ...] = (
        ("vulnerability", report.vulnerabilities, _vulnerability, "vulnerabilityID"),
        ("check", report.checks, _check, "checkID"),
        ("secret", report.secrets, _secret, "ruleID"),
    )
    for name, records, make, id_field in lists:
        for index, record in enumerate(records or (), start=1):
            where = f"{place}, {name} {index}"
            yield read_record(source, where, record, partial(make, setting=setting), id_field)
    if one.status:
        yield from _compliance(source, one.status, setting, place)


def _setting(one: _Object, report: _Report) -> _Setting:
    labels = {**(one.metadata.annotations or {}), **(one.metadata.labels or {})}
    names = [labels.get(f"{_LABEL}{part}", "") for part in ("namespace", "kind", "name")]
    if not any(names):
        names = [one.metadata.namespace or "", one.kind, one.metadata.name or ""]
    container = labels.get("trivy-operator.container.name", "")
    artifact = report.artifact or _Artifact()
    server = (report.registry.server if report.registry else None) or ""
    registry = "" if server in ("", "index.docker.io") else f"{server}/"
    image = f"{registry}{artifact.repository}" if artifact.repository else ""
    if image and artifact.tag:
        image = f"{image}:{artifact.tag}"
    system = report.os or _System()
    asset = AssetIdentity(
        cloud_id="kubernetes:" + "/".join(name for name in names if name),
        image=image,
        image_digest=artifact.digest or "",
        operating_system=f"{system.family or ''} {system.name or ''}".strip(),
        tags=(f"container:{container}",) if container else (),
    )
    when = report.update_timestamp or (one.status.update_timestamp if one.status else None)
    return _Setting(asset, parse_when(when), f"{one.kind}|{asset.cloud_id}|{container}")


_Maker = Callable[..., Finding]


def _vulnerability(record: Any, where: str, setting: _Setting) -> Finding:
    raw = convert(record, _Vulnerability)
    identifier = required(raw.vulnerability_id, "vulnerabilityID")
    name, version = required(raw.resource, "resource"), raw.installed_version or ""
    cves, aliases = split_ids(identifier)
    fixed = tuple(part for text in (raw.fixed_version or "").split(",") if (part := text.strip()))
    vectors = (
        vector
        for rated in (raw.cvss or {}).values()
        for vector in (rated.V40Vector, rated.V3Vector, rated.V2Vector)
        if vector
    )
    return Finding(
        where=where,
        identity=f"{setting.prefix}|{raw.target or ''}|{identifier}|{name}|{version}",
        asset=setting.asset,
        rule=f"trivy:{identifier}",
        title=raw.title or f"{identifier} in {name}",
        cves=cves,
        aliases=aliases,
        component=Component(
            name=name,
            ecosystem=raw.package_type or "",
            installed_version=version,
            fixed_versions=fixed,
            purl=raw.package_purl or "",
        ),
        severity=parse_severity(raw.severity or ""),
        severity_text=raw.severity or "",
        cvss_vectors=tuple(dict.fromkeys(vectors)),
        cvss_score=score_in_range(raw.score),
        last_seen=setting.last_seen,
        locations=tuple(path for path in (raw.package_path, raw.pkg_path, raw.target) if path),
        remedy=f"Update {name} to {' or '.join(fixed)}." if fixed else "",
        references=tuple(dict.fromkeys(link for link in (raw.primary_link, *(raw.links or ())) if link)),
    )


def _check(record: Any, where: str, setting: _Setting) -> Finding:
    raw = convert(record, _Check)
    # Old checks come without an id; then the title is what names them.
    identifier = required(raw.check_id or raw.title, "checkID")
    messages = "\n".join(raw.messages or ())
    return Finding(
        where=where,
        identity=f"{setting.prefix}|{raw.target or ''}|{identifier}|{messages}",
        asset=setting.asset,
        rule=f"trivy:{identifier}",
        title=raw.title or identifier,
        aliases=(identifier,) if raw.check_id else (),
        kind="misconfiguration",
        status="fixed" if raw.success else "open",
        severity=parse_severity(raw.severity or ""),
        severity_text=raw.severity or "",
        last_seen=setting.last_seen,
        locations=(raw.target,) if raw.target else (),
        evidence=trim_evidence(messages),
        remedy=raw.remediation or "",
    )


def _secret(record: Any, where: str, setting: _Setting) -> Finding:
    raw = convert(record, _Secret)
    identifier = required(raw.rule_id, "ruleID")
    return Finding(
        where=where,
        identity=f"{setting.prefix}|{raw.target or ''}|{identifier}|{raw.match or ''}",
        asset=setting.asset,
        rule=f"trivy:{identifier}",
        title=raw.title or identifier,
        kind="secret",
        severity=parse_severity(raw.severity or ""),
        severity_text=raw.severity or "",
        last_seen=setting.last_seen,
        locations=(raw.target,) if raw.target else (),
        evidence=trim_evidence(raw.match or ""),
    )


def _compliance(source: Source, status: _Status, setting: _Setting, place: str) -> Iterator[Finding | Fault]:
    """Read failed checks where the report keeps them, and failed controls where it keeps only counts."""
    for result in (status.detail_report.results if status.detail_report else None) or ():
        control = _Setting(setting.asset, setting.last_seen, f"{setting.prefix}|{result.id or ''}")
        for index, record in enumerate(result.checks or (), start=1):
            where = f"{place}, control {result.id or result.name or '?'}, check {index}"
            if isinstance(record, dict) and record.get("success") is False:
                record = {**record, "severity": record.get("severity") or result.severity}
                yield read_record(source, where, record, partial(_check, setting=control), "checkID")
            elif not isinstance(record, dict):
                yield record_fault(source, where, RecordError("The check is not an object."))
    for index, record in enumerate((status.summary_report or _SummaryReport()).control_check or (), start=1):
        where = f"{place}, control {index}"
        try:
            control_check = convert(record, _ControlCheck)
            required(control_check.id, "id")
        except RecordError as error:
            yield record_fault(source, where, error)
            continue
        if control_check.total_fail:
            yield _control(control_check, where, setting)


def _control(raw: _ControlCheck, where: str, setting: _Setting) -> Finding:
    return Finding(
        where=where,
        identity=f"{setting.prefix}|{raw.id}",
        asset=setting.asset,
        rule=f"trivy:{raw.id}",
        title=raw.name or raw.id,
        aliases=(raw.id,),
        kind="misconfiguration",
        severity=parse_severity(raw.severity or ""),
        severity_text=raw.severity or "",
        last_seen=setting.last_seen,
        evidence=f"{raw.total_fail} checks failed",
    )


FORMATS = (Format("trivy-operator-json", "Trivy Operator", "json", _sniff, _read),)
