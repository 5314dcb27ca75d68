"""PCI scan reports of Qualys and of its resellers (Sectigo HackerGuardian), as CSV.

``IP,HOSTNAME,LAST SCAN,QID,VULN TITLE,...``: one row per check, host and port. ``SEVERITY`` is the PCI level
by CVSS (H, M, L or in words), ``Q_SEVERITY`` Qualys' own from 1 to 5.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from poise.errors import Fault
from poise.scans.csvfields import parse_score
from poise.scans.csvrecords import read_rows
from poise.scans.csvstream import Column, has_header
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Finding, Severity
from poise.scans.format import Format
from poise.scans.formats.qualys_terms import KINDS, SEVERITIES
from poise.scans.hosts import port_of, sort_names
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.joining import join_rows
from poise.scans.records import RecordError
from poise.scans.severity import parse_severity
from poise.scans.source import Source
from poise.scans.xmlfields import plain

_COLUMNS: Final[tuple[Column, ...]] = (
    "ip",
    "hostname",
    "last scan",
    "qid",
    "vuln title",
    "type",
    "severity",
    "q_severity",
    "port",
    "protocol",
    "operating system",
    "false positive status",
    "cvss_base",
    "solution",
    "result",
    "cveid",
)
#: The PCI levels, which the reports also write as words.
_PCI_LEVELS: Final[dict[str, Severity]] = {"H": "high", "M": "medium", "L": "low"}
_DISMISSED: Final = frozenset({"approved", "accepted"})


def _is_header(names: frozenset[str]) -> bool:
    return {"qid", "vuln title"} <= names and bool({"ip", "hostname"} & names)


def _sniff(opening: str) -> bool:
    return has_header(opening, _is_header)


def _read(source: Source) -> Iterator[Finding | Fault]:
    return join_rows(read_rows(source, _is_header, _COLUMNS, _finding))


def _finding(row: tuple[str, ...], where: str) -> Finding:
    # fmt: off
    (ip, hostname, seen, qid, title, type_text, pci, level, port, protocol, system, dismissed, score,
     solution, result, cve) = row
    # fmt: on
    qid = qid.strip()
    if not qid:
        raise RecordError("The row names no check (QID).", "E411")
    hostnames, ips = sort_names(hostname, ip)
    if not hostnames and not ips:
        raise RecordError(f"QID {qid}: the row names no host.", "E411")
    kind = KINDS.get(type_text.strip().lower(), "vulnerability")
    cves, aliases = split_ids(cve)
    # Names share an address behind one load balancer: a web check is about the name.
    return Finding(
        where=where,
        identity=f"{hostname.strip() or ip.strip()}|{ip.strip()}|{qid}",
        asset=AssetIdentity(hostnames=hostnames, ips=ips, operating_system=system.strip()),
        rule=f"qualys:{qid}",
        title=title.strip(),
        cves=cves,
        aliases=aliases,
        kind=kind,
        status="false_positive" if dismissed.strip().lower() in _DISMISSED else "open",
        severity=SEVERITIES.get(level.strip()) or _PCI_LEVELS.get(pci.strip()) or parse_severity(pci),
        severity_text=level.strip() or pci.strip(),
        cvss_score=parse_score(score),
        last_seen=parse_when(seen),
        port=port_of(port, protocol),
        evidence=trim_evidence(result),
        remedy=plain(solution),
    )


FORMATS = (Format("qualys-pci-csv", "Qualys PCI / HackerGuardian", "csv", _sniff, _read),)
