"""Nuclei's JSON: a record a line (``-jsonl``) or one list (``-json-export``)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from poise.errors import Fault
from poise.scans.codeplace import cwe_ids, place_of
from poise.scans.finding import AssetIdentity, Finding
from poise.scans.format import Format
from poise.scans.identifiers import parse_when, split_ids, trim_evidence
from poise.scans.jsonshape import shape_of
from poise.scans.recordlists import inner, read_list, text, texts
from poise.scans.records import required, score_in_range
from poise.scans.severity import parse_severity
from poise.scans.source import Source


def _sniff(head: str) -> bool:
    shape = shape_of(head)
    return any(
        f"{start}{name}" in shape and f"{start}info" in shape
        for start in ("", "[].")
        for name in ("template-id", "templateID")
    )


def _read(source: Source) -> Iterator[Finding | Fault]:
    return read_list(source, _findings)


def _findings(record: Any, where: str) -> Iterator[Finding]:
    template = required(
        text(inner(record, "template-id")) or text(inner(record, "templateID")), "template-id"
    )
    info = inner(record, "info")
    host = text(inner(record, "host"))
    matched = text(inner(record, "matched-at")) or text(inner(record, "matched")) or host
    matcher = text(inner(record, "matcher-name")) or text(inner(record, "matcher_name"))
    rating = inner(info, "classification")
    cves, aliases = split_ids(
        texts(inner(rating, "cve-id")) or ([template] if template.upper().startswith("CVE-") else [])
    )
    vector, score = text(inner(rating, "cvss-metrics")), inner(rating, "cvss-score")
    word = text(inner(info, "severity"))
    reference = inner(info, "reference")
    links = texts(reference) if isinstance(reference, list) else text(reference).replace("- ", " ").split()
    number = float(score) if isinstance(score, int | float) and not isinstance(score, bool) else None
    yield Finding(
        where=where,
        identity=f"{template}|{matcher}|{host}|{matched}",
        asset=AssetIdentity(hostnames=(host,) if host else (), ips=tuple(texts(inner(record, "ip")))),
        rule=f"nuclei:{template}",
        title=text(inner(info, "name")) or template,
        cves=cves,
        aliases=aliases,
        kind="web",
        severity=parse_severity(word),
        severity_text=word,
        cvss_vectors=(vector,) if vector else (),
        cvss_score=score_in_range(number),
        last_seen=parse_when(text(inner(record, "timestamp"))),
        locations=(matched,) if matched else (),
        evidence=trim_evidence(", ".join(texts(inner(record, "extracted-results")))),
        remedy=text(inner(info, "remediation"))[:400],
        references=tuple(link for link in links if link.startswith("http")),
        place=place_of(matched, snippet=matcher),
        cwes=cwe_ids(texts(inner(rating, "cwe-id"))),
    )


FORMATS = (Format("nuclei-json", "Nuclei", "json", _sniff, _read),)
