"""Qualys CSV scan reports: ``"IP","Network","DNS","NetBIOS",...,"QID","Title",...`` behind report lines.

One row is one detection: one check (QID) on one host, per port and instance. A check that covers several
CVEs lists them in one cell. ``Type`` tells confirmed (``Vuln``) and potential (``Practice``) detections from
information gathered (``Ig``).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from poise.errors import Fault
from poise.scans.csvfields import kb_numbers, parse_score, tags_of
from poise.scans.csvrecords import read_rows
from poise.scans.csvstream import Column, has_header
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Finding
from poise.scans.format import Format
from poise.scans.formats.qualys_terms import KINDS, SEVERITIES, STATUSES
from poise.scans.hosts import port_of, sort_names
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.joining import join_rows
from poise.scans.records import RecordError
from poise.scans.source import Source
from poise.scans.xmlfields import plain

_COLUMNS: Final[tuple[Column, ...]] = (
    "ip",
    "dns",
    "netbios",
    "fqdn",
    "os",
    "qid",
    "title",
    ("vuln status", "status"),
    "type",
    "severity",
    "port",
    "protocol",
    "first detected",
    "last detected",
    ("cve id", "cve"),
    "vendor reference",
    ("cvss3.1 base", "cvss3 base"),
    ("cvss base", "cvss"),
    "solution",
    ("results", "result"),
    "qg host id",
    "associated tags",
    "ip status",
)
_VECTOR = re.compile(r"\(([^()]*:[^()]*)\)")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def _is_header(names: frozenset[str]) -> bool:
    return {"ip", "qid", "title", "severity"} <= names and bool({"dns", "netbios", "type"} & names)


def _sniff(opening: str) -> bool:
    return has_header(opening, _is_header)


def _read(source: Source) -> Iterator[Finding | Fault]:
    return join_rows(read_rows(source, _is_header, _COLUMNS, _finding))


def _finding(row: tuple[str, ...], where: str) -> Finding | None:
    # fmt: off
    (ip, dns, netbios, fqdn, system, qid, title, state, kind_text, risk, port, protocol, first, last,
     cve, vendor, cvss3, cvss2, solution, result, host_id, tags, ip_status) = row
    # fmt: on
    qid = qid.strip()
    if not qid:
        # Reports list hosts without a detection as well: "host scanned, no vuln", "host not scanned, ...".
        if ip_status.strip() and not title.strip():
            return None
        raise RecordError("The row names no check (QID).", "E411")
    asset = _asset(ip, dns, netbios, fqdn, system, host_id, tags)
    if asset.label == "(unnamed asset)":
        raise RecordError(f"QID {qid}: the row names no host.", "E411")
    kind = KINDS.get(kind_text.strip().lower(), "vulnerability")
    cves, aliases = split_ids(cve)
    place = port_of(port, protocol)
    identity = f"{ip.strip() or asset.label}|{qid}"
    return Finding(
        where=where,
        identity=f"{identity}|{place}" if kind == "information" else identity,
        asset=asset,
        rule=f"qualys:{qid}",
        title=title.strip(),
        cves=cves,
        aliases=aliases,
        kind=kind,
        status=STATUSES.get(state.strip().lower(), "open"),
        severity="info" if kind == "information" else SEVERITIES.get(risk.strip()),
        severity_text=risk,
        cvss_vectors=_vectors(cvss3, cvss2),
        cvss_score=parse_score(cvss3) or parse_score(cvss2),
        first_seen=parse_when(first, "mdy"),
        last_seen=parse_when(last, "mdy"),
        port=place,
        evidence=trim_evidence(result),
        remedy=plain(solution),
        remedy_ids=_remedy_ids(title, vendor),
    )


@lru_cache(maxsize=16_384)
def _asset(ip: str, dns: str, netbios: str, fqdn: str, system: str, host_id: str, tags: str) -> AssetIdentity:
    hostnames, ips = sort_names(fqdn, dns, netbios, ip)
    return AssetIdentity(
        hostnames=hostnames,
        ips=ips,
        agent_id=f"qualys:{host_id.strip()}" if host_id.strip() else "",
        operating_system=system.strip(),
        tags=tags_of(tags),
    )


@lru_cache(maxsize=4_096)
def _vectors(cvss3: str, cvss2: str) -> tuple[str, ...]:
    """Return the vectors behind the scores: ``8.1 (AV:N/AC:H/...)``, written without their version."""
    third, second = _VECTOR.search(cvss3), _VECTOR.search(cvss2)
    vector3 = third[1] if third and "/PR:" in third[1] else ""
    found = (vector3 and f"CVSS:3.1/{vector3}", second[1] if second and "/Au:" in second[1] else "")
    return tuple(vector for vector in found if vector)


@lru_cache(maxsize=4_096)
def _remedy_ids(title: str, vendor: str) -> tuple[str, ...]:
    """Return KB numbers and the vendor's advisories (``RHSA-2021:0347, KB5003197``)."""
    words = [word.strip() for word in re.split(r"[,;]", vendor)]
    advisories = [word for word in words if " " not in word and any(letter.isdigit() for letter in word)]
    return tuple(dict.fromkeys((*advisories, *kb_numbers(f"{title} {vendor}"))))


FORMATS = (Format("qualys-csv", "Qualys VM scan report", "csv", _sniff, _read),)
