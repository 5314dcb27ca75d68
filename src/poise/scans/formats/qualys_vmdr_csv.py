"""Qualys VMDR exports of the vulnerability list, by CVE and by QID, as CSV.

Three lines about the report come first unless the user leaves them out. Some exports quote every line once
more as a whole. The export by CVE has a row per CVE and check: a check with three CVEs on one asset is
three rows and one finding with three CVEs. ``'-`` stands for nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from poise.errors import Fault
from poise.scans.csvfields import kb_numbers, parse_score, tags_of
from poise.scans.csvrecords import read_rows
from poise.scans.csvstream import Column, has_header
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Finding, Status
from poise.scans.format import Format
from poise.scans.formats.qualys_terms import KINDS, SEVERITIES
from poise.scans.hosts import port_of, sort_names
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.joining import join_rows
from poise.scans.records import RecordError
from poise.scans.source import Source
from poise.scans.xmlfields import plain

_COLUMNS: Final[tuple[Column, ...]] = (
    "qid",
    "title",
    ("cve", "cves", "cve id"),
    "severity",
    "type detected",
    "status",
    "ignored",
    "disabled",
    ("asset id", "host id"),
    "asset name",
    "asset ipv4",
    "asset ipv6",
    "asset tags",
    "operating system",
    "port",
    "protocol",
    "first detected",
    "last detected",
    ("cvssv3.1 base (nvd)", "cvssv3.1 base", "cvssv3 base (nvd)"),
    ("cvssv2 base (nvd)", "cvssv2 base"),
    "solution",
    "results",
)
_NOTHING: Final = "'-"


def _is_header(names: frozenset[str]) -> bool:
    return {"qid", "title", "severity"} <= names and bool({"asset name", "asset ipv4", "asset id"} & names)


def _sniff(opening: str) -> bool:
    return has_header(opening, _is_header)


def _read(source: Source) -> Iterator[Finding | Fault]:
    return join_rows(read_rows(source, _is_header, _COLUMNS, _finding))


def _finding(row: tuple[str, ...], where: str) -> Finding:
    # fmt: off
    (qid, title, cve, risk, detected, state, ignored, disabled, asset_id, name, ip4, ip6, tags, system, port,
     protocol, first, last, score3, score2, solution, results) = (
        "" if cell == _NOTHING else cell for cell in row
    )
    # fmt: on
    rule = qid.strip() or cve.strip()
    if not rule:
        raise RecordError("The row names neither a check (QID) nor a CVE.", "E411")
    asset = _asset(asset_id, name, ip4, ip6, tags, system)
    if asset.label == "(unnamed asset)":
        raise RecordError(f"QID {rule}: the row names no asset.", "E411")
    kind = KINDS.get(detected.strip().lower(), "vulnerability")
    cves, aliases = split_ids(cve)
    return Finding(
        where=where,
        identity=f"{asset_id.strip() or asset.label}|{rule}",
        asset=asset,
        rule=f"qualys:{rule}",
        title=title.strip(),
        cves=cves,
        aliases=aliases,
        kind=kind,
        status=_status(state, ignored, disabled),
        severity=SEVERITIES.get(risk.strip()),
        severity_text=risk,
        cvss_score=parse_score(score3) or parse_score(score2),
        first_seen=parse_when(first, "mdy"),
        last_seen=parse_when(last, "mdy"),
        port=port_of(port, protocol),
        evidence=trim_evidence(results),
        remedy=plain(solution),
        remedy_ids=kb_numbers(title),
    )


@lru_cache(maxsize=16_384)
def _asset(asset_id: str, name: str, ip4: str, ip6: str, tags: str, system: str) -> AssetIdentity:
    hostnames, ips = sort_names(name, ip4, ip6)
    return AssetIdentity(
        hostnames=hostnames,
        ips=ips,
        agent_id=f"qualys:{asset_id.strip()}" if asset_id.strip() else "",
        operating_system=system.strip(),
        tags=tags_of(tags),
    )


def _status(state: str, ignored: str, disabled: str) -> Status:
    if state.strip().upper() == "FIXED":
        return "fixed"
    return "accepted" if "yes" in (ignored.strip().lower(), disabled.strip().lower()) else "open"


FORMATS = (Format("qualys-vmdr-csv", "Qualys VMDR", "csv", _sniff, _read),)
