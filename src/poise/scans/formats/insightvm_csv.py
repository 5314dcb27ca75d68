"""Rapid7 InsightVM and Nexpose CSV: "Basic Vulnerability Check Results" and exports with chosen columns.

One row is the result of one check on one asset and port. ``Vulnerability Test Result Code`` is documented as
``ve`` (exploited), ``vv`` (by version) and ``vp`` (potential); every other code says that the asset is not
vulnerable or that the check did not run, and is no finding. ``ee``, ``ev`` and ``ep`` are the same three
where a person excluded the vulnerability.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from poise.errors import Fault
from poise.scans.csvfields import parse_score
from poise.scans.csvrecords import read_rows
from poise.scans.csvstream import Column, has_header
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Finding, Severity
from poise.scans.format import Format
from poise.scans.hosts import port_of, sort_names
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.joining import join_rows
from poise.scans.records import RecordError
from poise.scans.severity import parse_severity
from poise.scans.source import Source
from poise.scans.xmlfields import plain

_COLUMNS: Final[tuple[Column, ...]] = (
    "vulnerability id",
    "vulnerability title",
    ("vulnerability cve ids", "vulnerability cves"),
    "vulnerability test result code",
    ("vulnerability severity level", "vulnerability severity"),
    "asset ip address",
    ("asset names", "asset name", "asset host name"),
    ("asset os name", "asset os"),
    "asset id",
    "service port",
    "service protocol",
    "vulnerability cvssv3 vector",
    "vulnerability cvss vector",
    "vulnerability cvssv3 score",
    "vulnerability cvss score",
    "vulnerable since",
    "vulnerability test date",
    ("vulnerability proof", "vulnerability test result proof"),
    ("vulnerability solution", "solution"),
    ("vulnerability reference ids", "vulnerability references"),
)
_VULNERABLE: Final = frozenset({"ve", "vv", "vp", ""})
_EXCEPTED: Final = frozenset({"ev", "ee", "ep"})
_URL = re.compile(r"https?://[^\s,;\"'<>]+")


def _is_header(names: frozenset[str]) -> bool:
    return "vulnerability id" in names and bool({"asset ip address", "asset names", "asset name"} & names)


def _sniff(opening: str) -> bool:
    return has_header(opening, _is_header)


def _read(source: Source) -> Iterator[Finding | Fault]:
    return join_rows(read_rows(source, _is_header, _COLUMNS, _finding))


def _finding(row: tuple[str, ...], where: str) -> Finding | None:
    # fmt: off
    (rule, title, cve, code, risk, ip, names, system, asset_id, port, protocol, vector3, vector2, score3,
     score2, first, last, proof, solution, references) = row
    # fmt: on
    code = code.strip().lower()
    if code not in _VULNERABLE and code not in _EXCEPTED:
        return None
    rule = rule.strip()
    if not rule:
        raise RecordError("The row names no vulnerability.", "E411")
    asset = _asset(ip, names, system, asset_id)
    if asset.label == "(unnamed asset)":
        raise RecordError(f"Vulnerability {rule}: the row names no asset.", "E411")
    cves, aliases = split_ids(cve)
    return Finding(
        where=where,
        identity=f"{ip.strip() or asset.label}|{rule}",
        asset=asset,
        rule=f"nexpose:{rule}",
        title=title.strip() or rule,
        cves=cves,
        aliases=aliases,
        status="accepted" if code in _EXCEPTED else "open",
        severity=_severity(risk),
        severity_text=risk,
        cvss_vectors=tuple(vector for cell in (vector3, vector2) if (vector := cell.strip().strip("()"))),
        cvss_score=parse_score(score3) or parse_score(score2),
        first_seen=parse_when(first),
        last_seen=parse_when(last),
        port=port_of(port, protocol),
        evidence=trim_evidence(plain(proof)),
        remedy=plain(solution),
        references=tuple(dict.fromkeys(_URL.findall(references))),
    )


@lru_cache(maxsize=16_384)
def _asset(ip: str, names: str, system: str, asset_id: str) -> AssetIdentity:
    hostnames, ips = sort_names(names, ip)
    return AssetIdentity(
        hostnames=hostnames,
        ips=ips,
        agent_id=f"nexpose:{asset_id.strip()}" if asset_id.strip() else "",
        operating_system=system.strip(),
    )


@lru_cache(maxsize=256)
def _severity(text: str) -> Severity | None:
    """Return the step of Rapid7's scale: 1-3 moderate, 4-7 severe, 8-10 critical, in numbers or words."""
    word = text.strip().lower()
    if word.isascii() and word.isdigit():
        level = int(word[:3])
        return (
            None if not 1 <= level <= 10 else "medium" if level <= 3 else "high" if level <= 7 else "critical"
        )
    return "high" if word == "severe" else parse_severity(word)


FORMATS = (Format("insightvm-csv", "Rapid7 InsightVM / Nexpose", "csv", _sniff, _read),)
