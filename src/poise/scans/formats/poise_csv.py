"""Poise's own CSV, for findings that no scanner reports and that a person writes by hand.

``docs/data-poise-csv.md`` is its description. Because people write it, it is read strictly: a word that is
no severity, a date that is none, or a mistyped CVE id makes the row a fault instead of an unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, cast, get_args

from poise.errors import Fault
from poise.scans.csvfields import tags_of, words_of
from poise.scans.csvrecords import read_rows
from poise.scans.csvstream import has_header
from poise.scans.finding import AssetIdentity, Component, Finding, Kind, Severity, Status
from poise.scans.format import Format
from poise.scans.hosts import is_ip
from poise.scans.identifiers import split_ids, trim_evidence
from poise.scans.joining import join_rows
from poise.scans.records import RecordError, score_in_range
from poise.scans.source import Source

#: Columns that name an asset; one of them must be filled in each row.
ASSET_COLUMNS: Final = ("host", "ip", "agent_id", "cloud_id", "image", "image_digest", "purl", "path")
#: Columns that name the vulnerability; one of them must be filled in each row.
ID_COLUMNS: Final = ("cve", "vulnerability")
#: All columns, in the order in which they are described.
COLUMNS: Final = (
    *ASSET_COLUMNS,
    *ID_COLUMNS,
    "title",
    "component",
    "component_purl",
    "ecosystem",
    "installed_version",
    "fixed_version",
    "severity",
    "cvss_vector",
    "cvss_score",
    "first_seen",
    "last_seen",
    "port",
    "status",
    "kind",
    "evidence",
    "remedy",
    "remedy_id",
    "reference",
    "operating_system",
    "tags",
)
#: Columns by which exports of scanners are told; their users may well choose "cve" and "host" beside them.
_SCANNER_COLUMNS: Final = frozenset(
    {"plugin", "plugin id", "definition.id", "qid", "nvt name", "vulnerability id", "vulnerability title"}
)
_KINDS: Final[tuple[str, ...]] = get_args(Kind)
_STATUSES: Final[tuple[str, ...]] = get_args(Status)
_SEVERITIES: Final[tuple[str, ...]] = get_args(Severity)
_PORT = re.compile(r"(\d{1,5})(?:/(tcp|udp|sctp))?", re.IGNORECASE)
_VECTOR = re.compile(r"(?:CVSS:[34]\.\d/)?(?:[A-Za-z]+:[A-Za-z]+)(?:/[A-Za-z]+:[A-Za-z]+)*")


def _is_header(names: frozenset[str]) -> bool:
    known = names.intersection(COLUMNS)
    if names & _SCANNER_COLUMNS or {"date", "description"} <= names:
        return False
    # Other tools have a column "cve" beside many that are not ours.
    return bool(known & set(ID_COLUMNS) and known & set(ASSET_COLUMNS)) and 2 * len(known) >= len(names)


def _sniff(opening: str) -> bool:
    return has_header(opening, _is_header)


def _read(source: Source) -> Iterator[Finding | Fault]:
    return join_rows(read_rows(source, _is_header, COLUMNS, _finding, only_these=True))


def _finding(row: tuple[str, ...], where: str) -> Finding:
    # fmt: off
    (host, ip, agent_id, cloud_id, image, digest, purl, path, cve, vulnerability, title, component,
     component_purl, ecosystem, installed, fixed, severity, vector, score, first, last, port, status, kind,
     evidence, remedy, remedy_id, reference, system, tags) = map(str.strip, row)
    # fmt: on
    cves, aliases = _ids(cve, vulnerability)
    asset, asset_key = _asset(host, ip, agent_id, cloud_id, image, digest, purl, path, system, tags)
    ids = (*cves, *aliases)
    return Finding(
        where=where,
        identity="|".join((asset_key, component, installed, *sorted(ids))),
        asset=asset,
        rule=f"poise:{ids[0]}",
        title=title or f"{ids[0]} in {component}" if component else title or ids[0],
        cves=cves,
        aliases=aliases,
        component=Component(component, ecosystem, installed, words_of(fixed), component_purl),
        kind=cast(Kind, _one_of(kind, "kind", _KINDS) or "vulnerability"),
        status=cast(Status, _one_of(status, "status", _STATUSES) or "open"),
        severity=cast("Severity | None", _one_of(severity, "severity", _SEVERITIES) or None),
        severity_text=severity,
        cvss_vectors=_vectors(vector),
        cvss_score=_score(score),
        first_seen=_when(first, "first_seen"),
        last_seen=_when(last, "last_seen"),
        port=_port(port),
        evidence=trim_evidence(evidence),
        remedy=remedy,
        remedy_ids=words_of(remedy_id),
        references=words_of(reference),
    )


@lru_cache(maxsize=16_384)
def _asset(
    host: str,
    ip: str,
    agent_id: str,
    cloud_id: str,
    image: str,
    digest: str,
    purl: str,
    path: str,
    system: str,
    tags: str,
) -> tuple[AssetIdentity, str]:
    """Return the asset, and the text that tells it from every other."""
    asset = AssetIdentity(
        hostnames=words_of(host),
        ips=_ips(ip),
        agent_id=agent_id,
        cloud_id=cloud_id,
        image=image,
        image_digest=digest,
        purl=purl,
        path=path,
        operating_system=system,
        tags=tags_of(tags),
    )
    if asset.label == "(unnamed asset)":
        raise RecordError(
            f"The row names no asset: one of {', '.join(ASSET_COLUMNS)} must be filled.", "E411"
        )
    return asset, f"{asset.label}|{digest}"


def _ids(cve: str, vulnerability: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    cves, wrong = split_ids(cve)
    if wrong:
        raise RecordError(f"The column cve holds {wrong[0][:40]!r}, expected an id such as CVE-2021-44228.")
    if not vulnerability and cves:
        return cves, ()
    more, aliases = split_ids(words_of(vulnerability))
    if not (cves or more or aliases):
        raise RecordError("The row names no vulnerability: cve or vulnerability must be filled.", "E411")
    return tuple(dict.fromkeys((*cves, *more))), aliases


def _ips(text: str) -> tuple[str, ...]:
    words = words_of(text)
    for word in words:
        if not is_ip(word):
            raise RecordError(f"The column ip holds {word[:40]!r}, expected an address such as 192.0.2.10.")
    return words


@lru_cache(maxsize=256)
def _one_of(text: str, column: str, allowed: tuple[str, ...]) -> str:
    word = text.lower().replace(" ", "_")
    if word and word not in allowed:
        raise RecordError(
            f"The column {column} holds {text[:40]!r}, expected {', '.join(allowed)} or nothing."
        )
    return word


@lru_cache(maxsize=4_096)
def _vectors(text: str) -> tuple[str, ...]:
    vectors = words_of(text)
    for vector in vectors:
        if not _VECTOR.fullmatch(vector):
            raise RecordError(f"The column cvss_vector holds {vector[:60]!r}, expected CVSS:3.1/AV:N/....")
    return vectors


@lru_cache(maxsize=1_024)
def _score(text: str) -> float | None:
    if not text:
        return None
    try:
        score = score_in_range(float(text))
    except ValueError:
        score = None
    if score is None:
        raise RecordError(f"The column cvss_score holds {text[:40]!r}, expected a number from 0 to 10.")
    return score


@lru_cache(maxsize=4_096)
def _when(text: str, column: str) -> datetime | None:
    if not text:
        return None
    try:
        when = datetime.fromisoformat(text)
    except ValueError as error:
        raise RecordError(
            f"The column {column} holds {text[:40]!r}, expected a date as 2026-03-31."
        ) from error
    return when if when.tzinfo else when.replace(tzinfo=UTC)


@lru_cache(maxsize=1_024)
def _port(text: str) -> str:
    match = _PORT.fullmatch(text)
    if text and not (match and 0 < int(match[1]) < 65_536):
        raise RecordError(f"The column port holds {text[:40]!r}, expected 443 or 443/tcp.")
    return text.lower()


FORMATS = (Format("poise-csv", "Poise (written by hand)", "csv", _sniff, _read),)
