"""The four kinds of records in a result of Trivy: vulnerability, misconfiguration, secret, licence."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, Final

import msgspec

from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.records import RecordError, Texts, convert, required, score_in_range
from poise.scans.severity import parse_severity


class _Cvss(msgspec.Struct):
    V2Vector: str | None = None
    V3Vector: str | None = None
    V40Vector: str | None = None
    V2Score: float | None = None
    V3Score: float | None = None
    V40Score: float | None = None


class _PackageIdentifier(msgspec.Struct):
    PURL: str | None = None


class _Vulnerability(msgspec.Struct):
    VulnerabilityID: str
    PkgName: str
    VendorIDs: Texts = None
    PkgPath: str | None = None
    PkgIdentifier: _PackageIdentifier | None = None
    InstalledVersion: str | None = None
    FixedVersion: str | None = None
    Status: str | None = None
    SeveritySource: str | None = None
    PrimaryURL: str | None = None
    Title: str | None = None
    Severity: str | None = None
    CVSS: dict[str, _Cvss] | None = None
    References: Texts = None


class _Cause(msgspec.Struct):
    Resource: str | None = None
    StartLine: int | None = None
    EndLine: int | None = None


class _Misconfiguration(msgspec.Struct):
    ID: str
    AVDID: str | None = None
    Title: str | None = None
    Message: str | None = None
    Resolution: str | None = None
    Severity: str | None = None
    PrimaryURL: str | None = None
    References: Texts = None
    Status: str | None = None
    CauseMetadata: _Cause | None = None


class _Secret(msgspec.Struct):
    RuleID: str
    Category: str | None = None
    Severity: str | None = None
    Title: str | None = None
    StartLine: int | None = None
    EndLine: int | None = None
    Match: str | None = None


class _License(msgspec.Struct):
    Name: str
    Severity: str | None = None
    Category: str | None = None
    PkgName: str | None = None
    FilePath: str | None = None
    Link: str | None = None


class Setting(msgspec.Struct, frozen=True):
    """What all records of one list share."""

    asset: AssetIdentity
    target: str
    ecosystem: str
    last_seen: datetime | None
    #: Separates the findings of one asset and target from all others.
    prefix: str


Maker = Callable[..., Finding]

#: Trivy's word for what the distributor does about it: https://trivy.dev/docs, "vulnerability status".
_STATUSES: Final[dict[str, Status]] = {"not_affected": "false_positive"}


def _vulnerability(record: Any, where: str, setting: Setting) -> Finding:
    raw = convert(record, _Vulnerability)
    identifier = required(raw.VulnerabilityID, "VulnerabilityID")
    cves, aliases = split_ids((identifier, *(raw.VendorIDs or ())))
    name, version = required(raw.PkgName, "PkgName"), raw.InstalledVersion or ""
    vectors, score = _cvss(raw)
    fixed = tuple(part for text in (raw.FixedVersion or "").split(",") if (part := text.strip()))
    status = raw.Status or ""
    return Finding(
        where=where,
        identity=f"{setting.prefix}|{identifier}|{name}|{version}",
        asset=setting.asset,
        rule=f"trivy:{identifier}",
        title=raw.Title or f"{identifier} in {name}",
        cves=cves,
        aliases=aliases,
        component=Component(
            name=name,
            ecosystem=setting.ecosystem,
            installed_version=version,
            fixed_versions=fixed,
            purl=(raw.PkgIdentifier.PURL or "") if raw.PkgIdentifier else "",
        ),
        status=_STATUSES.get(status, "open"),
        severity=parse_severity(raw.Severity or ""),
        severity_text=raw.Severity or "",
        last_seen=setting.last_seen,
        cvss_vectors=vectors,
        cvss_score=score,
        locations=tuple(path for path in (raw.PkgPath, setting.target) if path),
        evidence=f"status: {status}" if status else "",
        remedy=f"Update {name} to {' or '.join(fixed)}." if fixed else "",
        references=tuple(
            dict.fromkeys((*((raw.PrimaryURL,) if raw.PrimaryURL else ()), *(raw.References or ())))
        ),
    )


def _cvss(raw: _Vulnerability) -> tuple[tuple[str, ...], float | None]:
    """Return the vectors, and the score of the source that Trivy took the severity from.

    Without that source's score, NVD's counts; the newest CVSS version of a source comes first.
    """
    if not raw.CVSS:
        return (), None
    preferred = [raw.SeveritySource, "nvd"]
    sources = sorted(
        raw.CVSS, key=lambda name: preferred.index(name) if name in preferred else len(preferred)
    )
    vectors: dict[str, None] = {}
    score: float | None = None
    for name in sources:
        rated = raw.CVSS[name]
        for vector in (rated.V40Vector, rated.V3Vector, rated.V2Vector):
            if vector:
                vectors[vector] = None
        for number in (rated.V40Score, rated.V3Score, rated.V2Score):
            if score is None and number:
                score = score_in_range(number)
    return tuple(vectors), score


def _misconfiguration(record: Any, where: str, setting: Setting) -> Finding:
    raw = convert(record, _Misconfiguration)
    identifier = required(raw.ID, "ID")
    cause = raw.CauseMetadata or _Cause()
    lines = f"{cause.StartLine}-{cause.EndLine}" if cause.StartLine else ""
    message = raw.Message or ""
    status: Status = "open"
    if raw.Status == "PASS":
        status = "fixed"
    elif raw.Status == "EXCEPTION":
        status = "accepted"
    return Finding(
        where=where,
        identity=f"{setting.prefix}|{identifier}|{cause.Resource or ''}|{lines}|{message}",
        asset=setting.asset,
        rule=f"trivy:{identifier}",
        title=raw.Title or identifier,
        aliases=tuple(dict.fromkeys(name for name in (identifier, raw.AVDID) if name)),
        component=Component(name=cause.Resource or ""),
        kind="misconfiguration",
        status=status,
        severity=parse_severity(raw.Severity or ""),
        severity_text=raw.Severity or "",
        last_seen=setting.last_seen,
        locations=(f"{setting.target}:{lines}" if lines else setting.target,),
        evidence=trim_evidence(message),
        remedy=raw.Resolution or "",
        references=tuple(
            dict.fromkeys((*((raw.PrimaryURL,) if raw.PrimaryURL else ()), *(raw.References or ())))
        ),
    )


def _secret(record: Any, where: str, setting: Setting) -> Finding:
    raw = convert(record, _Secret)
    identifier = required(raw.RuleID, "RuleID")
    lines = f"{raw.StartLine}-{raw.EndLine}" if raw.StartLine else ""
    return Finding(
        where=where,
        identity=f"{setting.prefix}|{identifier}|{lines}|{raw.Match or ''}",
        asset=setting.asset,
        rule=f"trivy:{identifier}",
        title=raw.Title or identifier,
        kind="secret",
        severity=parse_severity(raw.Severity or ""),
        severity_text=raw.Severity or "",
        last_seen=setting.last_seen,
        locations=(f"{setting.target}:{lines}" if lines else setting.target,),
        evidence=trim_evidence(raw.Match or ""),
    )


def _license(record: Any, where: str, setting: Setting) -> Finding:
    raw = convert(record, _License)
    identifier = required(raw.Name, "Name")
    return Finding(
        where=where,
        identity=f"{setting.prefix}|{identifier}|{raw.PkgName or ''}|{raw.FilePath or ''}",
        asset=setting.asset,
        rule=f"trivy:{identifier}",
        title=f"{identifier} licence of {raw.PkgName or raw.FilePath or setting.target}",
        component=Component(name=raw.PkgName or "", ecosystem=setting.ecosystem),
        kind="licence",
        severity=parse_severity(raw.Severity or ""),
        severity_text=raw.Severity or "",
        last_seen=setting.last_seen,
        locations=tuple(path for path in (raw.FilePath, setting.target) if path),
        evidence=raw.Category or "",
        references=(raw.Link,) if raw.Link else (),
    )


class _Modified(msgspec.Struct):
    """What ``--show-suppressed`` adds: a finding that an ignore file or a VEX document has set aside."""

    Type: str
    Finding: dict[str, Any]
    Status: str | None = None
    Statement: str | None = None
    Source: str | None = None


_MODIFIED_KINDS: Final[dict[str, Maker]] = {
    "vulnerability": _vulnerability,
    "misconfiguration": _misconfiguration,
    "secret": _secret,
    "license": _license,
}
_MODIFIED_STATUSES: Final[dict[str, Status]] = {"not_affected": "false_positive", "fixed": "fixed"}


def _modified(record: Any, where: str, setting: Setting) -> Finding:
    raw = convert(record, _Modified)
    make = _MODIFIED_KINDS.get(raw.Type)
    if make is None:
        raise RecordError(
            f"The field Type is {raw.Type[:40]!r}, expected one of {', '.join(_MODIFIED_KINDS)}."
        )
    reason = "; ".join(text for text in (raw.Status, raw.Statement, raw.Source) if text)
    return msgspec.structs.replace(
        make(raw.Finding, where, setting),
        status=_MODIFIED_STATUSES.get(raw.Status or "", "accepted"),
        evidence=trim_evidence(reason),
    )


#: For each list of records: how to make a finding, the record's type, and the field that names it in a fault.
MAKERS: Final[dict[str, tuple[Maker, type[msgspec.Struct], str]]] = {
    "Vulnerabilities": (_vulnerability, _Vulnerability, "VulnerabilityID"),
    "Misconfigurations": (_misconfiguration, _Misconfiguration, "ID"),
    "Secrets": (_secret, _Secret, "RuleID"),
    "Licenses": (_license, _License, "Name"),
    "ExperimentalModifiedFindings": (_modified, _Modified, "Type"),
}
