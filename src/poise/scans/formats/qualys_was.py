"""Qualys Web Application Scanning: scan reports and web application reports in XML.

Results name checks by QID; the glossary behind them describes the checks and the appendix the web
applications, so both are read in a pass before. A finding is one check on one web application,
however many pages show it.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from urllib.parse import urlsplit
from xml.etree.ElementTree import Element

from poise.errors import Fault
from poise.scans.finding import AssetIdentity, Finding, Kind, Status
from poise.scans.format import Format
from poise.scans.formats.qualys_check import Check, read_check
from poise.scans.formats.qualys_terms import host_key, qid_of, status_of
from poise.scans.identifiers import parse_when, trim_evidence
from poise.scans.records import RecordError, record_fault
from poise.scans.source import Source
from poise.scans.xmlfields import distinct, text_of
from poise.scans.xmlstream import elements, root_name

_RECORDS: dict[str, Kind] = {
    "VULNERABILITY": "vulnerability",
    "SENSITIVE_CONTENT": "vulnerability",
    "INFORMATION_GATHERED": "information",
}
_LISTS = frozenset({"VULNERABILITY_LIST", "SENSITIVE_CONTENT_LIST", "INFORMATION_GATHERED_LIST"})


def _sniff(head: str) -> bool:
    return root_name(head)[0] in {"WAS_SCAN_REPORT", "WAS_WEBAPP_REPORT"}


def _read(source: Source) -> Iterator[Finding | Fault]:
    glossary: dict[str, Check] = {}
    applications: list[AssetIdentity] = []
    for element, ancestors in elements(source, ("QID", "WEBAPP")):
        if element.tag == "WEBAPP":
            applications.append(_asset(element))
        elif any(one.tag == "GLOSSARY" for one in ancestors):
            yield from _describe(source, element, glossary)
    named: Element | None = None
    current = applications[0] if len(applications) == 1 else AssetIdentity()
    seen: set[str] = set()
    for element, ancestors in elements(source, (*_RECORDS, "NAME", "URL", "ID"), seen):
        parent = ancestors[-1]
        if parent.tag == "WEB_APPLICATION":
            if parent is not named:
                named, current = parent, AssetIdentity()
            current = _named(current, element)
        elif element.tag in _RECORDS and parent.tag in _LISTS:
            where = f"QID {text_of(element, 'QID') or '(none)'}, {text_of(element, 'ID') or 'no id'}"
            try:
                yield _finding(element, where, current, glossary)
            except RecordError as error:
                yield record_fault(source, where, error)
    if "RESULTS" not in seen:
        raise source.refusal("E412", "The report has no <RESULTS>.")


def _describe(source: Source, details: Element, glossary: dict[str, Check]) -> Iterator[Fault]:
    qid = text_of(details, "QID")
    try:
        glossary[qid] = read_check(details, text_of(details, "SEVERITY"))
    except RecordError as error:
        glossary[qid] = Check(title=text_of(details, "TITLE"))
        yield record_fault(source, f"glossary, QID {qid}", error)


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _asset(application: Element) -> AssetIdentity:
    url = text_of(application, "URL")
    return AssetIdentity(
        hostnames=distinct(_host(url)),
        agent_id=f"qualys-was:{identifier}" if (identifier := text_of(application, "ID")) else "",
        path=url,
        operating_system=text_of(application, "OPERATING_SYSTEM"),
        tags=distinct(text_of(application, "NAME")),
    )


def _named(asset: AssetIdentity, field: Element) -> AssetIdentity:
    text = (field.text or "").strip()
    return AssetIdentity(
        hostnames=distinct(_host(text)) if field.tag == "URL" else asset.hostnames,
        agent_id=f"qualys-was:{text}" if field.tag == "ID" else asset.agent_id,
        path=text if field.tag == "URL" else asset.path,
        tags=distinct(text) if field.tag == "NAME" else asset.tags,
    )


def _finding(item: Element, where: str, asset: AssetIdentity, glossary: dict[str, Check]) -> Finding:
    qid = qid_of(text_of(item, "QID"))
    url = text_of(item, "URL")
    if asset == AssetIdentity() and url:
        asset = AssetIdentity(hostnames=distinct(_host(url)))
    check = glossary.get(qid, Check())
    status: Status = status_of(text_of(item, "STATUS"))
    if status == "open" and text_of(item, "IGNORED").lower() == "true":
        status = "accepted"
    first = text_of(item, "FIRST_TIME_DETECTED") or text_of(item, "DETECTION_DATE")
    last = text_of(item, "LAST_TIME_DETECTED") or text_of(item, "DETECTION_DATE")
    paths = (one.text or "" for one in item.iterfind("ACCESS_PATH/URL"))
    kind = _RECORDS[item.tag]
    return Finding(
        where=where,
        # A check that informs in one list and finds in another is two things to people.
        identity=f"{host_key(asset)}\n{qid}\n{kind}",
        asset=asset,
        rule=f"qualys:{qid}",
        title=check.title or f"QID {qid}",
        cves=check.cves,
        aliases=check.aliases,
        kind=kind,
        status=status,
        severity=check.severity,
        severity_text=check.severity_text,
        cvss_vectors=check.vectors,
        cvss_score=check.score,
        first_seen=parse_when(first),
        last_seen=parse_when(last),
        locations=distinct(url, *(path.strip() for path in paths)),
        evidence=trim_evidence(_evidence(item)),
        remedy=check.remedy,
        remedy_ids=check.remedy_ids,
        references=check.references,
    )


def _evidence(item: Element) -> str:
    for path in ("PAYLOADS/PAYLOAD/RESPONSE/CONTENTS", "DATA"):
        found = item.find(path)
        if found is not None and found.text:
            return _decoded(found)
    return ""


def _decoded(element: Element) -> str:
    text = element.text or ""
    if element.get("base64") != "true":
        return text
    try:
        return base64.b64decode(text).decode("utf-8", "backslashreplace")
    except (binascii.Error, ValueError):
        return text


FORMATS = (Format("qualys-was-xml", "Qualys WAS report", "xml", _sniff, _read),)
