"""Tenable's CSV exports: Nessus, web application scans, Security Center and Vulnerability Management.

Vulnerability Management has two layouts, an older one and one with ``definition.*`` and ``asset.*`` columns.
Which columns an export has is chosen by its user, so all layouts share one table of column names. A plugin
that checks several CVEs gets one row per CVE (Nessus, Vulnerability Management) or one row with all of them
(Security Center); rows of one plugin on one host are one finding. Ports do not tell vulnerabilities apart,
because one remedy closes all of them; they do tell apart what is only information about a service.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from poise.errors import Fault
from poise.scans.csvfields import parse_score, words_of
from poise.scans.csvrecords import read_rows
from poise.scans.csvstream import Column, has_header
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Component, Finding, Kind, Severity, Status
from poise.scans.format import Format
from poise.scans.formats.nessus_output import advisory_ids, component_of
from poise.scans.hosts import port_of, sort_names
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.joining import join_rows
from poise.scans.records import RecordError
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_COLUMNS: Final[tuple[Column, ...]] = (
    ("plugin id", "plugin", "definition.id"),
    ("name", "plugin name", "definition.name"),
    ("risk", "severity", "definition.severity"),
    ("host", "asset.name", "asset.host_name"),
    ("dns name", "fqdn", "asset.display_fqdn", "asset.fqdns"),
    ("netbios name", "netbios", "asset.netbios_name"),
    ("ip address", "asset.display_ipv4_address", "asset.ipv4_addresses"),
    ("asset.display_ipv6_address", "asset.ipv6_addresses"),
    "protocol",
    "port",
    ("cve", "definition.cve"),
    ("plugin output", "plugin text", "output"),
    ("solution", "steps to remediate", "definition.solution"),
    ("see also", "definition.see_also"),
    ("cvss v2 vector", "cvss vector", "definition.cvss2.base_vector"),
    ("cvss v3 vector", "cvss3 vector", "cvss v3.0 vector", "definition.cvss3.base_vector"),
    ("cvss v4 vector", "cvss4 vector", "cvss v4.0 vector", "definition.cvss4.base_vector"),
    (
        "cvss",
        "cvss v2.0 base score",
        "cvss v2 base score",
        "cvss base score",
        "definition.cvss2.base_score",
    ),
    (
        "cvssv3",
        "cvss v3.0 base score",
        "cvss v3 base score",
        "cvss3 base score",
        "definition.cvss3.base_score",
    ),
    ("cvss v4.0 base score", "cvss v4 base score", "cvss4 base score", "definition.cvss4.base_score"),
    ("cpe", "definition.cpe"),
    ("xref", "cross references", "definition.references"),
    "mskb",
    ("first found", "first discovered", "first_observed"),
    ("last found", "last observed", "last_seen"),
    ("vulnerability state", "state"),
    "accept risk comment",
    "risk_modified",
    ("agent id", "asset uuid", "asset.id"),
    ("os", "asset.operating_system"),
    "asset.tags",
)

#: Tenable's numeric severities ("Severity Levels" in its documentation).
_NUMBERS: Final[dict[str, Severity]] = {"0": "info", "1": "low", "2": "medium", "3": "high", "4": "critical"}
#: Results of compliance checks, which Nessus writes into the column of the risk.
_COMPLIANCE: Final = frozenset({"failed", "warning", "error", "passed"})
_REFERENCE = re.compile(r"([A-Za-z][\w-]*)(?::|\s#|=\[)\s*([\w:./-]+)")
#: A longer output is hardly the same on two hosts.
_REMEMBERED_CHARACTERS: Final = 1_000
_TITLE_KB = re.compile(r"\bKB(\d{6,8})\b")
_TAG = re.compile(r'"category"\s*:\s*"([^"]*)"\s*,\s*"value"\s*:\s*"([^",}]*)')


def _is_header(names: frozenset[str]) -> bool:
    hosts = {"host", "ip address", "dns name", "netbios name"}
    return (
        {"plugin id", "name", "host"} <= names
        or ({"plugin", "plugin name"} <= names and bool(hosts & names))
        or ("definition.id" in names and any(name.startswith("asset.") for name in names))
    )


def _sniff(opening: str) -> bool:
    return has_header(opening, _is_header)


def _read(source: Source) -> Iterator[Finding | Fault]:
    return join_rows(read_rows(source, _is_header, _COLUMNS, _finding))


def _finding(row: tuple[str, ...], where: str) -> Finding:
    # fmt: off
    (plugin, title, risk, host, fqdn, netbios, ip, ip6, protocol, port, cve, output, solution, see_also,
     vector2, vector3, vector4, score2, score3, score4, cpe, xref, mskb, first, last, state, accepted,
     modified, agent, system, tags) = row
    # fmt: on
    if not plugin.strip():
        raise RecordError("The row names no plugin.", "E411")
    asset = _asset(host, fqdn, netbios, ip, ip6, agent, system, tags)
    if asset.label == "(unnamed asset)":
        raise RecordError(f"Plugin {plugin}: the row names no host.", "E411")
    kind, severity = _kind_and_severity(risk)
    cves, others = split_ids(cve)
    aliases, remedy_ids = _advisories(title, xref, mskb)
    port = port_of(port, protocol)
    name = host.strip() or ip.strip() or ip6.strip() or fqdn.strip() or asset.label
    identity = f"{name}|{plugin.strip()}"
    return Finding(
        where=where,
        identity=f"{identity}|{port}" if kind == "information" else identity,
        asset=asset,
        rule=f"nessus:{plugin.strip()}",
        title=title,
        cves=cves,
        aliases=(*others, *aliases) if others else aliases,
        component=_component(cpe, output),
        kind=kind,
        status=_status(risk, state, accepted, modified),
        severity=severity,
        severity_text=risk,
        cvss_vectors=_vectors(vector2, vector3, vector4),
        cvss_score=parse_score(score3) or parse_score(score4) or parse_score(score2),
        first_seen=parse_when(first, "mdy"),
        last_seen=parse_when(last, "mdy"),
        port=port,
        evidence=trim_evidence(output),
        remedy="" if solution.lower() == "n/a" else solution,
        remedy_ids=remedy_ids,
        references=words_of(see_also),
    )


@lru_cache(maxsize=16_384)
def _asset(
    host: str, fqdn: str, netbios: str, ip: str, ip6: str, agent: str, system: str, tags: str
) -> AssetIdentity:
    hostnames, ips = sort_names(host, fqdn, netbios, ip, ip6)
    return AssetIdentity(
        hostnames=hostnames,
        ips=ips,
        agent_id=f"nessus:{agent.strip()}" if agent.strip() else "",
        operating_system=system.strip(),
        tags=tuple(f"{category}:{value}" for category, value in _TAG.findall(tags)),
    )


@lru_cache(maxsize=256)
def _kind_and_severity(risk: str) -> tuple[Kind, Severity | None]:
    word = risk.strip().lower()
    if word in _COMPLIANCE:
        return "misconfiguration", None
    severity = _NUMBERS.get(word) or parse_severity(word)
    return ("information" if severity == "info" else "vulnerability"), severity


@lru_cache(maxsize=256)
def _status(risk: str, state: str, accepted: str, modified: str) -> Status:
    if state.strip().lower() == "fixed" or risk.strip().lower() == "passed":
        return "fixed"
    return "accepted" if accepted.strip() or modified.strip().upper() == "ACCEPTED" else "open"


@lru_cache(maxsize=4_096)
def _vectors(vector2: str, vector3: str, vector4: str) -> tuple[str, ...]:
    """Return vectors with the prefix that their version has; Tenable leaves it out or writes ``CVSS2#``."""
    found = (
        vector4 and (vector4 if vector4.startswith("CVSS:") else f"CVSS:4.0/{vector4}"),
        vector3
        and (vector3 if vector3.startswith("CVSS:") else f"CVSS:3.0/{vector3.removeprefix('CVSS3#')}"),
        vector2.removeprefix("CVSS2#"),
    )
    return tuple(vector for vector in found if vector)


def _component(cpe: str, output: str) -> Component:
    # The search for versions is the dearest part of a row; most outputs tell none, and like hosts the same.
    if not ("ersion" in output or "ackage" in output or "hould be" in output):
        output = ""
    if len(output) <= _REMEMBERED_CHARACTERS:
        return _remembered_component(cpe, output)
    return component_of(list(words_of(cpe)), output)


@lru_cache(maxsize=16_384)
def _remembered_component(cpe: str, output: str) -> Component:
    return component_of(list(words_of(cpe)), output)


@lru_cache(maxsize=16_384)
def _advisories(title: str, xref: str, mskb: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return aliases and remedy ids; Security Center writes ``MSFT #MS17-010``, Nessus ``MSFT:MS17-010``."""
    aliases, remedies = advisory_ids(f"{kind}:{name}" for kind, name in _REFERENCE.findall(xref))
    numbers = [*re.findall(r"\d{6,8}", mskb), *_TITLE_KB.findall(title)]
    return aliases, tuple(dict.fromkeys((*remedies, *(f"KB{number}" for number in numbers))))


FORMATS = (
    Format(
        "tenable-csv", "Tenable (Nessus, Security Center, Vulnerability Management)", "csv", _sniff, _read
    ),
)
