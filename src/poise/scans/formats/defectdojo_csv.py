"""DefectDojo's "Generic Findings Import" as CSV, which many tools and scripts write.

Documented columns are ``Date,Title,CweId,Url,Severity,Description,Mitigation,Impact,References,Active,
Verified,FalsePositive,Duplicate``; Date, Title, Severity and Description must be there. Later versions added
ids, CVSS vectors, components and fix versions. The format has no column for an asset but ``Url``: a finding
without it names none. Rows of one title and description on one host are one finding.

``Active`` alone says nothing about a remedy (scripts write FALSE for what nobody has looked at), so such a
finding stays open unless ``IsMitigated``, ``FalsePositive`` or ``RiskAccepted`` is true.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from functools import lru_cache
from typing import Final

from poise.errors import Fault
from poise.scans.csvfields import parse_score, tags_of, words_of
from poise.scans.csvrecords import read_rows
from poise.scans.csvstream import Column, has_header
from poise.scans.dates import parse_when
from poise.scans.finding import AssetIdentity, Component, Finding, Status
from poise.scans.format import Format
from poise.scans.hosts import sort_names
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.joining import join_rows
from poise.scans.records import RecordError
from poise.scans.severity import parse_severity
from poise.scans.source import Source

_COLUMNS: Final[tuple[Column, ...]] = (
    "title",
    "severity",
    "description",
    "date",
    "url",
    "mitigation",
    "references",
    ("cve", "cves"),
    ("vulnerability id", "vulnerability ids", "vulnerabilityid", "vulnerability_ids"),
    ("cvssv3", "cvssv3_vector"),
    ("cvssv4", "cvssv4_vector"),
    ("cvssv3_score", "cvssv3 score"),
    ("cvssv4_score", "cvssv4 score"),
    ("component_name", "component name", "componentname"),
    ("component_version", "component version", "componentversion"),
    ("fix_version", "fix version", "fixversion"),
    ("file_path", "file path", "filepath"),
    ("falsepositive", "false_p"),
    ("ismitigated", "is_mitigated"),
    ("riskaccepted", "risk_accepted"),
    ("vuln_id_from_tool", "vuln id from tool"),
    "tags",
)


def _is_header(names: frozenset[str]) -> bool:
    return {"title", "severity", "description", "date"} <= names


def _sniff(opening: str) -> bool:
    return has_header(opening, _is_header)


def _read(source: Source) -> Iterator[Finding | Fault]:
    return join_rows(read_rows(source, _is_header, _COLUMNS, _finding))


def _finding(row: tuple[str, ...], where: str) -> Finding:
    # fmt: off
    (title, risk, description, date, url, mitigation, references, cve, other_ids, vector3, vector4, score3,
     score4, component, version, fix, path, dismissed, mitigated, accepted, rule, tags) = row
    # fmt: on
    title = title.strip()
    if not title:
        raise RecordError("The row has no title.", "E411")
    cves, aliases = split_ids((cve, other_ids))
    asset = _asset(url.strip(), path.strip(), tags)
    severity = parse_severity(risk)
    name = asset.hostnames or asset.ips or (asset.path,)
    # A title alone ("Outdated package") does not tell two vulnerabilities apart.
    what = _digest(description) if description.strip() else ",".join((*cves, *aliases))
    return Finding(
        where=where,
        identity=f"{name[0]}|{title}|{component.strip()}|{version.strip()}|{what}",
        asset=asset,
        rule=f"generic:{rule.strip() or title}",
        title=title,
        cves=cves,
        aliases=aliases,
        component=Component(
            component.strip(), installed_version=version.strip(), fixed_versions=words_of(fix)
        ),
        kind="information" if severity == "info" else "vulnerability",
        status=_status(dismissed, mitigated, accepted),
        severity=severity,
        severity_text=risk,
        cvss_vectors=tuple(vector for cell in (vector4, vector3) if (vector := cell.strip())),
        cvss_score=parse_score(score3) or parse_score(score4),
        # The documentation has month before day; some files have it the other way round.
        last_seen=parse_when(date, "mdy") or parse_when(date, "dmy"),
        locations=tuple(place for cell in (url, path) if (place := cell.strip())),
        evidence=trim_evidence(description),
        remedy=mitigation.strip(),
        references=words_of(references),
    )


@lru_cache(maxsize=16_384)
def _asset(url: str, path: str, tags: str) -> AssetIdentity:
    host = url if not url or "://" in url else f"//{url}"
    hostnames, ips = sort_names(host)
    return AssetIdentity(hostnames=hostnames, ips=ips, path="" if url else path, tags=tags_of(tags))


def _status(dismissed: str, mitigated: str, accepted: str) -> Status:
    if _is_true(dismissed):
        return "false_positive"
    if _is_true(mitigated):
        return "fixed"
    return "accepted" if _is_true(accepted) else "open"


def _is_true(cell: str) -> bool:
    return cell.strip().lower() in ("true", "t", "1", "yes")


@lru_cache(maxsize=16_384)
def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


FORMATS = (Format("defectdojo-csv", "DefectDojo generic findings", "csv", _sniff, _read),)
