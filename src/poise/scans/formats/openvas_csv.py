"""OpenVAS and Greenbone CSV reports: ``IP,Hostname,Port,Port Protocol,CVSS,Severity,...,NVT Name,...``.

The layouts of Greenbone versions differ in their columns (some have QoD or EPSS), not in their meaning. One
row is one result: one check (NVT) on one host at one port. A CVE scan has the CVE id in place of the check's
OID.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from poise.errors import Fault
from poise.scans.csvfields import kb_numbers, parse_score, words_of
from poise.scans.csvrecords import read_rows
from poise.scans.csvstream import Column, has_header
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Component, Finding, Kind
from poise.scans.format import Format
from poise.scans.hosts import port_of, sort_names
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.joining import join_rows
from poise.scans.records import RecordError
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_COLUMNS: Final[tuple[Column, ...]] = (
    "ip",
    "hostname",
    "port",
    "port protocol",
    "cvss",
    "severity",
    "nvt name",
    "specific result",
    ("nvt oid", "oid"),
    ("cves", "cve"),
    "timestamp",
    "solution",
    "product detection result",
    "certs",
    ("other references", "references"),
    ("false positive", "falsepositive"),
)
_CPE = re.compile(r"cpe:/[aoh]:[^:\s]+:([^:\s]+)(?::([^:\s]+))?")
_INSTALLED = re.compile(r"^[ \t]*Installed version:[ \t]*(\S+)", re.MULTILINE)
_FIXED = re.compile(r"^[ \t]*Fixed version:[ \t]*(\S[^\r\n]*)", re.MULTILINE)


def _is_header(names: frozenset[str]) -> bool:
    return {"nvt name", "severity"} <= names and bool({"ip", "hostname"} & names)


def _sniff(opening: str) -> bool:
    return has_header(opening, _is_header)


def _read(source: Source) -> Iterator[Finding | Fault]:
    return join_rows(read_rows(source, _is_header, _COLUMNS, _finding))


def _finding(row: tuple[str, ...], where: str) -> Finding:
    # fmt: off
    (ip, hostname, port, protocol, score, risk, title, result, oid, cve, seen, solution, product, certs,
     references, false_positive) = row
    # fmt: on
    rule = oid.strip() or title.strip()
    if not rule:
        raise RecordError("The row names no check (NVT).", "E411")
    asset = _asset(ip, hostname)
    if not asset.hostnames and not asset.ips:
        raise RecordError(f"Check {rule}: the row names no host.", "E411")
    # A CVE scan has no column for its CVE but the check's own id and name.
    cves, aliases = split_ids(cve) if cve.strip() else (split_ids(oid)[0], ())
    severity = parse_severity(risk)
    kind: Kind = "information" if severity == "info" else "vulnerability"
    place = port_of(port, protocol)
    identity = f"{ip.strip() or hostname.strip()}|{rule}|{title.strip()}"
    return Finding(
        where=where,
        identity=f"{identity}|{place}" if kind == "information" else identity,
        asset=asset,
        rule=f"openvas:{rule}",
        title=title.strip(),
        cves=cves,
        aliases=aliases,
        component=_component(result, product),
        kind=kind,
        status="false_positive" if false_positive.strip().lower() in ("1", "true", "yes") else "open",
        severity=severity,
        severity_text=risk,
        cvss_score=parse_score(score),
        first_seen=None,
        last_seen=parse_when(seen),
        port=place,
        evidence=trim_evidence(result),
        remedy=solution.strip(),
        remedy_ids=kb_numbers(title),
        references=words_of(f"{certs} {references}"),
    )


@lru_cache(maxsize=16_384)
def _asset(ip: str, hostname: str) -> AssetIdentity:
    hostnames, ips = sort_names(hostname, ip)
    return AssetIdentity(hostnames=hostnames, ips=ips)


def _component(result: str, product: str) -> Component:
    named = _CPE.search(product) or _CPE.search(result[:500])
    installed = _INSTALLED.search(result) if "nstalled version:" in result else None
    fixed = _FIXED.search(result) if "ixed version:" in result else None
    if not (named or installed or fixed):
        return Component()
    fixes = re.split(r"\s*(?:/|,|;|\bor\b)\s*", fixed[1].strip()) if fixed else []
    return Component(
        name=named[1] if named else "",
        installed_version=installed[1] if installed else (named[2] or "") if named else "",
        # "None" and "See advisory" name no version.
        fixed_versions=tuple(dict.fromkeys(fix for fix in fixes if fix[:1].isdigit())),
    )


FORMATS = (Format("openvas-csv", "OpenVAS / Greenbone", "csv", _sniff, _read),)
