"""GitLab's security reports and code quality.

Schemas: gitlab.com/gitlab-org/security-products/security-report-schemas.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from poise.errors import Fault
from poise.scans.codeplace import cwe_ids, fingerprint, place_of, secret_digest
from poise.scans.finding import AssetIdentity, Component, Finding, Kind, Provenance, Severity
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import inner, read_list, text
from poise.scans.records import RecordError, required, top_members
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_KINDS: Final[dict[str, Kind]] = {
    "sast": "code",
    "secret_detection": "secret",
    "dependency_scanning": "vulnerability",
    "container_scanning": "vulnerability",
    "cluster_image_scanning": "vulnerability",
    "dast": "web",
    "api_fuzzing": "web",
    "coverage_fuzzing": "code",
}
_QUALITY: Final[dict[str, Severity]] = {
    "blocker": "critical",
    "critical": "high",
    "major": "medium",
    "minor": "low",
    "info": "info",
}


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    if "scan.analyzer" in shape or ("scan.scanner" in shape and "scan.type" in shape):
        return True
    return "vulnerabilities[].identifiers" in shape and (
        "vulnerabilities[].location" in shape or "vulnerabilities[].category" in shape
    )


def _read(source: Source) -> Iterator[Finding | Fault | Provenance]:
    scan = top_members(source, frozenset(("scan",))).get("scan")
    status = text(inner(scan, "status"))
    if status and status != "success":
        yield source.fault("E418", f"GitLab's analyzer ended with the status {status[:40]!r}.")
    yield Provenance(
        tool=text(inner(scan, "scanner", "name")) or text(inner(scan, "analyzer", "name")),
        tool_version=text(inner(scan, "scanner", "version")) or text(inner(scan, "analyzer", "version")),
        started=parse_when(_utc(text(inner(scan, "start_time")))),
        finished=parse_when(_utc(text(inner(scan, "end_time")))),
    )
    yield from read_list(source, _Maker(_KINDS.get(text(inner(scan, "type")))), member="vulnerabilities")


def _utc(when: str) -> str:
    """Return a time of ``scan``, which the schema wants in UTC and without an offset."""
    return f"{when}Z" if len(when) == 19 else when


class _Maker:
    """Makes findings of a report of one type."""

    def __init__(self, kind: Kind | None) -> None:
        self._kind = kind

    def __call__(self, record: Any, where: str) -> Iterator[Finding]:
        listed = inner(record, "identifiers")
        names = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        spot = inner(record, "location")
        if not names or not isinstance(spot, dict):
            raise RecordError(
                "The record has no identifiers or no location, which the schema requires.", "E411"
            )
        category = text(inner(record, "category"))
        kind: Kind = _KINDS.get(category) or self._kind or "vulnerability"
        values = [(text(one.get("type")).lower(), text(one.get("value"))) for one in names]
        ids = [
            value
            for type_name, value in values
            if type_name in ("cve", "ghsa", "osvdb", "usn", "rhsa", "elsa")
        ]
        cves, aliases = split_ids(ids)
        first = values[0] if values else ("", "")
        identifier = text(inner(record, "id"))
        rule = required(first[1] or text(inner(record, "name")) or identifier, "identifiers")
        part = inner(spot, "dependency")
        path, line = text(inner(spot, "file")) or _url(spot), inner(spot, "start_line")
        name, version = text(inner(part, "package", "name")), text(inner(part, "version"))
        word = text(inner(record, "severity"))
        image = text(inner(spot, "image"))
        title = text(inner(record, "name")) or text(inner(record, "message")) or rule
        links = inner(record, "links")
        extract = text(inner(record, "raw_source_code_extract"))
        yield Finding(
            where=where,
            identity=identifier or f"{rule}|{path}|{line}|{name}|{version}|{image}",
            asset=AssetIdentity(image=image, operating_system=text(inner(spot, "operating_system"))),
            rule=f"gitlab:{rule}",
            title=title,
            cves=cves,
            aliases=aliases,
            component=Component(name, "", version),
            kind=kind,
            severity=parse_severity(word),
            severity_text=word,
            locations=(path,) if path else (),
            evidence=text(inner(record, "description"))[:2_000],
            remedy=text(inner(record, "solution"))[:400],
            references=tuple(url for one in links if isinstance(one, dict) and (url := text(one.get("url"))))
            if isinstance(links, list)
            else (),
            place=place_of(path, line, inner(spot, "end_line"), snippet="" if kind == "secret" else extract),
            fingerprints=fingerprint("gitlab", identifier) if kind != "secret" else (),
            cwes=cwe_ids(value for type_name, value in values if type_name == "cwe"),
            reachable={"in_use": True, "not_found": False}.get(text(inner(record, "reachability"))),
            secret_digest=secret_digest(extract) if kind == "secret" else "",
        )


def _url(spot: Any) -> str:
    host, path = text(inner(spot, "hostname")), text(inner(spot, "path"))
    return f"{host}{path}" if host else path


def _sniff_quality(head: str) -> bool:
    shape = shape_of(head)
    return "[].fingerprint" in shape and "[].location.path" in shape and "[].description" in shape


def _read_quality(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _quality)


def _quality(record: Any, where: str) -> Iterator[Finding]:
    mark = required(text(inner(record, "fingerprint")), "fingerprint")
    path = required(text(inner(record, "location", "path")), "location.path")
    line = inner(record, "location", "lines", "begin") or inner(
        record, "location", "positions", "begin", "line"
    )
    word = text(inner(record, "severity"))
    check = text(inner(record, "check_name")) or "code-quality"
    yield Finding(
        where=where,
        identity=f"{mark}|{path}|{line}",
        asset=AssetIdentity(),
        rule=f"code-quality:{check}",
        title=text(inner(record, "description")) or check,
        kind="code",
        severity=_QUALITY.get(word.lower()),
        severity_text=word,
        place=place_of(path, line, inner(record, "location", "lines", "end")),
        fingerprints=fingerprint("code-quality", mark),
    )


FORMATS = (
    Format("gitlab-security-json", "GitLab security report", "json", _sniff, _read),
    Format("gitlab-quality-json", "GitLab code quality", "json", _sniff_quality, _read_quality),
)
